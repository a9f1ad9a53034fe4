"""The kept events in OSS, through alibabacloud-oss-v2."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any

import alibabacloud_oss_v2 as oss

from cli.cloud.calls import Call, CallFailed, Obstacle, ask
from cli.failed.record import Kept, Listed, Record, Unreadable, is_record
from cli.failed.span import Span
from imm_label_tags.errors import InvalidFailureRecord
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.results.target import ObjectPrefix

# What a record takes at the most is a few megabytes: a payload of 256 KB and an answer of 6 MB, escaped.
LARGEST_RECORD = 32 * 1024 * 1024
LISTED_IN = "deploy/policies/failed.json"

_PAGE = 1000
# A body that breaks off is not read again by the SDK.
_READS = 3
# Follows every digit, and so every dated name, in the order of bytes.
_AFTER_DATES = ":"


class Store:
    """The records under one prefix; every method raises CallFailed.

    ``client`` may be used by as many threads as it has connections.
    """

    def __init__(self, client: oss.Client, place: ObjectPrefix, account_id: str) -> None:
        self._client = client
        self._account_id = account_id
        self.place = place

    def list(self, span: Span) -> Iterator[Listed]:
        """The records by name; days that lie wholly outside of the span are left out, where dated."""
        last_day = span.last_day
        for listed in self._listed_after(span.first_day):
            if last_day and last_day < listed.folder < _AFTER_DATES:
                yield from self._listed_after(_AFTER_DATES)
                return
            yield listed

    def find(self, name: str) -> Listed | None:
        """A record as it is now, if it is there: HeadObject."""
        request = oss.HeadObjectRequest(bucket=self.place.bucket, key=self._key(name))

        def head() -> Any:
            try:
                return self._client.head_object(request)
            except oss.exceptions.OperationError as error:
                # A HEAD has no body that could tell which 404 it is.
                if getattr(error.unwrap(), "status_code", 0) == 404:
                    return None
                raise

        result = ask(self._call("HeadObject", name, "oss:GetObject"), head)
        if result is None:
            return None
        kept = _utc(result.last_modified)
        return Listed(name, _version(result.etag), result.content_length or 0, kept)

    def read(self, name: str) -> Kept | None:
        """A record as it is now, with its content: GetObject. None where it is gone."""
        try:
            return self._read(name)
        except CallFailed as failure:
            if failure.code == "NoSuchKey":
                return None
            raise

    def delete(self, name: str) -> None:
        """Remove a record; one that is gone already stays so."""
        request = oss.DeleteObjectRequest(bucket=self.place.bucket, key=self._key(name))
        ask(self._call("DeleteObject", name), lambda: self._client.delete_object(request))

    def uri(self, name: str) -> str:
        """The URI of a record."""
        return f"{self.place.uri}/{name}"

    def _listed_after(self, start: str) -> Iterator[Listed]:
        prefix = f"{self.place.prefix}/"
        request = oss.ListObjectsV2Request(
            bucket=self.place.bucket,
            prefix=prefix,
            start_after=prefix + start if start else None,
            max_keys=_PAGE,
        )
        while True:
            page = ask(self._listing(), partial(self._client.list_objects_v2, request))
            for item in page.contents or []:
                name = item.key[len(prefix) :]
                if is_record(name):
                    yield Listed(name, _version(item.etag), item.size or 0, _utc(item.last_modified))
            if not page.is_truncated:
                return
            request.continuation_token = page.next_continuation_token

    def _read(self, name: str, attempt: int = 1) -> Kept:
        call = self._call("GetObject", name, "oss:GetObject")
        try:
            return ask(call, lambda: self._get(name))
        except CallFailed as failure:
            if failure.obstacle is not Obstacle.UNREACHABLE or attempt == _READS:
                raise
        return self._read(name, attempt + 1)

    def _get(self, name: str) -> Kept:
        request = oss.GetObjectRequest(bucket=self.place.bucket, key=self._key(name))
        result = self._client.get_object(request)
        with result.body as stream:
            size = result.content_length or 0
            listed = Listed(name, _version(result.etag), size, _utc(result.last_modified))
            if size > LARGEST_RECORD:
                return Unreadable(listed, f"It has {size} bytes, more than any record.")
            content: bytes = stream.content
        try:
            return Record(listed, FailedEvent.read(content))
        except InvalidFailureRecord as error:
            return Unreadable(listed, str(error))

    def _key(self, name: str) -> str:
        return f"{self.place.prefix}/{name}"

    def _listing(self) -> Call:
        bucket = self.place.bucket
        resource = f"acs:oss:*:{self._account_id}:{bucket}"
        return Call("OSS", "ListObjectsV2", f"bucket {bucket}", resource, "oss:ListObjects", LISTED_IN)

    def _call(self, action: str, name: str, needs: str = "") -> Call:
        resource = f"acs:oss:*:{self._account_id}:{self.place.bucket}/{self.place.prefix}/*"
        return Call("OSS", action, self.uri(name), resource, needs, LISTED_IN)


def _version(etag: str | None) -> str:
    return (etag or "").strip('"')


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
