"""Bucket policies: what they allow and forbid, to whom, and that they act on what a video shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.accounts import Identity
from tests.localcloud.oss_world import refusal
from tests.localcloud.ram_world import allow, deny, document
from tests.localcloud.services import ACCOUNT, Cloud

pytest_plugins = ["tests.localcloud.service_fixtures"]

ADVERT, MATCH, NEW = "videos/advert.mp4", "videos/match.mp4", "videos/new.mp4"
TAGS = {ADVERT: "imm_content=advert", MATCH: "imm_content=sports", NEW: "team=a"}


def shows(*contents: str, operator: str = "StringEquals") -> dict[str, Any]:
    """The condition that an object has one of these tags."""
    return {operator: {"oss:ExistingObjectTag/imm_content": list(contents)}}


@pytest.fixture
def library(guarded: Cloud) -> Cloud:
    """A bucket of videos, some of which are known to be adverts or sports."""
    for key, tags in TAGS.items():
        owner(guarded).put_object(
            oss.PutObjectRequest(bucket=guarded.bucket, key=key, body=b"a video", tagging=tags)
        )
    return guarded


def owner(cloud: Cloud) -> oss.Client:
    return cloud.oss(cloud.owner)


def user(cloud: Cloud, *statements: Mapping[str, Any], name: str = "reader") -> tuple[str, Identity]:
    """The UID and the keys of a RAM user with a policy of these statements."""
    policies = {f"{name}-policy": document(*statements)} if statements else {}
    made = cloud.local.call(cloud.local.access.put_user, name, policies)
    return made.user_id, made.keys


def put_policy(cloud: Cloud, *statements: Mapping[str, Any]) -> None:
    request = oss.PutBucketPolicyRequest(bucket=cloud.bucket, body=document(*statements))
    owner(cloud).put_bucket_policy(request)


def block_public_access(cloud: Cloud, blocked: bool) -> None:
    owner(cloud).put_bucket_public_access_block(
        oss.PutBucketPublicAccessBlockRequest(
            bucket=cloud.bucket,
            public_access_block_configuration=oss.PublicAccessBlockConfiguration(block_public_access=blocked),
        )
    )


def readable(cloud: Cloud, keys: Identity) -> list[str]:
    """Which of the videos somebody can read."""
    found, client = [], cloud.oss(keys)
    for key in TAGS:
        try:
            client.get_object(oss.GetObjectRequest(bucket=cloud.bucket, key=key)).body.close()
        except oss.exceptions.OperationError as error:
            assert error.unwrap().code == "AccessDenied"
        else:
            found.append(key)
    return found


def fetch(cloud: Cloud, key: str) -> int:
    """The status that somebody without keys gets."""
    try:
        with urlopen(Request(f"{cloud.local.endpoints.oss}/{cloud.bucket}/{key}"), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def test_a_policy_is_put_as_a_whole_and_comes_back_as_it_was(guarded: Cloud) -> None:
    client, bucket = owner(guarded), guarded.bucket
    none = refusal(lambda: client.get_bucket_policy(oss.GetBucketPolicyRequest(bucket=bucket)))
    assert (none.status_code, none.code, none.ec) == (404, "NoSuchBucketPolicy", "0030-00000006")
    for action in ("oss:GetObject", "oss:PutObject"):
        text = document(deny(action, guarded.objects(), Principal=["123"]))
        client.put_bucket_policy(oss.PutBucketPolicyRequest(bucket=bucket, body=text))
        assert client.get_bucket_policy(oss.GetBucketPolicyRequest(bucket=bucket)).body == text
    for _ in range(2):
        deleted = client.delete_bucket_policy(oss.DeleteBucketPolicyRequest(bucket=bucket))
        assert deleted.status_code == 204
    assert (
        refusal(lambda: client.get_bucket_policy(oss.GetBucketPolicyRequest(bucket=bucket))).code == none.code
    )


def test_the_independent_sdk_agrees(guarded: Cloud) -> None:
    auth = oss2.AuthV4(guarded.owner.access_key_id, guarded.owner.access_key_secret)
    client = oss2.Bucket(auth, guarded.local.endpoints.oss, guarded.bucket, region="cn-hangzhou")
    with pytest.raises(oss2.exceptions.NoSuchBucketPolicy):
        client.get_bucket_policy()
    text = document(deny("oss:GetObject", Principal=["123"]))
    client.put_bucket_policy(text)
    assert client.get_bucket_policy().policy == text
    client.delete_bucket_policy()
    for blocked in (False, True):
        client.put_bucket_public_access_block(blocked)
        assert client.get_bucket_public_access_block().block_public_access is blocked


def test_what_a_video_shows_is_kept_from_readers(library: Cloud) -> None:
    # Given somebody whom RAM lets read everything
    _, keys = user(library, allow("oss:GetObject", library.objects()))
    assert readable(library, keys) == [ADVERT, MATCH, NEW]
    # When the bucket denies adverts to everybody
    put_policy(library, deny("oss:GetObject", library.objects(), Principal=["*"], Condition=shows("advert")))
    # Then nobody reads them, whatever RAM says, and the owner neither
    assert readable(library, keys) == [MATCH, NEW]
    assert readable(library, library.owner) == [MATCH, NEW]
    error = refusal(
        lambda: library.oss(keys).get_object(oss.GetObjectRequest(bucket=library.bucket, key=ADVERT))
    )
    assert (error.status_code, error.ec) == (403, "0003-00000201")
    assert error.message == "Access denied by bucket policy."


def test_a_link_is_no_way_around(library: Cloud) -> None:
    _, keys = user(library, allow("oss:GetObject", library.objects()))
    put_policy(library, deny("oss:GetObject", library.objects(), Principal=["*"], Condition=shows("advert")))
    for target, allowed in ((ADVERT, False), (MATCH, True)):
        owner(library).put_symlink(
            oss.PutSymlinkRequest(bucket=library.bucket, key="link", symlink_target=target)
        )
        request = oss.GetObjectRequest(bucket=library.bucket, key="link")
        if allowed:
            library.oss(keys).get_object(request).body.close()
        else:
            assert refusal(lambda: library.oss(keys).get_object(request)).code == "AccessDenied"  # noqa: B023


def test_a_tag_that_is_written_counts_at_once(library: Cloud) -> None:
    _, keys = user(library, allow("oss:GetObject", library.objects()))
    put_policy(library, deny("oss:GetObject", library.objects(), Principal=["*"], Condition=shows("advert")))
    tag_set = oss.TagSet(tags=[oss.Tag(key="imm_content", value="advert")])
    owner(library).put_object_tagging(
        oss.PutObjectTaggingRequest(bucket=library.bucket, key=NEW, tagging=oss.Tagging(tag_set=tag_set))
    )
    assert readable(library, keys) == [MATCH]


def test_a_policy_alone_allows_what_it_is_about(library: Cloud) -> None:
    # Given a RAM user and a session of a role without any permission
    uid, keys = user(library)
    session = library.caller(name="player")
    assert readable(library, keys) == readable(library, session) == []
    for principal, reader, other in (
        (uid, keys, session),
        (f"arn:sts::{ACCOUNT}:assumed-role/player/localcloud", session, keys),
        ("arn:sts::*:*/player/*", session, keys),
    ):
        # When the bucket's policy names one of them
        put_policy(
            library,
            allow("oss:GetObject", library.objects(), Principal=[principal], Condition=shows("sports")),
        )
        # Then that one reads what it is about, and the other nothing
        assert (readable(library, reader), readable(library, other)) == ([MATCH], [])


def test_a_deny_wins_over_an_allow_wherever_each_is(library: Cloud) -> None:
    uid, keys = user(library, deny("oss:GetObject", library.objects(MATCH)))
    put_policy(
        library,
        allow("oss:GetObject", library.objects(), Principal=[uid]),
        deny("oss:GetObject", library.objects(ADVERT), Principal=[uid]),
    )
    assert readable(library, keys) == [NEW]


def test_a_policy_about_everybody_is_about_the_owner_under_a_condition_only(library: Cloud) -> None:
    _, keys = user(library, allow("oss:GetObject", library.objects()))
    everything = deny("oss:GetObject", library.objects(), Principal=["*"])
    put_policy(library, everything)
    assert readable(library, keys) == []
    assert readable(library, library.owner) == [ADVERT, MATCH, NEW]
    put_policy(library, {**everything, "Condition": shows("none", operator="StringNotEquals")})
    assert readable(library, library.owner) == []
    put_policy(library, deny("oss:GetObject", library.objects(MATCH), Principal=[ACCOUNT]))
    assert readable(library, library.owner) == [ADVERT, NEW]


def test_tags_may_be_written_where_the_bucket_says_so(library: Cloud) -> None:
    uid, keys = user(library)
    put_policy(
        library,
        allow(
            "oss:PutObjectTagging",
            library.objects(),
            Principal=[uid],
            Condition={"StringEquals": {"oss:RequestObjectTag/imm_content": ["sports", "other"]}},
        ),
    )

    def tag(value: str) -> object:
        tag_set = oss.TagSet(tags=[oss.Tag(key="imm_content", value=value)])
        return library.oss(keys).put_object_tagging(
            oss.PutObjectTaggingRequest(bucket=library.bucket, key=NEW, tagging=oss.Tagging(tag_set=tag_set))
        )

    assert refusal(lambda: tag("advert")).code == "AccessDenied"
    tag("other")


def test_public_access_is_blocked_until_its_owner_lets_it_be(library: Cloud) -> None:
    # Given a bucket as it is made
    client, bucket = owner(library), library.bucket
    harmless = allow("oss:GetObject", library.objects(), Principal=["*"], Condition=shows("sports"))
    # Then no policy opens it, in whatever words
    for opening in (
        harmless,
        {**harmless, "Principal": []},
        {k: v for k, v in harmless.items() if k != "Principal"},
    ):
        error = refusal(lambda statement=opening: put_policy(library, statement))  # type: ignore[misc]
        assert (error.status_code, error.code) == (403, "AccessDenied")
    # When its owner ends the block
    block_public_access(library, False)
    put_policy(library, harmless)
    # Then everybody may read what is harmless, and nothing else
    assert [fetch(library, key) for key in TAGS] == [403, 200, 403]
    _, keys = user(library)
    assert readable(library, keys) == [MATCH]
    # And a new block voids it
    assert client.get_bucket_policy_status(
        oss.GetBucketPolicyStatusRequest(bucket=bucket)
    ).policy_status.is_public
    block_public_access(library, True)
    assert [fetch(library, key) for key in TAGS] == [403, 403, 403]
    assert readable(library, keys) == []
    asked = oss.GetBucketPublicAccessBlockRequest(bucket=bucket)
    shown = client.get_bucket_public_access_block(asked).public_access_block_configuration
    assert shown.block_public_access is True
    client.delete_bucket_public_access_block(oss.DeleteBucketPublicAccessBlockRequest(bucket=bucket))
    assert fetch(library, MATCH) == 200
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket=bucket)).bucket_info
    assert info.block_public_access is False


def test_a_policy_that_denies_or_names_a_network_is_not_public(guarded: Cloud) -> None:
    network = {"StringEquals": {"acs:SourceVpc": "vpc-1"}, "IpAddress": {"acs:SourceIp": "192.168.0.0/16"}}
    for statement in (
        deny("oss:*", guarded.objects(), Principal=["*"]),
        allow("oss:GetObject", guarded.objects(), Principal=["*"], Condition=network),
    ):
        put_policy(guarded, statement)
        status = owner(guarded).get_bucket_policy_status(
            oss.GetBucketPolicyStatusRequest(bucket=guarded.bucket)
        )
        assert status.policy_status.is_public is False


ALLOWED = {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["*"], "Principal": ["123"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"Version": 1, "Statement": []}',
        '{"Version": "1", "Statement": []}',
        json.dumps({"Version": 1, "Statement": [ALLOWED]}),
        document({**ALLOWED, "Effect": "Perhaps"}),
        document({**ALLOWED, "Principal": {"RAM": ["acs:ram::123:root"]}}),
        document({**ALLOWED, "Principal": ["somebody"]}),
        document({**ALLOWED, "Principal": ""}),
        document({**ALLOWED, "Resource": ["media/*"]}),
        document({**ALLOWED, "Condition": {"StringEquals": {"oss:ExistingObjectTag/": "a"}}}),
        document({**ALLOWED, "Condition": {"IpAddress": {"acs:SourceIp": "10.0.0.0/8"}}}),
        document(*[{**ALLOWED, "Resource": ["acs:oss:*:*:" + "m" * 200]}] * 80),
    ],
)
def test_a_document_that_is_no_policy_is_refused(guarded: Cloud, text: str) -> None:
    client = owner(guarded)
    request = oss.PutBucketPolicyRequest(bucket=guarded.bucket, body=text)
    error = refusal(lambda: client.put_bucket_policy(request))
    assert (error.status_code, error.code, error.ec) == (400, "InvalidPolicyDocument", "0030-00000005")
