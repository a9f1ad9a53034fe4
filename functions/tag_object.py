"""The entry point of the function: ``tag_object.handler`` and ``tag_object.initialize``."""

from __future__ import annotations

from typing import Any

from imm_label_tags.entry_point import EntryPoint, collector_at_rest

with collector_at_rest():
    from imm_label_tags.tagging.instance import Instance

_function = EntryPoint(Instance)


def initialize(context: Any) -> None:
    """Prepare this instance of the function: check the settings, build the clients. Raises InvalidSetting."""
    _function.initialize(context)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Write the labels of every finished task that the event announces as tags of its object.

    Returns ``{"outcomes": [...]}``; raises the classes of ``imm_label_tags.errors``.
    """
    return _function.handle(event, context)
