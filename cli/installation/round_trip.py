"""Adds a tag to an object, reads it back, and restores the exact set of before; each call is repeated."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from cli.installation.examination import Failing
from cli.process import ENDING
from imm_label_tags.errors import AccessDenied, TaggingError
from imm_label_tags.results.target import ObjectGone, TagsRefused, TargetObject
from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.oss import OssObjects
from imm_label_tags.tags.charset import MAX_TAGS
from imm_label_tags.tags.plan import TagSet

# Nobody waits for longer before a command; a function's timeout is no limit here.
PATIENCE_SECONDS = 60.0


class PatientObjects:
    """Tags of objects. Raises as OssObjects does, after the last attempt."""

    def __init__(self, objects: OssObjects) -> None:
        self._objects = objects
        self._retry_policy = RetryPolicy()

    def tags(self, target: TargetObject) -> TagSet:
        """An object's tags."""
        return self._attempts(target).call_with_retry(
            "GetObjectTagging", lambda timeouts: self._objects.tags(target, timeouts)
        )

    def replace_tags(self, target: TargetObject, tags: TagSet) -> None:
        """Write an object's whole tag set."""
        self._attempts(target).call_with_retry(
            "PutObjectTagging", lambda timeouts: self._objects.replace_tags(target, tags, timeouts)
        )

    def _attempts(self, target: TargetObject) -> Calls:
        deadline = Deadline(PATIENCE_SECONDS, self._retry_policy.clock)
        return Calls(self._retry_policy, deadline, target.uri)


TAG = "imm-label-tags-doctor"
VALUE = "a-moment-only"
CHINESE_TAG = f"{TAG}-椅子"
CHINESE_VALUE = "家具"
_OURS = (TAG, CHINESE_TAG)
_ELSEWHERE = "Check the bucket's region and OSS_ENDPOINT."


def round_trip(objects: PatientObjects, target: TargetObject) -> str:
    """What was tried; raises Failing. Whatever interrupts it, the tags are restored first."""
    try:
        own = _try(objects, target, TAG, VALUE)
    except TagsRefused as refusal:
        raise Failing(str(refusal), _ELSEWHERE) from None
    return f"{target.uri}: a tag was written, read back and removed; {len(own)} tags are as before"


def chinese_tags(objects: PatientObjects, target: TargetObject) -> str:
    """Whether OSS takes a Chinese key and value in this region, tried in the same way; raises Failing.

    Its documents say no, and tests of its SDKs yes.
    """
    try:
        _try(objects, target, CHINESE_TAG, CHINESE_VALUE)
    except TagsRefused as refusal:
        return f"OSS refuses them here ({refusal}): with LABEL_NAMES=raw such labels would be in pinyin"
    return "OSS takes them here: with LABEL_NAMES=raw labels would keep their own names"


def _try(objects: PatientObjects, target: TargetObject, key: str, value: str) -> TagSet:
    """Write a tag, read it back and remove it; gives the object's own. Raises Failing and TagsRefused."""
    before = _read(objects, target)
    # A doctor that was killed may have left its tag behind; it is nobody's.
    own = {each: tag for each, tag in before.items() if each not in _OURS}
    if len(own) >= MAX_TAGS:
        raise Failing(
            f"{target.uri} has {MAX_TAGS} tags, so there is no room to try one.",
            "Name an object with fewer: one that has been tagged already may well be full.",
        )
    try:
        _write(objects, target, {**own, key: value})
        with_ours = _read(objects, target)
    finally:
        with _undisturbed():
            _restore(objects, target, own, key)
    if with_ours.get(key) != value:
        raise Failing(
            f"A tag was written to {target.uri} and was not there afterwards.",
            "Something else writes the object's tags at the same time: find out what, and try again.",
        )
    return own


def _restore(objects: PatientObjects, target: TargetObject, own: TagSet, tried: str) -> None:
    """Take our tag away. Where another has written meanwhile, what it wrote stays."""
    try:
        now = objects.tags(target)
        if any(key in now for key in _OURS):
            others = {key: value for key, value in now.items() if key not in _OURS}
            objects.replace_tags(target, own if others == own else others)
    except ObjectGone:
        return
    except (TaggingError, TagsRefused) as error:
        raise Failing(
            f"The tag {tried} could not be removed from {target.uri} again: {error}",
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
    except TaggingError as error:
        raise Failing(str(error), _ELSEWHERE) from None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nothing end the process meanwhile; the SDK's own limits bound how long this takes."""
    earlier = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
