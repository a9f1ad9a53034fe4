"""Objects of OSS as the commands list, read and delete them, through alibabacloud-oss-v2.

Memory does not grow with a bucket: pages are given on as they come. Source: help.aliyun.com, ListObjectsV2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple, TypeVar

import alibabacloud_oss_v2 as oss

from cli.cloud.calls import Call, CallFailed, Obstacle, ask, found
from imm_label_tags.results.target import ObjectHead, TargetObject

T = TypeVar("T")

_PAGE = 1000
# What is away for a moment ends no run of hours.
PAUSES = (1.0, 5.0, 25.0)


class Content(NamedTuple):
    """An object that was read; ``body`` is None where it is larger than what was asked for."""

    head: ObjectHead
    body: bytes | None


class Objects:
    """Objects of one account. Every method raises CallFailed.

    ``client`` may be used by as many threads as it has connections. ``listed_in`` is the file of this project
    that has the permissions of the command; ``resource`` is RAM's name of what calls about an object are
    about, where it is one for all of them.
    """

    def __init__(self, client: oss.Client, account_id: str, listed_in: str, *, resource: str = "") -> None:
        self.client = client
        self._account_id = account_id
        self._listed_in = listed_in
        self._resource = resource

    def listed(self, bucket: str, prefix: str, *, after: str = "") -> Iterator[tuple[str, ObjectHead]]:
        """The keys below a prefix that come after one, in their order, each with what the list tells."""
        token: str | None = None
        while True:
            page = self._page(bucket, prefix, after, token)
            for item in page.contents or []:
                yield item.key, _head(item, item.size, item.restore_info)
            token = page.next_continuation_token if page.is_truncated else None
            if not token:
                return

    def head(self, place: TargetObject) -> ObjectHead | None:
        """What an object is now: HeadObject; None where there is none."""
        request = oss.HeadObjectRequest(bucket=place.bucket, key=place.key)

        def head() -> Any:
            try:
                return self.client.head_object(request)
            except oss.exceptions.OperationError as error:
                # A HEAD has no body that could tell which 404 it is.
                if getattr(error.unwrap(), "status_code", 0) == 404:
                    return None
                raise

        result = ask(self.call("HeadObject", place, "oss:GetObject"), head)
        return None if result is None else _head(result, result.content_length, result.restore)

    def tags(self, place: TargetObject) -> dict[str, str] | None:
        """An object's tags: GetObjectTagging; None where there is no object."""
        request = oss.GetObjectTaggingRequest(bucket=place.bucket, key=place.key)
        result = found(self.call("GetObjectTagging", place), lambda: self.client.get_object_tagging(request))
        if result is None:
            return None
        return {tag.key: tag.value or "" for tag in (result.tag_set.tags if result.tag_set else None) or []}

    def read(self, place: TargetObject, largest: int) -> Content | None:
        """An object of at most ``largest`` bytes: GetObject; None where there is none.

        A body that breaks off is asked for again: the SDK does not.
        """

        def get() -> Content:
            result = self.client.get_object(oss.GetObjectRequest(bucket=place.bucket, key=place.key))
            head = _head(result, result.content_length, result.restore)
            with result.body as stream:
                return Content(head, stream.content if head.size <= largest else None)

        try:
            return patiently(self.call("GetObject", place), get, (0.0, 0.0))
        except CallFailed as failure:
            if failure.obstacle is Obstacle.ABSENT:
                return None
            raise

    def delete(self, place: TargetObject) -> None:
        """Remove an object; one that is gone already stays so."""
        request = oss.DeleteObjectRequest(bucket=place.bucket, key=place.key)
        ask(self.call("DeleteObject", place), lambda: self.client.delete_object(request))

    def call(self, action: str, place: TargetObject, needs: str = "") -> Call:
        """A call about an object."""
        resource = self._resource or f"{place.bucket}/{place.key}"
        return self._call(action, place.uri, resource, needs)

    def call_of_bucket(self, action: str, bucket: str, needs: str = "") -> Call:
        """A call about a bucket."""
        return self._call(action, f"bucket {bucket}", bucket, needs)

    def _call(self, action: str, subject: str, resource: str, needs: str) -> Call:
        arn = f"acs:oss:*:{self._account_id or '*'}:{resource}"
        return Call("OSS", action, subject, arn, needs, self._listed_in)

    def _page(self, bucket: str, prefix: str, after: str, token: str | None) -> Any:
        request = oss.ListObjectsV2Request(
            bucket=bucket,
            prefix=prefix or None,
            start_after=after or None,
            continuation_token=token,
            max_keys=_PAGE,
            # XML cannot hold every character that a key may have.
            encoding_type="url",
        )
        call = self.call_of_bucket("ListObjectsV2", bucket, "oss:ListObjects")
        return patiently(call, lambda: self.client.list_objects_v2(request))


def patiently(call: Call, send: Callable[[], T], pauses: tuple[float, ...] = PAUSES) -> T:
    """What a call gives, tried again after each pause where there was no answer; raises CallFailed."""
    for pause in pauses:
        try:
            return ask(call, send)
        except CallFailed as failure:
            if failure.obstacle is not Obstacle.UNREACHABLE:
                raise
            time.sleep(pause)
    return ask(call, send)


def _head(found: Any, size: int | None, restore: str | None) -> ObjectHead:
    written: datetime = found.last_modified
    return ObjectHead(
        etag=(found.etag or "").strip('"'),
        size=size or 0,
        written=written.replace(tzinfo=written.tzinfo or timezone.utc),
        storage_class=found.storage_class or "Standard",
        restore=restore or "",
    )
