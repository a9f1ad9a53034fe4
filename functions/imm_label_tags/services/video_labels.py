"""The labels of a video: GetVideoLabelClassificationResult through the official SDK.

Source: the SDK's docstrings (alibabacloud_imm20200930 5.x).
"""

from __future__ import annotations

from typing import Any

from alibabacloud_imm20200930.models import GetVideoLabelClassificationResultRequest

from imm_label_tags.events.imm_message import VIDEO_LABELS
from imm_label_tags.results.labels import Label, fraction
from imm_label_tags.results.task import ResultKind
from imm_label_tags.services.responses import text


def _fetch(client: Any, project_name: str, task_id: str, options: Any) -> Any:
    request = GetVideoLabelClassificationResultRequest(
        project_name=project_name, task_type=VIDEO_LABELS, task_id=task_id
    )
    return client.get_video_label_classification_result_with_options(request, options)


def _read(body: Any) -> tuple[Label, ...]:
    return tuple(_label(label) for label in body.labels if text(label.label_name).strip())


def _label(label: Any) -> Label:
    level = label.label_level
    return Label(
        name=label.label_name,
        confidence=fraction(label.label_confidence),
        level=level if isinstance(level, int) and 0 < level < 100 else 0,
        centric_score=fraction(label.centric_score),
        parent=text(label.parent_label_name),
        alias=text(label.label_alias),
        language=text(label.language),
    )


LABELS_RESULT = ResultKind(
    task_type=VIDEO_LABELS, action="GetVideoLabelClassificationResult", fetch=_fetch, read=_read
)
