"""A target: a function of bytes that raises only where a promise is broken."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

EVENTS = Path(__file__).parent.parent.parent.parent / "examples" / "events"

NAMES = (
    "notification",
    "wrapping",
    "upload_event",
    "task",
    "address",
    "tag_set",
    "tag_document",
    "naming",
    "spelling",
    "plan",
    "failed_event",
    "failure_record",
    "log",
)


@dataclass(frozen=True)
class Target:
    """What is run with an input.

    ``modules`` are those that it is about; their lines are counted. A search begins with ``seeds`` and the
    kept inputs, and makes others of them with ``words``. Of all executions it has ``share`` parts.
    """

    run: Callable[[bytes], None]
    modules: tuple[str, ...]
    seeds: tuple[bytes, ...] = ()
    words: tuple[bytes, ...] = ()
    share: int = 8


def load(name: str) -> Target:
    """The target of a name out of NAMES."""
    target = importlib.import_module(f"proof.fuzz.targets.{name}").TARGET
    assert isinstance(target, Target)
    return target
