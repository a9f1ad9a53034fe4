"""Where packages come from: the user's pip configuration, said in uv's terms.

uv reads none of pip's settings (docs.astral.sh/uv/pip/compatibility), and a mirror, a proxy or an authority
is often configured for pip alone. `make lock` does not look there: a mirror that lags behind would shape the
lock files.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

# What uv may take from the environment. Others could change what is installed, or leave hashes unchecked.
_OF_UV = frozenset(
    {
        *("UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
        *("UV_HTTP_TIMEOUT", "UV_INDEX", "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS"),
        *("UV_NO_CACHE", "UV_NO_CONFIG", "UV_OFFLINE", "UV_SYSTEM_CERTS"),
    }
)
_CONFIGURES_UV = ("UV_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX")
# pip's option (hyphens are read as underscores), uv's variable, and what separates several values there.
_INDEXES = (
    ("index_url", "UV_DEFAULT_INDEX", " "),
    ("extra_index_url", "UV_INDEX", " "),
    ("find_links", "UV_FIND_LINKS", ","),
)
_CONNECTION = (
    ("trusted_host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("proxy", "ALL_PROXY", " "),
    ("timeout", "UV_HTTP_TIMEOUT", " "),
    ("default_timeout", "UV_HTTP_TIMEOUT", " "),
)
_SECTIONS = ("global", "install", ":env:")


@dataclass(frozen=True)
class Indexes:
    """Where uv looks, as arguments and as its whole environment.

    Addresses go through the environment, since they may hold passwords and arguments can be seen by others.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def indexes(environment: Mapping[str, str]) -> Indexes:
    """The indexes that pip would use, unless uv has been told its own."""
    passed = {name: value for name, value in environment.items() if _may_pass(name)}
    if any(environment.get(name) for name in _CONFIGURES_UV):
        return Indexes((), passed)
    options = _pip_options(environment)
    translated: tuple[tuple[str, str, str], ...] = _INDEXES + _CONNECTION
    # Like pip: an index that comes first does not hide the others. The hashes say which file is meant.
    arguments: tuple[str, ...] = ("--index-strategy", "unsafe-best-match")
    if options.get("no_index", "").lower() in ("1", "true", "yes", "on"):
        arguments = ("--no-index",)
        translated = tuple(entry for entry in translated if not entry[0].endswith("index_url"))
    for option, variable, separator in translated:
        if options.get(option):
            passed.setdefault(variable, separator.join(options[option].split()))
    return Indexes(arguments, passed)


def _may_pass(name: str) -> bool:
    return not name.startswith(("UV_", "PYTHON")) or name in _OF_UV or name.startswith("UV_INDEX_")


def _pip_options(environment: Mapping[str, str]) -> dict[str, str]:
    """What pip is configured to, the strongest section last; nothing where pip does not say."""
    run = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    options: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in run.stdout.splitlines():
        key, separator, value = line.partition("=")
        section, _, option = key.partition(".")
        if separator and section in options:
            options[section][option.replace("-", "_")] = str(ast.literal_eval(value))
    return {name: value for section in _SECTIONS for name, value in options[section].items()}
