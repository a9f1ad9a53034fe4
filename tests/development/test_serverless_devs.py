"""Serverless Devs is installed for the tests where it can be, and what prevents it is said in one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LOCK = ROOT / "requirements" / "serverless-devs" / "package-lock.json"
# What `npm ci` does, as far as it matters here.
INSTALLS = 'mkdir -p node_modules/.bin && touch node_modules/.bin/s && echo "$*" >> "$LOG"'
REFUSED = "echo 'npm warn something'; echo 'npm error code ECONNREFUSED'; echo 'npm error more'; exit 1"


class Checkout:
    """A copy of what installs it, and a machine of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "requirements").mkdir()
        for name in ("environments.py", "serverless_devs.py"):
            shutil.copy(ROOT / "requirements" / name, directory / "requirements" / name)
        shutil.copytree(LOCK.parent, directory / "requirements" / "serverless-devs")
        self.bin = directory / "bin"
        self.bin.mkdir()

    def npm(self, script: str) -> None:
        """Have Node.js, and an npm that does so."""
        for name, does in (("node", "exit 0"), ("npm", script)):
            (self.bin / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{does}\n")
            (self.bin / name).chmod(0o755)

    def install(self) -> list[str]:
        """What it says; fails where it does."""
        environment = {"PATH": str(self.bin), "LOG": str(self.directory / "log")}
        command = [sys.executable, str(self.directory / "requirements" / "serverless_devs.py")]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert told.stderr == ""
        return told.stdout.splitlines()

    def installations(self) -> list[str]:
        log = self.directory / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_locked_version_is_installed_once(checkout: Checkout) -> None:
    checkout.npm(INSTALLS)
    assert checkout.install() == ["Installing Serverless Devs from npm (once)."]
    assert checkout.install() == []
    (options,) = checkout.installations()
    # What a package would run on this machine is not run, and without a network nothing waits.
    assert {"ci", "--ignore-scripts", "--fetch-retries=0"} <= set(options.split())


def test_another_version_replaces_it(checkout: Checkout) -> None:
    checkout.npm(INSTALLS)
    checkout.install()
    manifest = checkout.directory / "requirements" / "serverless-devs" / "package.json"
    manifest.write_text(manifest.read_text().replace("3.1.10", "3.1.11"))
    checkout.install()
    assert len(checkout.installations()) == 2


def test_without_node_js_one_line_says_so(checkout: Checkout) -> None:
    (line,) = checkout.install()
    assert "Serverless Devs is not installed (there is no Node.js with npm here)" in line


def test_what_npm_could_not_do_is_said_and_tried_again(checkout: Checkout) -> None:
    checkout.npm(REFUSED)
    assert "(npm: npm error code ECONNREFUSED)" in checkout.install()[-1]
    checkout.npm(INSTALLS)
    assert checkout.install() == ["Installing Serverless Devs from npm (once)."]


def test_the_lock_file_has_one_version_with_its_hash_and_no_address() -> None:
    text = LOCK.read_text("utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert packages.pop("")["dependencies"] == {"@serverless-devs/s": "3.1.10"}
    assert list(packages) == ["node_modules/@serverless-devs/s"]
    for package in packages.values():
        assert (package["version"], package["integrity"][:7]) == ("3.1.10", "sha512-")
