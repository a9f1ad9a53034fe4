"""Multipart uploads at rest: what each is to become, its parts, and the object that is made of them.

Sources: help.aliyun.com, "Multipart upload operations" and the pages of the EC numbers 0042-000002xx.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from weakref import WeakValueDictionary

from localcloud.clock import Clock
from localcloud.database import Database, StateInaccessible
from localcloud.oss.protocol import errors
from localcloud.oss.storage.bodies import Body, BodyFiles, IncomingBody
from localcloud.oss.storage.checksums import content_md5, joined_crc64, joined_etag
from localcloud.oss.storage.objects import (
    MULTIPART,
    OBJECT_TYPE,
    STORAGE_CLASS,
    Draft,
    ObjectInfo,
    ObjectStore,
    moment,
)
from localcloud.oss.storage.tags import Tag, TagSet

MIN_PART_BYTES = 100 * 1024
# In the database, the mark of a sequential upload among its headers.
_SEQUENTIAL = "sequential"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS oss_multipart_uploads (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES oss_buckets (name),
    key BLOB NOT NULL,
    headers TEXT NOT NULL,
    tags TEXT NOT NULL,
    initiated INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS oss_parts (
    upload TEXT NOT NULL REFERENCES oss_multipart_uploads (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    crc64 TEXT NOT NULL,
    modified INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class MultipartUpload:
    """An upload that has been initiated: ``headers`` and ``tags`` are those of the object to be.

    The parts of a ``sequential`` one come one after the other, and its object has a Content-MD5, as others
    have not.
    """

    upload_id: str
    bucket: str
    key: str
    headers: Mapping[str, str]
    tags: TagSet
    initiated: datetime
    sequential: bool

    @property
    def storage_class(self) -> str:
        """The storage class of the object to be."""
        return self.headers[STORAGE_CLASS]


@dataclass(frozen=True)
class Part:
    """A part that has been uploaded; ``etag`` is its MD5 in upper-case hexadecimal digits."""

    number: int
    size: int
    etag: str
    crc64: str
    last_modified: datetime
    body: str


class MultipartUploads:
    """The uploads of every bucket that were neither completed nor aborted."""

    def __init__(self, database: Database, objects: ObjectStore, files: BodyFiles, clock: Clock) -> None:
        self._database = database
        self._objects = objects
        self._files = files
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        database.create(_SCHEMA)

    def bodies(self) -> set[str]:
        """The names of every body that is a part."""
        return {row["body"] for row in self._database.all("SELECT body FROM oss_parts")}

    def initiate(self, draft: Draft, *, sequential: bool = False) -> MultipartUpload:
        """Begin an upload; raises OssError where the draft may not be written now."""
        self._objects.check(draft)
        # In the order of their IDs the uploads of a key are in that of their beginnings.
        upload_id = f"{int(self._clock.now().timestamp() * 1_000_000):014X}{secrets.token_hex(9).upper()}"
        headers = {**draft.headers, **({_SEQUENTIAL: ""} if sequential else {})}
        self._database.execute(
            "INSERT INTO oss_multipart_uploads VALUES (?, ?, ?, ?, ?, ?)",
            (
                upload_id,
                draft.bucket,
                draft.key.encode(),
                json.dumps(headers),
                json.dumps(draft.tags),
                self._now(),
            ),
        )
        return self.get(draft.bucket, draft.key, upload_id)

    def get(self, bucket: str, key: str, upload_id: str) -> MultipartUpload:
        """The upload of an object; raises OssError where there is none of that ID."""
        row = self._database.one(
            "SELECT * FROM oss_multipart_uploads WHERE id = ? AND bucket = ? AND key = ?",
            (upload_id, bucket, key.encode()),
        )
        if row is None:
            raise errors.NO_SUCH_UPLOAD(UploadId=upload_id)
        return _upload(row)

    def all(self, bucket: str) -> list[MultipartUpload]:
        """Every upload of a bucket, in the order of the keys' bytes and the IDs."""
        statement = "SELECT * FROM oss_multipart_uploads WHERE bucket = ? ORDER BY key, id"
        return [_upload(row) for row in self._database.all(statement, (bucket,))]

    def parts(self, upload: MultipartUpload) -> list[Part]:
        """What has been uploaded so far, in the order of the numbers."""
        statement = "SELECT * FROM oss_parts WHERE upload = ? ORDER BY number"
        return [_part(row) for row in self._database.all(statement, (upload.upload_id,))]

    def check_sequence(self, upload: MultipartUpload, number: int) -> None:
        """Raise OssError for a part of a sequential upload whose turn it is not."""
        last = max((part.number for part in self.parts(upload)), default=0)
        if upload.sequential and number not in (last, last + 1):
            raise errors.PART_NOT_SEQUENTIAL(PartNumber=number, UploadId=upload.upload_id)

    async def put_part(self, upload: MultipartUpload, number: int, incoming: IncomingBody) -> Part:
        """Make a body a part, in the place of another of its number; raises OssError."""
        async with self._alone(upload):
            body, now = incoming.keep(), self._now()
            replaced = [old.body for old in self.parts(upload) if old.number == number]
            try:
                self._database.execute(
                    "INSERT OR REPLACE INTO oss_parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (upload.upload_id, number, *body, now),
                )
            except StateInaccessible:
                self._files.remove(body.file)
                raise
            for old in replaced:
                self._files.remove(old)
            return Part(number, body.size, body.etag, body.crc64, moment(now), body.file)

    async def abort(self, upload: MultipartUpload) -> None:
        """Forget an upload and its parts; raises OssError where it has ended meanwhile."""
        async with self._alone(upload):
            self.forget(upload)

    async def complete(
        self,
        upload: MultipartUpload,
        chosen: Sequence[tuple[int, str]] | None,
        headers: Mapping[str, str],
        *,
        forbid_overwrite: bool,
    ) -> ObjectInfo:
        """Make the object of the parts with these numbers and ETags, or of all; raises OssError.

        It has these headers beside those that the upload began with.
        The upload ends with the object in place: one that fails, or whose process is killed, stays as it was.
        """
        async with self._alone(upload):
            parts = self._chosen(upload, chosen)
            kept = {**upload.headers, **headers, OBJECT_TYPE: MULTIPART}
            draft = Draft(upload.bucket, upload.key, kept, upload.tags, forbid_overwrite)
            self._objects.check(draft)
            file = await asyncio.to_thread(self._files.join, [part.body for part in parts])
            if upload.sequential:
                digest = content_md5(await asyncio.to_thread(self._files.md5, file))
                draft = replace(draft, headers={**kept, "content-md5": digest})
            size, etag = sum(part.size for part in parts), joined_etag(part.etag for part in parts)
            crc64 = joined_crc64((part.crc64, part.size) for part in parts)
            info = self._objects.put(draft, Body(file, size, etag, crc64))
            self.forget(upload)
            return info

    def forget(self, upload: MultipartUpload) -> None:
        """Remove an upload and its parts, whoever is about to use them."""
        bodies = [part.body for part in self.parts(upload)]
        self._database.execute("DELETE FROM oss_multipart_uploads WHERE id = ?", (upload.upload_id,))
        for body in bodies:
            self._files.remove(body)

    def _chosen(self, upload: MultipartUpload, chosen: Sequence[tuple[int, str]] | None) -> list[Part]:
        uploaded = {part.number: part for part in self.parts(upload)}
        if chosen is None:
            chosen = [(part.number, part.etag) for part in uploaded.values()]
        for number, etag in chosen:
            if number not in uploaded or uploaded[number].etag != etag:
                raise errors.INVALID_PART(PartNumber=number, ETag=etag, UploadId=upload.upload_id)
        parts = [uploaded[number] for number, _ in chosen]
        for part in parts[:-1]:
            if part.size < MIN_PART_BYTES:
                raise errors.PART_TOO_SMALL(
                    MinSizeAllowed=MIN_PART_BYTES, ProposedSize=part.size, PartNumber=part.number
                )
        return parts

    @asynccontextmanager
    async def _alone(self, upload: MultipartUpload) -> AsyncIterator[None]:
        """One request at a time ends an upload or changes its parts, and the upload is there."""
        async with self._locks.setdefault(upload.upload_id, asyncio.Lock()):
            self.get(upload.bucket, upload.key, upload.upload_id)
            yield

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _upload(row: sqlite3.Row) -> MultipartUpload:
    headers = json.loads(row["headers"])
    sequential = headers.pop(_SEQUENTIAL, None) is not None
    return MultipartUpload(
        upload_id=row["id"],
        bucket=row["bucket"],
        key=row["key"].decode(),
        headers=headers,
        tags=tuple(Tag(key, value) for key, value in json.loads(row["tags"])),
        initiated=moment(row["initiated"]),
        sequential=sequential,
    )


def _part(row: sqlite3.Row) -> Part:
    return Part(row["number"], row["size"], row["md5"], row["crc64"], moment(row["modified"]), row["body"])
