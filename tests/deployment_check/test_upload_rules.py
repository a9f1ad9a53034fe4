"""What check-deploy says of ``s.uploads.yaml``: the function that submits videos, and what calls it."""

from __future__ import annotations

from typing import Any

import pytest

from cli.deployment_check.findings import Finding, Severity
from tests.deployment_check.checkout import (
    GONE,
    PROPS,
    SUBMITTER_PROPS,
    Broken,
    Checkout,
    Mutation,
    bad,
    both,
    done,
    good,
    put,
)

T = "triggers[0]"
EVENTS = f"{T}.triggerConfig.events"
KEY = f"{T}.triggerConfig.filter.key"
ENV = "environmentVariables"
ENDS = [
    *("oss:ObjectCreated:PutObject", "oss:ObjectCreated:PostObject"),
    *("oss:ObjectCreated:CompleteMultipartUpload", "oss:ObjectCreated:CopyObject"),
]
HTTP = {"methods": ["POST"], "authType": "anonymous"}
TIMER = {"cronExpression": "@every 1m", "enable": True}
PATTERN = (
    '{"source":["acs.oss"],"type":["oss:ObjectCreated:PutObject"],'
    '"data":{"oss":{"object":{"key":[{"suffix":".mp4"}]}}}}'
)
VARIABLES = {
    "IMM_LABEL_TAGS_BUCKET": "media",
    "IMM_LABEL_TAGS_PREFIX": "videos/",
    "IMM_LABEL_TAGS_PROJECT": "immtest",
    "FAILED_EVENTS": "oss://media/failed",
}
DEPLOYABLE = {**VARIABLES, "ALIBABA_CLOUD_ACCOUNT_ID": "2" * 16}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


def findings(checkout: Checkout, *mutations: Mutation, **variables: str) -> list[Finding]:
    """What is found in the file after something in it was changed."""
    exported: dict[str, Any] = {**VARIABLES, **variables}
    return checkout.findings(both(*mutations), "s.uploads.yaml", **exported)


def change(path: str, value: Any) -> Mutation:
    """Set one value of the function that submits."""
    return put(path, value, SUBMITTER_PROPS)


def rule(pattern: str, **settings: Any) -> Mutation:
    """A rule of EventBridge in place of the triggers."""
    config = {
        "asyncInvocationType": True,
        "eventRuleFilterPattern": pattern,
        "eventSourceConfig": {"eventSourceType": "Default"},
        **settings,
    }
    return change("triggers", [{"triggerName": "r", "triggerType": "eventbridge", "triggerConfig": config}])


def copies(number: int) -> Mutation:
    """So many more triggers, each of another suffix."""

    def mutate(content: Any) -> None:
        triggers = content["resources"]["submit_video"]["props"]["triggers"]
        for index in range(number):
            settings = {"events": ENDS, "filter": {"key": {"prefix": "videos/", "suffix": f".{index}.mp4"}}}
            triggers.append({**triggers[0], "triggerName": f"t{index}", "triggerConfig": settings})
        del triggers[0]

    return mutate


def test_the_file_is_sound_and_can_be_deployed(checkout: Checkout) -> None:
    assert findings(checkout) == []
    report = checkout.check(checkout.write(good("s.uploads.yaml")), variables=DEPLOYABLE, deploying=True)
    assert report.files[0].findings == ()
    assert not any("submit_video" in sentence for sentence in report.unchecked)


def test_bucket_and_project_are_asked_for_before_a_deployment(checkout: Checkout) -> None:
    path = checkout.write(good("s.uploads.yaml"))
    unset = {**DEPLOYABLE, "IMM_LABEL_TAGS_BUCKET": "", "IMM_LABEL_TAGS_PROJECT": ""}

    looked_at = checkout.check(path, variables=unset)
    (deployed,) = checkout.check(path, variables=unset, deploying=True).files

    assert looked_at.files[0].findings == ()
    assert sum("IMM_LABEL_TAGS_BUCKET" in sentence for sentence in looked_at.unchecked) == 1
    assert sorted(one.where for one in deployed.findings) == [
        f"{SUBMITTER_PROPS}.{ENV}.IMM_PROJECT",
        f"{SUBMITTER_PROPS}.{T}.sourceArn",
    ]
    assert "IMM_LABEL_TAGS_PROJECT" in deployed.findings[0].remedy + deployed.findings[1].remedy


ERRORS: list[Broken] = [
    # Settings
    bad(f"{ENV}.IMM_PROJECT", "9lives", "is '9lives', but must be"),
    bad(f"{ENV}.NOTIFICATION_TOPIC", "a b", "is 'a b', but must be"),
    bad(f"{ENV}.VIDEO_SUFFIXES", "*.mp4", "must be comma-separated ends"),
    bad(f"{ENV}.ALLOWED_OBJECTS", "media", "is 'media', but must be"),
    bad(f"{ENV}.ALLOWED_OBJECTS", "Media/*", "can never match anything"),
    bad(f"{ENV}.IMM_ENDPOINT", "ftp://x", "must be a host such as"),
    bad(f"{ENV}.VIDEO_SUFIXES", ".mp4", "VIDEO_SUFFIXES is spelt like it"),
    bad(f"{ENV}.NOTIFICATION_TOPIC_NAME", "x", "none of them"),
    bad(f"{ENV}.NOTIFICATION_TOPIC", "elsewhere", "nothing be tagged"),
    # Time
    bad("timeout", 94, "94 s is not above an upload's worst case of 94.6 s: 6 calls"),
    bad(
        "instanceLifecycleConfig.initializer.timeout",
        5,
        "below the 5.4 s that importing both SDKs can take with 0.5 vCPU",
    ),
    # What fails
    bad("asyncInvokeConfig", GONE, "would be discarded"),
    bad(
        "asyncInvokeConfig.destinationConfig.onFailure.destination",
        "acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags",
        "imm-label-tags tags objects: it would try the failed event",
    ),
    # What calls it
    bad(
        "triggers",
        [{"triggerName": "t", "triggerType": "http", "triggerConfig": HTTP}],
        "anyone who knows its address could have tasks",
        f"{T}.triggerType",
    ),
    bad(
        "triggers",
        [{"triggerName": "t", "triggerType": "timer", "triggerConfig": TIMER}],
        "it brings no upload",
        f"{T}.triggerType",
    ),
    bad(f"{T}.triggerName", "uploads mp4", "1 to 128 letters"),
    bad(f"{T}.sourceArn", "acs:oss:cn-hangzhou:1:Media", "must be a bucket like"),
    bad(
        f"{T}.sourceArn",
        "acs:oss:cn-beijing:1234567890123456:media",
        "is in cn-beijing, the function in cn-hangzhou",
    ),
    bad(EVENTS, ["oss:ObjectCreated:PutObjekt", *ENDS], "PutObject is spelt like it", f"{EVENTS}[0]"),
    bad(EVENTS, ["oss:ObjectRemoved:DeleteObject"], "none of them ends an upload"),
    bad(EVENTS, [], "nothing would be submitted"),
    bad(f"{KEY}.prefix", "/videos/", "no key of OSS begins with /"),
    bad(f"{KEY}.suffix", ".mov", "one upload would fire it and uploads-mp4", "triggers[1]"),
    bad(
        "triggers[4].triggerConfig.filter.key.suffix",
        "4",
        "Cannot specify overlapping prefix and suffix",
        "triggers[4]",
    ),
    done(copies(7), "triggers", "11 are more than the 10 OSS triggers of the bucket media"),
    done(rule('{"source":["acs.imm"]}'), f"{T}.triggerConfig.eventRuleFilterPattern", "nothing would arrive"),
    done(
        rule(PATTERN, asyncInvocationType=False),
        f"{T}.triggerConfig.asyncInvocationType",
        "neither Function Compute's retries",
    ),
    done(
        rule(PATTERN, eventSourceConfig={"eventSourceType": "Kafka"}),
        f"{T}.triggerConfig.eventSourceConfig.eventSourceType",
        "Kafka brings no upload",
    ),
    # As for every function
    bad("role", GONE, "no keys for IMM and OSS"),
    bad("internetAccess", False, "could not reach IMM"),
    bad("handler", "submit_vidoe.handler", "submit_video is spelt like it"),
    bad("layers", GONE, "none of your own"),
]


@pytest.mark.parametrize("broken", ERRORS, ids=lambda broken: broken.where)
def test_errors(checkout: Checkout, broken: Broken) -> None:
    change, where, words = broken
    found = [one for one in findings(checkout, change(SUBMITTER_PROPS)) if one.severity is Severity.ERROR]

    (finding,) = [one for one in found if words in f"{one.what} {one.remedy}"]
    assert finding.where == f"{SUBMITTER_PROPS}.{where}"
    assert {one.where for one in found} == {finding.where}


WARNINGS: list[Broken] = [
    bad(EVENTS, ["oss:ObjectCreated:*"], "events that end no upload are ignored"),
    bad(
        EVENTS,
        [*ENDS, "oss:ObjectCreated:AppendObject"],
        "oss:ObjectCreated:AppendObject: events that end no upload",
    ),
    bad(EVENTS, ["oss:ObjectCreated:PutObject"], "no video counts that is uploaded in parts"),
    bad(f"{KEY}.suffix", ".ts", "each segment of an HLS stream"),
    bad(f"{KEY}.suffix", ".webm", "VIDEO_SUFFIXES has none that ends so"),
    bad(f"{KEY}.suffix", ".mp*", "an OSS trigger knows no wildcards"),
    bad(f"{T}.invocationRole", GONE, "AliyunOSSEventNotificationRole"),
    bad(f"{ENV}.VIDEO_SUFFIXES", ".mp4,.mov,.mkv,.avi", "passes it over", "triggers[4]"),
    bad(f"{ENV}.VIDEO_SUFFIXES", ".mp4,.mov,.mkv,.avi,.flv,.webm", "no trigger brings .webm"),
    bad(f"{ENV}.ALLOWED_OBJECTS", "media/films/*", "are passed over."),
    bad("asyncInvokeConfig.maxAsyncRetryAttempts", 0, "every passing failure", "asyncInvokeConfig"),
    bad(f"{ENV}.STALE_OBJECTS", "tag", "is no setting of this function"),
    bad("triggers", [], "Add one of the type oss"),
]


@pytest.mark.parametrize("broken", WARNINGS, ids=lambda broken: broken.where)
def test_warnings(checkout: Checkout, broken: Broken) -> None:
    change, where, words = broken
    found = findings(checkout, change(SUBMITTER_PROPS))

    assert {one.severity for one in found} == {Severity.WARNING}
    said = [one for one in found if words in f"{one.what} {one.remedy}"]
    assert said, found
    assert all(one.where.startswith(f"{SUBMITTER_PROPS}.{where}") for one in said)


def test_a_trigger_without_a_suffix_calls_the_function_for_everything(checkout: Checkout) -> None:
    def alone(content: Any) -> None:
        triggers = content["resources"]["submit_video"]["props"]["triggers"]
        triggers[0]["triggerConfig"]["filter"]["key"]["suffix"] = ""
        del triggers[1:]

    (finding,) = findings(checkout, alone)
    assert (finding.severity, finding.where) == (Severity.WARNING, f"{SUBMITTER_PROPS}.{KEY}.suffix")
    assert "each object of any kind calls the function" in finding.what


def test_what_is_submitted_and_may_not_be_tagged_is_paid_for_in_vain(checkout: Checkout) -> None:
    found = findings(checkout, put(f"{ENV}.ALLOWED_OBJECTS", "media/films/"))

    assert {(one.severity, one.where) for one in found} == {
        (Severity.WARNING, f"{PROPS}.{ENV}.ALLOWED_OBJECTS")
    }
    assert "after their tasks were paid for" in found[0].what


@pytest.mark.parametrize("allowed", ["media/*", "media/videos/", "media/videos/2026/*", "*.mp4, m*/x", "*/*"])
def test_patterns_that_may_match_uploads_are_not_told(checkout: Checkout, allowed: str) -> None:
    values = [one for one in allowed.split(",") if "/" in one]
    assert findings(checkout, change(f"{ENV}.ALLOWED_OBJECTS", ",".join(values))) == []


def test_triggers_of_other_prefixes_buckets_or_events_do_not_overlap(checkout: Checkout) -> None:
    key = "triggers[1].triggerConfig.filter.key"
    for mutation in (
        both(change(f"{key}.suffix", ".mp4"), change(f"{key}.prefix", "films/")),
        both(
            change(f"{key}.suffix", ".mp4"),
            change("triggers[1].sourceArn", "acs:oss:cn-hangzhou:1234567890123456:other"),
        ),
    ):
        assert findings(checkout, mutation) == []


def test_capital_letters_are_another_trigger(checkout: Checkout) -> None:
    # OSS compares a suffix in its very case, and the function does not
    assert findings(checkout, change("triggers[1].triggerConfig.filter.key.suffix", ".MP4")) == []


def test_a_rule_of_eventbridge_in_place_of_the_triggers(checkout: Checkout) -> None:
    ends = ",".join(f'"{event}"' for event in ENDS)
    key = '{"oss":{"object":{"key":[{"suffix":".mp4"},{"suffix":".mov"}]}}}'
    assert findings(checkout, rule(f'{{"source":["acs.oss"],"type":[{ends}],"data":{key}}}')) == []


def test_a_topic_is_not_needed_where_eventbridge_tells_the_function_that_tags(checkout: Checkout) -> None:
    config = {
        "asyncInvocationType": True,
        "eventRuleFilterPattern": '{"source":["acs.imm"],"type":["imm:Task:VideoLabelClassification"]}',
        "eventSourceConfig": {"eventSourceType": "Default"},
    }
    triggers = [{"triggerName": "imm", "triggerType": "eventbridge", "triggerConfig": config}]
    found = findings(checkout, put("triggers", triggers), change(f"{ENV}.NOTIFICATION_TOPIC", "elsewhere"))
    assert [one for one in found if one.severity is Severity.ERROR] == []
