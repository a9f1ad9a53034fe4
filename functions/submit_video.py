"""The entry point behind uploads: ``submit_video.handler`` and ``submit_video.initialize``."""

from __future__ import annotations

from typing import Any

from imm_label_tags.entry_point import EntryPoint, collector_at_rest

with collector_at_rest():
    from imm_label_tags.submission.video_submission import VideoSubmission

_function = EntryPoint(VideoSubmission)


def initialize(context: Any) -> None:
    """Prepare this instance of the function: check the settings, build the clients. Raises InvalidSetting."""
    _function.initialize(context)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Create an IMM task for every video that the event names, unless its version has one already.

    Returns ``{"outcomes": [...]}``; raises the classes of ``imm_label_tags.errors``.
    """
    return _function.handle(event, context)
