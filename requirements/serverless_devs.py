"""Installs Serverless Devs from npm into ``.tools``, so that the tests compare with the real one.

    python3 requirements/serverless_devs.py

Uses the standard library alone. The package comes from wherever the user's npm is configured to look; its
version and its hash are in ``serverless-devs/package-lock.json``. Where it cannot be installed, that is said
in one line and the exit status is 0 all the same: the tests then use what was recorded.
"""

import os
import shutil
import subprocess
import sys

from environments import ROOT, alone, end_as_ctrl_c_does

MANIFESTS = ROOT / "requirements" / "serverless-devs"
NAMES = ("package.json", "package-lock.json")
TOOL = ROOT / ".tools" / "serverless-devs"
PROGRAM = TOOL / "node_modules" / ".bin" / "s"
# npm tries three times with pauses of up to a minute otherwise, also where there is no network.
OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=0")
SECONDS = 300


class NotInstalled(Exception):
    """The message says why."""


def main() -> int:
    """Install what is not there; returns the exit status."""
    try:
        with alone():
            install()
    except (NotInstalled, OSError) as problem:
        print(f"Serverless Devs is not installed ({problem}): the tests use what it was recorded to say.")
    except KeyboardInterrupt:
        return 130
    return 0


def install() -> None:
    """Have the locked version below ``TOOL``; raises NotInstalled."""
    locked = b"\0".join((MANIFESTS / name).read_bytes() for name in NAMES)
    stamp = TOOL / "complete"
    if stamp.exists() and stamp.read_bytes() == locked and PROGRAM.exists():
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotInstalled("there is no Node.js with npm here")
    shutil.rmtree(str(TOOL), ignore_errors=True)
    TOOL.mkdir(parents=True)
    for name in NAMES:
        shutil.copy(str(MANIFESTS / name), str(TOOL / name))
    print("Installing Serverless Devs from npm (once).", flush=True)
    try:
        said = subprocess.run(
            [npm, "ci", *OPTIONS],
            cwd=str(TOOL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"npm took longer than {SECONDS} s") from None
    if said.returncode != 0 or not PROGRAM.exists():
        raise NotInstalled(f"npm: {reason(said.stdout)}")
    stamp.write_bytes(locked)


def reason(output: bytes) -> str:
    """The line of npm's output that says what is wrong."""
    lines = [line.strip() for line in os.fsdecode(output).splitlines() if line.strip()]
    told = [line for line in lines if "npm error" in line or "npm ERR!" in line]
    return (told or lines or ["it said nothing"])[0]


if __name__ == "__main__":
    end_as_ctrl_c_does()
    sys.exit(main())
