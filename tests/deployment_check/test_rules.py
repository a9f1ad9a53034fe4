"""Each rule finds the file that breaks it: path, words, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from cli.deployment_check.findings import Severity
from tests.deployment_check.checkout import (
    GONE,
    KEEPER_PROPS,
    PROPS,
    Broken,
    Checkout,
    assert_only,
    bad,
    both,
    done,
    drop,
    good,
    put,
    unchanged,
)

T = "triggers[0]"
TC = "triggers[0].triggerConfig"
ASYNC = "asyncInvokeConfig"
ENV = "environmentVariables"
HOOKS = "instanceLifecycleConfig"
ELSEWHERE = "acs:mns:cn-shanghai:1234567890123456:/topics/imm-label-tags"
FAILED = "acs:mns:cn-hangzhou:1234567890123456:/topics/imm-label-tags-failed/messages"
OFFICIAL = "acs:fc:cn-hangzhou:official:layers/Python310-Aliyun-SDK/versions/2"
OWN = "acs:fc:cn-hangzhou:1234567890123456:layers/imm-label-tags/versions/1"
OTHER_TOPIC = "acs:mns:cn-hangzhou:1234567890123456:/topics/other"
TOPIC_TRIGGER: dict[str, Any] = good()["resources"]["tag_object"]["props"]["triggers"][0]
TIMER = {
    "triggerName": "t",
    "triggerType": "timer",
    "triggerConfig": {"cronExpression": "@every 1m", "enable": True},
}
OSS = {
    "triggerName": "t",
    "triggerType": "oss",
    "triggerConfig": {"events": [], "filter": {"key": {"prefix": "", "suffix": ""}}},
}
RULE: dict[str, Any] = {
    "triggerName": "imm-events",
    "triggerType": "eventbridge",
    "triggerConfig": {
        "asyncInvocationType": True,
        "eventRuleFilterPattern": '{"source":["acs.imm"],"type":["imm:Task:VideoLabelClassification"]}',
        "eventSourceConfig": {"eventSourceType": "Default"},
    },
}
# The triggers of s.eventbridge.yaml.
BUS, QUEUE = "triggers[0].triggerConfig", "triggers[1].triggerConfig"
SOURCE = f"{QUEUE}.eventSourceConfig.eventSourceParameters.sourceMNSParameters"
RUN = f"{QUEUE}.runOptions"


KEPT = f"{ENV}.FAILED_EVENTS"
DESTINATIONS = f"{ASYNC}.destinationConfig"
DESTINATION = f"{DESTINATIONS}.onFailure.destination"


def function(name: str, region: str = "cn-hangzhou", account: str = "1234567890123456") -> str:
    return f"acs:fc:{region}:{account}:functions/{name}"


ERRORS: list[Broken] = [
    # What fc3's schema catches
    bad("functionName", GONE, "is missing"),
    bad("functionName", "9lives", "1 to 64 letters"),
    bad("functionName", "f" * 65, "1 to 64 letters"),
    bad("region", "cn-hangzhouu", "Known: cn-hangzhou is spelt like it."),
    bad("runtime", "python3.11", "none of the values that fc3 knows"),
    bad("runtime", "python3.9", "needs Python 3.10 or 3.12"),
    bad("runtime", "nodejs20", "needs Python 3.10 or 3.12"),
    bad("code", GONE, "is missing"),
    bad("memorySize", 513, "multiple of 64"),
    bad("memorySize", "512", "whole number, is '512'; ${env(…)} always gives text"),
    bad("memorySize", 64, "128 to 32768"),
    bad("cpu", 20, "0.05 to 16"),
    bad("diskSize", 1024, "Known: 10240, 512."),
    bad("timeout", 0, "1 to 86400"),
    bad("timeout", "150", "always gives text"),
    bad("internetAccess", "yes", "true or false"),
    bad(f"{ENV}.LABEL_LIMIT", 9, "put it in quotes"),
    bad(f"{ASYNC}.maxAsyncRetryAttempts", 9, "0 to 8"),
    bad(f"{ASYNC}.maxAsyncEventAgeInSeconds", 0, "1 to 2592000"),
    bad("logConfig.logstore", GONE, "is missing"),
    bad("logConfig.logBeginRule", "Regex", "Known: DefaultRegex, None."),
    bad(f"{T}.triggerType", "mns_topics", "mns_topic is spelt like it."),
    bad(f"{T}.triggerName", GONE, "is missing"),
    bad(TC, GONE, "is missing"),
    bad(TC, "text", "must be a mapping"),
    # What it lets through
    bad(f"{TC}.notifyContentFormat", "XML", "Known: JSON, STREAM."),
    bad(f"{TC}.notifyStrategy", "NOPE", "BACKOFF_RETRY, EXPONENTIAL_DECAY_RETRY"),
    bad(f"{TC}.notifyStrategy", GONE, "is missing"),
    bad(f"{T}.sourceArn", GONE, "is missing"),
    bad(f"{T}.sourceArn", "imm-label-tags", "a topic like acs:mns:"),
    bad(f"{TC}.filterTag", "x" * 17, "at most 16 characters"),
    bad(f"{T}.triggerName", "imm tasks", "1 to 128 letters"),
    bad("memSize", 512, "memorySize is spelt like it"),
    bad("memorysize", 512, "memorySize is spelt like it"),
    bad("reservedConcurrency", 1, "belongs under concurrencyConfig"),
    bad("project", "p", "belongs under logConfig"),
    bad(f"{DESTINATIONS}.onFailed", {}, "onFailure is spelt like it"),
    bad("cpu", 0.37, "multiple of 0.05"),
    bad("cpu", 16, "1:1 to 1:4"),
    bad("layers", [OWN[:-1] + str(n) for n in range(6)], "may have at most 5, has 6"),
    bad("layers[0]", "imm-label-tags", "a layer version like acs:fc:"),
    bad("role", "a role", "must be a role's name, or its ARN"),
    bad("role", "acs:ram:1:role/x", "must be a role's name, or its ARN"),
    bad("role", "auto", "`auto` is the name of a role for fc3 0.1.22"),
    bad(f"{T}.invocationRole", "auto", "`auto` is the name of a role"),
    bad(f"{ENV}.FC_LEVEL", "1", "without FC_"),
    bad(f"{ENV}._LEVEL", "1", "a name is a letter"),
    bad(f"{ENV}.LABEL_LEXICON", "x" * 4096, "at most 4096 bytes", ENV),
    bad(DESTINATION, "imm-label-tags-failed", "acs:mns:<region>"),
    bad("code", "./function", "must be a directory or a package"),
    bad(f"{HOOKS}.initializer.timeout", 301, "1 to 300"),
    bad(f"{HOOKS}.initializer.handler", GONE, "is missing"),
    bad(
        f"{HOOKS}.preStop",
        {"handler": "tag_object.initialize", "timeout": 91},
        "1 to 90",
        f"{HOOKS}.preStop.timeout",
    ),
    bad(
        "triggers[1]", {**TOPIC_TRIGGER, "sourceArn": OTHER_TOPIC}, "stands twice", "triggers[1].triggerName"
    ),
    bad("description", 5, "must be text"),
    # Entry points
    bad("handler", "tag_objects.handler", "has no module tag_objects. tag_object is spelt like it."),
    bad("handler", "tag_object.handle", "no function handle. handler is spelt like it."),
    bad("handler", "tag_object.initialize", "does not take 2 arguments"),
    bad(f"{HOOKS}.initializer.handler", "tag_object.handler", "does not take 1 argument,"),
    # ARNs of elsewhere
    bad(f"{T}.sourceArn", ELSEWHERE, "is in cn-shanghai, the function in cn-hangzhou"),
    bad("layers[0]", OWN.replace("hangzhou", "beijing"), "is in cn-beijing"),
    bad(
        DESTINATION,
        FAILED.replace("1234567890123456", "99"),
        "belongs to the account 99, the function to 1234567890123456",
    ),
    bad(f"{T}.invocationRole", "acs:ram::99:role/aliyunmnsnotificationrole", "belongs to the account 99"),
    # Layers
    bad("layers", GONE, "none of your own"),
    bad("layers[1]", OWN, "stands twice"),
    bad("layers[1]", OFFICIAL, "is for python3.10, the function runs on python3.12"),
    # Settings
    bad(f"{ENV}.LABEL_LIMITS", "9", "LABEL_LIMIT is spelt like it"),
    bad(f"{ENV}.LABEL_MINIMUM", "0.5", "begins as the function's settings do"),
    bad(f"{ENV}.LOGLEVEL", "INFO", "LOG_LEVEL is spelt like it"),
    bad(f"{ENV}.OSS_ENDPIONT", "", "OSS_ENDPOINT is spelt like it"),
    bad(f"{ENV}.ALLOWED_OBJECTS", "Media/videos/*", "can never match anything"),
    bad(f"{ENV}.ALLOWED_OBJECTS", "a/*,media//v*", "media//v* can never match"),
    bad(f"{ENV}.LABEL_LIMIT", "11", "is '11', but must be"),
    bad(f"{ENV}.LABEL_LEXICON", "names.json", "a file in the code root"),
    bad(f"{ENV}.RESULT_ARCHIVE", "oss://media", "must be oss://bucket/prefix"),
    done(
        both(put(f"{ENV}.RESULT_ARCHIVE", "oss://media/labels"), put(f"{ENV}.ALLOWED_OBJECTS", "media/*")),
        f"{ENV}.RESULT_ARCHIVE",
        "oss://media/labels is among the objects of imm-label-tags (ALLOWED_OBJECTS)",
    ),
    # Time
    done(
        both(put(f"{ENV}.RESULT_ARCHIVE", "oss://archive/labels"), put("timeout", 94)),
        "timeout",
        "94 s is not above a notification's worst case of 94.6 s: 6 calls",
    ),
    bad("timeout", 87, "87 s is not above a notification's worst case of 87.6 s: 5 calls"),
    bad("timeout", GONE, "3 s, fc3's default, is not above"),
    bad(
        f"{ENV}.SECOND_LOOK_SECONDS",
        "7",
        "second looks may take 63 s more, 150.6 s in all; the timeout is 150 s",
    ),
    bad(f"{HOOKS}.initializer.timeout", GONE, "3 s, the default, is below the 5.4 s"),
    bad(f"{HOOKS}.initializer.timeout", 5, "with 0.5 vCPU. Set it to 6"),
    bad(HOOKS, GONE, "a bad setting would only show", f"{HOOKS}.initializer"),
    bad(f"{ASYNC}.maxAsyncEventAgeInSeconds", 599, "below the 600 s that 4 attempts of 150 s can take"),
    # What fails
    bad(ASYNC, GONE, "would be discarded"),
    bad(DESTINATIONS, GONE, "would be discarded", f"{DESTINATIONS}.onFailure"),
    bad(DESTINATION, FAILED.replace("-failed", ""), "round for ever"),
    bad(
        f"{DESTINATIONS}.onSuccess",
        {"destination": "acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags/LATEST"},
        "round for ever",
        f"{DESTINATIONS}.onSuccess.destination",
    ),
    bad(DESTINATION, function("imm-label-tags", region=""), "calls this function again"),
    bad(
        f"{DESTINATIONS}.onSuccess",
        {"destination": function("imm-label-tags-failed")},
        "refuses records of success",
        f"{DESTINATIONS}.onSuccess.destination",
    ),
    # Those of elsewhere are told once, as for every ARN
    bad(DESTINATION, function("imm-label-tags-failed", region="cn-beijing"), "is in cn-beijing"),
    bad(DESTINATION, function("imm-label-tags-failed", account="9"), "belongs to the account 9"),
    # Role, log, network
    bad("role", GONE, "no keys for IMM and OSS"),
    bad("role", "", "no keys for IMM and OSS"),
    bad("internetAccess", False, "could not reach IMM"),
    # Triggers
    bad("triggers[1]", TIMER, "timer must not call this function: it brings no", "triggers[1].triggerType"),
    bad("triggers[1]", OSS, "oss must not call this function: every upload", "triggers[1].triggerType"),
    bad("triggers", [RULE, TOPIC_TRIGGER], "stands after imm-events: `s deploy` ends", "triggers[1]"),
    bad(
        "triggers[1]",
        {**TOPIC_TRIGGER, "triggerName": "again"},
        "is the topic of imm-tasks too",
        "triggers[1].sourceArn",
    ),
]

EVENT_BRIDGE_ERRORS: list[Broken] = [
    bad(f"{BUS}.asyncInvocationType", GONE, "is missing"),
    bad(f"{BUS}.eventRuleFilterPattern", GONE, "is missing"),
    bad(f"{BUS}.eventRuleFilterPattern", "{", "must be a JSON object, is"),
    bad(f"{BUS}.eventRuleFilterPattern", "[]", "must be a JSON object"),
    bad(f"{BUS}.eventSourceConfig", GONE, "is missing"),
    bad(f"{BUS}.eventSourceConfig.eventSourceType", GONE, "is missing"),
    bad(f"{BUS}.triggerEnable", "on", "true or false"),
    bad("triggers[0].sourceArn", "acs:eventbridge:x", "an event rule or event stream"),
    bad(f"{BUS}.eventSourceConfig.eventSourceType", "RabbitMQ", "RabbitMQ brings no notification of IMM"),
    bad(f"{BUS}.eventSourceConfig.eventSourceType", "SNS", "that EventBridge knows. Known: DTS, Default"),
    bad(f"{BUS}.eventRuleFilterPattern", '{"source":["acs.oss"]}', "nothing would arrive"),
    bad(
        f"{BUS}.eventRuleFilterPattern",
        '{"source":["acs.imm"],"type":["imm:Task:MediaConvert"]}',
        "nothing would arrive",
    ),
    bad(f"{BUS}.eventRuleFilterPattern", '{"type":[{"prefix":"imm:FileMeta:"}]}', "nothing would arrive"),
    bad(f"{BUS}.asyncInvocationType", False, "neither Function Compute's retries"),
    bad(f"{BUS}.runOptions", {"mode": "event-streaming"}, "come one a call", f"{BUS}.runOptions.mode"),
    bad(f"{BUS}.runOptions", {}, "is missing", f"{BUS}.runOptions.mode"),
    bad(f"{QUEUE}.eventSourceConfig.eventSourceParameters", GONE, "is missing"),
    bad(f"{SOURCE}.QueueName", GONE, "is missing"),
    bad(f"{SOURCE}.QueueName", "-q", "1 to 120 letters"),
    bad(f"{SOURCE}.RegionId", "cn-beijing", "is not the function's region"),
    bad(f"{QUEUE}.asyncInvocationType", True, "larger than the 128 KB"),
    bad(f"{QUEUE}.eventSinkConfig", {}, "is missing", f"{QUEUE}.eventSinkConfig.deliveryOption"),
    bad(
        f"{QUEUE}.eventSinkConfig.deliveryOption.mode",
        "event-driven",
        "is event-streaming, but eventSinkConfig says event-driven",
        f"{RUN}.mode",
    ),
    bad(
        f"{QUEUE}.eventSinkConfig.deliveryOption.mode",
        "streaming",
        "none of the values that EventBridge knows. Known: event-driven, event-streaming.",
    ),
    bad(f"{SOURCE}.QueueName", None, "is missing"),
    bad(f"{RUN}.mode", "streaming", "Known: event-driven, event-streaming"),
    bad(f"{RUN}.errorsTolerance", "SOME", "ALL, NONE"),
    bad(f"{RUN}.errorsTolerance", "NONE", "would stop the stream"),
    bad(f"{RUN}.errorsTolerance", GONE, "would stop the stream"),
    bad(f"{RUN}.retryStrategy", GONE, "has to be said"),
    bad(f"{RUN}.retryStrategy", {}, "is missing", f"{RUN}.retryStrategy.PushRetryStrategy"),
    bad(f"{RUN}.deadLetterQueue", GONE, "would be discarded"),
    bad(f"{RUN}.deadLetterQueue.Arn", "letters", "an ARN like acs:mns:"),
    bad(
        f"{RUN}.deadLetterQueue.Arn",
        "acs:mns:cn-hangzhou:1234567890123456:/queues/imm-label-tags",
        "feeds this trigger",
    ),
    bad(
        f"{RUN}.deadLetterQueue.Arn",
        "acs:mns:cn-beijing:1234567890123456:/queues/letters",
        "is in cn-beijing",
    ),
    bad(f"{RUN}.batchWindow.CountBasedWindow", 0, "1 to 10000"),
    bad(f"{RUN}.batchWindow.TimeBasedWindow", 16, "0 to 15"),
    bad(f"{RUN}.batchWindow.TimeBasedWindow", "3", "must be a whole number"),
    bad(f"{RUN}.batchWindow.CountBasedWindow", 17, "17 messages may take 175.2 s, the timeout is 150 s"),
    bad("timeout", 301, "more than the 300 s that an event stream waits"),
    bad(
        DESTINATION,
        "acs:mns:cn-hangzhou:1234567890123456:/queues/imm-label-tags/messages",
        "round for ever",
    ),
    done(
        both(
            drop(RUN),
            drop(f"{QUEUE}.eventSinkConfig"),
            put(f"{QUEUE}.asyncInvocationType", True),
            put(f"{QUEUE}.eventRuleFilterPattern", '{"source":["MNS-x"]}'),
        ),
        f"{QUEUE}.eventRuleFilterPattern",
        "the bus of the trigger carries the source MNS-imm-label-tags-imm-queue only",
    ),
    done(
        both(
            drop(RUN),
            drop(f"{QUEUE}.eventSinkConfig"),
            put(f"{QUEUE}.eventRuleFilterPattern", '{"source":["MNS-imm-label-tags-imm-queue"]}'),
        ),
        f"{QUEUE}.asyncInvocationType",
        "neither Function Compute's retries",
    ),
]

# Paths from the top of the file.
ACTIONS = "resources.tag_object.actions"
FILE_ERRORS: list[Broken] = [
    bad("edition", "2.0.0", "does not read an edition '2.0.0'"),
    bad("edition", GONE, "would not read the file"),
    bad("acces", "default", "access is spelt like it"),
    bad("resources", {}, "must name what is deployed"),
    bad("resources", {"tag_object": 5}, "must be a mapping", "resources.tag_object"),
    bad("resources.tag_object.prop", {}, "props is spelt like it"),
    bad(ACTIONS, [], "must be a mapping"),
    bad(f"{ACTIONS}.predeploy", [], "pre-deploy is spelt"),
    bad(f"{ACTIONS}.pre-deploy", {}, "must be a list"),
    bad(f"{ACTIONS}.pre-deploy[0]", "make", "must be a mapping"),
    bad(f"{ACTIONS}.pre-deploy[0]", {"run": "x", "plugin": "./deploy"}, "one of run, plugin and component"),
    bad(
        f"{ACTIONS}.pre-deploy[0]",
        {"run": "true", "path": "./nowhere"},
        "./nowhere is not there",
        f"{ACTIONS}.pre-deploy[0].path",
    ),
    bad(
        f"{ACTIONS}.pre-deploy[0]",
        {"plugin": "./deploy/other.js"},
        "./deploy/other.js is not there",
        f"{ACTIONS}.pre-deploy[0].plugin",
    ),
    bad("actions", {"pre-deplyo": []}, "pre-deploy is spelt like it", "actions.pre-deplyo"),
    bad("vars.region", "${vars.regoin}", "vars has no regoin"),
    bad(f"{PROPS}.region", "${vars.regoin}", "vars has no regoin"),
    bad(f"{PROPS}.description", "${vars.xyz}", "vars has no xyz"),
    bad(f"{PROPS}.{ENV}.LOG_LEVEL", "${env('LEVEL')}", "LEVEL is not set"),
    bad(f"{PROPS}.{ENV}.LOG_LEVEL", "${file('./x')}", "file('./x') cannot be read"),
    bad(f"{PROPS}.layers[0]", "${vars.layer_arn}", "vars has no layer_arn"),
    bad(
        f"{ACTIONS}.pre-deploy[0]",
        {"run": "echo ${vars.nobody}"},
        "vars has no nobody",
        f"{ACTIONS}.pre-deploy[0].run",
    ),
    bad("resources.tag_object.component", "${vars.fc3}", "vars has no fc3"),
]

WARNINGS: list[Broken] = [
    bad("instanceConcurrency", 5, "one request at a time"),
    bad("description", "x" * 257, "Function Compute 2.0 took 256"),
    bad(f"{ASYNC}.maxAsyncEventAgeInSeconds", GONE, "three different defaults"),
    bad(f"{ASYNC}.maxAsyncEventAgeInSeconds", 2_592_000, "more than the 604800"),
    bad(f"{ENV}.FAILED_EVENTS", "oss://a/b", "no setting of this function"),
    bad(f"{TC}.notifyStrategy", "BACKOFF_RETRY", "gives up after three attempts"),
    bad(f"{TC}.filterTag", "videos", "not documented to carry a tag"),
    bad(f"{T}.invocationRole", GONE, "`s deploy` makes AliyunMNSNotificationRole"),
    bad("triggers", GONE, "nothing calls the function"),
    bad(f"{ASYNC}.maxAsyncRetryAttempts", 0, "every passing failure"),
    bad("logConfig", GONE, "nobody could see"),
    bad("logConfig.enableRequestMetrics", GONE, "off, the default"),
    bad("logConfig.enableInstanceMetrics", False, "off, the default"),
]

EVENT_BRIDGE_WARNINGS: list[Broken] = [
    bad(f"{QUEUE}.triggerEnable", False, "switched off"),
    bad(f"{QUEUE}.eventRuleFilterPattern", '{"source":["MNS-x"]}', "never reaches the function"),
    bad(f"{QUEUE}.eventSinkConfig.deliveryOption.eventSchema", "RawData", "without the CloudEvents envelope"),
    bad(
        f"{BUS}.eventRuleFilterPattern",
        '{"source":["acs.imm"],"type":["imm:Task:VideoLabelClassification","imm:Task:MediaConvert"]}',
        "a paid invocation",
    ),
]


KEEPER_ERRORS: list[Broken] = [
    # Settings
    bad(KEPT, "records/failed", "must be oss://bucket/prefix"),
    bad(KEPT, "oss://records", "must be oss://bucket/prefix"),
    bad(KEPT, "oss://records/a//b", "without white space, control characters, empty"),
    bad(KEPT, "oss://records/*", "must be oss://bucket/prefix"),
    bad(f"{ENV}.FAILED_EVENT", "", "FAILED_EVENTS is spelt like it"),
    bad(f"{ENV}.LOG_LEVEL", "ALL", "is 'ALL', but must be"),
    # Time
    bad("timeout", 26, "26 s is not above a failed event's worst case of 26.8 s: a call of 7 s, and"),
    bad("timeout", GONE, "3 s, fc3's default, is not above a failed event's"),
    bad(
        f"{HOOKS}.initializer.timeout",
        4,
        "below the 4.4 s that importing OSS's SDK can take with 0.25 vCPU. Set it to 5",
    ),
    bad(
        f"{ASYNC}.maxAsyncEventAgeInSeconds",
        239,
        "below the 240 s that 4 attempts of 60 s can take",
    ),
    # What fails
    bad(ASYNC, GONE, "would be discarded"),
    bad(DESTINATIONS, GONE, "would be discarded", f"{DESTINATIONS}.onFailure"),
    bad(
        DESTINATION, function("imm-label-tags-failed"), "calls this function again: the event would go round"
    ),
    # Who calls it
    bad(
        "triggers",
        [TOPIC_TRIGGER],
        "must not call this function: it understands nothing but",
        "triggers[0]",
    ),
    # As for every function
    bad("role", GONE, "no keys"),
    bad("handler", "keep_failed.handle", "handler is spelt like it"),
    bad("handler", "keep_faild.handler", "keep_failed is spelt like it"),
    bad("layers", GONE, "none of your own"),
]

TABLES = (
    ("s.yaml", PROPS, Severity.ERROR, ERRORS),
    ("s.yaml", "", Severity.ERROR, FILE_ERRORS),
    ("s.yaml", PROPS, Severity.WARNING, WARNINGS),
    ("s.yaml", KEEPER_PROPS, Severity.ERROR, KEEPER_ERRORS),
    ("s.eventbridge.yaml", PROPS, Severity.ERROR, EVENT_BRIDGE_ERRORS),
    ("s.eventbridge.yaml", PROPS, Severity.WARNING, EVENT_BRIDGE_WARNINGS),
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


def test_the_deployed_files_break_no_rule(checkout: Checkout) -> None:
    assert checkout.findings(unchanged) == []
    assert checkout.findings(unchanged, "s.eventbridge.yaml") == []
    # A queue's messages are no uploads, whatever its pattern lets pass.
    kept: dict[str, Any] = {"FAILED_EVENTS": "oss://media/failed", "RESULT_ARCHIVE": "oss://media/labels"}
    assert checkout.findings(unchanged, "s.eventbridge.yaml", **kept) == []


@pytest.mark.parametrize(
    ("name", "props", "severity", "broken"),
    [
        pytest.param(name, props, severity, broken, id=f"{name} {props} {broken.where}")
        for name, props, severity, table in TABLES
        for broken in table
    ],
)
def test_a_fault_is_told_at_its_place_and_nothing_else_is(
    checkout: Checkout, name: str, props: str, severity: Severity, broken: Broken
) -> None:
    findings = checkout.findings(broken.change(props), name)
    assert_only(findings, severity, f"{props}.{broken.where}".lstrip("."), broken.words)


def test_all_that_is_wrong_is_told_in_one_run(checkout: Checkout) -> None:
    findings = checkout.findings(
        both(
            put(f"{TC}.notifyStrategy", "NOPE"),
            put(f"{TC}.notifyContentFormat", "XML"),
            put(f"{T}.sourceArn", "x"),
            put("layers[0]", "x"),
            put("memSize", 1),
            put("memorySize", 100),
            put("timeout", 3),
            put("runtime", "python3"),
            put("role", "auto"),
            put(f"{ENV}.LABEL_LIMIT", "11"),
            put(f"{ENV}.STALE_OBJECTS", "keep"),
            put(f"{ENV}.FC_X", ""),
            put(f"{HOOKS}.initializer.handler", "tag_object.init"),
        )
    )
    assert sorted(finding.where.removeprefix(f"{PROPS}.") for finding in findings) == sorted(
        [
            *(f"{TC}.notifyStrategy", f"{TC}.notifyContentFormat", f"{T}.sourceArn", "layers[0]", "memSize"),
            *("memorySize", "timeout", "runtime", "role", f"{ENV}.LABEL_LIMIT", f"{ENV}.STALE_OBJECTS"),
            *(f"{ENV}.FC_X", f"{HOOKS}.initializer.handler"),
        ]
    )


def test_what_is_refused_or_unknown_beside_a_value_does_not_hide_what_is_wrong_with_it(
    checkout: Checkout,
) -> None:
    handler, initializer = "handler", "instanceLifecycleConfig.initializer.handler"
    pattern, options = f"{BUS}.eventRuleFilterPattern", f"{BUS}.runOptions"

    hooks = checkout.findings(both(put(handler, "tag_object.a handler"), put(initializer, "tag_object.none")))
    bus = checkout.findings(
        both(put(pattern, '{"source": ["acs.oss"]}'), put(options, "${config('Options')}")),
        "s.eventbridge.yaml",
    )

    assert [one.where for one in hooks] == [f"{PROPS}.{handler}", f"{PROPS}.{initializer}"]
    assert [one.where for one in bus] == [f"{PROPS}.{pattern}"]


def test_more_triggers_than_a_function_may_have(checkout: Checkout) -> None:
    def mutate(content: Any) -> None:
        content["resources"]["tag_object"]["props"]["triggers"] = [
            {**RULE, "triggerName": f"rule-{number}"} for number in range(51)
        ]

    assert_only(checkout.findings(mutate), Severity.ERROR, f"{PROPS}.triggers", "51 are more than the 50")


def test_settings_cannot_be_checked_without_the_code(checkout: Checkout) -> None:
    findings = checkout.findings(both(put("code", "./none"), put(f"{ENV}.LABEL_LIMIT", "11")))
    assert [finding.where for finding in findings] == [f"{PROPS}.code"]


def test_a_trigger_of_which_nothing_can_be_understood(checkout: Checkout) -> None:
    findings = checkout.findings(both(put(f"{T}.triggerType", [{}]), put(TC, [])))
    assert [one.where for one in findings] == [f"{PROPS}.{TC}", f"{PROPS}.{T}.triggerType"]


def test_two_functions_of_one_name(checkout: Checkout) -> None:
    def twice(content: Any) -> None:
        content["resources"]["again"] = content["resources"]["tag_object"]

    findings = checkout.findings(twice)
    assert_only(findings, Severity.ERROR, "resources.again.props.functionName", "stands twice")


def test_a_region_of_its_own_for_the_whole_file(checkout: Checkout) -> None:
    assert checkout.findings(unchanged, FC_DEPLOY_REGION="cn-beijing") == []


def test_a_region_without_python_3_12(checkout: Checkout) -> None:
    findings = checkout.findings(unchanged, FC_DEPLOY_REGION="ap-southeast-1")
    assert_only(findings, Severity.WARNING, f"{PROPS}.runtime", "documented to have python3.12")
    older = checkout.findings(
        unchanged, FC_DEPLOY_REGION="ap-southeast-1", IMM_LABEL_TAGS_RUNTIME="python3.10"
    )
    assert older == []


def test_every_setting_of_the_environment_is_checked(checkout: Checkout) -> None:
    findings = checkout.findings(unchanged, LABEL_NAMES="latin", OSS_ENDPOINT="ftp://x")
    assert [finding.where for finding in findings] == [
        f"{PROPS}.{ENV}.LABEL_NAMES",
        f"{PROPS}.{ENV}.OSS_ENDPOINT",
    ]


def test_a_variable_that_cannot_be_resolved_is_told_once(checkout: Checkout) -> None:
    findings = checkout.findings(put("vars.account", "${env('ACCOUNT')}", ""))
    assert [finding.where for finding in findings] == ["vars.account"]


def test_an_endpoint_inside_of_the_network_needs_no_internet(checkout: Checkout) -> None:
    assert checkout.findings(put("internetAccess", False), IMM_ENDPOINT="imm.example.com") == []


def test_a_component_or_a_published_plugin_may_be_an_action(checkout: Checkout) -> None:
    actions = {"success-deploy": [{"component": "fc3 invoke"}, {"plugin": "robot", "args": {}}]}
    assert checkout.findings(put(ACTIONS, actions, "")) == []
