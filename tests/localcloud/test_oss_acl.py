"""ACLs of buckets and objects: what everybody may do where public access is not blocked."""

from __future__ import annotations

from functools import partial

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.accounts import Identity
from tests.localcloud.oss_world import refusal
from tests.localcloud.ram_world import allow, deny, document
from tests.localcloud.services import ACCOUNT, Cloud

pytest_plugins = ["tests.localcloud.service_fixtures"]

KEY = "videos/a.mp4"


def owner(cloud: Cloud) -> oss.Client:
    return cloud.oss(cloud.owner)


def put(cloud: Cloud, keys: Identity, key: str = KEY, acl: str | None = None) -> None:
    request = oss.PutObjectRequest(bucket=cloud.bucket, key=key, body=b"a video", acl=acl)
    cloud.oss(keys).put_object(request)


def set_acl(cloud: Cloud, acl: str) -> None:
    owner(cloud).put_bucket_acl(oss.PutBucketAclRequest(bucket=cloud.bucket, acl=acl))


def set_object_acl(cloud: Cloud, acl: str) -> None:
    owner(cloud).put_object_acl(oss.PutObjectAclRequest(bucket=cloud.bucket, key=KEY, acl=acl))


def open_to_the_public(cloud: Cloud) -> None:
    owner(cloud).put_bucket_public_access_block(
        oss.PutBucketPublicAccessBlockRequest(
            bucket=cloud.bucket,
            public_access_block_configuration=oss.PublicAccessBlockConfiguration(block_public_access=False),
        )
    )


def stranger(cloud: Cloud, method: str, key: str = KEY, query: str = "") -> int:
    """The status that somebody without keys gets."""
    url = f"{cloud.local.endpoints.oss}/{cloud.bucket}/{key}{query}"
    return cloud.session.request(
        method, url, data=b"a video" if method == "PUT" else None, timeout=30
    ).status_code


def test_a_bucket_and_its_objects_are_private_at_first(guarded: Cloud) -> None:
    put(guarded, guarded.owner)
    client = owner(guarded)
    assert client.get_bucket_acl(oss.GetBucketAclRequest(bucket=guarded.bucket)).acl == "private"
    shown = client.get_object_acl(oss.GetObjectAclRequest(bucket=guarded.bucket, key=KEY))
    assert shown.acl == "default"
    assert [stranger(guarded, method) for method in ("GET", "PUT", "DELETE")] == [403, 403, 403]


def test_nothing_is_public_where_public_access_is_blocked(guarded: Cloud) -> None:
    put(guarded, guarded.owner)
    for acl in ("public-read", "public-read-write"):
        for call in (
            partial(set_acl, guarded, acl),
            partial(set_object_acl, guarded, acl),
            partial(put, guarded, guarded.owner, "b", acl),
        ):
            error = refusal(call)
            assert (error.status_code, error.code) == (403, "AccessDenied")
    made = oss.PutBucketRequest(bucket=f"{guarded.bucket}-public", acl="public-read")
    assert refusal(lambda: owner(guarded).put_bucket(made)).code == "AccessDenied"
    # What is private may be said.
    set_acl(guarded, "private")
    set_object_acl(guarded, "private")
    put(guarded, guarded.owner, "b", "private")


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
    guarded: Cloud, acl: str, object_acl: str, reads: int, lists: int, writes: int
) -> None:
    put(guarded, guarded.owner)
    open_to_the_public(guarded)
    set_acl(guarded, acl)
    set_object_acl(guarded, object_acl)
    assert owner(guarded).get_bucket_acl(oss.GetBucketAclRequest(bucket=guarded.bucket)).acl == acl
    shown = owner(guarded).get_object_acl(oss.GetObjectAclRequest(bucket=guarded.bucket, key=KEY))
    assert shown.acl == object_acl
    assert (stranger(guarded, "GET"), stranger(guarded, "GET", "", "?list-type=2")) == (reads, lists)
    # Tags and what concerns the bucket are nobody else's.
    assert stranger(guarded, "GET", KEY, "?tagging") == stranger(guarded, "GET", "", "?acl") == 403
    assert stranger(guarded, "PUT") == writes


def test_an_object_has_the_acl_that_its_upload_asks_for(guarded: Cloud) -> None:
    open_to_the_public(guarded)
    put(guarded, guarded.owner, acl="public-read")
    assert stranger(guarded, "GET") == 200
    head = owner(guarded).head_object(oss.HeadObjectRequest(bucket=guarded.bucket, key=KEY))
    assert "x-oss-object-acl" not in head.headers
    # A copy does not take it along, and a new upload neither.
    owner(guarded).copy_object(oss.CopyObjectRequest(bucket=guarded.bucket, key="copy", source_key=KEY))
    assert stranger(guarded, "GET", "copy") == 403
    put(guarded, guarded.owner)
    assert stranger(guarded, "GET") == 403


def test_what_is_public_can_still_be_forbidden(guarded: Cloud) -> None:
    put(guarded, guarded.owner)
    open_to_the_public(guarded)
    set_acl(guarded, "public-read")
    assert stranger(guarded, "GET") == 200
    nobody = document(deny("oss:GetObject", guarded.objects(), Principal=["*"]))
    owner(guarded).put_bucket_policy(oss.PutBucketPolicyRequest(bucket=guarded.bucket, body=nobody))
    assert stranger(guarded, "GET") == 403


def test_an_upload_with_an_acl_needs_the_permission_to_set_one(guarded: Cloud) -> None:
    uploads = allow("oss:PutObject", guarded.objects())
    assert refusal(lambda: put(guarded, guarded.caller(uploads), acl="private")).code == "AccessDenied"
    put(guarded, guarded.caller(uploads, allow("oss:PutObjectAcl", guarded.objects(KEY))), acl="private")


@pytest.mark.parametrize("acl", ["", "public", "default"])
def test_an_acl_that_no_bucket_has_is_refused(guarded: Cloud, acl: str) -> None:
    assert refusal(lambda: set_acl(guarded, acl)).code == "InvalidArgument"


def test_a_refused_acl_makes_no_bucket(guarded: Cloud) -> None:
    request = oss.PutBucketAclRequest(bucket="another", acl="everything")
    assert refusal(lambda: owner(guarded).put_bucket_acl(request)).code == "InvalidArgument"
    asked = oss.GetBucketAclRequest(bucket="another")
    assert refusal(lambda: owner(guarded).get_bucket_acl(asked)).code == "NoSuchBucket"


def test_who_makes_a_bucket_by_its_acl_has_to_be_allowed_both(guarded: Cloud) -> None:
    bucket = f"{guarded.bucket}-made"
    resource = f"acs:oss:*:{ACCOUNT}:{bucket}"
    request = oss.PutBucketAclRequest(bucket=bucket, acl="private")
    acl_only = guarded.oss(guarded.caller(allow("oss:PutBucketAcl", resource)))
    assert refusal(lambda: acl_only.put_bucket_acl(request)).code == "AccessDenied"
    both = guarded.oss(guarded.caller(allow(["oss:PutBucketAcl", "oss:PutBucket"], resource)))
    both.put_bucket_acl(request)
    # The bucket is there now.
    acl_only.put_bucket_acl(request)


def test_the_end_of_a_multipart_upload_may_not_open_an_object_to_whom_acls_are_denied(guarded: Cloud) -> None:
    # Given a user who may write objects, but not their ACLs
    open_to_the_public(guarded)
    client = guarded.oss(guarded.caller(allow("oss:PutObject", guarded.objects())))
    begun = client.initiate_multipart_upload(
        oss.InitiateMultipartUploadRequest(bucket=guarded.bucket, key=KEY)
    ).upload_id
    part = client.upload_part(
        oss.UploadPartRequest(bucket=guarded.bucket, key=KEY, upload_id=begun, part_number=1, body=b"a video")
    )
    listed = oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag=part.etag)])

    def complete(acl: str | None) -> None:
        client.complete_multipart_upload(
            oss.CompleteMultipartUploadRequest(
                bucket=guarded.bucket, key=KEY, upload_id=begun, complete_multipart_upload=listed, acl=acl
            )
        )

    # When it ends with one, then it is refused
    assert refusal(lambda: complete("public-read")).code == "AccessDenied"
    # And without one it ends
    complete(None)


def test_the_bucket_of_packages_cannot_be_copied_from(guarded: Cloud) -> None:
    request = oss.CopyObjectRequest(
        bucket=guarded.bucket, key=KEY, source_bucket="fc-temp-code", source_key="1000000000000001/a"
    )
    assert refusal(lambda: owner(guarded).copy_object(request)).code == "AccessDenied"
