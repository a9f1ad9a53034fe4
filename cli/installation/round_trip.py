"""Adds a tag to an object, reads it back, and restores the exact set of before."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from cli.installation.examination import Failing
from cli.installation.patient_objects import PatientObjects
from cli.process import ENDING
from imm_label_tags.errors import AccessDenied, TaggingError
from imm_label_tags.results.target import ObjectGone, TagsRefused, TargetObject
from imm_label_tags.tags.charset import MAX_TAGS
from imm_label_tags.tags.plan import TagSet

TAG = "imm-label-tags-doctor"
VALUE = "a-moment-only"


def round_trip(objects: PatientObjects, target: TargetObject) -> str:
    """What was tried; raises Failing. Whatever interrupts it, the tags are restored first."""
    before = _read(objects, target)
    # A doctor that was killed may have left its tag behind; it is nobody's.
    own = {key: value for key, value in before.items() if key != TAG}
    if len(own) >= MAX_TAGS:
        raise Failing(
            f"{target.uri} has {MAX_TAGS} tags, so there is no room to try one.",
            "Name an object with fewer: one that has been tagged already may well be full.",
        )
    try:
        _write(objects, target, {**own, TAG: VALUE})
        with_ours = _read(objects, target)
    finally:
        with _undisturbed():
            _restore(objects, target, own)
    if with_ours.get(TAG) != VALUE:
        raise Failing(
            f"A tag was written to {target.uri} and was not there afterwards.",
            "Something else writes the object's tags at the same time: find out what, and try again.",
        )
    return f"{target.uri}: a tag was written, read back and removed; {len(own)} tags are as before"


def _restore(objects: PatientObjects, target: TargetObject, own: TagSet) -> None:
    """Take our tag away. Where another has written meanwhile, what it wrote stays."""
    try:
        now = objects.tags(target)
        if TAG in now:
            others = {key: value for key, value in now.items() if key != TAG}
            objects.replace_tags(target, own if others == own else others)
    except ObjectGone:
        return
    except (TaggingError, TagsRefused) as error:
        raise Failing(
            f"The tag {TAG} could not be removed from {target.uri} again: {error}",
            f"Remove it by hand, or run this again. The object's own tags are {own or 'none'}.",
        ) from None


def _read(objects: PatientObjects, target: TargetObject) -> TagSet:
    with _understood(target):
        return objects.tags(target)


def _write(objects: PatientObjects, target: TargetObject, tags: TagSet) -> None:
    with _understood(target):
        objects.replace_tags(target, tags)


@contextmanager
def _understood(target: TargetObject) -> Iterator[None]:
    try:
        yield
    except ObjectGone:
        raise Failing(f"There is no object {target.uri}.", "Name one that exists with --object.") from None
    except AccessDenied as error:
        raise Failing(
            f"Access to {target.uri} was denied.",
            f"Allow the user or role of these keys the action {error.action} on {error.resource}, and look "
            "for a bucket policy that denies it.",
        ) from None
    except (TaggingError, TagsRefused) as error:
        raise Failing(str(error), "Check the bucket's region and OSS_ENDPOINT.") from None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nothing end the process meanwhile; the SDK's own limits bound how long this takes."""
    earlier = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
