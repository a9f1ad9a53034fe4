"""Packages come from where the user's pip looks, and nothing else of the environment reaches uv."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.indexes import indexes


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A pip configuration."""
    return tmp_path / "pip.conf"


def environment(path: Path, **more: str) -> dict[str, str]:
    # PIP_CONFIG_FILE wins over what this machine has; HOME and XDG_CONFIG_DIRS hide most of that.
    hidden = {"HOME": str(path.parent), "XDG_CONFIG_DIRS": str(path.parent)}
    return {"PATH": "/usr/bin:/bin", **hidden, "PIP_CONFIG_FILE": str(path), **more}


def test_indexes_of_pip_are_said_in_uvs_terms(configuration: Path) -> None:
    configuration.write_text(
        "[global]\nindex_url = https://mirror.example.com/simple\nextra_index_url = https://a.example.com/simple\n"
        "   https://b.example.com/simple\nfind-links = /one\n   /two\ntrusted-host = mirror.example.com\n"
        "cert = /etc/ca.pem\nproxy = http://proxy.example.com:3128\ntimeout = 60\n"
    )
    where = indexes(environment(configuration))
    expected = {
        "UV_DEFAULT_INDEX": "https://mirror.example.com/simple",
        "UV_INDEX": "https://a.example.com/simple https://b.example.com/simple",
        "UV_FIND_LINKS": "/one,/two",
        "UV_INSECURE_HOST": "mirror.example.com",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "ALL_PROXY": "http://proxy.example.com:3128",
        "UV_HTTP_TIMEOUT": "60",
    }
    assert {name: where.environment.get(name) for name in expected} == expected
    assert where.arguments == ("--index-strategy", "unsafe-best-match")


def test_the_environment_wins_over_sections_and_install_over_global(configuration: Path) -> None:
    configuration.write_text(
        "[install]\nindex_url = https://i.example.com\n[global]\nindex_url = https://g.example.com\n"
    )
    assert indexes(environment(configuration)).environment["UV_DEFAULT_INDEX"] == "https://i.example.com"
    told = environment(configuration, PIP_INDEX_URL="https://e.example.com")
    assert indexes(told).environment["UV_DEFAULT_INDEX"] == "https://e.example.com"


def test_without_an_index_only_the_links_are_searched(configuration: Path) -> None:
    configuration.write_text(
        "[global]\nno-index = true\nindex_url = https://g.example.com\nfind-links = /wheels\n"
    )
    where = indexes(environment(configuration))
    assert where.arguments == ("--no-index",)
    assert where.environment["UV_FIND_LINKS"] == "/wheels"
    assert "UV_DEFAULT_INDEX" not in where.environment


def test_who_has_configured_uv_is_not_asked_for_pip(configuration: Path) -> None:
    configuration.write_text(
        "[global]\nindex_url = https://g.example.com\nextra_index_url = https://h.example.com\n"
    )
    where = indexes(environment(configuration, UV_DEFAULT_INDEX="https://u.example.com"))
    assert where.arguments == ()
    assert where.environment["UV_DEFAULT_INDEX"] == "https://u.example.com"
    assert "UV_INDEX" not in where.environment


def test_what_the_environment_says_of_connections_stands(configuration: Path) -> None:
    configuration.write_text("[global]\ncert = /etc/ca.pem\n")
    assert (
        indexes(environment(configuration, SSL_CERT_FILE="/my.pem")).environment["SSL_CERT_FILE"] == "/my.pem"
    )


def test_nothing_in_the_environment_turns_the_checks_off(configuration: Path) -> None:
    configuration.write_text("")
    risky = {
        "UV_NO_VERIFY_HASHES": "1",
        "UV_COMPILE_BYTECODE": "1",
        "UV_PYTHON": "3.9",
        "PYTHONPATH": "/mine",
    }
    kept = {
        "UV_DEFAULT_INDEX": "https://u.example.com",
        "UV_INDEX_MINE_PASSWORD": "secret",
        "UV_CACHE_DIR": "/cache",
    }
    passed = indexes(environment(configuration, **risky, **kept)).environment
    assert not risky.keys() & passed.keys()
    assert kept.items() <= passed.items()
