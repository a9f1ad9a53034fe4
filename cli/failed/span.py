"""Between which moments an event has failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_AGE = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Span:
    """From ``after`` up to, but without, ``before``; None leaves that end open. In UTC."""

    after: datetime | None = None
    before: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether every moment lies in it."""
        return self.after is None and self.before is None

    @property
    def first_day(self) -> str:
        """The first date as records are named; empty where there is none."""
        return self.after.strftime("%Y-%m-%d") if self.after else ""

    @property
    def last_day(self) -> str:
        """The last date as records are named; empty where there is none."""
        return self.before.strftime("%Y-%m-%d") if self.before else ""

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        if self.after is not None and moment < self.after:
            return False
        return self.before is None or moment < self.before


def read_age(text: str) -> timedelta:
    """An age such as ``90s``, ``30m``, ``2h``, ``7d`` or ``4w``; raises ValueError."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no age: write a whole number and s, m, h, d or w, such as 2h.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
