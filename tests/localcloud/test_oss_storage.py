"""What the object storage keeps: across restarts, while bodies stream, and after uploads that break off."""

from __future__ import annotations

import itertools
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests

from tests.localcloud.oss_signing import Signed, sign, sign_form
from tests.localcloud.oss_world import (
    BUCKET,
    MEBIBYTE,
    OWNER,
    Oss,
    ask,
    get,
    object_storage,
    official_client,
    put,
    set_tags,
    tags_of,
)
from tests.waiting import until


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    video, archived, log, large = "视频/a.mp4", "archived.mp4", "a.log", "large.mp4"
    with object_storage(tmp_path / "state") as before, official_client(before) as client:
        put(client, video, b"a video", content_type="video/mp4", metadata={"owner": "team-a"})
        set_tags(client, video, [("b", "2"), ("a", "")])
        put(client, archived, b"an archived video", storage_class="Archive")
        ask(client, "restore_object", key=archived)
        ask(client, "append_object", key=log, position=0, body=b"one")
        upload_id = ask(client, "initiate_multipart_upload", key=large, tagging="team=a").upload_id
        ask(client, "upload_part", key=large, upload_id=upload_id, part_number=1, body=b"a large video")
        expiration = oss.LifecycleRuleExpiration(days=1)
        rules = [oss.LifecycleRule(prefix="", status="Enabled", expiration=expiration)]
        configuration = oss.LifecycleConfiguration(rules=rules)
        ask(client, "put_bucket_lifecycle", lifecycle_configuration=configuration)
        before_info = before.storage.stat(BUCKET, video)
        (tmp_path / "state" / "objects" / "left-behind.part").write_bytes(b"half a video")
    with object_storage(tmp_path / "state", bucket=None) as after, official_client(after) as client:
        assert after.storage.stat(BUCKET, video) == before_info
        assert (get(client, video), tags_of(client, video)) == (b"a video", [("b", "2"), ("a", "")])
        assert [bucket.name for bucket in ask(client, "list_buckets").buckets] == [BUCKET]
        # And nothing is left that never became anything.
        assert len(after.bodies) == 4
        after.clock.advance(60)
        assert get(client, archived) == b"an archived video"
        ask(client, "append_object", key=log, position=3, body=b" two")
        assert get(client, log) == b"one two"
        ask(client, "complete_multipart_upload", key=large, upload_id=upload_id, complete_all="yes")
        assert (get(client, large), tags_of(client, large)) == (b"a large video", [("team", "a")])
        after.clock.advance(2 * 24 * 3600)
        assert len(after.storage.carry_out_lifecycle(BUCKET)) == 4


def chunks(count: int) -> Iterator[bytes]:
    """A body of so many MiB, of which only one exists at a time."""
    chunk = bytes(range(256)) * 4096
    return (chunk for _ in range(count))


def send_whole(cloud: Oss, client: oss.Client) -> None:
    put(client, "large.mp4", chunks(48))


def send_in_parts(cloud: Oss, client: oss.Client) -> None:
    upload_id = ask(client, "initiate_multipart_upload", key="large.mp4").upload_id
    of_upload = {"key": "large.mp4", "upload_id": upload_id}
    for number in (1, 2):
        ask(client, "upload_part", part_number=number, body=chunks(24), **of_upload)
    ask(client, "complete_multipart_upload", complete_all="yes", **of_upload)


def send_by_form(cloud: Oss, client: oss.Client) -> None:
    policy = {"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": BUCKET}]}
    fields = {"key": "large.mp4", **sign_form(OWNER, policy)}
    frame, content_type = requests.models.RequestEncodingMixin._encode_files({"file": ("a", b"@")}, fields)
    head, tail = frame.split(b"\r\n\r\n@")
    body = itertools.chain([head + b"\r\n\r\n"], chunks(48), [tail])
    with requests.Session() as session:
        session.trust_env = False
        url, headers = f"{cloud.base_url}/{BUCKET}/", {"content-type": content_type}
        assert session.post(url, data=body, headers=headers, timeout=60).status_code == 204


@pytest.mark.parametrize("send", [send_whole, send_in_parts, send_by_form])
def test_a_large_body_never_sits_in_memory(
    cloud: Oss, client: oss.Client, send: Callable[[Oss, oss.Client], None]
) -> None:
    tracemalloc.start()
    try:
        send(cloud, client)
        read = ask(client, "get_object", key="large.mp4")
        with read.body as stream:
            received = stream.iter_bytes(block_size=MEBIBYTE)
            assert all(one == other for one, other in zip(received, chunks(48), strict=True))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Client and server together held a fraction of it.
    assert (read.content_length, peak < 16 * MEBIBYTE) == (48 * MEBIBYTE, True)


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
        head = request_head(sign(OWNER, "PUT", BUCKET, "a.mp4"), cloud.address, 9000)
        connection.sendall(head + bytes(5000))
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
    read = ask(client, "get_object", key="a.mp4")
    with read.body as stream:
        parts = stream.iter_bytes(block_size=MEBIBYTE)
        received = next(parts)
        put(client, "a.mp4", new)
        received += b"".join(parts)
    assert received == old
    assert get(client, "a.mp4") == new


@contextmanager
def slow_upload(client: oss.Client, outcomes: list[str], **fields: Any) -> Iterator[None]:
    """An upload that has begun when the block begins, and goes on at its end; with its outcome."""
    begun, finish = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield b"slow "
        begun.set()
        assert finish.wait(30)
        yield b"video"

    def upload() -> None:
        try:
            put(client, "a.mp4", body(), **fields)
            outcomes.append("done")
        except oss.exceptions.OperationError as error:
            outcomes.append(str(error.unwrap().code))

    uploading = threading.Thread(target=upload)
    uploading.start()
    assert begun.wait(30)
    try:
        yield
    finally:
        finish.set()
        uploading.join()


def test_the_later_of_two_uploads_stays(cloud: Oss, client: oss.Client) -> None:
    outcomes: list[str] = []
    with official_client(cloud) as other:
        with slow_upload(client, outcomes):
            put(other, "a.mp4", b"quick video")
            assert get(other, "a.mp4") == b"quick video"
        assert (outcomes, get(other, "a.mp4")) == (["done"], b"slow video")
    assert len(cloud.bodies) == 1


@pytest.mark.parametrize(
    ("meanwhile", "code"), [("put_object", "FileAlreadyExists"), ("delete_bucket", "NoSuchBucket")]
)
def test_an_upload_is_checked_when_it_is_complete(
    cloud: Oss, client: oss.Client, meanwhile: str, code: str
) -> None:
    outcomes: list[str] = []
    fields = {"key": "a.mp4", "body": b"quick video"} if meanwhile == "put_object" else {}
    with official_client(cloud) as other, slow_upload(client, outcomes, forbid_overwrite=True):
        ask(other, meanwhile, **fields)
    assert (outcomes, len(cloud.bodies)) == ([code], len(fields) // 2)


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
    for read_or_head in (witness.get_object, witness.head_object):
        with pytest.raises(oss2.exceptions.NoSuchKey) as caught:
            read_or_head("none")
        assert caught.value.ec == "0026-00000001"
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        witness.get_object("b.mp4", headers={"If-Match": "another"})
    with pytest.raises(oss2.exceptions.NotModified):
        witness.get_object("b.mp4", headers={"If-None-Match": written.etag})
    witness.delete_object("b.mp4")
    assert witness.delete_object("b.mp4").status == 204
