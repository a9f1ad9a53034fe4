"""The objects of a bucket, one after the other: by listing it, or out of an inventory that OSS has made.

Nothing is kept of what was read: a bucket of any size takes the same memory. Sources: help.aliyun.com,
ListObjectsV2; "Bucket inventory" (the manifest, ``fileSchema``, and that keys in it are percent-encoded).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote

import alibabacloud_oss_v2 as oss

from cli.cloud.calls import Call, ask
from cli.problems import Problem
from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.target import TargetObject
from imm_label_tags.submission.selection import ObjectHead

LISTED_IN = "deploy/policies/backfill.json"
_PAGE = 1000
_NEEDED = ("Bucket", "Key", "Size", "ETag", "LastModifiedDate")
_TIMES = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H-%M-%SZ")


class InventoryUnusable(Problem):
    """An inventory is not what backfill can read."""


class ListedObject(NamedTuple):
    """An object; ``target`` is None for a name that cannot be addressed safely."""

    uri: str
    target: TargetObject | None
    head: ObjectHead


def listed(client: oss.Client, bucket: str, prefix: str) -> Iterator[ListedObject]:
    """The objects of a bucket whose keys begin with a prefix, in the order of their keys.

    Raises CallFailed.
    """
    call = Call("OSS", "ListObjectsV2", f"bucket {bucket}", bucket, "oss:ListObjects", LISTED_IN)
    token: str | None = None
    while True:
        request = oss.ListObjectsV2Request(
            bucket=bucket, prefix=prefix, max_keys=_PAGE, continuation_token=token, encoding_type="url"
        )
        page = ask(call, partial(client.list_objects_v2, request))
        for content in page.contents or []:
            head = ObjectHead(
                etag=content.etag or "",
                size=content.size or 0,
                written=_utc(content.last_modified),
                storage_class=content.storage_class or "Standard",
                restore=content.restore_info or "",
            )
            yield _object(bucket, content.key, head)
        token = page.next_continuation_token
        if not page.is_truncated or not token:
            return


def of_inventory(client: oss.Client, manifest_uri: str, prefix: str) -> Iterator[ListedObject]:
    """The objects that an inventory's files list, given its ``oss://…/manifest.json``.

    Raises InventoryUnusable and CallFailed.
    """
    place = TargetObject.from_uri(manifest_uri)
    manifest = _manifest(_read(client, place).read(), manifest_uri)
    columns = [column.strip() for column in manifest["fileSchema"].split(",")]
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise InventoryUnusable(
            f"The inventory {manifest_uri} has no {', '.join(missing)}: configure it with the optional "
            "fields Size, ETag, LastModifiedDate and StorageClass."
        )
    for file in manifest["files"]:
        body = _read(client, TargetObject(place.bucket, file["key"]))
        with gzip.open(body, "rt", encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                found = _of_row(dict(zip(columns, row, strict=False)), manifest_uri)
                if found is not None and found.uri.partition("://")[2].partition("/")[2].startswith(prefix):
                    yield found


def _of_row(row: dict[str, str], manifest_uri: str) -> ListedObject | None:
    if row.get("IsDeleteMarker", "").lower() == "true" or row.get("IsLatest", "").lower() == "false":
        return None
    try:
        head = ObjectHead(
            etag=row["ETag"],
            size=int(row["Size"] or 0),
            written=_time(row["LastModifiedDate"]),
            storage_class=row.get("StorageClass") or "Standard",
        )
    except (KeyError, ValueError) as error:
        raise InventoryUnusable(f"A line of the inventory {manifest_uri} cannot be read: {error}.") from None
    return _object(row["Bucket"], unquote(row["Key"]), head)


def _manifest(content: bytes, uri: str) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        schema, files = manifest["fileSchema"], [str(file["key"]) for file in manifest["files"]]
    except (ValueError, TypeError, KeyError):
        raise InventoryUnusable(f"{uri} is no manifest of an OSS inventory.") from None
    if manifest.get("fileFormat", "CSV") != "CSV":
        raise InventoryUnusable(f"The inventory {uri} is {manifest['fileFormat']}; only CSV can be read.")
    return {"fileSchema": str(schema), "files": [{"key": key} for key in files]}


def _read(client: oss.Client, place: TargetObject) -> io.BufferedReader:
    call = Call("OSS", "GetObject", place.uri, f"{place.bucket}/{place.key}", listed_in=LISTED_IN)
    result = ask(call, lambda: client.get_object(oss.GetObjectRequest(bucket=place.bucket, key=place.key)))
    return io.BufferedReader(_Body(result.body))


class _Body(io.RawIOBase):
    """An SDK's body as a file that is read in blocks."""

    def __init__(self, body: Any) -> None:
        self._blocks = body.iter_bytes()
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = block
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


def _object(bucket: str, key: str, head: ObjectHead) -> ListedObject:
    uri = f"oss://{bucket}/{key}"
    try:
        return ListedObject(uri, TargetObject.from_uri(uri), head)
    except TargetUnknown:
        return ListedObject(uri, None, head)


def _utc(moment: datetime | None) -> datetime:
    assert moment is not None, "OSS lists every object with its time"
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)


def _time(text: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no time")
