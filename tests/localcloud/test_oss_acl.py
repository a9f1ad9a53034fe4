"""ACLs of buckets and objects: what everybody may do where public access is not blocked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.accounts import Identity
from tests.localcloud.oss_world import ask, refusal
from tests.localcloud.ram_world import allow, deny, document
from tests.localcloud.services import ACCOUNT, Cloud

pytest_plugins = ["tests.localcloud.service_fixtures"]

KEY = "videos/a.mp4"
Call = Callable[..., Any]


@pytest.fixture
def owner(guarded: Cloud) -> Call:
    """Calls an operation on the bucket in the owner's name."""
    return partial(ask, guarded.oss(guarded.owner), bucket=guarded.bucket)


def put(cloud: Cloud, keys: Identity | None = None, key: str = KEY, acl: str | None = None) -> None:
    client = cloud.oss(keys or cloud.owner)
    ask(client, "put_object", bucket=cloud.bucket, key=key, body=b"a video", acl=acl)


def open_to_the_public(owner: Call) -> None:
    opened = oss.PublicAccessBlockConfiguration(block_public_access=False)
    owner("put_bucket_public_access_block", public_access_block_configuration=opened)


def stranger(cloud: Cloud, method: str, key: str = KEY, query: str = "") -> int:
    """The status that somebody without keys gets."""
    url = f"{cloud.local.endpoints.oss}/{cloud.bucket}/{key}{query}"
    body = b"a video" if method == "PUT" else None
    return cloud.session.request(method, url, data=body, timeout=30).status_code


def test_a_bucket_and_its_objects_are_private_at_first(guarded: Cloud, owner: Call) -> None:
    put(guarded)
    assert owner("get_bucket_acl").acl == "private"
    assert owner("get_object_acl", key=KEY).acl == "default"
    assert [stranger(guarded, method) for method in ("GET", "PUT", "DELETE")] == [403, 403, 403]


def test_nothing_is_public_where_public_access_is_blocked(guarded: Cloud, owner: Call) -> None:
    put(guarded)
    calls: dict[str, dict[str, Any]] = {
        "put_bucket_acl": {},
        "put_object_acl": {"key": KEY},
        "put_object": {"key": "b", "body": b"a video"},
        "put_bucket": {"bucket": f"{guarded.bucket}-public"},
    }
    for operation, fields in calls.items():
        for acl in ("public-read", "public-read-write"):
            error = refusal(owner, operation, acl=acl, **fields)
            assert (error.status_code, error.code) == (403, "AccessDenied")
        # What is private may be said.
        owner(operation, acl="private", **fields)


@pytest.mark.parametrize(
    ("acl", "object_acl", "reads", "lists", "writes"),
    [
        ("public-read", "default", 200, 200, 403),
        ("public-read-write", "default", 200, 200, 200),
        ("public-read", "private", 403, 200, 403),
        ("private", "public-read", 200, 403, 403),
        ("private", "public-read-write", 200, 403, 200),
    ],
)
def test_an_objects_acl_goes_before_its_buckets(
    guarded: Cloud, owner: Call, acl: str, object_acl: str, reads: int, lists: int, writes: int
) -> None:
    put(guarded)
    open_to_the_public(owner)
    owner("put_bucket_acl", acl=acl)
    owner("put_object_acl", key=KEY, acl=object_acl)
    assert (owner("get_bucket_acl").acl, owner("get_object_acl", key=KEY).acl) == (acl, object_acl)
    assert (stranger(guarded, "GET"), stranger(guarded, "GET", "", "?list-type=2")) == (reads, lists)
    # Tags and what concerns the bucket are nobody else's.
    assert stranger(guarded, "GET", KEY, "?tagging") == stranger(guarded, "GET", "", "?acl") == 403
    assert stranger(guarded, "PUT") == writes


def test_an_object_has_the_acl_that_its_upload_asks_for(guarded: Cloud, owner: Call) -> None:
    open_to_the_public(owner)
    put(guarded, acl="public-read")
    assert stranger(guarded, "GET") == 200
    assert "x-oss-object-acl" not in owner("head_object", key=KEY).headers
    # A copy does not take it along, and a new upload neither.
    owner("copy_object", key="copy", source_key=KEY)
    assert stranger(guarded, "GET", "copy") == 403
    put(guarded)
    assert stranger(guarded, "GET") == 403


def test_what_is_public_can_still_be_forbidden(guarded: Cloud, owner: Call) -> None:
    put(guarded)
    open_to_the_public(owner)
    owner("put_bucket_acl", acl="public-read")
    assert stranger(guarded, "GET") == 200
    nobody = document(deny("oss:GetObject", guarded.objects(), Principal=["*"]))
    owner("put_bucket_policy", body=nobody)
    assert stranger(guarded, "GET") == 403


def test_an_upload_with_an_acl_needs_the_permission_to_set_one(guarded: Cloud) -> None:
    uploads = allow("oss:PutObject", guarded.objects())
    assert refusal(put, guarded, guarded.caller(uploads), acl="private").code == "AccessDenied"
    put(guarded, guarded.caller(uploads, allow("oss:PutObjectAcl", guarded.objects(KEY))), acl="private")


@pytest.mark.parametrize("acl", ["", "public", "default"])
def test_an_acl_that_no_bucket_has_is_refused_and_makes_no_bucket(owner: Call, acl: str) -> None:
    assert refusal(owner, "put_bucket_acl", bucket="another", acl=acl).code == "InvalidArgument"
    assert refusal(owner, "get_bucket_acl", bucket="another").code == "NoSuchBucket"


def test_who_makes_a_bucket_by_its_acl_has_to_be_allowed_both(guarded: Cloud) -> None:
    bucket = f"{guarded.bucket}-made"
    resource = f"acs:oss:*:{ACCOUNT}:{bucket}"
    request = {"bucket": bucket, "acl": "private"}
    acl_only = guarded.oss(guarded.caller(allow("oss:PutBucketAcl", resource)))
    assert refusal(ask, acl_only, "put_bucket_acl", **request).code == "AccessDenied"
    both = guarded.oss(guarded.caller(allow(["oss:PutBucketAcl", "oss:PutBucket"], resource)))
    ask(both, "put_bucket_acl", **request)
    # The bucket is there now.
    ask(acl_only, "put_bucket_acl", **request)


def test_the_end_of_a_multipart_upload_may_not_open_an_object_to_whom_acls_are_denied(
    guarded: Cloud, owner: Call
) -> None:
    # Given a user who may write objects, but not their ACLs
    open_to_the_public(owner)
    client = guarded.oss(guarded.caller(allow("oss:PutObject", guarded.objects())))
    of_object = {"bucket": guarded.bucket, "key": KEY}
    begun = ask(client, "initiate_multipart_upload", **of_object).upload_id
    of_upload = {**of_object, "upload_id": begun}
    part = ask(client, "upload_part", part_number=1, body=b"a video", **of_upload)
    listed = oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag=part.etag)])
    complete = partial(
        ask, client, "complete_multipart_upload", complete_multipart_upload=listed, **of_upload
    )
    # When it ends with one, then it is refused
    assert refusal(complete, acl="public-read").code == "AccessDenied"
    # And without one it ends
    complete()


def test_the_bucket_of_packages_cannot_be_copied_from(owner: Call) -> None:
    source = {"source_bucket": "fc-temp-code", "source_key": "1000000000000001/a"}
    assert refusal(owner, "copy_object", key=KEY, **source).code == "AccessDenied"
