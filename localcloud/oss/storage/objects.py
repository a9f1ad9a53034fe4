"""Buckets and objects at rest: what is known of them in SQLite, their bodies as files.

A replacement of an object has another body, and copies share one. Sources: help.aliyun.com, OSS "Object
naming conventions", "Overview of storage classes" and the pages of the EC numbers 0016-0000000x.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO

from localcloud.clock import Clock
from localcloud.database import Database, StateInaccessible
from localcloud.oss.protocol import errors
from localcloud.oss.storage.bodies import Body, BodyFiles, IncomingBody
from localcloud.oss.storage.tags import Tag, TagSet

USER_METADATA_PREFIX = "x-oss-meta-"
OBJECT_TYPE = "x-oss-object-type"
OBJECT_ACL = "x-oss-object-acl"
RESTORATION = "x-oss-restore"
NORMAL = "Normal"
MULTIPART = "Multipart"
APPENDABLE = "Appendable"
SYMLINK = "Symlink"
SYMLINK_TARGET = "x-oss-symlink-target"
STORAGE_CLASS = "x-oss-storage-class"
STANDARD = "Standard"
# From the warmest to the coldest.
STORAGE_CLASSES = (STANDARD, "IA", "Archive", "ColdArchive", "DeepColdArchive")
# Of an object, beside its metadata.
KEPT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
MAX_KEY_BYTES = 1023

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS oss_buckets (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS oss_objects (
    bucket TEXT NOT NULL REFERENCES oss_buckets (name),
    key BLOB NOT NULL,
    body TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    crc64 TEXT NOT NULL,
    headers TEXT NOT NULL,
    tags TEXT NOT NULL,
    modified INTEGER NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS oss_configurations (
    bucket TEXT NOT NULL REFERENCES oss_buckets (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS oss_objects_by_body ON oss_objects (body);
"""


def check_bucket_name(name: str) -> None:
    """3 to 63 lower-case letters, digits and inner hyphens; raises OssError."""
    if not _BUCKET_NAME.fullmatch(name):
        raise errors.INVALID_BUCKET_NAME(BucketName=name)


def check_object_name(raw_key: bytes) -> None:
    """1 to 1023 bytes of UTF-8 that do not begin with a slash or backslash; raises OssError."""
    key, message, ec = raw_key.decode("utf-8", "replace"), "The specified object is not valid.", ""
    if raw_key.startswith((b"/", b"\\")):
        ec = "0016-00000005"
    elif len(raw_key) > MAX_KEY_BYTES:
        message = f"The length of object name must be less than {MAX_KEY_BYTES + 1}."
        ec = "0016-00000002"
    elif key.encode() != raw_key:
        ec = "0016-00000002"
    if ec:
        raise errors.OssError(400, "InvalidObjectName", message, ec, {"ObjectName": key})


def read_storage_class(name: str) -> str:
    """A storage class that a request asks for; raises OssError for one that there is not."""
    if name not in STORAGE_CLASSES:
        raise errors.invalid_argument(STORAGE_CLASS, name, "The storage class you specified is not valid.")
    return name


@dataclass(frozen=True)
class Bucket:
    """A bucket, when it was made, and the storage class of what is written to it."""

    name: str
    created: datetime
    storage_class: str


@dataclass(frozen=True)
class Configuration:
    """Something that a bucket's owner has set up, in its own form, and when."""

    document: str
    created: datetime


@dataclass(frozen=True)
class ObjectInfo:
    """What OSS knows of an object; ``etag`` is without quotes.

    It is the MD5 of the body in upper-case hexadecimal digits, if the object was written in one piece.
    ``headers`` are those that come back with the object, among them Content-Type and the user metadata.
    """

    bucket: str
    key: str
    size: int
    etag: str
    crc64: str
    last_modified: datetime
    headers: Mapping[str, str]
    tags: TagSet
    body: str

    @property
    def object_type(self) -> str:
        """How it was written: ``Normal``, ``Multipart``, ``Appendable`` or ``Symlink``."""
        return self.headers.get(OBJECT_TYPE, NORMAL)

    @property
    def md5(self) -> str | None:
        """The body's MD5, known where it was written in one piece; a link does not tell its target's."""
        return None if self.object_type in (APPENDABLE, SYMLINK) or "-" in self.etag else self.etag

    @property
    def storage_class(self) -> str:
        """The object's storage class."""
        return self.headers.get(STORAGE_CLASS, STANDARD)

    @property
    def metadata(self) -> dict[str, str]:
        """The user metadata, without the prefix of its headers."""
        return {
            name[len(USER_METADATA_PREFIX) :]: value
            for name, value in self.headers.items()
            if name.startswith(USER_METADATA_PREFIX)
        }


@dataclass(frozen=True)
class Draft:
    """An object that is to be written: all but its body."""

    bucket: str
    key: str
    headers: Mapping[str, str]
    tags: TagSet
    forbid_overwrite: bool


class ObjectStore:
    """Every bucket and object of the account."""

    def __init__(self, database: Database, files: BodyFiles, clock: Clock) -> None:
        self._database = database
        self._files = files
        self._clock = clock
        database.create(_SCHEMA)

    def create_bucket(self, name: str, storage_class: str = STANDARD) -> None:
        """Make a bucket; one that exists stays as it is."""
        with self._database.transaction():
            added = self._database.execute(
                "INSERT OR IGNORE INTO oss_buckets VALUES (?, ?)", (name, self._now())
            )
            if added and storage_class != STANDARD:
                self.configure(name, STORAGE_CLASS, storage_class)

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket; raises OssError where it has objects."""
        if self._database.one("SELECT 1 FROM oss_objects WHERE bucket = ?", (name,)):
            raise errors.BUCKET_NOT_EMPTY(BucketName=name)
        self._database.execute("DELETE FROM oss_buckets WHERE name = ?", (name,))

    def has_bucket(self, name: str) -> bool:
        """Whether there is such a bucket."""
        return self._database.one("SELECT 1 FROM oss_buckets WHERE name = ?", (name,)) is not None

    def bucket(self, name: str) -> Bucket:
        """A bucket; raises OssError where there is none of that name."""
        row = self._database.one("SELECT * FROM oss_buckets WHERE name = ?", (name,))
        if row is None:
            raise errors.NO_SUCH_BUCKET(BucketName=name)
        return self._bucket(row)

    def buckets(self) -> list[Bucket]:
        """Every bucket in the order of their names."""
        return [self._bucket(row) for row in self._database.all("SELECT * FROM oss_buckets ORDER BY name")]

    def find(self, bucket: str, key: str) -> ObjectInfo | None:
        """An object, if there is one."""
        row = self._database.one(
            "SELECT * FROM oss_objects WHERE bucket = ? AND key = ?", (bucket, key.encode())
        )
        return _object(row) if row else None

    def get(self, bucket: str, key: str) -> ObjectInfo:
        """An object; raises OssError where there is none."""
        found = self.find(bucket, key)
        if found is None:
            raise errors.NO_SUCH_KEY(Key=key)
        return found

    def first_from(self, bucket: str, floor: bytes) -> ObjectInfo | None:
        """The first object whose key is not less than a key, in the order of their bytes."""
        row = self._database.one(
            "SELECT * FROM oss_objects WHERE bucket = ? AND key >= ? ORDER BY key LIMIT 1", (bucket, floor)
        )
        return _object(row) if row else None

    def objects(self, bucket: str) -> Iterator[ObjectInfo]:
        """Every object of a bucket, in the order of their keys' bytes."""
        rows = self._database.all("SELECT * FROM oss_objects WHERE bucket = ? ORDER BY key", (bucket,))
        return map(_object, rows)

    def open(self, info: ObjectInfo) -> BinaryIO:
        """An object's body; raises StateInaccessible."""
        return self._files.open(info.body)

    def receive(self) -> AbstractContextManager[IncomingBody]:
        """Begin a body, which is gone at the end unless it was put."""
        return self._files.receive()

    def bodies(self) -> set[str]:
        """The names of every body that objects have."""
        return {row["body"] for row in self._database.all("SELECT DISTINCT body FROM oss_objects")}

    def check(self, draft: Draft) -> None:
        """Make sure that a draft may be written now; raises OssError."""
        self.bucket(draft.bucket)
        if draft.forbid_overwrite and self.find(draft.bucket, draft.key):
            raise errors.FILE_ALREADY_EXISTS(Key=draft.key)

    def put(self, draft: Draft, body: Body) -> ObjectInfo:
        """Make a body an object, in the place of any other; raises OssError as ``check`` does.

        A body that does not become one is removed.
        """
        try:
            self.check(draft)
            return self._write(draft, body)
        except (errors.OssError, StateInaccessible):
            self._discard(body.file)
            raise

    def copy(self, draft: Draft, source: ObjectInfo) -> ObjectInfo:
        """Make an object of another's body; raises OssError as ``check`` does."""
        self.check(draft)
        return self._write(draft, Body(source.body, source.size, source.etag, source.crc64))

    def set_tags(self, bucket: str, key: str, tags: TagSet) -> None:
        """Replace an object's tags and nothing else; raises OssError where there is no object."""
        changed = self._database.execute(
            "UPDATE oss_objects SET tags = ? WHERE bucket = ? AND key = ?",
            (json.dumps(tags), bucket, key.encode()),
        )
        if not changed:
            raise errors.NO_SUCH_KEY(Key=key)

    def set_header(self, info: ObjectInfo, name: str, value: str) -> None:
        """Give an object another header, or its class or ACL; its Last-Modified does not change."""
        self._database.execute(
            "UPDATE oss_objects SET headers = ? WHERE bucket = ? AND key = ?",
            (json.dumps({**info.headers, name: value}), info.bucket, info.key.encode()),
        )

    def configuration(self, bucket: str, name: str) -> Configuration | None:
        """What is set up of a bucket under a name, if anything."""
        row = self._database.one(
            "SELECT * FROM oss_configurations WHERE bucket = ? AND name = ?", (bucket, name)
        )
        return None if row is None else Configuration(row["document"], moment(row["created"]))

    def configure(self, bucket: str, name: str, document: str) -> None:
        """Set something up of a bucket, in the place of what was there."""
        self._database.execute(
            "INSERT OR REPLACE INTO oss_configurations VALUES (?, ?, ?, ?)",
            (bucket, name, document, self._now()),
        )

    def unconfigure(self, bucket: str, name: str) -> None:
        """Undo what is set up of a bucket, if anything."""
        self._database.execute("DELETE FROM oss_configurations WHERE bucket = ? AND name = ?", (bucket, name))

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object, if there is one."""
        found = self.find(bucket, key)
        if found:
            self._database.execute(
                "DELETE FROM oss_objects WHERE bucket = ? AND key = ?", (bucket, key.encode())
            )
            self._discard(found.body)

    def _write(self, draft: Draft, body: Body) -> ObjectInfo:
        replaced = self.find(draft.bucket, draft.key)
        headers, tags = json.dumps(dict(draft.headers)), json.dumps(draft.tags)
        self._database.execute(
            "INSERT OR REPLACE INTO oss_objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (draft.bucket, draft.key.encode(), *body, headers, tags, self._now()),
        )
        if replaced:
            self._discard(replaced.body)
        return self.get(draft.bucket, draft.key)

    def _discard(self, body: str) -> None:
        if not self._database.one("SELECT 1 FROM oss_objects WHERE body = ?", (body,)):
            self._files.remove(body)

    def _bucket(self, row: sqlite3.Row) -> Bucket:
        configured = self.configuration(row["name"], STORAGE_CLASS)
        storage_class = configured.document if configured else STANDARD
        return Bucket(row["name"], moment(row["created"]), storage_class)

    def _now(self) -> int:
        # OSS keeps whole seconds.
        return int(self._clock.now().timestamp())


def _object(row: sqlite3.Row) -> ObjectInfo:
    return ObjectInfo(
        bucket=row["bucket"],
        key=row["key"].decode(),
        size=row["size"],
        etag=row["md5"],
        crc64=row["crc64"],
        last_modified=moment(row["modified"]),
        headers=json.loads(row["headers"]),
        tags=tuple(Tag(key, value) for key, value in json.loads(row["tags"])),
        body=row["body"],
    )


def moment(seconds: int) -> datetime:
    """A time as the database keeps it: OSS knows whole seconds."""
    return datetime.fromtimestamp(seconds, timezone.utc)
