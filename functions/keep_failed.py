"""The entry point of the failure destination: ``keep_failed.handler`` and ``keep_failed.initialize``."""

from __future__ import annotations

import os
from typing import Any

from imm_label_tags.failures.keeper import FailedKeeper

_instance: FailedKeeper | None = None


def initialize(context: Any) -> None:
    """Prepare this instance of the function: check the settings, build the client.

    Raises InvalidSetting.
    """
    global _instance
    _instance = FailedKeeper(os.environ, context)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Keep an event that ``tag_object`` could not handle as an object of OSS.

    The event is Function Compute's record of a failure. Returns ``{"kept": "oss://...", "error": ...,
    "attempts": ...}``; raises InvalidFailureRecord and the errors of the services.
    """
    global _instance
    if _instance is None:
        _instance = FailedKeeper(os.environ, context)
    return _instance.handle(event, context)
