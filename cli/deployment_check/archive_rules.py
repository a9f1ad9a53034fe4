"""Where whole results are kept (RESULT_ARCHIVE): not among the videos, and where the function reaches it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cli.deployment_check.findings import Finding, NotChecked, error
from cli.deployment_check.subject import Rule, Subject
from cli.manifest.function import DeclaredFunction, DeclaredTrigger
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.archive import place
from imm_label_tags.results.target import ObjectPatterns, ObjectPrefix, TargetObject
from imm_label_tags.tagging.settings import ARCHIVE

_OBJECTS = "ALLOWED_OBJECTS"
_ELSEWHERE = "Name a prefix that has no videos."
# A document of a video like any other, of a task as IMM names them.
_VIDEO = TargetObject("videos", "video.mp4")
_TASK = "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0001"
_BUCKET_ARN = re.compile(r"acs:oss:([^:]*):[^:]*:([^:/]+)")


class _Uploads(NamedTuple):
    """What an OSS trigger fires for."""

    region: str
    bucket: str
    prefix: str
    suffix: str


def among_the_videos(subject: Subject) -> Iterator[Finding]:
    """A document among the objects that are submitted or tagged could be taken for a video."""
    archive = _archive(subject)
    if archive is None:
        return
    document = place(archive, _VIDEO, _TASK)
    for function in _with_videos(subject):
        text = function.setting(_OBJECTS)
        try:
            allowed = ObjectPatterns.read(text)
        except ValueError:
            # The function itself refuses it.
            continue
        if allowed.match(document):
            yield error(
                subject.path("environmentVariables", ARCHIVE),
                f"{archive.uri} is among the objects of {function.name} ({_OBJECTS}): what is kept "
                "could be taken for a video.",
                _ELSEWHERE,
            )


def told_of_uploads(subject: Subject) -> Iterator[Finding]:
    """Every document that is written would call a function that is there for videos."""
    archive = _archive(subject)
    if archive is None:
        return
    document = place(archive, _VIDEO, _TASK)
    for trigger, uploads in _uploads(subject):
        fires = document.key.startswith(uploads.prefix) or uploads.prefix.startswith(f"{archive.prefix}/")
        if uploads.bucket == archive.bucket and fires and document.key.endswith(uploads.suffix):
            yield error(
                subject.path("environmentVariables", ARCHIVE),
                f"the trigger {trigger.name} fires for what is kept at {archive.uri}.",
                f"{_ELSEWHERE} Or give the trigger a suffix.",
            )


def region(subject: Subject) -> Iterator[Finding | NotChecked]:
    """OSS answers for a bucket of another region with an error; only an OSS trigger tells where one is."""
    archive = _archive(subject)
    if archive is None:
        return
    where, wanted = subject.path("environmentVariables", ARCHIVE), subject.declared.region
    regions = {uploads.bucket: uploads.region for _, uploads in _uploads(subject) if uploads.region}
    found = regions.get(archive.bucket)
    if found is None:
        yield NotChecked(where, f"whether {archive.bucket} is in {wanted}. `setup` and `doctor` look.")
    elif found != wanted:
        yield error(
            where,
            f"{archive.bucket} is in {found}, the function in {wanted}: nothing could be kept, nor tagged.",
            "Name a bucket of the function's region.",
        )


def _archive(subject: Subject) -> ObjectPrefix | None:
    text = subject.declared.setting(ARCHIVE).strip()
    try:
        return ObjectPrefix.from_setting(ARCHIVE, text) if text else None
    except InvalidSetting:
        # Told as a bad value.
        return None


def _with_videos(subject: Subject) -> Iterator[DeclaredFunction]:
    """The functions that videos are for: those that are submitted, and those that are tagged."""
    yield from (one.declared for one in subject.functions if not one.keeps)
    yield from subject.submitting


def _uploads(subject: Subject) -> Iterator[tuple[DeclaredTrigger, _Uploads]]:
    """Their OSS triggers."""
    for function in _with_videos(subject):
        for trigger in function.triggers:
            source = _BUCKET_ARN.fullmatch(trigger.source_arn)
            if trigger.type == "oss" and source is not None:
                wanted = trigger.settings.fields("filter")
                key = wanted.fields("key") if wanted is not None else None
                texts = [key.text(name, "") if key is not None else "" for name in ("prefix", "suffix")]
                yield trigger, _Uploads(source[1], source[2], *texts)


RULES: tuple[Rule, ...] = (among_the_videos, told_of_uploads, region)
