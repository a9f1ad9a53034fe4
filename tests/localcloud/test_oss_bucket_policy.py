"""Bucket policies: what they allow and forbid, to whom, and that they act on what a video shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.accounts import Identity
from tests.localcloud.oss_world import ask, get, refusal, set_tags
from tests.localcloud.ram_world import allow, deny, document
from tests.localcloud.services import ACCOUNT, Cloud

pytest_plugins = ["tests.localcloud.service_fixtures"]

ADVERT, MATCH, NEW = "videos/advert.mp4", "videos/match.mp4", "videos/new.mp4"
TAGS = {ADVERT: "imm_content=advert", MATCH: "imm_content=sports", NEW: "team=a"}


def shows(*contents: str, operator: str = "StringEquals") -> dict[str, Any]:
    """The condition that an object has one of these tags."""
    return {operator: {"oss:ExistingObjectTag/imm_content": list(contents)}}


@pytest.fixture
def owner(guarded: Cloud) -> Callable[..., Any]:
    """Calls an operation on the bucket in the owner's name."""
    return partial(ask, guarded.oss(guarded.owner), bucket=guarded.bucket)


@pytest.fixture
def library(guarded: Cloud, owner: Callable[..., Any]) -> Cloud:
    """A bucket of videos, some of which are known to be adverts or sports."""
    for key, tags in TAGS.items():
        owner("put_object", key=key, body=b"a video", tagging=tags)
    return guarded


def user(cloud: Cloud, *statements: Mapping[str, Any]) -> tuple[str, Identity]:
    """The UID and the keys of a RAM user with a policy of these statements."""
    policies = {"reader-policy": document(*statements)} if statements else {}
    made = cloud.local.call(cloud.local.access.put_user, "reader", policies)
    return made.user_id, made.keys


def reader(cloud: Cloud) -> Identity:
    """The keys of somebody whom RAM lets read everything."""
    return user(cloud, allow("oss:GetObject", cloud.objects()))[1]


def put_policy(cloud: Cloud, *statements: Mapping[str, Any]) -> None:
    ask(cloud.oss(cloud.owner), "put_bucket_policy", bucket=cloud.bucket, body=document(*statements))


def block_public_access(owner: Callable[..., Any], blocked: bool) -> None:
    configuration = oss.PublicAccessBlockConfiguration(block_public_access=blocked)
    owner("put_bucket_public_access_block", public_access_block_configuration=configuration)


def readable(cloud: Cloud, keys: Identity) -> list[str]:
    """Which of the videos somebody can read."""
    found = []
    for key in TAGS:
        try:
            get(cloud.oss(keys), key, bucket=cloud.bucket)
        except oss.exceptions.OperationError as error:
            assert error.unwrap().code == "AccessDenied"
        else:
            found.append(key)
    return found


def fetch(cloud: Cloud, key: str) -> int:
    """The status that somebody without keys gets."""
    return cloud.session.get(f"{cloud.local.endpoints.oss}/{cloud.bucket}/{key}", timeout=30).status_code


def no_adverts(cloud: Cloud) -> dict[str, Any]:
    """A statement that denies adverts to everybody."""
    return deny("oss:GetObject", cloud.objects(), Principal=["*"], Condition=shows("advert"))


def test_a_policy_is_put_as_a_whole_and_comes_back_as_it_was(
    guarded: Cloud, owner: Callable[..., Any]
) -> None:
    none = refusal(owner, "get_bucket_policy")
    assert (none.status_code, none.code, none.ec) == (404, "NoSuchBucketPolicy", "0030-00000006")
    for action in ("oss:GetObject", "oss:PutObject"):
        text = document(deny(action, guarded.objects(), Principal=["123"]))
        owner("put_bucket_policy", body=text)
        assert owner("get_bucket_policy").body == text
    for _ in range(2):
        assert owner("delete_bucket_policy").status_code == 204
    assert refusal(owner, "get_bucket_policy").code == none.code


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
    keys = reader(library)
    assert readable(library, keys) == [ADVERT, MATCH, NEW]
    # When the bucket denies adverts to everybody
    put_policy(library, no_adverts(library))
    # Then nobody reads them, whatever RAM says, and the owner neither
    assert readable(library, keys) == [MATCH, NEW]
    assert readable(library, library.owner) == [MATCH, NEW]
    error = refusal(get, library.oss(keys), ADVERT, bucket=library.bucket)
    assert (error.status_code, error.ec) == (403, "0003-00000201")
    assert error.message == "Access denied by bucket policy."
    # And a tag that is written counts at once
    set_tags(library.oss(library.owner), NEW, [("imm_content", "advert")], bucket=library.bucket)
    assert readable(library, keys) == [MATCH]


def test_a_link_is_no_way_around(library: Cloud, owner: Callable[..., Any]) -> None:
    client = library.oss(reader(library))
    put_policy(library, no_adverts(library))
    owner("put_symlink", key="link", symlink_target=ADVERT)
    assert refusal(get, client, "link", bucket=library.bucket).code == "AccessDenied"
    owner("put_symlink", key="link", symlink_target=MATCH)
    assert get(client, "link", bucket=library.bucket) == b"a video"


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
    keys = reader(library)
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
    requested = {"StringEquals": {"oss:RequestObjectTag/imm_content": ["sports", "other"]}}
    tags = allow("oss:PutObjectTagging", library.objects(), Principal=[uid], Condition=requested)
    put_policy(library, tags)
    tag = partial(set_tags, library.oss(keys), NEW, bucket=library.bucket)
    assert refusal(tag, [("imm_content", "advert")]).code == "AccessDenied"
    tag([("imm_content", "other")])


def test_public_access_is_blocked_until_its_owner_lets_it_be(
    library: Cloud, owner: Callable[..., Any]
) -> None:
    # Given a bucket as it is made
    harmless = allow("oss:GetObject", library.objects(), Principal=["*"], Condition=shows("sports"))
    unnamed = {name: value for name, value in harmless.items() if name != "Principal"}
    # Then no policy opens it, in whatever words
    for opening in (harmless, {**harmless, "Principal": []}, unnamed):
        error = refusal(put_policy, library, opening)
        assert (error.status_code, error.code) == (403, "AccessDenied")
    # When its owner ends the block
    block_public_access(owner, False)
    put_policy(library, harmless)
    # Then everybody may read what is harmless, and nothing else
    assert [fetch(library, key) for key in TAGS] == [403, 200, 403]
    _, keys = user(library)
    assert readable(library, keys) == [MATCH]
    assert owner("get_bucket_policy_status").policy_status.is_public
    # And a new block voids it
    block_public_access(owner, True)
    assert [fetch(library, key) for key in TAGS] == [403, 403, 403]
    assert readable(library, keys) == []
    shown = owner("get_bucket_public_access_block").public_access_block_configuration
    assert shown.block_public_access is True
    owner("delete_bucket_public_access_block")
    assert fetch(library, MATCH) == 200
    assert owner("get_bucket_info").bucket_info.block_public_access is False


def test_a_policy_that_denies_or_names_a_network_is_not_public(
    guarded: Cloud, owner: Callable[..., Any]
) -> None:
    network = {"StringEquals": {"acs:SourceVpc": "vpc-1"}, "IpAddress": {"acs:SourceIp": "192.168.0.0/16"}}
    for statement in (
        deny("oss:*", guarded.objects(), Principal=["*"]),
        allow("oss:GetObject", guarded.objects(), Principal=["*"], Condition=network),
    ):
        put_policy(guarded, statement)
        assert owner("get_bucket_policy_status").policy_status.is_public is False


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
def test_a_document_that_is_no_policy_is_refused(owner: Callable[..., Any], text: str) -> None:
    error = refusal(owner, "put_bucket_policy", body=text)
    assert (error.status_code, error.code, error.ec) == (400, "InvalidPolicyDocument", "0030-00000005")
