"""The recipes of docs/RECIPES.md do what they say, as they stand, with the permissions that they name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import alibabacloud_oss_v2 as oss
import pytest

from cli.clients import Video, access_to
from imm_label_tags.results.labels import Label
from imm_label_tags.tagging.settings import read_settings
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.user import oss_client

DOCUMENTS = Path(__file__).parent.parent.parent / "docs"
PAGE, CHINESE = ((DOCUMENTS / name).read_text("utf-8") for name in ("RECIPES.md", "RECIPES.zh-CN.md"))
BUCKET = "media"
DAY = 24 * 3600.0
ADVERTS = [f"videos/advert-{number:03}.mp4" for number in range(101)]
TAGS = {
    **dict.fromkeys(ADVERTS, "imm_content=advert"),
    "other/advert.mp4": "imm_content=advert",
    "videos/match.mp4": "imm_content=sports",
    "videos/new.mp4": "team=a",
}

Run = Callable[..., str]


def blocks(title: str, language: str) -> list[str]:
    """The blocks of code in a section, as they stand."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, title
    return re.findall(rf"^```{language}\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A cloud with adverts and others in its bucket."""
    with LocalCloud(CloudConfig(policies=True)) as cloud:
        for key, tags in TAGS.items():
            video(cloud, cloud.accounts.owner, key).upload(b"a video", tags)
        yield cloud


def video(cloud: LocalCloud, keys: Identity, key: str) -> Video:
    return Video(access_to(cloud, keys), BUCKET, key)


def user(cloud: LocalCloud, name: str, *policies: str) -> Identity:
    documents = {f"{name}-{number}": policy for number, policy in enumerate(policies)}
    return cloud.call(cloud.access.put_user, name, documents).keys


def allow(*actions: str, resource: str = f"acs:oss:*:*:{BUCKET}") -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": [resource]}
    return json.dumps({"Version": "1", "Statement": [statement]})


@pytest.fixture
def run(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a script for somebody who has certain permissions; gives what it prints."""

    def run(script: str, *actions: str) -> str:
        keys = user(cloud, "-".join(actions).replace("oss:", ""), allow(*actions))
        monkeypatch.setenv("OSS_ACCESS_KEY_ID", keys.access_key_id)
        monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", keys.access_key_secret)
        monkeypatch.setenv("OSS_ENDPOINT", cloud.endpoints.oss)
        for action in actions:
            assert f"`{action}`" in PAGE
        exec(compile(script, "docs/RECIPES.md", "exec"), {})
        return capsys.readouterr().out

    return run


def test_the_chinese_page_has_the_same_recipes() -> None:
    code, permissions = r"^```\w+\n.*?^```", r"`oss:\w+`"
    for same in (code, permissions):
        found = [re.findall(same, page, re.MULTILINE | re.DOTALL) for page in (PAGE, CHINESE)]
        assert found[0] == found[1] != []


def test_the_rules_tag_adverts(tmp_path: Path) -> None:
    (rules,) = blocks("Tags in your own words", "json")
    (tmp_path / "rules.json").write_text(rules, encoding="utf-8")
    read = read_settings({"TAG_RULES": "rules.json"}, tmp_path).tag_rules
    assert list(read.apply([Label("促销", 0.9)], 0.5)) == [("content", "advert")]
    assert list(read.apply([], 0.5)) == [("content", "other")]


def test_the_deny_keeps_adverts_from_readers(cloud: LocalCloud) -> None:
    deny, _, _ = blocks("Nobody reads adverts", "json")
    reader = user(cloud, "reader", allow("oss:GetObject", resource=f"acs:oss:*:*:{BUCKET}/*"), deny)
    assert video(cloud, reader, ADVERTS[0]).refusal() == "AccessDenied"
    assert video(cloud, reader, "videos/match.mp4").refusal() is None
    assert video(cloud, reader, "videos/new.mp4").refusal() is None


def test_the_allow_gives_nothing_before_it_is_known(cloud: LocalCloud) -> None:
    _, allowed, _ = blocks("Nobody reads adverts", "json")
    reader = user(cloud, "careful-reader", allowed)
    assert video(cloud, reader, ADVERTS[0]).refusal() == "AccessDenied"
    assert video(cloud, reader, "videos/new.mp4").refusal() == "AccessDenied"
    assert video(cloud, reader, "videos/match.mp4").refusal() is None


def test_the_bucket_policy_keeps_adverts_from_everybody(cloud: LocalCloud) -> None:
    _, _, policy = blocks("Nobody reads adverts", "json")
    reader = user(cloud, "another-reader", allow("oss:GetObject", resource=f"acs:oss:*:*:{BUCKET}/*"))
    owner, client = cloud.accounts.owner, oss_client(cloud)
    client.put_bucket_policy(oss.PutBucketPolicyRequest(bucket=BUCKET, body=policy))
    try:
        for keys in (reader, owner):
            assert video(cloud, keys, ADVERTS[0]).refusal() == "AccessDenied"
            assert video(cloud, keys, "videos/match.mp4").refusal() is None
            assert video(cloud, keys, "videos/new.mp4").refusal() is None
        # A policy that names a reader is about nobody else.
        uid = cloud.call(
            cloud.access.put_user, "another-reader", {"all": allow("oss:*", resource="*")}
        ).user_id
        named = policy.replace('"*"', f'"{uid}"')
        client.put_bucket_policy(oss.PutBucketPolicyRequest(bucket=BUCKET, body=named))
        assert video(cloud, reader, ADVERTS[0]).refusal() == "AccessDenied"
        assert video(cloud, owner, ADVERTS[0]).refusal() is None
    finally:
        client.delete_bucket_policy(oss.DeleteBucketPolicyRequest(bucket=BUCKET))


def test_the_search_finds_every_advert_below_the_prefix(run: Run) -> None:
    opening, searching = blocks("Finding adverts", "python")
    run(opening, "oss:OpenMetaQuery")
    assert run(searching, "oss:DoMetaQuery").splitlines() == ADVERTS


# The last one: from then on it is later for the services than for who asks them.
def test_the_lifecycle_rule_moves_adverts_and_leaves_other_rules(cloud: LocalCloud, run: Run) -> None:
    # Given a bucket without rules, the script adds its own; run again it changes nothing
    (script,) = blocks("Cheaper storage for adverts", "python")
    actions = ("oss:GetBucketLifecycle", "oss:PutBucketLifecycle")
    assert run(script, *actions) == "media has 1 lifecycle rules\n"
    assert run(script, *actions) == "media has 1 lifecycle rules\n"

    # and with a rule of somebody else's, that one stays
    client = oss_client(cloud)
    logs = oss.LifecycleRule(
        id="logs", prefix="logs/", status="Enabled", expiration=oss.LifecycleRuleExpiration(days=7)
    )
    client.put_bucket_lifecycle(
        oss.PutBucketLifecycleRequest(
            bucket=BUCKET, lifecycle_configuration=oss.LifecycleConfiguration(rules=[logs])
        )
    )
    assert run(script, *actions) == "media has 2 lifecycle rules\n"
    found = client.get_bucket_lifecycle(oss.GetBucketLifecycleRequest(bucket=BUCKET))
    assert [rule.id for rule in found.lifecycle_configuration.rules] == ["logs", "adverts"]

    # When OSS carries it out, then adverts are moved after 30 days, and nothing else is
    assert cloud.call(cloud.objects.carry_out_lifecycle, BUCKET) == []
    cloud.call(cloud.clock.advance, 31 * DAY)
    moved = cloud.call(cloud.objects.carry_out_lifecycle, BUCKET)
    assert sorted((one.key, one.storage_class) for one in moved) == [(key, "IA") for key in ADVERTS]
