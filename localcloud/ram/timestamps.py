"""Times in the form of RAM's answers."""

from __future__ import annotations

from datetime import datetime


def shown(moment: datetime) -> str:
    """``2015-01-23T12:33:18Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
