"""Serverless Devs as the tests find it: that of ``.tools``, which `make test` installs, else the user's."""

from __future__ import annotations

import os
from pathlib import Path

from cli.deployment_check.serverless_devs import Absent, ServerlessDevs, find

ROOT = Path(__file__).parent.parent
_INSTALLED = ROOT / ".tools" / "serverless-devs" / "node_modules" / ".bin"
# As they are when the tests begin: these have a home of their own, in which `make setup` finds other Pythons.
HOME = os.environ.get("HOME", "")
PATH = f"{_INSTALLED}{os.pathsep}{os.environ['PATH']}" if _INSTALLED.is_dir() else os.environ["PATH"]


def installed() -> ServerlessDevs | Absent:
    """The one that there is."""
    return find({"PATH": PATH})
