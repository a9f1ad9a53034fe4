"""The entry point of the function: ``tag_object.handler`` and ``tag_object.initialize``."""

from __future__ import annotations

import gc
import os
from time import monotonic
from typing import Any

# What imports create lives as long as the instance: collecting garbage meanwhile finds nothing.
gc.disable()
from imm_label_tags.tagging.instance import Instance  # noqa: E402

gc.enable()

_instance: Instance | None = None


def initialize(context: Any) -> None:
    """Prepare this instance of the function: check the settings, build the clients.

    Raises InvalidSetting.
    """
    global _instance
    _instance = _started(context)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Write the labels of every finished task that the event announces as tags of its object.

    Returns ``{"outcomes": [...]}``; raises the classes of ``imm_label_tags.errors``.
    """
    global _instance
    if _instance is not None:
        return _instance.handle(event, context)
    began = monotonic()
    _instance = _started(context)
    return _instance.handle(event, context, spent_seconds=monotonic() - began)


def _started(context: Any) -> Instance:
    gc.disable()
    try:
        instance = Instance(os.environ, context)
        gc.freeze()
        return instance
    finally:
        gc.enable()
