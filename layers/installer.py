"""Installs the locked wheels for a target with uv, hashes checked, from where the user's pip looks.

uv evaluates markers for the target, on any machine, which pip does not; but it reads none of pip's settings
(docs.astral.sh/uv/pip/compatibility), and a mirror, a proxy or an authority is often configured for pip
alone. `make lock` does not look there: a mirror that lags behind would shape the lock files.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import tomli
from packaging.utils import canonicalize_name

from layers.errors import HashMismatch, InstallerMissing, InstallFailed
from layers.target import Target

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
_PIPS = (
    ("index_url", "UV_DEFAULT_INDEX", " "),
    ("extra_index_url", "UV_INDEX", " "),
    ("find_links", "UV_FIND_LINKS", ","),
    ("trusted_host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("proxy", "ALL_PROXY", " "),
    ("timeout", "UV_HTTP_TIMEOUT", " "),
    ("default_timeout", "UV_HTTP_TIMEOUT", " "),
)
# Of pip's configuration, the strongest last.
_SECTIONS = ("global", "install", ":env:")


class Wheel(NamedTuple):
    """A file that a package index offers."""

    file: str
    sha256: str


class Indexes(NamedTuple):
    """Where uv looks, as arguments and as its whole environment.

    Addresses go through the environment, since they may hold passwords and arguments can be seen by others.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


class WheelInstaller:
    """Runs ``uv``, with what it may take from an environment."""

    def __init__(self, uv: Path, environment: Mapping[str, str]) -> None:
        self._uv = uv
        self._environment = environment

    def install(self, target: Target, lock: Path, directory: Path) -> None:
        """Unpack the wheels of the lock file. Raises HashMismatch or InstallFailed."""
        command = (
            *("install", "--no-progress", "--no-deps", "--require-hashes", "--no-compile-bytecode"),
            *("--target", str(directory), "--requirement", str(lock)),
        )
        self._run(target, lock.parent, command)

    def offered(self, target: Target, lock: Path) -> Mapping[str, Sequence[Wheel]]:
        """The wheels that the index has of each locked package, by its canonical name.

        Raises InstallFailed. Ask after ``install``, which leaves the answers in uv's cache.
        """
        command = (
            "compile",
            "--format",
            "pylock.toml",
            "--no-deps",
            "--no-header",
            "--no-annotate",
            lock.name,
        )
        listing = tomli.loads(self._run(target, lock.parent, command))
        return {
            canonicalize_name(package["name"]): [_wheel(entry) for entry in package.get("wheels", ())]
            for package in listing.get("packages", ())
        }

    @cached_property
    def _indexes(self) -> Indexes:
        return indexes(self._environment)

    def _run(self, target: Target, directory: Path, command: Sequence[str]) -> str:
        arguments = [
            *command,
            "--quiet",
            "--color",
            "never",
            "--only-binary",
            ":all:",
            *self._indexes.arguments,
        ]
        arguments += ["--python", sys.executable]
        if target.platform is not None:
            arguments += ["--python-platform", target.platform, "--python-version", target.version]
        # Hashes decide what may be installed, so uv's cache is as good as the index, and faster.
        for last in (["--offline"], []):
            finished = subprocess.run(
                [str(self._uv), "pip", *arguments, *last],
                # No Python is fetched, and what is written are no hard links into uv's cache.
                env={**self._indexes.environment, "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"},
                # A project's own uv settings, wherever this is called from, are not meant.
                cwd=directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if finished.returncode == 0:
                return finished.stdout
        if found := re.search(r"Hash mismatch for `([^`]+)`", finished.stderr):
            raise HashMismatch(found[1])
        raise InstallFailed(target.description, finished.stderr)


def find_uv() -> Path:
    """The uv of this environment; raises InstallerMissing."""
    try:
        import uv

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise InstallerMissing from None


def indexes(environment: Mapping[str, str]) -> Indexes:
    """The indexes that pip would use, unless uv has been told its own."""
    passed = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("UV_", "PYTHON")) or name in _OF_UV or name.startswith("UV_INDEX_")
    }
    if any(environment.get(name) for name in _CONFIGURES_UV):
        return Indexes((), passed)
    options = _pip_options(environment)
    without = options.get("no_index", "").lower() in ("1", "true", "yes", "on")
    for option, variable, separator in _PIPS:
        if options.get(option) and not (without and option.endswith("index_url")):
            passed.setdefault(variable, separator.join(options[option].split()))
    # Like pip: an index that comes first does not hide the others. The hashes say which file is meant.
    return Indexes(("--no-index",) if without else ("--index-strategy", "unsafe-best-match"), passed)


def _pip_options(environment: Mapping[str, str]) -> dict[str, str]:
    """What pip is configured to; nothing where pip does not say."""
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


def _wheel(entry: Mapping[str, Any]) -> Wheel:
    place = entry.get("name") or entry.get("path") or urlsplit(entry["url"]).path
    return Wheel(unquote(PurePosixPath(place).name), entry["hashes"]["sha256"])
