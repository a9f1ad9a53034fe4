"""Installs the locked wheels for a target, hashes checked, and says by name what cannot be installed."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import tomli
from packaging.utils import canonicalize_name

from layers.errors import (
    BuildError,
    HashMismatch,
    InstallerMissing,
    InstallFailed,
    NoWheelForTarget,
    SourceOnly,
    VersionUnavailable,
)
from layers.indexes import Indexes, indexes
from layers.lock import locked_for
from layers.target import Target
from layers.wheels import Wheel

# The newest glibc that uv knows: whatever is not found for it either has no wheel at all.
_ANY_GLIBC = "x86_64-manylinux_2_40"
# How uv names a package in its explanations, with the markers that it was asked for under.
_PACKAGE = r"([A-Za-z0-9._-]+)(?:\{[^}]*\})?==([^\s,]+)"


class WheelInstaller:
    """Runs ``uv pip install``: unlike pip it evaluates markers for the target, on any machine."""

    def __init__(self, uv: Path, environment: Mapping[str, str]) -> None:
        self._uv = uv
        self._environment = environment

    def install(self, target: Target, lock: Path, directory: Path) -> None:
        """Unpack the wheels of the lock file; raises a BuildError that names the package at fault."""
        # Hashes decide what may be installed, so uv's cache is as good as the index, and faster.
        if self._run(target, target.platform, lock, directory, "--offline").returncode == 0:
            return
        finished = self._run(target, target.platform, lock, directory)
        if finished.returncode != 0:
            raise self._reason(target, lock, finished.stderr)

    def offered(self, target: Target, lock: Path) -> Mapping[str, Sequence[Wheel]]:
        """The wheels that the index has of each locked package, by its canonical name.

        Raises InstallFailed. Ask after ``install``, which leaves the answers in uv's cache.
        """
        command = (
            *(str(self._uv), "pip", "compile", "--quiet", "--color", "never", "--format", "pylock.toml"),
            *("--no-deps", "--no-header", "--no-annotate", "--only-binary", ":all:"),
            *self._environment_of(target, target.platform),
        )
        finished = self._start([*command, "--offline", lock.name], lock.parent)
        if finished.returncode != 0:
            finished = self._start([*command, lock.name], lock.parent)
        if finished.returncode != 0:
            raise InstallFailed(finished.stderr)
        return {
            canonicalize_name(package["name"]): [_wheel(entry) for entry in package.get("wheels", ())]
            for package in tomli.loads(finished.stdout).get("packages", ())
        }

    @cached_property
    def _indexes(self) -> Indexes:
        return indexes(self._environment)

    def _run(
        self, target: Target, platform: str | None, lock: Path, directory: Path, *options: str
    ) -> subprocess.CompletedProcess[str]:
        command = (
            *(str(self._uv), "pip", "install", "--quiet", "--no-progress", "--color", "never"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile-bytecode"),
            *self._environment_of(target, platform),
        )
        return self._start(
            [*command, "--target", str(directory), "--requirement", str(lock), *options], lock.parent
        )

    def _environment_of(self, target: Target, platform: str | None) -> tuple[str, ...]:
        """For which interpreter and system uv decides, and where it looks, as arguments."""
        arguments = ("--python", sys.executable, *self._indexes.arguments)
        if platform is None:
            return arguments
        return (*arguments, "--python-platform", platform, "--python-version", target.version)

    def _start(self, command: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            # No Python is fetched, and what is written are no hard links into uv's cache.
            env={**self._indexes.environment, "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"},
            # A project's own uv settings, wherever this is called from, are not meant.
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _reason(self, target: Target, lock: Path, output: str) -> BuildError:
        said = " ".join(output.split())
        if found := re.search(r"Hash mismatch for `([^`]+)`", said):
            return HashMismatch(found[1])
        if found := re.search(rf"there is no version of {_PACKAGE}", said):
            return VersionUnavailable(f"{found[1]}=={found[2]}")
        if found := re.search(rf"{_PACKAGE} has no wheels with a matching ([^(]+?) \(", said):
            return NoWheelForTarget(f"{found[1]}=={found[2]}", target.description, f"no matching {found[3]}")
        if found := re.search(rf"{_PACKAGE} has no usable wheels", said):
            return self._without_wheel(target, locked_for(target, lock)[canonicalize_name(found[1])].line)
        return InstallFailed(output)

    def _without_wheel(self, target: Target, line: str) -> BuildError:
        """Tell a package without any wheel from one whose wheels need a newer glibc; uv does not."""
        package = line.split()[0]
        if target.platform is None:
            return SourceOnly(package)
        with tempfile.TemporaryDirectory() as directory:
            alone = Path(directory, "requirements.txt")
            alone.write_text(line + "\n", "utf-8")
            elsewhere = self._run(target, _ANY_GLIBC, alone, Path(directory, "target"), "--dry-run")
        if elsewhere.returncode == 0:
            return NoWheelForTarget(package, target.description, "they all need a newer glibc")
        return (
            SourceOnly(package) if "no usable wheels" in elsewhere.stderr else InstallFailed(elsewhere.stderr)
        )


def _wheel(entry: Mapping[str, Any]) -> Wheel:
    place = entry.get("name") or entry.get("path") or urlsplit(entry["url"]).path
    return Wheel(unquote(PurePosixPath(place).name), entry["hashes"]["sha256"])


def find_uv() -> Path:
    """The uv of this environment; raises InstallerMissing."""
    try:
        import uv

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise InstallerMissing from None
