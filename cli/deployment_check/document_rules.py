"""What the functions keep in OSS: whole results (RESULT_ARCHIVE) and failed events (FAILED_EVENTS).

Neither may be among the videos, nor among the other, and it has to be where the function reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cli.cloud.target import overlap
from cli.deployment_check.findings import Finding, NotChecked, Severity, error
from cli.deployment_check.subject import Kind, Subject
from cli.deployment_check.upload_rules import suffixes_of, upload_sources
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.keeper import VARIABLE
from imm_label_tags.results.archive import place
from imm_label_tags.results.target import ObjectPatterns, ObjectPrefix, TargetObject
from imm_label_tags.tagging.settings import ARCHIVE

_ELSEWHERE = "Name a prefix that has no videos."
_VARIABLES = {Kind.TAGS: ARCHIVE, Kind.KEEPS: VARIABLE}
# A document of a video like any other, of a task as IMM names them, and a record of a failed event.
_VIDEO = TargetObject("videos", "video.mp4")
_TASK = "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0001"
_RECORD = "2000-01-01/request.json"


class _Kept(NamedTuple):
    """The path of the setting, the place that it names, and a document like those that are kept there."""

    where: str
    place: ObjectPrefix
    document: TargetObject


def among_the_videos(subject: Subject) -> Iterator[Finding]:
    """A document among the objects that are submitted or tagged could be taken for a video."""
    kept = _kept(subject)
    if kept is None:
        return
    for function in subject.of(Kind.TAGS, Kind.SUBMITS):
        try:
            allowed = ObjectPatterns.read(function.declared.setting("ALLOWED_OBJECTS"))
        except ValueError:
            # The function itself refuses it.
            continue
        if function.kind is Kind.SUBMITS and not kept.document.key.endswith(suffixes_of(function)):
            # It passes over what has no suffix of a video.
            continue
        if allowed.match(kept.document):
            yield Finding(
                # Failed events have no tasks, unless somebody makes one for each object of a bucket.
                Severity.WARNING if subject.kind is Kind.KEEPS else Severity.ERROR,
                kept.where,
                f"{kept.place.uri} is among the objects of {function.declared.name} (ALLOWED_OBJECTS): what "
                "is kept could be taken for a video.",
                _ELSEWHERE,
            )


def told_of_uploads(subject: Subject) -> Iterator[Finding]:
    """Every document that is written would call a function that is there for videos."""
    kept = _kept(subject)
    if kept is None:
        return
    for function in subject.of(Kind.TAGS, Kind.SUBMITS):
        for source in upload_sources(function):
            if source.brings(kept.document) or source.lies_below(kept.place):
                yield error(
                    kept.where,
                    f"the trigger {source.name} fires for what is kept at {kept.place.uri}.",
                    f"{_ELSEWHERE} Or give the trigger a suffix.",
                )


def apart(subject: Subject) -> Iterator[Finding]:
    """Whoever tags could replace what failed, and neither could be listed or removed without the other."""
    results = _kept(subject)
    for keeper in subject.of(Kind.KEEPS) if results else ():
        events = _kept(keeper)
        if results and events and overlap(results.place, events.place):
            yield error(
                results.where,
                f"{results.place.uri} and {events.place.uri}, where failed events are kept ({VARIABLE}), "
                "overlap: who tags could replace what failed.",
                "Name two prefixes beside each other.",
            )


def region(subject: Subject) -> Iterator[Finding | NotChecked]:
    """OSS answers for a bucket of another region with an error; only an OSS trigger tells where one is."""
    kept, wanted = _kept(subject), subject.declared.region
    if kept is None:
        return
    regions = {
        source.bucket.name: source.bucket.region
        for function in subject.of(Kind.TAGS, Kind.SUBMITS)
        for source in upload_sources(function)
        if source.bucket is not None and source.bucket.region
    }
    found = regions.get(kept.place.bucket)
    if found is not None and found != wanted:
        yield error(
            kept.where,
            f"{kept.place.bucket} is in {found}, the function in {wanted}: nothing could be kept.",
            "Name a bucket of the function's region.",
        )
    elif found is None and subject.kind is Kind.TAGS:
        yield NotChecked(
            kept.where, f"whether {kept.place.bucket} is in {wanted}. `setup` and `doctor` look."
        )


def _kept(subject: Subject) -> _Kept | None:
    """What a function keeps, if anything; a bad value is told as one."""
    variable = _VARIABLES[subject.kind]
    text = subject.declared.setting(variable).strip()
    try:
        kept = ObjectPrefix.from_setting(variable, text) if text else None
    except InvalidSetting:
        return None
    if kept is None:
        return None
    record = TargetObject(kept.bucket, f"{kept.prefix}/{_RECORD}")
    document = place(kept, _VIDEO, _TASK) if subject.kind is Kind.TAGS else record
    return _Kept(subject.path("environmentVariables", variable), kept, document)
