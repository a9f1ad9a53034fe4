"""Multipart uploads: from their beginning to the object, with the uploaders of both official SDKs."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.oss.service import ObjectCreated
from localcloud.oss.storage.checksums import Checksums, joined_crc64
from tests.localcloud.kept_cloud import KeptCloud, kept_cloud
from tests.localcloud.oss_signing import Answer
from tests.localcloud.oss_world import (
    BUCKET,
    MEBIBYTE,
    Oss,
    ask,
    get,
    head,
    official_client,
    put,
    refusal,
    tags_of,
)

KEY = "视频/a b.mp4"
LEAST = 100 * 1024


def video(size: int) -> bytes:
    return Random(size).randbytes(size)


def initiate(client: oss.Client, key: str = KEY, **fields: Any) -> str:
    return str(ask(client, "initiate_multipart_upload", key=key, **fields).upload_id)


def upload(client: oss.Client, upload_id: str, number: int, body: Any, **fields: Any) -> oss.UploadPart:
    of_part = {"key": KEY, "part_number": number, "upload_id": upload_id, "body": body}
    return oss.UploadPart(part_number=number, etag=ask(client, "upload_part", **of_part, **fields).etag)


def complete(client: oss.Client, upload_id: str, parts: list[oss.UploadPart] | None, **fields: Any) -> Any:
    listed = None if parts is None else oss.CompleteMultipartUpload(parts=parts)
    of_upload = {"key": KEY, "upload_id": upload_id, "complete_multipart_upload": listed}
    return ask(client, "complete_multipart_upload", **of_upload, **fields)


def abort(client: oss.Client, upload_id: str, key: str = KEY) -> None:
    ask(client, "abort_multipart_upload", key=key, upload_id=upload_id)


def parts_of(client: oss.Client, upload_id: str) -> Any:
    return ask(client, "list_parts", key=KEY, upload_id=upload_id)


def uploads_of(client: oss.Client, **fields: Any) -> Any:
    return ask(client, "list_multipart_uploads", **fields)


def listed(*parts: tuple[object, str]) -> bytes:
    """The body of CompleteMultipartUpload."""
    elements = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in parts
    )
    return f"<CompleteMultipartUpload>{elements}</CompleteMultipartUpload>".encode()


def test_parts_become_an_object_when_the_upload_is_complete(cloud: Oss, client: oss.Client) -> None:
    # Given an upload that says what the object is to have
    first, last = video(LEAST), b"the end"
    upload_id = initiate(
        client,
        content_type="video/mp4",
        metadata={"owner": "team-a"},
        tagging="team=a&imm=",
        storage_class="IA",
    )
    # When its parts come in any order, with gaps between their numbers
    parts = [upload(client, upload_id, 7, last), upload(client, upload_id, 2, first)]
    assert cloud.storage.stat(BUCKET, KEY) is None
    completed = complete(client, upload_id, list(reversed(parts)))
    # Then the object is there, with all of it
    assert (completed.bucket, completed.key) == (BUCKET, KEY)
    assert completed.location.startswith("http://media.")
    assert completed.location.endswith(quote(KEY))
    told = head(client, KEY)
    assert (told.content_type, told.metadata, told.storage_class) == ("video/mp4", {"owner": "team-a"}, "IA")
    assert (told.object_type, told.content_md5, told.content_length) == ("Multipart", None, LEAST + 7)
    assert (told.etag, told.hash_crc64) == (completed.etag, completed.hash_crc64)
    assert (completed.etag.strip('"')[-2:], len(completed.etag)) == ("-2", 36)
    assert get(client, KEY) == first + last
    assert get(client, KEY, range_header=f"bytes={LEAST - 2}-{LEAST + 1}") == first[-2:] + b"th"
    assert tags_of(client, KEY) == [("team", "a"), ("imm", "")]
    listing = ask(client, "list_objects_v2").contents
    assert [(entry.object_type, entry.etag) for entry in listing] == [("Multipart", completed.etag)]
    # And neither the upload nor its parts are left
    assert refusal(parts_of, client, upload_id).code == "NoSuchUpload"
    assert len(cloud.bodies) == 1


def test_a_part_that_comes_again_takes_the_place_of_the_first(cloud: Oss, client: oss.Client) -> None:
    upload_id = initiate(client)
    upload(client, upload_id, 1, b"first")
    complete(client, upload_id, [upload(client, upload_id, 1, b"second")])
    assert (get(client, KEY), len(cloud.bodies)) == (b"second", 1)


def test_all_parts_are_taken_where_that_is_asked_for(cloud: Oss, client: oss.Client) -> None:
    upload_id, headers = initiate(client), {"x-oss-complete-all": "yes"}
    query = f"uploadId={upload_id}"
    assert cloud.refused("POST", KEY, query, headers=headers) == "InvalidPart"
    upload(client, upload_id, 3, b"end")
    upload(client, upload_id, 1, video(LEAST))
    assert cloud.refused("POST", KEY, query, headers=headers, body=listed((1, "E"))) == "InvalidArgument"
    complete(client, upload_id, None, complete_all="yes")
    assert get(client, KEY) == video(LEAST) + b"end"


def test_an_object_is_replaced_only_by_a_complete_upload(client: oss.Client) -> None:
    put(client, KEY, b"the old video", tagging="old=1")
    upload_id = initiate(client)
    part = upload(client, upload_id, 1, b"the new video")
    assert get(client, KEY) == b"the old video"
    error = refusal(complete, client, upload_id, [part], forbid_overwrite=True)
    assert (error.status_code, error.code) == (409, "FileAlreadyExists")
    assert refusal(initiate, client, forbid_overwrite=True).code == "FileAlreadyExists"
    complete(client, upload_id, [part])
    assert (get(client, KEY), tags_of(client, KEY)) == (b"the new video", [])


def test_an_upload_is_aborted_with_its_parts(cloud: Oss, client: oss.Client) -> None:
    put(client, KEY, b"the old video")
    upload_id = initiate(client)
    part = upload(client, upload_id, 1, b"half")
    abort(client, upload_id)
    for call in (
        partial(abort, client, upload_id),
        partial(parts_of, client, upload_id),
        partial(upload, client, upload_id, 2, b"more"),
        partial(complete, client, upload_id, [part]),
    ):
        error = refusal(call)
        assert (error.status_code, error.code, error.ec) == (404, "NoSuchUpload", "0017-00000244")
        assert error.error_fileds["UploadId"] == upload_id
    assert (get(client, KEY), len(cloud.bodies)) == (b"the old video", 1)


@pytest.mark.parametrize(
    ("bucket", "key", "query"),
    [
        (BUCKET, "b", "partNumber=1&uploadId=U"),
        ("another", KEY, "partNumber=1&uploadId=U"),
        (BUCKET, KEY, "partNumber=1"),
        (BUCKET, KEY, "partNumber=1&uploadId="),
    ],
)
def test_a_part_is_of_an_upload_of_its_object(
    cloud: Oss, client: oss.Client, bucket: str, key: str, query: str
) -> None:
    cloud.storage.create_bucket("another")
    answer = cloud.call("PUT", key, query.replace("U", initiate(client)), bucket=bucket, body=b"part")
    assert (answer.status, answer.error()["Code"]) == (404, "NoSuchUpload")


@pytest.mark.parametrize(
    ("query", "ec"),
    [
        ("partNumber=0&uploadId=U", "0017-00000220"),
        ("partNumber=10001&uploadId=U", "0017-00000220"),
        ("partNumber=one&uploadId=U", "0017-00000220"),
        ("uploadId=U", "0017-00000219"),
        ("partNumber&uploadId=U", "0017-00000219"),
    ],
)
def test_parts_have_numbers_from_1_to_10000(cloud: Oss, client: oss.Client, query: str, ec: str) -> None:
    answer = cloud.call("PUT", KEY, query.replace("U", initiate(client)), body=b"part")
    assert (answer.status, answer.error()["Code"], answer.error()["EC"]) == (400, "InvalidArgument", ec)


def test_a_part_that_came_damaged_is_refused(cloud: Oss, client: oss.Client) -> None:
    upload_id = initiate(client)
    error = refusal(upload, client, upload_id, 1, b"part", content_md5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert (error.status_code, error.code) == (400, "InvalidDigest")
    assert (parts_of(client, upload_id).parts, cloud.bodies) == (None, set())


def test_what_cannot_be_completed(cloud: Oss, client: oss.Client) -> None:
    # Given two short parts and a long one
    upload_id = initiate(client)
    etags = {n: upload(client, upload_id, n, video(size)).etag for n, size in ((1, 99), (2, LEAST), (3, 98))}
    too_small = {"EC": "0042-00000213", "ProposedSize": "99", "MinSizeAllowed": "102400"}
    for body, code, elements in [
        (listed((2, etags[2]), (1, etags[1])), "InvalidPartOrder", {"EC": "0042-00000209"}),
        (listed((2, etags[2]), (2, etags[2])), "InvalidPartOrder", {}),
        (listed((1, etags[1]), (2, etags[2])), "EntityTooSmall", too_small),
        (listed((2, etags[3])), "InvalidPart", {"PartNumber": "2", "UploadId": upload_id}),
        (listed((2, etags[2]), (4, etags[2])), "InvalidPart", {"PartNumber": "4"}),
        (listed((2, etags[2].lower())), "InvalidPart", {}),
        (listed((10001, etags[2])), "InvalidArgument", {}),
        (listed(("two", etags[2])), "InvalidArgument", {}),
        (listed(), "MalformedXML", {}),
        (b"", "MalformedXML", {}),
        (b"<Other/>", "MalformedXML", {}),
        (b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", "MalformedXML", {}),
    ]:
        refused = cloud.call("POST", KEY, f"uploadId={upload_id}", body=body)
        assert (refused.status, refused.error()["Code"]) == (400, code), body
        assert elements.items() <= refused.error().items()
    # Then the upload is still what it was, and the last part may be short
    complete(client, upload_id, [oss.UploadPart(part_number=n, etag=etags[n]) for n in (2, 3)])
    assert get(client, KEY) == video(LEAST) + video(98)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tagging": "a=b&a=c"}, "InvalidArgument"),
        ({"tagging": "a=%21"}, "InvalidTag"),
        ({"storage_class": "Warm"}, "InvalidArgument"),
        ({"metadata": {"a": "b" * 9000}}, "MetadataTooLarge"),
    ],
)
def test_what_the_object_cannot_have_is_refused_at_once(
    client: oss.Client, fields: dict[str, Any], code: str
) -> None:
    assert refusal(initiate, client, **fields).code == code
    assert uploads_of(client).uploads is None


def test_parts_are_copied_from_other_objects(cloud: Oss, client: oss.Client) -> None:
    source = video(3 * LEAST)
    put(client, "source", source)
    upload_id = initiate(client)
    of_copy = {"key": KEY, "part_number": 1, "source_bucket": BUCKET, "source_key": "source"}
    copy = partial(ask, client, "upload_part_copy")

    # When a part is a range, another the whole, and a third a range that leaves the source
    of_upload = {**of_copy, "upload_id": upload_id}
    first = copy(**of_upload, source_range=f"bytes=0-{LEAST - 1}")
    assert first.headers["content-range"] == f"bytes 0-{LEAST - 1}/{3 * LEAST}"
    assert first.etag == f'"{hashlib.md5(source[:LEAST]).hexdigest().upper()}"'
    second = copy(**{**of_upload, "part_number": 2})
    third = copy(**{**of_upload, "part_number": 3}, source_range=f"bytes=9-{9 * LEAST}")
    assert "content-range" not in third.headers
    # Then it is whole that OSS copies the third
    copied = [oss.UploadPart(part_number=n, etag=one.etag) for n, one in enumerate((first, second, third), 1)]
    complete(client, upload_id, copied)
    assert get(client, KEY) == source[:LEAST] + source + source
    # And conditions are those of the source
    of_upload = {**of_copy, "upload_id": initiate(client)}
    assert refusal(copy, **of_upload, if_match="another").code == "PreconditionFailed"
    assert refusal(copy, **of_upload, if_none_match=second.etag).status_code == 304
    assert refusal(copy, **{**of_upload, "source_key": "none"}).code == "NoSuchKey"


def test_the_older_sdk_copies_parts(witness: oss2.Bucket) -> None:
    # It reads the ETag of a part from the answer's head, and asks for a range without an end.
    source = video(2 * LEAST)
    witness.put_object("source", source)
    upload_id = witness.init_multipart_upload(KEY).upload_id
    ranges = {1: (0, LEAST - 1), 2: (LEAST, None)}
    parts = [
        oss2.models.PartInfo(n, witness.upload_part_copy(BUCKET, "source", span, KEY, upload_id, n).etag)
        for n, span in ranges.items()
    ]
    witness.complete_multipart_upload(KEY, upload_id, parts)
    assert witness.get_object(KEY).read() == source


def test_the_parts_of_an_upload_are_listed(cloud: Oss, client: oss.Client) -> None:
    upload_id = initiate(client, storage_class="IA")
    sizes = {1: 5, 3: 6, 10: 7}
    for number, size in sizes.items():
        upload(client, upload_id, number, video(size))
    found = parts_of(client, upload_id)
    assert (found.bucket, found.key, found.upload_id) == (BUCKET, KEY, upload_id)
    assert (found.storage_class, found.is_truncated, found.max_parts) == ("IA", False, 1000)
    assert (found.part_number_marker, found.next_part_number_marker) == (0, 10)
    assert {part.part_number: part.size for part in found.parts} == sizes
    for part in found.parts:
        sums = Checksums()
        sums.update(video(part.size))
        assert (part.etag, part.hash_crc64) == (f'"{sums.md5}"', sums.crc64)
    request = oss.ListPartsRequest(bucket=BUCKET, key=KEY, upload_id=upload_id)
    pages = client.list_parts_paginator(limit=2).iter_page(request)
    assert [[part.part_number for part in page.parts] for page in pages] == [[1, 3], [10]]
    for query in ("max-parts=0", "max-parts=1001", "max-parts=x", "part-number-marker=x", "encoding-type=b"):
        assert cloud.refused("GET", KEY, f"uploadId={upload_id}&{query}") == "InvalidArgument", query


def test_the_uploads_of_a_bucket_are_listed(cloud: Oss, client: oss.Client, witness: oss2.Bucket) -> None:
    ids = {key: [initiate(client, key) for _ in range(2)] for key in ("a", "b/1", "b/2", "视频/c\x01")}
    found = uploads_of(client)
    assert [(one.key, one.upload_id) for one in found.uploads] == [
        (key, upload_id) for key in ids for upload_id in sorted(ids[key])
    ]
    assert all(one.initiated is not None for one in found.uploads)
    assert (found.max_uploads, found.is_truncated) == (1000, False)
    assert (found.next_key_marker, found.next_upload_id_marker) == ("视频/c\x01", max(ids["视频/c\x01"]))
    # By prefix, by delimiter, and from a marker on
    assert {one.key for one in uploads_of(client, prefix="b/").uploads} == {"b/1", "b/2"}
    second = uploads_of(client, key_marker="a", upload_id_marker=min(ids["a"]), max_uploads=1)
    assert ([one.upload_id for one in second.uploads], second.is_truncated) == ([max(ids["a"])], True)
    # Page by page, whichever way
    for limit in (1, 3):
        request = oss.ListMultipartUploadsRequest(bucket=BUCKET)
        pages = client.list_multipart_uploads_paginator(limit=limit).iter_page(request)
        everything = [[one.upload_id for one in page.uploads] for page in pages]
        assert [one for page in everything for one in page] == [one.upload_id for one in found.uploads]
        assert {len(page) for page in everything[:-1]} == {limit}
        grouped = oss2.MultipartUploadIterator(witness, delimiter="/", max_uploads=limit)
        names = [one.key if one.is_prefix() else one.upload_id for one in grouped]
        assert sorted(names) == sorted([*ids["a"], "b/", "视频/"])
        in_b = oss2.MultipartUploadIterator(witness, prefix="b/", delimiter="/", max_uploads=limit)
        assert [one.key for one in in_b] == ["b/1"] * 2 + ["b/2"] * 2
    for query in ("max-uploads=0", "max-uploads=1001"):
        assert cloud.refused("GET", None, f"uploads&{query}") == "InvalidArgument"


def test_names_are_encoded_where_that_is_asked_for(cloud: Oss) -> None:
    def answered(method: str, key: str | None, query: str, body: bytes = b"") -> ElementTree.Element:
        return ElementTree.fromstring(cloud.call(method, key, query, body=body).body)

    for encoding, name in (("", KEY), ("&encoding-type=url", quote(KEY, safe=""))):
        begun = answered("POST", KEY, f"uploads{encoding}")
        query = f"uploadId={begun.findtext('UploadId')}"
        part = cloud.call("PUT", KEY, f"{query}&partNumber=1", body=b"a video")
        for root in (
            begun,
            answered("GET", None, f"uploads{encoding}"),
            answered("GET", KEY, query + encoding),
            answered("POST", KEY, query + encoding, listed((1, part.headers["etag"]))),
        ):
            assert [found.text for found in root.iter("Key")] == [name]
            assert root.findtext("EncodingType") == ("url" if encoding else None)


def test_the_parts_of_a_sequential_upload_come_one_after_the_other(witness: oss2.Bucket) -> None:
    upload_id = witness.init_multipart_upload(KEY, params={"sequential": ""}).upload_id
    with pytest.raises(oss2.exceptions.PartNotSequential) as caught:
        witness.upload_part(KEY, upload_id, 2, b"end")
    assert caught.value.status == 400
    sent = {1: video(LEAST), 2: b"end"}
    parts = [
        oss2.models.PartInfo(number, witness.upload_part(KEY, upload_id, number, part).etag)
        for number, part in sent.items()
    ]
    witness.complete_multipart_upload(KEY, upload_id, parts)
    # Its object has the MD5 of the whole, which others have not, and nothing else that others have not.
    read = witness.get_object(KEY)
    assert read.headers["content-md5"] == oss2.utils.content_md5(sent[1] + sent[2])
    assert "sequential" not in read.headers
    assert read.read() == sent[1] + sent[2]


def test_a_bucket_with_an_upload_is_not_empty(client: oss.Client) -> None:
    upload_id = initiate(client)
    error = refusal(ask, client, "delete_bucket")
    assert (error.status_code, error.code) == (409, "BucketNotEmpty")
    abort(client, upload_id)
    ask(client, "delete_bucket")


def test_the_uploader_of_the_sdk(client: oss.Client, tmp_path: Path) -> None:
    body = video(5 * MEBIBYTE + 17)
    (tmp_path / "video.mp4").write_bytes(body)
    uploader = client.uploader(part_size=MEBIBYTE, parallel_num=3, leave_parts_on_error=True)
    request = oss.PutObjectRequest(bucket=BUCKET, key=KEY, tagging="team=a")
    result = uploader.upload_file(request, str(tmp_path / "video.mp4"))
    assert result.etag.strip('"').endswith("-6")
    assert (get(client, KEY), tags_of(client, KEY)) == (body, [("team", "a")])
    downloaded = tmp_path / "downloaded.mp4"
    wanted = oss.GetObjectRequest(bucket=BUCKET, key=KEY)
    client.downloader(part_size=MEBIBYTE).download_file(wanted, str(downloaded))
    assert downloaded.read_bytes() == body


def test_the_copier_of_the_sdk(client: oss.Client) -> None:
    body = video(3 * MEBIBYTE)
    put(client, "source", body, tagging="team=a", metadata={"owner": "b"})
    copier = client.copier(part_size=MEBIBYTE, multipart_copy_threshold=MEBIBYTE, disable_shallow_copy=True)
    copier.copy(oss.CopyObjectRequest(bucket=BUCKET, key=KEY, source_bucket=BUCKET, source_key="source"))
    told = head(client, KEY)
    assert (told.object_type, told.metadata, get(client, KEY)) == ("Multipart", {"owner": "b"}, body)


def test_an_upload_of_the_older_sdk_is_resumed(witness: oss2.Bucket, tmp_path: Path) -> None:
    # Given an upload of the resumable uploader that breaks off after a part
    body = video(10 * LEAST + 1)
    (tmp_path / "video.mp4").write_bytes(body)
    uploaded: list[int] = []

    def interrupt(consumed: int, total: int) -> None:
        uploaded.append(consumed)
        if len(uploaded) == 3:
            raise KeyboardInterrupt

    resume = partial(
        oss2.resumable_upload,
        witness,
        KEY,
        str(tmp_path / "video.mp4"),
        store=oss2.ResumableStore(root=str(tmp_path)),
        multipart_threshold=LEAST,
        part_size=LEAST,
        num_threads=1,
        headers={"x-oss-tagging": "team=a"},
    )
    with pytest.raises(KeyboardInterrupt):
        resume(progress_callback=interrupt)
    (begun,) = oss2.MultipartUploadIterator(witness)
    kept = len(list(oss2.PartIterator(witness, KEY, begun.upload_id)))
    assert 0 < kept < 11
    # When it is run again
    result = resume()
    # Then the same upload becomes the object
    assert list(oss2.MultipartUploadIterator(witness)) == []
    read = witness.get_object(KEY)
    assert (read.read(), read.headers["x-oss-object-type"]) == (body, "Multipart")
    assert (read.server_crc, read.client_crc) == (result.crc, result.crc)
    assert witness.get_object_tagging(KEY).tag_set.tagging_rule == {"team": "a"}


@dataclass
class Uploads:
    """Uploads of two parts each, by clients that send what they please."""

    completed: dict[str, bytes] = field(default_factory=dict)
    enough: threading.Event = field(default_factory=threading.Event)

    def both(self, cloud: KeptCloud, key: str, query: str) -> None:
        """Upload both parts and complete the upload."""
        sent = {1: video(LEAST), 2: key.encode()}
        for number, part in sent.items():
            self.call(cloud, "PUT", key, f"partNumber={number}&{query}", part)
        kept = ElementTree.fromstring(self.call(cloud, "GET", key, query).body)
        etags = [part.findtext("ETag") or "" for part in kept.iter("Part")]
        self.call(cloud, "POST", key, query, listed(*zip(sent, etags, strict=True)))
        self.completed[key] = sent[1] + sent[2]
        if len(self.completed) >= 12:
            self.enough.set()

    def many(self, cloud: KeptCloud, client: int) -> None:
        """Upload until the connection breaks."""
        try:
            for turn in itertools.count():
                key = f"{client}-{turn}.mp4"
                begun = ElementTree.fromstring(self.call(cloud, "POST", key, "uploads").body)
                self.both(cloud, key, f"uploadId={begun.findtext('UploadId')}")
        except (OSError, http.client.HTTPException):
            pass

    def call(self, cloud: KeptCloud, method: str, key: str, query: str, sent: bytes = b"") -> Answer:
        answer = cloud.call(method, key, query, sent)
        assert answer.status == 200, answer.body
        return answer


def test_an_upload_outlives_a_killed_process(tmp_path: Path) -> None:
    # Given clients that upload at the same time
    uploads = Uploads()
    with kept_cloud(tmp_path / "state") as cloud:
        threads = [threading.Thread(target=uploads.many, args=(cloud, client)) for client in range(3)]
        for thread in threads:
            thread.start()
        # When the process is killed in the middle of it
        assert uploads.enough.wait(60)
        cloud.process.kill()
        for thread in threads:
            thread.join()
    with kept_cloud(tmp_path / "state") as cloud:
        # Then an upload that was not completed can be
        begun = ElementTree.fromstring(cloud.call("GET", "", "uploads").body)
        for upload in begun.iter("Upload"):
            uploads.both(cloud, upload.findtext("Key") or "", f"uploadId={upload.findtext('UploadId')}")
        # And what was told to be complete is there, and no file besides
        for key, whole in uploads.completed.items():
            assert cloud.call("GET", key).body == whole
        listing = ElementTree.fromstring(cloud.call("GET", "", "list-type=2&max-keys=1000").body)
        files = list((tmp_path / "state" / "objects").iterdir())
        assert len(files) == int(listing.findtext("KeyCount") or 0)


def test_an_upload_that_the_disk_does_not_take_as_a_whole_stays(tmp_path: Path) -> None:
    # Given a disk that has room for each part, but not for both in one file
    parts = {1: video(6 * LEAST), 2: video(5 * LEAST)}
    uploads = Uploads()
    with kept_cloud(tmp_path / "state", largest_file=8 * LEAST) as cloud:
        begun = ElementTree.fromstring(uploads.call(cloud, "POST", "a.mp4", "uploads").body)
        query = f"uploadId={begun.findtext('UploadId')}"
        etags = [
            uploads.call(cloud, "PUT", "a.mp4", f"partNumber={number}&{query}", part).headers["etag"]
            for number, part in parts.items()
        ]
        whole = listed(*zip(parts, etags, strict=True))
        # When it is to be completed
        refused = cloud.call("POST", "a.mp4", query, whole)
        assert (refused.status, refused.error()["Code"]) == (500, "InternalError")
        # Then there is no object, and no half of one
        assert cloud.call("GET", "a.mp4").status == 404
        assert len(list((tmp_path / "state" / "objects").iterdir())) == 2
    # And with more room the upload is completed
    with kept_cloud(tmp_path / "state") as cloud:
        uploads.call(cloud, "POST", "a.mp4", query, whole)
        assert cloud.call("GET", "a.mp4").body == parts[1] + parts[2]


def test_of_those_who_complete_an_upload_one_does(cloud: Oss, client: oss.Client) -> None:
    upload_id = initiate(client)
    parts = [upload(client, upload_id, n, video(MEBIBYTE)) for n in range(1, 9)]
    outcomes: list[str] = []

    def finish() -> None:
        with official_client(cloud) as other:
            try:
                complete(other, upload_id, parts)
                outcomes.append("complete")
            except oss.exceptions.OperationError as error:
                outcomes.append(str(error.unwrap().code))

    threads = [threading.Thread(target=finish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["NoSuchUpload", "NoSuchUpload", "complete"]
    assert get(client, KEY) == video(MEBIBYTE) * 8


def test_functions_are_told_when_the_object_is_there(cloud: Oss, client: oss.Client) -> None:
    told: list[ObjectCreated] = []
    cloud.storage.watch(told.append)
    upload_id = initiate(client)
    parts = [upload(client, upload_id, 1, video(LEAST)), upload(client, upload_id, 2, b"end")]
    refusal(complete, client, upload_id, list(reversed(parts)))
    abort(client, initiate(client, "b"), "b")
    completed = complete(client, upload_id, parts)
    # The events of the upload itself are of no object yet.
    early = [one for one in told if not one.etag]
    begun, part = "ObjectCreated:InitiateMultipartUpload", "ObjectCreated:UploadPart"
    assert [(one.event, one.size) for one in early] == [(begun, 0), (part, 0), (part, 0), (begun, 0)]
    (created,) = (one for one in told if one.etag)
    assert (created.event, created.key) == ("ObjectCreated:CompleteMultipartUpload", KEY)
    assert (f'"{created.etag}"', created.size) == (completed.etag, LEAST + 3)


def test_the_crc_of_a_whole_is_known_from_its_parts() -> None:
    random = Random(1)

    def crc(body: bytes) -> str:
        sums = Checksums()
        sums.update(body)
        return sums.crc64

    for sizes in ([], [0], [1], [0, 5, 0], [3, 100_000, 1], [random.randrange(3000) for _ in range(20)]):
        bodies = [random.randbytes(size) for size in sizes]
        assert joined_crc64((crc(body), len(body)) for body in bodies) == crc(b"".join(bodies))
