"""Lifecycle rules: what OSS takes of them, and what they do to objects with the tags that they name."""

from __future__ import annotations

from datetime import timedelta

import alibabacloud_oss_v2 as oss
import oss2
import pytest
from alibabacloud_oss_v2.models import LifecycleRuleFilter, LifecycleRuleNot

from localcloud.oss.protocol.errors import OssError
from tests.localcloud.oss_world import (
    BUCKET,
    Oss,
    ask,
    get,
    head,
    put,
    refusal,
    set_tags,
)

DAY = 24 * 3600.0
ADVERT = oss.Tag(key="imm_content", value="advert")


def rule(prefix: str = "", *, tags: list[oss.Tag] | None = None, **parts: object) -> oss.LifecycleRule:
    return oss.LifecycleRule(prefix=prefix, tags=tags, **{"status": "Enabled", **parts})


def expire(days: int) -> oss.LifecycleRuleExpiration:
    return oss.LifecycleRuleExpiration(days=days)


def move(days: int, storage_class: str) -> list[oss.LifecycleRuleTransition]:
    return [oss.LifecycleRuleTransition(days=days, storage_class=storage_class)]


def configure(client: oss.Client, *rules: oss.LifecycleRule, overlap: bool = False) -> None:
    configuration = oss.LifecycleConfiguration(rules=list(rules))
    allowed = {"allow_same_action_overlap": "true"} if overlap else {}
    ask(client, "put_bucket_lifecycle", lifecycle_configuration=configuration, **allowed)


def rules_of(client: oss.Client) -> list[oss.LifecycleRule]:
    rules: list[oss.LifecycleRule] = ask(client, "get_bucket_lifecycle").lifecycle_configuration.rules
    return rules


def carry_out(cloud: Oss) -> list[tuple[str, str | None]]:
    return [(done.key, done.storage_class) for done in cloud.storage.carry_out_lifecycle(BUCKET)]


def test_rules_come_back_as_they_were_put(client: oss.Client) -> None:
    configure(
        client,
        rule("videos/", tags=[ADVERT], id="adverts", transitions=move(30, "IA"), expiration=expire(365)),
        rule("日志/", status="Disabled", expiration=expire(7)),
    )
    adverts, logs = rules_of(client)
    assert (adverts.id, adverts.prefix, adverts.status) == ("adverts", "videos/", "Enabled")
    assert [(tag.key, tag.value) for tag in adverts.tags] == [("imm_content", "advert")]
    assert (adverts.transitions[0].days, adverts.transitions[0].storage_class) == (30, "IA")
    assert adverts.expiration.days == 365
    assert (logs.prefix, logs.status) == ("日志/", "Disabled")
    # A rule without an ID gets one.
    assert logs.id


def test_rules_are_replaced_as_a_whole_and_deleted(client: oss.Client) -> None:
    error = refusal(rules_of, client)
    assert (error.status_code, error.code) == (404, "NoSuchLifecycle")
    configure(client, rule("a/", expiration=expire(1)))
    configure(client, rule("b/", expiration=expire(1)))
    assert [found.prefix for found in rules_of(client)] == ["b/"]
    for _ in range(2):
        assert ask(client, "delete_bucket_lifecycle").status_code == 204
    assert refusal(rules_of, client).code == "NoSuchLifecycle"


def test_rules_end_with_their_bucket(cloud: Oss, client: oss.Client) -> None:
    configure(client, rule(tags=[ADVERT], expiration=expire(1)))
    ask(client, "delete_bucket")
    ask(client, "put_bucket")
    assert refusal(rules_of, client).code == "NoSuchLifecycle"
    with pytest.raises(OssError):
        cloud.storage.carry_out_lifecycle("nowhere")


def test_a_rule_takes_what_has_its_tags_and_leaves_the_rest(cloud: Oss, client: oss.Client) -> None:
    # Given a rule for adverts of one language, and videos of every kind.
    language = oss.Tag(key="lang", value="zh")
    configure(client, rule("videos/", tags=[ADVERT, language], transitions=move(30, "IA")))
    both = [("imm_content", "advert"), ("lang", "zh"), ("team", "a")]
    for key, tags in [
        ("videos/advert.mp4", both),
        ("videos/foreign.mp4", [("imm_content", "advert"), ("lang", "en")]),
        ("videos/one-tag.mp4", [("imm_content", "advert")]),
        ("videos/other-case.mp4", [("imm_content", "Advert"), ("lang", "zh")]),
        ("videos/untagged.mp4", []),
        ("elsewhere/advert.mp4", both),
    ]:
        put(client, key)
        set_tags(client, key, tags)
    # When 30 days have nearly passed, nothing is done.
    cloud.clock.advance(30 * DAY - 60)
    assert carry_out(cloud) == []
    # When they have passed, the one that has both tags is moved.
    before = cloud.storage.stat(BUCKET, "videos/advert.mp4")
    cloud.clock.advance(120)
    assert carry_out(cloud) == [("videos/advert.mp4", "IA")]
    after = cloud.storage.stat(BUCKET, "videos/advert.mp4")
    assert before is not None
    assert after is not None
    assert (after.storage_class, after.tags) == ("IA", before.tags)
    assert (after.last_modified, after.etag) == (before.last_modified, before.etag)
    assert (head(client, "videos/foreign.mp4").storage_class, get(client, "videos/advert.mp4")) == (
        "Standard",
        b"a video",
    )
    # And it is done once.
    assert carry_out(cloud) == []


def test_tags_that_are_written_later_count_from_the_upload(cloud: Oss, client: oss.Client) -> None:
    configure(client, rule(tags=[ADVERT], expiration=expire(10)))
    put(client, "a.mp4")
    cloud.clock.advance(11 * DAY)
    assert carry_out(cloud) == []
    set_tags(client, "a.mp4", [("imm_content", "advert")])
    assert carry_out(cloud) == [("a.mp4", None)]
    assert not cloud.bodies


def test_an_object_comes_from_class_to_class_and_is_deleted_at_last(cloud: Oss, client: oss.Client) -> None:
    transitions = [*move(1, "IA"), *move(10, "Archive")]
    configure(client, rule(transitions=transitions, expiration=expire(100)))
    put(client, "a.mp4")
    seen = []
    for days in (2, 10, 1, 100):
        cloud.clock.advance(days * DAY)
        seen += carry_out(cloud)
    assert seen == [("a.mp4", "IA"), ("a.mp4", "Archive"), ("a.mp4", None)]


def test_never_to_a_warmer_class_and_a_disabled_rule_does_nothing(cloud: Oss, client: oss.Client) -> None:
    put(client, "a.mp4", storage_class="Archive")
    configure(
        client,
        rule(transitions=move(1, "IA")),
        rule("a", status="Disabled", expiration=expire(2)),
        overlap=True,
    )
    cloud.clock.advance(3 * DAY)
    assert carry_out(cloud) == []
    assert head(client, "a.mp4").storage_class == "Archive"


def test_of_several_rules_the_deletion_wins(cloud: Oss, client: oss.Client) -> None:
    configure(
        client,
        rule("videos/", id="all", transitions=move(1, "IA")),
        rule("videos/", id="adverts", tags=[ADVERT], expiration=expire(1)),
        overlap=True,
    )
    put(client, "videos/a.mp4", tagging="imm_content=advert")
    put(client, "videos/b.mp4", tagging="imm_content=news")
    cloud.clock.advance(2 * DAY)
    assert carry_out(cloud) == [("videos/a.mp4", None), ("videos/b.mp4", "IA")]


def test_what_a_filter_spares(cloud: Oss, client: oss.Client) -> None:
    spared = LifecycleRuleFilter(
        object_size_greater_than=3,
        object_size_less_than=10,
        nots=[LifecycleRuleNot(prefix="videos/kept/", tag=oss.Tag(key="keep", value="yes"))],
    )
    configure(client, rule("videos/", filter=spared, expiration=expire(1)))
    for key, body, tags in [
        ("videos/kept/a", b"12345", "keep=yes"),
        ("videos/kept/b", b"12345", "keep=no"),
        ("videos/small", b"123", ""),
        ("videos/large", b"1234567890", ""),
    ]:
        put(client, key, body, tagging=tags)
    cloud.clock.advance(2 * DAY)
    assert carry_out(cloud) == [("videos/kept/b", None)]


def test_what_was_written_before_a_date(cloud: Oss, client: oss.Client) -> None:
    put(client, "p/a.mp4")
    info = cloud.storage.stat(BUCKET, "p/a.mp4")
    assert info is not None
    today = info.last_modified.strftime("%Y-%m-%dT00:00:00.000Z")
    tomorrow = (info.last_modified + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00.000Z")
    for date, expected in [(today, []), (tomorrow, [("p/a.mp4", None)])]:
        parts = f"<CreatedBeforeDate>{date}</CreatedBeforeDate>"
        assert answer(cloud, f"<Expiration>{parts}</Expiration>") == (200, "", "")
        assert carry_out(cloud) == expected


def answer(cloud: Oss, *rules: str, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Status, code and EC number upon rules whose Status, and a Prefix if they have none, are added."""
    prefix = "<Prefix>p/</Prefix>"
    texts = [
        f"<Rule><Status>Enabled</Status>{text if text.startswith('<Prefix>') else prefix + text}</Rule>"
        for text in rules
    ]
    body = f"<LifecycleConfiguration>{''.join(texts)}</LifecycleConfiguration>".encode()
    answer = cloud.call("PUT", query="lifecycle", body=body, headers=headers or {})
    error = answer.error() if answer.status != 200 else {}
    return answer.status, error.get("Code", ""), error.get("EC", "")


def move_to(storage_class: str, age: str) -> str:
    return f"<Transition>{age}<StorageClass>{storage_class}</StorageClass></Transition>"


def tag(key: str, value: str) -> str:
    return f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"


def before(date: str) -> str:
    return f"<CreatedBeforeDate>{date}.000Z</CreatedBeforeDate>"


EXPIRE, DAYS = "<Expiration><Days>3</Days></Expiration>", "<Days>{}</Days>"
ABORT = "<AbortMultipartUpload><Days>1</Days></AbortMultipartUpload>"
MARKER = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"
MIDNIGHT = before("2021-12-30T00:00:00")
LARGER = "<ObjectSizeGreaterThan>{}</ObjectSizeGreaterThan>"
SMALLER = "<ObjectSizeLessThan>1</ObjectSizeLessThan>"


@pytest.mark.parametrize(
    ("rule", "code", "ec"),
    [
        ("", "MalformedXML", "0014-00000026"),
        ("<Expiration/>", "MalformedXML", "0014-00000060"),
        ("<AbortMultipartUpload/>", "MalformedXML", ""),
        ("<Expiration><Days>0</Days></Expiration>", "InvalidArgument", ""),
        ("<Expiration><Days>many</Days></Expiration>", "InvalidArgument", ""),
        (f"{EXPIRE}<Other/>", "MalformedXML", "0014-00000003"),
        (f"{EXPIRE}<Prefix>q/</Prefix>", "MalformedXML", "0014-00000010"),
        (f"{EXPIRE}<Tag><Value>v</Value></Tag>", "MalformedXML", "0014-00000028"),
        (EXPIRE + tag("k", "1") + tag("k", "2"), "InvalidArgument", "0014-00000029"),
        (EXPIRE + tag("", "v"), "InvalidArgument", "0014-00000030"),
        (EXPIRE + tag("k#", "v"), "InvalidArgument", "0014-00000031"),
        (EXPIRE + tag("k", "v#"), "InvalidArgument", "0014-00000032"),
        (tag("k", "v") + ABORT, "InvalidArgument", "0014-00000027"),
        (tag("k", "v") + MARKER, "InvalidArgument", "0014-00000027"),
        (MARKER.replace("<Expiration>", "<Expiration><Days>1</Days>"), "InvalidArgument", ""),
        (move_to("IA", DAYS.format(1) + MIDNIGHT), "InvalidArgument", "0014-00000050"),
        (move_to("Standard", DAYS.format(1)), "InvalidArgument", ""),
        (move_to("IA", DAYS.format(4)) + EXPIRE, "InvalidArgument", "0014-00000082"),
        (move_to("IA", MIDNIGHT) + EXPIRE, "InvalidRequest", ""),
        (f"<Expiration>{before('2021-12-30T08:00:00')}</Expiration>", "InvalidArgument", ""),
        (f"<Filter>{LARGER.format('abc')}</Filter>{EXPIRE}", "InvalidArgument", "0014-00000039"),
        (f"<Filter>{LARGER.format(2)}{SMALLER}</Filter>{EXPIRE}", "InvalidArgument", "0014-00000041"),
        (f"<ID>{'i' * 256}</ID>{EXPIRE}", "InvalidArgument", ""),
    ],
)
def test_a_rule_that_oss_refuses(cloud: Oss, rule: str, code: str, ec: str) -> None:
    assert answer(cloud, rule) == (400, code, ec)
    assert cloud.call("GET", query="lifecycle").status == 404


@pytest.mark.parametrize(
    "body", [b"", b"<Other/>", b"<LifecycleConfiguration/>", b"<LifecycleConfiguration>"]
)
def test_a_document_that_oss_refuses(cloud: Oss, body: bytes) -> None:
    assert cloud.refused("PUT", query="lifecycle", body=body) == "MalformedXML"


def test_rules_that_contradict_each_other(cloud: Oss) -> None:
    later = EXPIRE.replace("3", "5")
    inner, conflict = f"<Prefix>p/q/</Prefix>{later}", f"<Prefix>p/q/</Prefix>{move_to('IA', DAYS.format(6))}"
    allow = {"x-oss-allow-same-action-overlap": "true"}
    assert answer(cloud, EXPIRE, later) == (400, "InvalidRequest", "0014-00000085")
    assert answer(cloud, EXPIRE, inner) == (400, "InvalidArgument", "")
    assert answer(cloud, EXPIRE, conflict) == (400, "InvalidArgument", "0014-00000082")
    assert answer(cloud, f"<ID>i</ID>{EXPIRE}", f"<ID>i</ID>{later}") == (400, "InvalidArgument", "")
    for second in (inner, conflict):
        assert answer(cloud, EXPIRE, second, headers=allow) == (200, "", "")
    # Rules for different tags are two matters.
    assert answer(cloud, EXPIRE + tag("k", "1"), later + tag("k", "2")) == (200, "", "")


def test_rules_by_the_last_access_are_left_out(client: oss.Client) -> None:
    transition = oss.LifecycleRuleTransition(
        days=1, storage_class="IA", is_access_time=True, return_to_std_when_visit=True
    )
    assert refusal(configure, client, rule(transitions=[transition])).status_code == 501


def test_rules_about_what_there_is_none_of_are_kept(cloud: Oss) -> None:
    parts = (
        "<AbortMultipartUpload><Days>3</Days></AbortMultipartUpload>"
        "<NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays></NoncurrentVersionExpiration>"
    )
    assert answer(cloud, parts) == (200, "", "")
    kept = cloud.call("GET", query="lifecycle").body
    assert b"<AbortMultipartUpload>" in kept
    assert b"<NoncurrentDays>5</NoncurrentDays>" in kept


def test_uploads_that_nobody_completes_are_aborted(cloud: Oss, client: oss.Client) -> None:
    # Given an upload below the rule's prefix and one elsewhere
    ids = {}
    for key in ("videos/a", "other/a"):
        ids[key] = ask(client, "initiate_multipart_upload", key=key).upload_id
        ask(client, "upload_part", key=key, upload_id=ids[key], part_number=1, body=b"half a video")
    put(client, "videos/a")
    abortion = oss.LifecycleRuleAbortMultipartUpload(days=3)
    configure(client, rule("videos/", id="fragments", abort_multipart_upload=abortion))
    # When its days are over
    cloud.clock.advance(2 * DAY)
    assert carry_out(cloud) == []
    cloud.clock.advance(1.1 * DAY)
    (done,) = cloud.storage.carry_out_lifecycle(BUCKET)
    # Then the upload has ended with its parts, and nothing else
    assert (done.key, done.rule_id, done.upload_id) == ("videos/a", "fragments", ids["videos/a"])
    assert [one.key for one in ask(client, "list_multipart_uploads").uploads] == ["other/a"]
    assert (get(client, "videos/a"), len(cloud.bodies)) == (b"a video", 2)


def test_tags_that_no_object_can_have_are_taken_and_match_nothing(cloud: Oss, client: oss.Client) -> None:
    put(client, "p/a", tagging="k=v")
    many = "".join(tag(f"key-{number}", "v") for number in range(19))
    for tags in (tag("k" * 129, "v"), tag("k", "v" * 257), many):
        assert answer(cloud, tags + EXPIRE) == (200, "", "")
        cloud.clock.advance(4 * DAY)
        assert carry_out(cloud) == []


def test_the_independent_sdk_agrees(cloud: Oss, client: oss.Client, witness: oss2.Bucket) -> None:
    tags = oss2.models.TaggingRule()
    tags.add("imm_content", "advert")
    sent = oss2.models.LifecycleRule(
        "adverts",
        "中文前缀+/",
        status=oss2.models.LifecycleRule.ENABLED,
        expiration=oss2.models.LifecycleExpiration(days=356),
        tagging=oss2.models.Tagging(tags),
    )
    witness.put_bucket_lifecycle(oss2.models.BucketLifecycle([sent]))
    (found,) = witness.get_bucket_lifecycle().rules
    assert (found.id, found.prefix, found.status) == ("adverts", "中文前缀+/", "Enabled")
    assert found.expiration.days == 356
    assert found.tagging.tag_set.tagging_rule == {"imm_content": "advert"}
    put(client, "中文前缀+/a", tagging="imm_content=advert")
    cloud.clock.advance(357 * DAY)
    assert carry_out(cloud) == [("中文前缀+/a", None)]
    witness.delete_bucket_lifecycle()
    with pytest.raises(oss2.exceptions.NoSuchLifecycle):
        witness.get_bucket_lifecycle()
