"""The operations on what an owner sets up: tags and ACLs, of buckets and objects, and policies of buckets.

Sources: help.aliyun.com, the API page of each operation. A set of tags is always replaced as a whole, and
neither Last-Modified nor ETag of an object changes. A bucket's tags are other tags than those of objects, of
other characters and lengths. New buckets block public access.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from localcloud.oss.access.acl import BUCKET_ACL, bucket_acl, object_acl, read_acl
from localcloud.oss.access.bucket_policy import (
    MAX_POLICY_BYTES,
    POLICY,
    PUBLIC_ACCESS_BLOCK,
    blocks_public_access,
    parse_bucket_policy,
    policy_of,
)
from localcloud.oss.operations import conditions
from localcloud.oss.protocol import documents, errors, responses
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import OBJECT_ACL, ObjectStore
from localcloud.oss.storage.storage import Storage
from localcloud.oss.storage.tags import Tag, TagSet, read_tags, write_document
from localcloud.ram.document import MalformedPolicy

MAX_TAGS = 20
MAX_KEY = 64
MAX_VALUE = 128

_TAGS = "tagging"
_RESERVED = ("http://", "https://", "aliyun", "acs:")


def put_object_tagging(storage: Storage, request: OssRequest) -> Response:
    """PutObjectTagging."""
    conditions.refuse_conditions(request)
    storage.objects.set_tags(request.bucket, request.key, storage.rules.read_document(request.body))
    return responses.empty()


def get_object_tagging(storage: Storage, request: OssRequest) -> Response:
    """GetObjectTagging; an object without tags has an empty set."""
    return responses.xml(write_document(storage.objects.get(request.bucket, request.key).tags))


def delete_object_tagging(storage: Storage, request: OssRequest) -> Response:
    """DeleteObjectTagging."""
    storage.objects.set_tags(request.bucket, request.key, ())
    return responses.empty(204)


def put_bucket_tags(storage: Storage, request: OssRequest) -> Response:
    """PutBucketTags: the tags are replaced as a whole."""
    try:
        tags = read_tags(request.body.decode())
    except UnicodeDecodeError as error:
        raise errors.malformed_xml(str(error)) from None
    if len(tags) > MAX_TAGS or len({tag.key for tag in tags}) < len(tags):
        message = f"A bucket has at most {MAX_TAGS} tags, each with a key of its own."
        raise errors.OssError(400, "InvalidTag", message)
    for tag in tags:
        if not _is_legal(tag):
            raise errors.OssError(
                400, "InvalidTag", "The tag you have provided is invalid", "", {"TagKey": tag.key}
            )
    storage.objects.configure(request.bucket, _TAGS, write_document(tags).decode())
    return responses.empty()


def get_bucket_tags(storage: Storage, request: OssRequest) -> Response:
    """GetBucketTags; a bucket without tags has an empty set."""
    return responses.xml(write_document(_tags(storage.objects, request.bucket)))


def delete_bucket_tags(storage: Storage, request: OssRequest) -> Response:
    """DeleteBucketTags: those whose keys the query names, or all."""
    named = request.parameter(_TAGS)
    tags = _tags(storage.objects, request.bucket) if named else ()
    left = tuple(tag for tag in tags if tag.key not in named.split(","))
    storage.objects.configure(request.bucket, _TAGS, write_document(left).decode())
    return responses.empty(204)


def asked_tags(request: OssRequest) -> Mapping[str, str | None]:
    """The tags that ListBuckets asks for: one by ``tag-key`` and ``tag-value``, or several by ``tagging``.

    None stands for any value.
    """
    key, several = request.parameter("tag-key"), request.parameter(_TAGS)
    if key:
        return {key: request.parameter("tag-value") if request.has("tag-value") else None}
    try:
        asked = json.loads(f"{{{several}}}")
    except ValueError:
        asked = None
    if not isinstance(asked, dict) or not all(isinstance(value, str) for value in asked.values()):
        message = 'The tags must be written as "key1":"value1","key2":"value2".'
        raise errors.invalid_argument(_TAGS, several, message)
    return asked


def has_tags(store: ObjectStore, bucket: str, asked: Mapping[str, str | None]) -> bool:
    """Whether a bucket has all of these tags."""
    tags = dict(_tags(store, bucket)) if asked else {}
    return all(key in tags and value in (None, tags[key]) for key, value in asked.items())


def _tags(store: ObjectStore, bucket: str) -> TagSet:
    kept = store.configuration(bucket, _TAGS)
    return () if kept is None else read_tags(kept.document)


def _is_legal(tag: Tag) -> bool:
    reserved = tag.key.lower().startswith(_RESERVED)
    return 0 < len(tag.key) <= MAX_KEY and len(tag.value) <= MAX_VALUE and not reserved


def put_bucket_acl(storage: Storage, request: OssRequest) -> Response:
    """PutBucketAcl; a bucket that is not there is made."""
    acl = read_acl(storage.objects, request, BUCKET_ACL)
    storage.objects.create_bucket(request.bucket)
    storage.objects.configure(request.bucket, BUCKET_ACL, acl)
    return responses.empty()


def get_bucket_acl(storage: Storage, request: OssRequest) -> Response:
    """GetBucketAcl."""
    return _shown_acl(storage, bucket_acl(storage.objects, request.bucket))


def put_object_acl(storage: Storage, request: OssRequest) -> Response:
    """PutObjectAcl: nothing else of the object changes."""
    info = storage.objects.get(request.bucket, request.key)
    storage.objects.set_header(info, OBJECT_ACL, read_acl(storage.objects, request, OBJECT_ACL))
    return responses.empty()


def get_object_acl(storage: Storage, request: OssRequest) -> Response:
    """GetObjectAcl."""
    return _shown_acl(storage, object_acl(storage.objects.get(request.bucket, request.key)))


def _shown_acl(storage: Storage, acl: str) -> Response:
    return responses.document("AccessControlPolicy", [storage.owner, ("AccessControlList", [("Grant", acl)])])


def put_bucket_policy(storage: Storage, request: OssRequest) -> Response:
    """PutBucketPolicy: the policy is replaced as a whole."""
    try:
        text = request.body.decode()
        policy = parse_bucket_policy(text)
    except (MalformedPolicy, UnicodeDecodeError) as error:
        raise _invalid_policy(str(error)) from None
    if len(request.body) > MAX_POLICY_BYTES:
        raise _invalid_policy(f"the document has more than {MAX_POLICY_BYTES} bytes")
    if policy.is_public and blocks_public_access(storage.objects, request.bucket):
        raise errors.public_access_blocked("policy")
    storage.objects.configure(request.bucket, POLICY, text)
    return responses.empty()


def get_bucket_policy(storage: Storage, request: OssRequest) -> Response:
    """GetBucketPolicy: the policy as it was put."""
    kept = storage.objects.configuration(request.bucket, POLICY)
    if kept is None:
        raise errors.NO_SUCH_BUCKET_POLICY(BucketName=request.bucket)
    return Response(kept.document, 200, {"content-type": "application/json"})


def delete_bucket_policy(storage: Storage, request: OssRequest) -> Response:
    """DeleteBucketPolicy; 204 also where there is none."""
    storage.objects.unconfigure(request.bucket, POLICY)
    return responses.empty(204)


def get_bucket_policy_status(storage: Storage, request: OssRequest) -> Response:
    """GetBucketPolicyStatus."""
    policy = policy_of(storage.objects, request.bucket)
    return responses.document("PolicyStatus", [("IsPublic", policy is not None and policy.is_public)])


def put_public_access_block(storage: Storage, request: OssRequest) -> Response:
    """PutBucketPublicAccessBlock."""
    root = documents.read(request.body, "PublicAccessBlockConfiguration")
    # The older SDK for Python writes True and False.
    blocked = (root.findtext("BlockPublicAccess") or "").lower()
    if blocked not in ("true", "false"):
        raise errors.malformed_xml("BlockPublicAccess is true or false")
    storage.objects.configure(request.bucket, PUBLIC_ACCESS_BLOCK, blocked)
    return responses.empty()


def get_public_access_block(storage: Storage, request: OssRequest) -> Response:
    """GetBucketPublicAccessBlock."""
    blocked = blocks_public_access(storage.objects, request.bucket)
    return responses.document("PublicAccessBlockConfiguration", [("BlockPublicAccess", blocked)])


def delete_public_access_block(storage: Storage, request: OssRequest) -> Response:
    """DeleteBucketPublicAccessBlock."""
    storage.objects.configure(request.bucket, PUBLIC_ACCESS_BLOCK, "false")
    return responses.empty(204)


def _invalid_policy(detail: str) -> errors.OssError:
    return errors.OssError(
        400, "InvalidPolicyDocument", f"Invalid policy document: {detail}.", "0030-00000005"
    )
