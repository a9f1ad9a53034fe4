"""The entry point behind uploads: ``submit_video.handler`` and ``submit_video.initialize``."""

from __future__ import annotations

import gc
import os
from typing import Any

# What imports create lives as long as the instance: collecting garbage meanwhile finds nothing.
gc.disable()
from imm_label_tags.submission.video_submission import VideoSubmission  # noqa: E402

gc.enable()

_instance: VideoSubmission | None = None


def initialize(context: Any) -> None:
    """Prepare this instance of the function: check the settings, build the clients.

    Raises InvalidSetting.
    """
    global _instance
    _instance = _started(context)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Create an IMM task for every video that the event names, unless its version has one already.

    Returns ``{"outcomes": [...]}``; raises the classes of ``imm_label_tags.errors``.
    """
    global _instance
    if _instance is None:
        _instance = _started(context)
    return _instance.handle(event, context)


def _started(context: Any) -> VideoSubmission:
    gc.disable()
    try:
        instance = VideoSubmission(os.environ, context)
        gc.freeze()
        return instance
    finally:
        gc.enable()
