"""What the object storage keeps: across restarts, while bodies stream, and after uploads that break off."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from tests.localcloud.oss_signing import Signed, sign
from tests.localcloud.oss_world import (
    BUCKET,
    OWNER,
    Oss,
    StartOss,
    get,
    official_client,
    put,
    refusal,
    set_tags,
    tags_of,
)
from tests.localcloud.serving import until

pytest_plugins = ["tests.localcloud.oss_fixtures"]

MEBIBYTE = 1024 * 1024


def test_everything_survives_a_restart(start_oss: StartOss, tmp_path: Path) -> None:
    with start_oss(tmp_path / "state") as before, official_client(before) as client:
        put(client, "视频/a.mp4", b"a video", content_type="video/mp4", metadata={"owner": "team-a"})
        set_tags(client, "视频/a.mp4", [("b", "2"), ("a", "")])
        before_info = before.storage.stat(BUCKET, "视频/a.mp4")
        (before.bodies[0].parent / "left-behind.part").write_bytes(b"half a video")
    with start_oss(tmp_path / "state", bucket=None) as after, official_client(after) as client:
        assert after.storage.stat(BUCKET, "视频/a.mp4") == before_info
        assert get(client, "视频/a.mp4") == b"a video"
        assert tags_of(client, "视频/a.mp4") == [("b", "2"), ("a", "")]
        assert [bucket.name for bucket in client.list_buckets(oss.ListBucketsRequest()).buckets] == [BUCKET]
        assert len(after.bodies) == 1


def test_a_large_body_never_sits_in_memory(cloud: Oss, client: oss.Client) -> None:
    # Given a body of 64 MiB of which only one MiB exists at a time.
    chunk, count = bytes(range(256)) * 4096, 64

    def body() -> Iterator[bytes]:
        for _ in range(count):
            yield chunk

    tracemalloc.start()
    try:
        put(client, "large.mp4", body())
        read = client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="large.mp4"))
        with read.body as stream:
            assert all(part == chunk for part in stream.iter_bytes(block_size=len(chunk)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    info = cloud.storage.stat(BUCKET, "large.mp4")
    assert info is not None
    assert info.size == read.content_length == count * len(chunk)
    # Then client and server together held a fraction of it.
    assert peak < 16 * MEBIBYTE


def request_head(request: Signed, address: str, length: int) -> bytes:
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {address}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def connect(cloud: Oss) -> socket.socket:
    host, port = cloud.address.split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_nothing_is_left_of_an_upload_that_breaks_off(cloud: Oss, client: oss.Client) -> None:
    put(client, "a.mp4", b"the old video")
    kept = cloud.bodies
    with connect(cloud) as connection:
        connection.sendall(request_head(sign(OWNER, "PUT", BUCKET, "a.mp4"), cloud.address, 1000) + b"half")
        # When the client goes after the upload has begun.
        until(lambda: len(cloud.bodies) == 2)
    assert [call.status for call in cloud.calls("PutObject")] == [200, None]
    assert (cloud.bodies, get(client, "a.mp4")) == (kept, b"the old video")


def test_a_client_that_goes_ends_its_download(cloud: Oss, client: oss.Client) -> None:
    put(client, "large.mp4", bytes(64 * MEBIBYTE))
    with connect(cloud) as connection:
        connection.sendall(request_head(sign(OWNER, "GET", BUCKET, "large.mp4"), cloud.address, 0))
        assert connection.recv(9) == b"HTTP/1.1 "
    assert len(cloud.calls("GetObject")) == 1


def test_a_download_is_not_disturbed_by_a_new_version(cloud: Oss, client: oss.Client) -> None:
    old, new = b"o" * 8 * MEBIBYTE, b"n" * 8 * MEBIBYTE
    put(client, "a.mp4", old)
    read = client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="a.mp4"))
    with read.body as stream:
        parts = stream.iter_bytes(block_size=MEBIBYTE)
        received = next(parts)
        put(client, "a.mp4", new)
        received += b"".join(parts)
    assert received == old
    assert get(client, "a.mp4") == new


def test_the_later_of_two_uploads_stays(cloud: Oss, client: oss.Client) -> None:
    # Given an upload that has begun when another begins and ends.
    begun, finish = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"slow "
        begun.set()
        assert finish.wait(30)
        yield b"video"

    uploading = threading.Thread(target=put, args=(client, "a.mp4", slow()))
    uploading.start()
    assert begun.wait(30)
    with official_client(cloud) as other:
        put(other, "a.mp4", b"quick video")
        assert get(other, "a.mp4") == b"quick video"
        finish.set()
        uploading.join()
        assert get(other, "a.mp4") == b"slow video"
    assert len(cloud.bodies) == 1


@pytest.mark.parametrize("meanwhile", ["the object is made", "the bucket is deleted"])
def test_an_upload_is_checked_when_it_is_complete(cloud: Oss, client: oss.Client, meanwhile: str) -> None:
    begun, finish, errors = threading.Event(), threading.Event(), []

    def slow() -> Iterator[bytes]:
        yield b"slow "
        begun.set()
        assert finish.wait(30)
        yield b"video"

    def upload() -> None:
        errors.append(refusal(lambda: put(client, "a.mp4", slow(), forbid_overwrite=True)))

    uploading = threading.Thread(target=upload)
    uploading.start()
    assert begun.wait(30)
    with official_client(cloud) as other:
        if meanwhile == "the object is made":
            put(other, "a.mp4", b"quick video")
        else:
            other.delete_bucket(oss.DeleteBucketRequest(bucket=BUCKET))
        finish.set()
        uploading.join()
    expected = "FileAlreadyExists" if meanwhile == "the object is made" else "NoSuchBucket"
    assert [error.code for error in errors] == [expected]
    assert len(cloud.bodies) == (1 if meanwhile == "the object is made" else 0)


def test_the_independent_sdk_agrees(cloud: Oss, witness: oss2.Bucket) -> None:
    # It compares the server's CRC-64 with its own for both directions.
    body = bytes(range(256)) * 4096 * 3
    written = witness.put_object("视频/a b.mp4", body, headers={"x-oss-meta-owner": "team-a"})
    read = witness.get_object("视频/a b.mp4")
    assert read.read() == body
    assert (read.server_crc, read.client_crc) == (written.crc, written.crc)
    part = witness.get_object("视频/a b.mp4", byte_range=(100, 199))
    assert (part.status, part.read()) == (206, body[100:200])
    head = witness.head_object("视频/a b.mp4")
    assert (head.content_length, head.object_type, head.etag) == (len(body), "Normal", written.etag)
    assert witness.get_object_meta("视频/a b.mp4").content_length == len(body)
    assert witness.object_exists("视频/a b.mp4")
    assert not witness.object_exists("none")
    copied = witness.copy_object(BUCKET, "视频/a b.mp4", "b.mp4", headers={"x-oss-tagging-directive": "Copy"})
    assert copied.etag == written.etag
    for ask in (witness.get_object, witness.head_object):
        with pytest.raises(oss2.exceptions.NoSuchKey) as caught:
            ask("none")
        assert caught.value.ec == "0026-00000001"
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        witness.get_object("b.mp4", headers={"If-Match": "another"})
    with pytest.raises(oss2.exceptions.NotModified):
        witness.get_object("b.mp4", headers={"If-None-Match": written.etag})
    witness.delete_object("b.mp4")
    assert witness.delete_object("b.mp4").status == 204
