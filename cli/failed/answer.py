"""What the function says of an event: how each of its notifications ended, or why it failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imm_label_tags.failures.failed_event import RETRYABLE
from imm_label_tags.results.outcome import Status

_STATUSES = frozenset(status.value for status in Status)


@dataclass(frozen=True)
class Succeeded:
    """Every notification of the event has ended in an outcome; ``statuses`` are theirs."""

    statuses: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """The event failed, or it is not known how it ended; ``error`` is a class or a service's code."""

    error: str
    message: str
    retryable: bool | None = None


Answer = Succeeded | Failed


def read_answer(body: bytes, condition: str) -> Answer:
    """Read the body of an answer of Function Compute; ``condition`` is its word for a failure, else empty.

    Anything that is not a list of known outcomes is no success.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if condition:
        return _failure(fields, condition, body)
    outcomes = fields.get("outcomes")
    statuses = [_status(outcome) for outcome in outcomes] if isinstance(outcomes, list) else []
    known = tuple(status for status in statuses if status in _STATUSES)
    if not known or len(known) != len(statuses):
        return Failed(
            "UnknownAnswer",
            "The answer is not that of tag_object: the outcome is not known. Check the name of the function.",
        )
    return Succeeded(known)


def _failure(fields: Mapping[str, Any], condition: str, body: bytes) -> Failed:
    error, message = fields.get("errorType"), fields.get("errorMessage")
    name = error if isinstance(error, str) and error else condition
    said = message if isinstance(message, str) else body.decode("utf-8", "replace")
    return Failed(name, said, RETRYABLE.get(name))


def _status(outcome: object) -> str:
    status = outcome.get("status") if isinstance(outcome, dict) else None
    return status if isinstance(status, str) else ""
