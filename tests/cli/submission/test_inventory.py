"""Inventories as OSS writes them, in place of a bucket."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

import alibabacloud_oss_v2 as oss
import pytest

from tests.cli.submission.runs import HOSTILE, NOT_ADDRESSED, backfill
from tests.cli.world import World

ALL_FIELDS = (
    *("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "ETag", "LastModifiedDate", "TaggingCount"),
    *("Size", "StorageClass", "ObjectType", "IsMultipartUploaded", "EncryptionStatus", "Crc64"),
)
FOLDER = "inventory/media/daily"
MANIFEST = f"{FOLDER}/2026-11-30T01-00Z/manifest.json"


class Inventory:
    """An inventory of a world's bucket; each row is changed by ``fields``."""

    def __init__(self, world: World, columns: Sequence[str] = ALL_FIELDS, folder: str = FOLDER) -> None:
        self._world = world
        self._folder = folder
        self._columns = columns
        self._files: list[dict[str, Any]] = []

    def row(self, key: str, encode: Any = quote, **fields: str) -> str:
        """An object as it is now."""
        info = self._world.cloud.call(self._world.cloud.objects.stat, self._world.bucket, key)
        assert info is not None
        values = {
            "Bucket": self._world.bucket,
            "Key": encode(key, safe=""),
            "VersionId": "CAEQ",
            "IsLatest": "true",
            "IsDeleteMarker": "false",
            "ETag": info.etag,
            "LastModifiedDate": info.last_modified.strftime("%Y-%m-%dT%H-%M-%SZ"),
            "TaggingCount": "0",
            "Size": str(info.size),
            "StorageClass": "Standard",
            "ObjectType": "Normal",
            "IsMultipartUploaded": "false",
            "EncryptionStatus": "false",
            "Crc64": "1",
            **fields,
        }
        first, *others = (values[column] for column in self._columns)
        # The bucket's name stands without quotes.
        return ",".join([first, *(f'"{value}"' for value in others)]) + "\n"

    def add(self, rows: Iterable[str]) -> None:
        """Another file with some rows."""
        self.add_file(gzip.compress("".join(rows).encode()))

    def add_file(self, content: bytes) -> None:
        key = f"{self._folder}/data/a1574226-{len(self._files)}.csv.gz"
        self._world.put(key, content=content)
        self._files.append({"key": key, "size": len(content), "MD5checksum": "F77449179760C3B13F1E76110F07"})

    def write(self, **fields: Any) -> str:
        """Write the manifest; returns its URI."""
        manifest = {
            "creationTimestamp": "1642994594",
            "destinationBucket": self._world.bucket,
            "fileFormat": "CSV",
            "fileSchema": ", ".join(self._columns),
            "files": self._files,
            "sourceBucket": self._world.bucket,
            "version": "2019-09-01",
            **fields,
        }
        key = f"{self._folder}/2026-11-30T01-00Z/manifest.json"
        self._world.put(key, content=json.dumps(manifest).encode())
        return self._world.uri(key)


def inventoried(world: World, *more: str) -> Any:
    return backfill(world, "--inventory", world.uri(MANIFEST), *more)


@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_every_name_of_every_file_is_found_whichever_way_it_is_encoded(world: World, encode: Any) -> None:
    # Given objects with all kinds of names, some of them with a plus and some with a space
    keys = [*HOSTILE, "videos/a b.mp4", "videos/a+b.mp4", "elsewhere/c.mp4"]
    for key in keys:
        world.put(key)
    inventory = Inventory(world)
    inventory.add(inventory.row(key, encode) for key in keys[:4])
    inventory.add(inventory.row(key, encode) for key in keys[4:])
    inventory.write()

    # When
    summary = inventoried(world, "--prefix", "videos/")

    # Then
    assert (summary["found"], summary["skipped"]["no_address"]) == (10, 2)
    expected = [key for key in keys if key.startswith("videos/") and key not in NOT_ADDRESSED]
    assert world.tasks() == {world.uri(key): 1 for key in expected}


@pytest.mark.parametrize("columns", [ALL_FIELDS[:2] + ALL_FIELDS[:1:-1], ("Bucket", "Key", *ALL_FIELDS[5:9])])
def test_fields_stand_in_the_order_of_the_schema(world: World, columns: Sequence[str]) -> None:
    world.put()
    inventory = Inventory(world, columns)
    inventory.add([inventory.row("videos/a.mp4")])
    inventory.write()
    assert inventoried(world)["submitted"] == 1


def test_versions_that_are_not_the_newest_and_delete_markers_count_as_none(world: World) -> None:
    world.put()
    inventory = Inventory(world)
    inventory.add(
        [
            inventory.row("videos/a.mp4", IsLatest="false", VersionId="1"),
            inventory.row("videos/a.mp4"),
            inventory.row("videos/a.mp4", Key="videos%2Fgone.mp4", IsDeleteMarker="true", Size="", ETag=""),
        ]
    )
    inventory.write()
    assert inventoried(world)["found"] == 1


def test_what_has_happened_since_the_inventory_counts(world: World) -> None:
    # Given an inventory of four objects
    keys = [f"videos/{name}.mp4" for name in ("same", "gone", "overwritten", "emptied")]
    for key in keys:
        world.put(key)
    inventory = Inventory(world)
    inventory.add(map(inventory.row, keys))
    inventory.write()

    # When one is deleted since, one overwritten and submitted at that, one is empty now
    world.oss().delete_object(oss.DeleteObjectRequest(bucket=world.bucket, key=keys[1]))
    world.put(keys[2], content=b"another video")
    assert world.json("submit", world.uri(keys[2]))["status"] == "submitted"
    world.put(keys[3], content=b"")

    # Then the first is submitted, and the others are not
    summary = inventoried(world)
    assert summary["submitted"] == 1
    assert summary["skipped"] == {"already_submitted": 1, "not_video": 1, "object_gone": 1}
    assert world.tasks() == {world.uri(keys[0]): 1, world.uri(keys[2]): 1}


def test_a_bucket_that_is_set_for_other_commands_does_not_stand_against_an_inventory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMM_LABEL_TAGS_BUCKET", world.bucket)
    world.put()
    inventory = Inventory(world)
    inventory.add([inventory.row("videos/a.mp4")])
    inventory.write()
    assert inventoried(world)["submitted"] == 1
    both = world.run(
        "backfill", "--yes", "--json", "--inventory", world.uri(MANIFEST), "--bucket", world.bucket
    )
    assert "either --bucket or --inventory" in both.stderr


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"{", "no manifest"),
        (b"[]", "no manifest"),
        (b'{"fileSchema": "Bucket, Key", "files": []}', "has no Size, ETag, LastModifiedDate"),
        (b'{"fileFormat": "ORC", "fileSchema": "Bucket", "files": []}', "is ORC; only CSV"),
        (b'{"fileFormat": "Parquet", "fileSchema": "Bucket", "files": []}', "is Parquet; only CSV"),
        (
            b'{"fileFormat": "CSV", "fileSchema": "Bucket, Key, SequenceNumber, RecordType", "files": []}',
            "incremental",
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_is_told(world: World, manifest: bytes, said: str) -> None:
    world.put("manifest.json", content=manifest)
    result = world.run("backfill", "--yes", "--json", "--inventory", world.uri("manifest.json"))
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x85o\x8f\xd7 encrypted by a client", "encrypted by somebody else than OSS"),
        (gzip.compress(b"", mtime=0)[:-4], "is damaged"),
        (gzip.compress(b'media,"videos%2Fa.mp4"\n', mtime=0), "A line of the inventory"),
        (
            gzip.compress(
                b"media,a.mp4,1,true,false,0C,yesterday,0,1,Standard,Normal,false,false,1\n", mtime=0
            ),
            "no time",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_creates_nothing(
    world: World, content: bytes, said: str
) -> None:
    inventory = Inventory(world)
    inventory.add_file(content)
    result = world.run("backfill", "--yes", "--json", "--inventory", inventory.write())
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert world.tasks() == {}


def test_a_file_that_is_gone_or_may_not_be_read_is_told(world: World) -> None:
    inventory = Inventory(world)
    inventory.add([])
    uri = inventory.write(files=[{"key": "inventory/none.csv.gz", "size": 1}])
    result = world.run("backfill", "--yes", "--json", "--inventory", uri)
    assert (result.exit_code, "inventory/none.csv.gz" in result.stderr) == (2, True)
