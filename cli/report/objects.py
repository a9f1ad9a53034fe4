"""The videos of a bucket as their tags and archived results have them: listed in pages, read side by side.

Tags are read by the function's own client of OSS. Memory does not grow with the bucket.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

import alibabacloud_oss_v2 as oss

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask, found
from cli.cloud.ends import keys_have_expired
from cli.show.answer import Answer, NotAnAnswer
from cli.show.lookup import LARGEST_ARCHIVE
from imm_label_tags.environment import any_secure
from imm_label_tags.errors import TaggingError
from imm_label_tags.results.target import TargetObject
from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.connections import Connections
from imm_label_tags.services.oss import OssObjects
from imm_label_tags.tags.plan import TagSet

LISTED_IN = "deploy/policies/report.json"
# A person waits, and no function's time is running.
PATIENCE = RetryPolicy(attempts=6, retries=12, read=20.0, max_pause=5.0)
_SECONDS = 120.0
_PAGE = 1000

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Listed:
    """An object as ListObjectsV2 gives it."""

    key: str
    size: int
    written: datetime


class Objects:
    """Objects of one bucket, for ``threads`` readers at a time."""

    def __init__(self, access: Access, account_id: str, bucket: str, threads: int) -> None:
        self.bucket = bucket
        self.threads = threads
        endpoint = access.endpoints["oss"]
        connections = Connections(secure=any_secure(endpoint))
        self.tagged = OssObjects(access.region, account_id, endpoint, access.credentials, connections)
        self._client = access.oss(threads + 1)
        self._account_id = account_id

    def listed(self, prefix: str) -> Iterator[Listed]:
        """The objects below a prefix, by key; the next page is fetched while one is worked on.

        Raises CallFailed.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="listing") as executor:
            page: Future[Any] | None = executor.submit(self._page, prefix, None)
            while page is not None:
                result = page.result()
                token = result.next_continuation_token if result.is_truncated else None
                page = executor.submit(self._page, prefix, token) if token else None
                for item in result.contents or []:
                    yield Listed(item.key, item.size or 0, _utc(item.last_modified))

    def tags(self, target: TargetObject) -> TagSet:
        """An object's tags; raises ObjectGone or a TaggingError."""
        try:
            return self._tags(target)
        except TaggingError as error:
            # The call may have been signed just before its keys were renewed.
            if not keys_have_expired(error):
                raise
            return self._tags(target)

    def _tags(self, target: TargetObject) -> TagSet:
        calls = calls_about(target)
        return calls.call_with_retry("GetObjectTagging", lambda timeouts: self.tagged.tags(target, timeouts))

    def archived(self, place: TargetObject) -> Answer | None:
        """The result that an archive keeps; None where there is none, or nothing that can be read.

        Raises CallFailed.
        """
        call = self._call("GetObject", place.uri, f"{place.bucket}/{place.key}", "oss:GetObject")
        content = found(call, partial(self._content, place))
        try:
            return None if content is None else Answer.parse(content)
        except NotAnAnswer:
            return None

    def with_tag_values(self, values: Mapping[str, str], prefix: str) -> Iterator[str] | None:
        """The keys of the objects that have these tags, by MetaQuery; None where the bucket has no index.

        Raises CallFailed.
        """
        conditions = [
            {"Field": f"OSSTagging.{key}", "Value": value, "Operation": "eq"} for key, value in values.items()
        ]
        if prefix:
            conditions.append({"Field": "Filename", "Value": prefix, "Operation": "prefix"})
        query = {"Operation": "and", "SubQueries": conditions}
        first = self._queried(query, None)
        return None if first is None else self._all_queried(query, first)

    def _all_queried(self, query: dict[str, Any], page: Any) -> Iterator[str]:
        while page is not None:
            for item in (page.files.file if page.files else None) or []:
                yield item.filename
            page = self._queried(query, page.next_token) if page.next_token else None

    def _queried(self, query: dict[str, Any], token: str | None) -> Any:
        meta_query = oss.MetaQuery(query=json.dumps(query), max_results=100, next_token=token)
        request = oss.DoMetaQueryRequest(bucket=self.bucket, mode="basic", meta_query=meta_query)
        call = self._call("DoMetaQuery", f"bucket {self.bucket}", self.bucket)
        return found(call, lambda: self._client.do_meta_query(request))

    def _page(self, prefix: str, token: str | None) -> Any:
        request = oss.ListObjectsV2Request(
            bucket=self.bucket,
            prefix=prefix or None,
            continuation_token=token,
            max_keys=_PAGE,
            # XML cannot hold every character that a key may have.
            encoding_type="url",
        )
        call = self._call("ListObjectsV2", f"bucket {self.bucket}", self.bucket, "oss:ListObjects")
        return ask(call, lambda: self._client.list_objects_v2(request))

    def _content(self, place: TargetObject) -> bytes | None:
        result = self._client.get_object(oss.GetObjectRequest(bucket=place.bucket, key=place.key))
        with result.body as stream:
            if (result.content_length or 0) > LARGEST_ARCHIVE:
                return None
            content: bytes = stream.content
        return content

    def _call(self, action: str, subject: str, resource: str, needs: str = "") -> Call:
        return Call("OSS", action, subject, f"acs:oss:*:{self._account_id}:{resource}", needs, LISTED_IN)


def calls_about(target: TargetObject) -> Calls:
    """The calls about one object, repeated as long as a person has patience."""
    return Calls(PATIENCE, Deadline(_SECONDS, PATIENCE.clock), target.uri)


def side_by_side(act: Callable[[T], R], items: Iterable[T], executor: Executor, ahead: int) -> Iterator[R]:
    """What ``act`` gives for each item, in order, with up to ``ahead`` of them under way."""
    running: deque[Future[R]] = deque()
    try:
        for item in items:
            running.append(executor.submit(act, item))
            if len(running) >= ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
