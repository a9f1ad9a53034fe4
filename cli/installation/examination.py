"""Checks one after the other; what rests on a failed one is not checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from cli.cloud.calls import CallFailed
from cli.manifest.fields import FieldUnreadable


class Verdict(str, Enum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    LEFT_OUT = "left out"


class Failing(Exception):
    """What a check found wrong, and what to do about it."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.found = found
        self.advice = advice


class LeftOut(Exception):
    """A check that the user did not ask for; the message says how to."""


@dataclass(frozen=True)
class Check:
    """A check: ``look`` says what it found. ``rests_on`` names the checks without which it means nothing."""

    name: str
    look: Callable[[], str]
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """The result of a check."""

    name: str
    verdict: Verdict
    found: str = ""
    advice: str = ""


def examine(checks: Iterable[Check]) -> Iterable[Finding]:
    """Make the checks, and give each finding as soon as there is one."""
    unsound: set[str] = set()
    for check in checks:
        finding = _finding(check, unsound)
        if finding.verdict in (Verdict.FAILED, Verdict.NOT_CHECKED):
            unsound.add(check.name)
        yield finding


def _finding(check: Check, unsound: set[str]) -> Finding:
    missing = [name for name in check.rests_on if name in unsound]
    if missing:
        return Finding(check.name, Verdict.NOT_CHECKED, f"because of: {', '.join(missing)}")
    try:
        return Finding(check.name, Verdict.OK, check.look())
    except Failing as failing:
        return Finding(check.name, Verdict.FAILED, failing.found, failing.advice)
    except CallFailed as failure:
        return Finding(check.name, Verdict.FAILED, failure.said, failure.advice)
    except FieldUnreadable as problem:
        return Finding(check.name, Verdict.NOT_CHECKED, str(problem))
    except LeftOut as left_out:
        return Finding(check.name, Verdict.LEFT_OUT, str(left_out))
