"""The objects of a bucket, one after the other, in the order of their keys.

Nothing is kept of what was read: a bucket of any size takes the same memory. Source: help.aliyun.com,
ListObjectsV2.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import alibabacloud_oss_v2 as oss

from cli.cloud.calls import Call, CallFailed, Obstacle, ask
from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.target import ObjectHead, TargetObject

LISTED_IN = "deploy/policies/backfill.json"
_PAGE = 1000
# A run may take days: what is away for a moment does not end it.
_PAUSES = (1.0, 5.0, 25.0)

T = TypeVar("T")


class ListedObject(NamedTuple):
    """An object as a list has it.

    ``names`` are the objects that may be meant, the most likely one first; none where it cannot be addressed
    safely. With ``past`` the list was written some time ago, and the object may be another by now.
    """

    names: tuple[TargetObject, ...]
    head: ObjectHead
    past: bool = False


class ObjectList(Protocol):
    """Objects to go through."""

    def __iter__(self) -> Iterator[ListedObject]:
        """Each object. Raises Problem."""

    def count(self) -> None:
        """Prepare to say how many there are, beside whoever goes through them."""

    def total(self, found: int) -> int | None:
        """How many there are in all, where ``found`` have been gone through; None where that is not known."""


class BucketObjects:
    """The objects of a bucket whose keys begin with a prefix."""

    def __init__(self, client: oss.Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._counted: int | None = None

    def __iter__(self) -> Iterator[ListedObject]:
        for content in self._contents():
            head = ObjectHead(
                etag=content.etag or "",
                size=content.size or 0,
                written=_utc(content.last_modified),
                storage_class=content.storage_class or "Standard",
                restore=content.restore_info or "",
            )
            yield ListedObject(addressable(self._bucket, content.key), head)

    def count(self) -> None:
        """List them another time, which is far quicker than to go through them."""
        threading.Thread(target=self._count, name="counting", daemon=True).start()

    def total(self, found: int) -> int | None:
        """How many there are, once they are counted."""
        return None if self._counted is None else max(found, self._counted)

    def _count(self) -> None:
        try:
            self._counted = sum(1 for _ in self._contents())
        except CallFailed:
            # Whoever goes through them meets it too, and tells it.
            return

    def _contents(self) -> Iterator[Any]:
        call = Call(
            "OSS",
            "ListObjectsV2",
            f"bucket {self._bucket}",
            f"acs:oss:*:*:{self._bucket}",
            "oss:ListObjects",
            LISTED_IN,
        )
        token: str | None = None
        while True:
            request = oss.ListObjectsV2Request(
                bucket=self._bucket,
                prefix=self._prefix,
                max_keys=_PAGE,
                continuation_token=token,
                # XML cannot hold every character that a key may have.
                encoding_type="url",
            )
            page = patiently(call, partial(self._client.list_objects_v2, request))
            yield from page.contents or []
            token = page.next_continuation_token
            if not page.is_truncated or not token:
                return


def addressable(bucket: str, *keys: str) -> tuple[TargetObject, ...]:
    """Those of some keys that can be addressed, each once."""
    targets = []
    for key in dict.fromkeys(keys):
        try:
            targets.append(TargetObject.from_uri(f"oss://{bucket}/{key}"))
        except TargetUnknown:
            continue
    return tuple(targets)


def patiently(call: Call, send: Callable[[], T]) -> T:
    """What a call gives, tried again where there was no answer; raises CallFailed."""
    for pause in _PAUSES:
        try:
            return ask(call, send)
        except CallFailed as failure:
            if failure.obstacle is not Obstacle.UNREACHABLE:
                raise
            time.sleep(pause)
    return ask(call, send)


def _utc(moment: datetime | None) -> datetime:
    assert moment is not None, "OSS lists every object with its time"
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)
