"""Adds a tag to an object, reads it back, and restores the exact set of before; each call is repeated."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from cli.cloud.ends import calls_about
from cli.installation.examination import Failing
from cli.process import ENDING
from imm_label_tags.errors import AccessDenied, TaggingError
from imm_label_tags.results.target import ObjectGone, TagsRefused, TargetObject
from imm_label_tags.services.oss import OssObjects
from imm_label_tags.tags.charset import MAX_TAGS
from imm_label_tags.tags.plan import TagSet

# Nobody waits for longer before a command; a function's timeout is no limit here.
PATIENCE_SECONDS = 60.0

TAG = "imm-label-tags-doctor"
VALUE = "a-moment-only"
CHINESE_TAG = f"{TAG}-椅子"
CHINESE_VALUE = "家具"
_OURS = (TAG, CHINESE_TAG)
_ELSEWHERE = "Check the bucket's region and OSS_ENDPOINT."


class Trial:
    """Tries tags on one object. Whatever interrupts that, the object's own are restored first."""

    def __init__(self, objects: OssObjects, target: TargetObject) -> None:
        self._objects = objects
        self._target = target

    def round_trip(self) -> str:
        """What was tried; raises Failing."""
        try:
            own = self._try(TAG, VALUE)
        except TagsRefused as refusal:
            raise Failing(str(refusal), _ELSEWHERE) from None
        uri = self._target.uri
        return f"{uri}: a tag was written, read back and removed; {len(own)} tags are as before"

    def chinese_tags(self) -> str:
        """Whether OSS takes a Chinese key and value in this region, tried in the same way; raises Failing.

        Its documents say no, and tests of its SDKs yes.
        """
        try:
            self._try(CHINESE_TAG, CHINESE_VALUE)
        except TagsRefused as refusal:
            return f"OSS refuses them here ({refusal}): with LABEL_NAMES=raw such labels would be in pinyin"
        return "OSS takes them here: with LABEL_NAMES=raw labels would keep their own names"

    def _try(self, key: str, value: str) -> TagSet:
        """Write a tag, read it back and remove it; gives the object's own. Raises Failing and TagsRefused."""
        uri = self._target.uri
        with _understood(self._target):
            before = self._tags()
        # A doctor that was killed may have left its tag behind; it is nobody's.
        own = {each: tag for each, tag in before.items() if each not in _OURS}
        if len(own) >= MAX_TAGS:
            raise Failing(
                f"{uri} has {MAX_TAGS} tags, so there is no room to try one.",
                "Name an object with fewer: one that has been tagged already may well be full.",
            )
        try:
            with _understood(self._target):
                self._replace({**own, key: value})
                with_ours = self._tags()
        finally:
            with _undisturbed():
                self._restore(own, key)
        if with_ours.get(key) != value:
            raise Failing(
                f"A tag was written to {uri} and was not there afterwards.",
                "Something else writes the object's tags at the same time: find out what, and try again.",
            )
        return own

    def _restore(self, own: TagSet, tried: str) -> None:
        """Take our tag away. Where another has written meanwhile, what it wrote stays."""
        try:
            now = self._tags()
            if any(key in now for key in _OURS):
                others = {key: value for key, value in now.items() if key not in _OURS}
                self._replace(own if others == own else others)
        except ObjectGone:
            return
        except (TaggingError, TagsRefused) as error:
            raise Failing(
                f"The tag {tried} could not be removed from {self._target.uri} again: {error}",
                f"Remove it by hand, or run this again. The object's own tags are {own or 'none'}.",
            ) from None

    def _tags(self) -> TagSet:
        calls = calls_about(self._target.uri, PATIENCE_SECONDS)
        return calls.call_with_retry(
            "GetObjectTagging", lambda timeouts: self._objects.tags(self._target, timeouts)
        )

    def _replace(self, tags: TagSet) -> None:
        calls = calls_about(self._target.uri, PATIENCE_SECONDS)
        calls.call_with_retry(
            "PutObjectTagging", lambda timeouts: self._objects.replace_tags(self._target, tags, timeouts)
        )


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
