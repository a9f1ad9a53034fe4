"""Results of IMM and objects to show, as a test wants them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cli.show.answer import Answer
from cli.show.page import Footage, video_page
from cli.show.view import ObjectState, View, view_of
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.settings import read_settings
from tests.cli.world import result

VIDEO = Path(__file__).with_name("sample.webm")
VIDEO_SECONDS = 20
TASK = "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0001"
STARTED = datetime(2021, 12, 24, 3, 0, 38, 892000, tzinfo=timezone.utc)
TARGET = TargetObject("media", "videos/a.webm")
OWN_TAGS = {"team": "a", "retention": "30 days"}


def view(
    labels: Iterable[Mapping[str, Any]],
    tags: Mapping[str, str] | None = None,
    *,
    root: Path = Path(),
    written: datetime = STARTED - timedelta(days=1),
    answer: Mapping[str, Any] | None = None,
    gone: bool = False,
    **settings: str,
) -> View:
    """What there is to see of an object with tags; ``settings`` are the function's."""
    read = read_settings(settings, root)
    state = None if gone else ObjectState(OWN_TAGS if tags is None else tags, written)
    content = Answer.read(result(labels, **(answer or {})))
    return view_of(content, TARGET, state, read, gone=gone)


def page_file(directory: Path, shown: View, *, video: bool = True) -> str:
    """The page of a view in a directory, with the video beside it; returns its URL."""
    footage = Footage(VIDEO.name) if video else None
    if video:
        (directory / VIDEO.name).write_bytes(VIDEO.read_bytes())
    path = directory / "page.html"
    path.write_text(video_page(shown.page(), footage), "utf-8")
    return path.as_uri()


def rule_file(directory: Path, rules: Mapping[str, Any]) -> str:
    """The name of a rule file in a code root."""
    (directory / "rules.json").write_text(json.dumps(rules), "utf-8")
    return "rules.json"
