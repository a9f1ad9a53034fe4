"""The objects that an inventory of OSS lists, which spares listing a bucket of many millions.

Source: help.aliyun.com, "Bucket inventory": a manifest names gzipped CSV files without a header, whose
columns are those of its ``fileSchema``; keys are URL-encoded; the list is as old as its scan.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple
from urllib.parse import unquote, unquote_plus

import alibabacloud_oss_v2 as oss

from cli.cloud.objects import Objects, patiently
from cli.problems import Problem
from cli.submission.objects import ListedObject, addressable
from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.target import ObjectHead, TargetObject

_NEEDED = ("Bucket", "Key", "Size", "ETag", "LastModifiedDate")
_TIMES = ("%Y-%m-%dT%H-%M-%SZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")
# Only incremental inventories have it: what has happened within ten minutes, deletions too.
_OF_CHANGES = "RecordType"


class InventoryUnusable(Problem):
    """An inventory is not what backfill can read."""


class _File(NamedTuple):
    place: TargetObject
    size: int


class _Manifest(NamedTuple):
    columns: Sequence[str]
    files: Sequence[_File]


class InventoryObjects:
    """The newest versions of the objects that an inventory lists, given its ``oss://.../manifest.json``.

    Raises InventoryUnusable and CallFailed while they are gone through.
    """

    def __init__(self, objects: Objects, manifest_uri: str, prefix: str) -> None:
        self._objects = objects
        self._uri = manifest_uri
        self._prefix = prefix
        self._read = 0
        self._size = 0

    def __iter__(self) -> Iterator[ListedObject]:
        manifest = self._manifest()
        self._size = sum(file.size for file in manifest.files)
        before = 0
        for file in manifest.files:
            # On the disk: nobody keeps a connection open for as long as its objects take.
            with TemporaryFile() as content:
                self._fetch(file.place, content)
                for row in self._rows(file.place, content):
                    self._read = before + min(content.tell(), file.size)
                    listed = self._listed(dict(zip(manifest.columns, row, strict=False)))
                    if listed is not None:
                        yield listed
            before += file.size

    def count(self) -> None:
        """Nothing: the manifest has the sizes of the files."""

    def total(self, found: int) -> int | None:
        """About how many there are, by the bytes that have been read."""
        return max(found, round(found * self._size / self._read)) if self._read else None

    def _manifest(self) -> _Manifest:
        try:
            place = TargetObject.from_uri(self._uri)
        except TargetUnknown as error:
            raise InventoryUnusable(str(error)) from None
        with TemporaryFile() as content:
            self._fetch(place, content)
            manifest = _read_manifest(content.read(), self._uri)
        missing = [name for name in _NEEDED if name not in manifest.columns]
        if _OF_CHANGES in manifest.columns:
            raise InventoryUnusable(
                f"The inventory {self._uri} is an incremental one, which lists changes and not objects: name "
                "the manifest of a full inventory."
            )
        if missing:
            raise InventoryUnusable(
                f"The inventory {self._uri} has no {', '.join(missing)}: configure it with the optional "
                "fields Size, ETag, LastModifiedDate and StorageClass."
            )
        return manifest._replace(
            files=[file._replace(place=file.place._replace(bucket=place.bucket)) for file in manifest.files]
        )

    def _fetch(self, place: TargetObject, file: IO[bytes]) -> None:
        def fetch() -> None:
            file.seek(0)
            file.truncate()
            request = oss.GetObjectRequest(bucket=place.bucket, key=place.key)
            with self._objects.client.get_object(request).body as body:
                for block in body.iter_bytes():
                    file.write(block)

        patiently(self._objects.call("GetObject", place), fetch)
        file.seek(0)

    def _rows(self, place: TargetObject, content: IO[bytes]) -> Iterator[list[str]]:
        try:
            with gzip.open(content, "rt", encoding="utf-8", newline="") as lines:
                yield from csv.reader(lines)
        except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
            raise InventoryUnusable(
                f"The file {place.uri} of the inventory {self._uri} is no gzipped CSV: it is damaged, or "
                f"encrypted by somebody else than OSS ({error})."
            ) from None

    def _listed(self, row: dict[str, str]) -> ListedObject | None:
        if row.get("IsDeleteMarker", "").lower() == "true" or row.get("IsLatest", "").lower() == "false":
            return None
        try:
            head = ObjectHead(
                etag=row["ETag"],
                size=int(row["Size"] or 0),
                written=_time(row["LastModifiedDate"]),
                storage_class=row.get("StorageClass") or "Standard",
            )
            bucket, key = row["Bucket"], row["Key"]
        except (KeyError, ValueError) as error:
            raise InventoryUnusable(f"A line of the inventory {self._uri} cannot be read: {error}.") from None
        # Which kind of URL-encoding it is, the documentation does not say: what exists decides. Both encode a
        # plus, so one that stands there is a space, unless this is a third kind.
        keys = [name for name in (unquote_plus(key), unquote(key)) if name.startswith(self._prefix)]
        return ListedObject(addressable(bucket, *keys), head, past=True) if keys else None


def _read_manifest(content: bytes, uri: str) -> _Manifest:
    try:
        manifest: dict[str, Any] = json.loads(content)
        columns = [column.strip() for column in manifest["fileSchema"].split(",")]
        files = [
            _File(TargetObject("", str(file["key"])), int(file.get("size") or 0))
            for file in manifest["files"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InventoryUnusable(
            f"{uri} is no manifest of an OSS inventory, which is named manifest.json."
        ) from None
    form = manifest.get("fileFormat", "CSV")
    if form != "CSV":
        raise InventoryUnusable(f"The inventory {uri} is {form}; only CSV can be read.")
    return _Manifest(columns, files)


def _time(text: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no time")
