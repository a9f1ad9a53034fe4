"""The entry point of the failure destination: ``keep_failed.handler`` and ``keep_failed.initialize``."""

from __future__ import annotations

from typing import Any

from imm_label_tags.entry_point import EntryPoint, collector_at_rest

with collector_at_rest():
    from imm_label_tags.failures.keeper import FailedKeeper

_function = EntryPoint(FailedKeeper)


def initialize(context: Any) -> None:
    """Prepare this instance of the function: check the settings, build the client. Raises InvalidSetting."""
    _function.initialize(context)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Keep an event that ``tag_object`` could not handle as an object of OSS.

    The event is Function Compute's record of a failure. Returns ``{"kept": "oss://...", "error": ...,
    "attempts": ...}``; raises InvalidFailureRecord and the errors of the services.
    """
    return _function.handle(event, context)
