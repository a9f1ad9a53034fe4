"""Exactly the locked wheels are installed, from where the user's pip looks; what cannot be is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from layers.installer import indexes
from layers.target import RUNTIMES
from tests.layers.wheels import Files, shared_library, source_distribution
from tests.layers.workshop import Workshop, files_in

PLAIN: Files = {"plain/__init__.py": ""}
BUILD = ("--runtime", "python3.12", "--part", "layer")

# What uv refuses


def test_a_package_without_any_wheel(workshop: Workshop) -> None:
    """Given 0.4.0 as wheel and 0.4.3 as source; when 0.4.3 is locked, then 0.4.0 is not taken instead."""
    workshop.publish("tea", "0.4.0", PLAIN)
    workshop.require(f"tea==0.4.3 {source_distribution(workshop.house, 'tea', '0.4.3')}")
    said = workshop.fail(*BUILD)
    assert said.startswith(
        "The wheels for Function Compute's python3.12 (Debian 11, glibc 2.31, x86_64) could"
    )
    assert "tea==0.4.3 has no usable wheels" in said
    assert "it may be source only, or need a newer glibc or another Python" in said
    assert "tea==0.4.3 has no usable wheels" in workshop.fail("--local", "--part", "layer")
    assert workshop.built() == []


@pytest.mark.parametrize(
    ("runtime", "tag", "said"),
    [
        ("python3.12", "cp312-cp312-manylinux_2_34_x86_64", "`manylinux_2_34_x86_64`"),
        ("python3.10", "cp310-cp310-manylinux_2_31_x86_64", "`manylinux_2_31_x86_64`"),
        ("python3.12", "cp311-cp311-manylinux2014_x86_64", "following Python ABI tag: `cp311`"),
        ("python3.12", "cp312-cp312-macosx_11_0_arm64", "`macosx_11_0_arm64`"),
        ("python3.12", "cp312-cp312-musllinux_1_2_x86_64", "`musllinux_1_2_x86_64`"),
    ],
)
def test_wheels_for_a_newer_glibc_another_python_or_another_system(
    workshop: Workshop, runtime: str, tag: str, said: str
) -> None:
    workshop.publish_and_require("yarl", "1.0", PLAIN, tag=tag)
    told = workshop.fail("--runtime", runtime, "--part", "layer")
    assert f"Function Compute's {runtime}" in told
    assert said in told


def test_the_wheel_is_taken_that_every_runtime_loads(workshop: Workshop) -> None:
    """Given wheels for three glibcs; then each runtime gets the one for the oldest."""
    hashes = [
        workshop.publish(
            "deps", "1.0", {"deps/which.py": f"GLIBC = {minor}\n"}, tag=f"py3-none-manylinux_2_{minor}_x86_64"
        )
        for minor in (17, 31, 34)
    ]
    workshop.require(f"deps==1.0 {' '.join(hashes)}")
    workshop.build("--part", "layer")
    for runtime in RUNTIMES:
        chosen = workshop.output / runtime / "python" / "deps" / "which.py"
        assert chosen.read_text() == "GLIBC = 17\n"


def test_another_file_than_the_locked_one(workshop: Workshop) -> None:
    workshop.publish("plain", "1.0", PLAIN)
    workshop.require("plain==1.0 --hash=sha256:" + "0" * 64)
    assert workshop.fail(*BUILD).startswith(
        "plain==1.0: the file that the package index serves has another hash"
    )


def test_a_version_that_is_not_there(workshop: Workshop) -> None:
    workshop.publish("plain", "1.0", PLAIN)
    workshop.require("plain==2.0 --hash=sha256:" + "0" * 64)
    assert "there is no version of plain==2.0" in workshop.fail(*BUILD)


def test_an_unlocked_requirement(workshop: Workshop) -> None:
    workshop.require("plain==1.0")
    assert "`plain==1.0` has no sha256 hash. Run `make lock`" in workshop.fail(*BUILD)


def test_no_installer(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    assert workshop.fail(*BUILD) == "uv is missing, which fetches the wheels: run `make setup`."


def test_a_library_that_does_not_keep_its_wheels_promise(workshop: Workshop) -> None:
    library = shared_library({"libc.so.6": ["GLIBC_2.34"]})
    tag = "cp312-cp312-manylinux2014_x86_64"
    workshop.publish_and_require("fast", "1.0", {"fast/lib.so": library}, tag=tag)
    said = workshop.fail(*BUILD)
    assert said.startswith("fast/lib.so needs GLIBC_2.34, which is newer than the runtime's glibc; Function")
    assert workshop.built() == []


# An installer that does not do what it was asked.

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"
OFFERED = "plain-1.1-py3-none-any.whl"


def installed(name: str, version: str, *, metadata: str | None = None) -> Files:
    information = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{information}/METADATA": metadata or METADATA.format(name, version),
        f"{information}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in (*files, f"{information}/RECORD"))
    return {**files, f"{information}/RECORD": record}


def fake_uv(
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    *packages: Files,
    offered: tuple[str, ...] = (OFFERED,),
) -> Path:
    """Have an installer that knows these wheels of plain 1.1, which is locked, and unpacks these packages."""
    files = {place: content for package in packages for place, content in package.items()}
    wheels = [f"{{ url = 'file:///{file}', hashes = {{ sha256 = '{'0' * 64}' }} }}" for file in offered]
    listing = f"[[packages]]\nname = 'plain'\nversion = '1.1'\nwheels = [{', '.join(wheels)}]\n"
    script = workshop.house / "uv"
    script.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        f"if 'compile' in sys.argv:\n    print({listing!r})\n    raise SystemExit\n"
        "root = pathlib.Path(sys.argv[sys.argv.index('--target') + 1])\n"
        f"for place, text in {json.dumps(files)}.items():\n"
        "    (root / place).parent.mkdir(parents=True, exist_ok=True)\n    (root / place).write_text(text)\n"
    )
    script.chmod(0o755)
    workshop.require("Plain==1.1 --hash=sha256:" + "0" * 64)
    monkeypatch.setattr("layers.build.find_uv", lambda: script)
    return script


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ([installed("plain", "1.0")], "plain 1.0 is not locked"),
        ([], "plain 1.1 is missing"),
        ([installed("plain", "1.1"), installed("more", "2.0")], "more 2.0 is not locked"),
        ([installed("plain", "1.1"), installed("plain", "1.2")], "plain 1.2 is not locked, or there twice"),
        ([installed("plain", "1.1"), {"stray.py": ""}], "stray.py is in no package's RECORD"),
        ([installed("plain", "1.1", metadata="Name: plain\n")], "plain-1.1.dist-info: "),
        ([installed("plain", "1.1", metadata=METADATA.format("plain", "soon"))], "Invalid version"),
        ([{"plain-1.1.dist-info/METADATA": METADATA.format("plain", "1.1")}], "WHEEL"),
        (
            [installed("plain", "1.1", metadata=METADATA.format("plain", "1.1") + "Requires-Dist: >=2\n")],
            "plain-1.1.dist-info: ",
        ),
    ],
)
def test_what_was_installed_is_compared_with_what_is_locked(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, packages: list[Files], said: str
) -> None:
    fake_uv(workshop, monkeypatch, *packages)
    told = workshop.fail(*BUILD)
    assert said in told
    assert told.endswith("(Debian 11, glibc 2.31, x86_64) is not what the lock file says.")


def test_the_locked_set_and_nothing_else_passes(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_uv(workshop, monkeypatch, installed("plain", "1.1"))
    workshop.build(*BUILD)
    found = files_in(workshop.output / "python3.12" / "python")
    assert {"plain/__init__.py", "plain-1.1.dist-info/METADATA"} <= found


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ((), "offers none of the locked ones"),
        (("plain-1.1-cp312-cp312-linux_x86_64.whl",), "offers none of the locked ones"),
        ((OFFERED, "plain-1.1-py2.py3-none-any.whl"), f"offers {OFFERED} and plain-1.1-py2.py3-none-any.whl"),
    ],
)
def test_a_package_whose_file_is_not_certain_has_no_place_in_a_bill_of_materials(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, offered: tuple[str, ...], said: str
) -> None:
    fake_uv(workshop, monkeypatch, installed("plain", "1.1"), offered=offered)
    told = workshop.fail(*BUILD)
    assert told.startswith("plain 1.1: the bill of materials cannot name")
    assert said in told


@pytest.mark.parametrize("command", ["install", "compile"])
def test_what_the_cache_does_not_know_is_asked_of_the_index(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    script = fake_uv(workshop, monkeypatch, installed("plain", "1.1"))
    working = script.read_text()
    for condition, works in (("'--offline' in sys.argv", True), ("True", False)):
        refusal = f"import sys\nif {command!r} in sys.argv and {condition}:\n    sys.exit('no connection')\n"
        script.write_text(working.replace("import pathlib", f"{refusal}import pathlib"))
        if works:
            workshop.build(*BUILD, "--force")
        else:
            assert "uv says:\nno connection" in workshop.fail(*BUILD, "--force")


# Where packages come from


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
    # What the environment says of connections stands.
    assert (
        indexes(environment(configuration, SSL_CERT_FILE="/my.pem")).environment["SSL_CERT_FILE"] == "/my.pem"
    )


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
    configuration.write_text("[global]\nextra_index_url = https://h.example.com\n")
    where = indexes(environment(configuration, UV_DEFAULT_INDEX="https://u.example.com"))
    assert where.arguments == ()
    assert where.environment["UV_DEFAULT_INDEX"] == "https://u.example.com"
    assert "UV_INDEX" not in where.environment


def test_nothing_in_the_environment_turns_the_checks_off(configuration: Path) -> None:
    configuration.write_text("")
    risky = {
        "UV_NO_VERIFY_HASHES": "1",
        "UV_COMPILE_BYTECODE": "1",
        "UV_PYTHON": "3.9",
        "PYTHONPATH": "/mine",
    }
    kept = {"UV_INDEX_MINE_PASSWORD": "secret", "UV_CACHE_DIR": "/cache"}
    passed = indexes(environment(configuration, **risky, **kept)).environment
    assert not risky.keys() & passed.keys()
    assert kept.items() <= passed.items()
