"""Each rule finds the file that breaks it: path, words, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.deployment_check.findings import Finding, Severity
from tests.deployment_check.checkout import PROPS, Checkout, Mutation, both, drop, good, put, top

T = "triggers[0]"
TC = "triggers[0].triggerConfig"
ASYNC = "asyncInvokeConfig"
ENV = "environmentVariables"
HOOKS = "instanceLifecycleConfig"
PRE_DEPLOY = "resources.tag_object.actions.pre-deploy"
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


def append(path: str, value: Any) -> Mutation:
    def mutate(content: Any) -> None:
        content["resources"]["tag_object"]["props"][path].append(value)

    return mutate


def prepend(path: str, value: Any) -> Mutation:
    def mutate(content: Any) -> None:
        content["resources"]["tag_object"]["props"][path].insert(0, value)

    return mutate


def resource(key: str, value: Any) -> Mutation:
    def mutate(content: Any) -> None:
        content["resources"]["tag_object"][key] = value

    return mutate


def action(**changes: Any) -> Mutation:
    return resource("actions", {"pre-deploy": [{"run": "true", **changes}]})


def variable(name: str, value: Any) -> Mutation:
    def mutate(content: Any) -> None:
        content["vars"][name] = value

    return mutate


def told(findings: list[Finding]) -> list[Finding]:
    """Findings without those about a variable that only the broken value used."""
    return [one for one in findings if one.what != "nothing uses it."]


ERRORS: list[tuple[Mutation, str, str]] = [
    # What fc3's schema catches
    (drop("functionName"), "functionName", "is missing"),
    (put("functionName", "9lives"), "functionName", "1 to 64 letters"),
    (put("functionName", "f" * 65), "functionName", "1 to 64 letters"),
    (put("region", "cn-hangzhouu"), "region", "Known: cn-hangzhou is spelt like it."),
    (put("runtime", "python3.11"), "runtime", "none of the values that are known"),
    (put("runtime", "python3.9"), "runtime", "needs Python 3.10 or 3.12"),
    (put("runtime", "nodejs20"), "runtime", "needs Python 3.10 or 3.12"),
    (drop("code"), "code", "is missing"),
    (put("memorySize", 513), "memorySize", "multiple of 64"),
    (put("memorySize", "512"), "memorySize", "whole number, is '512'; ${env(…)} always gives text"),
    (put("memorySize", 64), "memorySize", "128 to 32768"),
    (put("cpu", 20), "cpu", "0.05 to 16"),
    (put("diskSize", 1024), "diskSize", "Known: 10240, 512."),
    (put("timeout", 0), "timeout", "1 to 86400"),
    (put("timeout", "150"), "timeout", "always gives text"),
    (put("internetAccess", "yes"), "internetAccess", "true or false"),
    (put(f"{ENV}.LABEL_LIMIT", 9), f"{ENV}.LABEL_LIMIT", "put it in quotes"),
    (put(f"{ASYNC}.maxAsyncRetryAttempts", 9), f"{ASYNC}.maxAsyncRetryAttempts", "0 to 8"),
    (put(f"{ASYNC}.maxAsyncEventAgeInSeconds", 0), f"{ASYNC}.maxAsyncEventAgeInSeconds", "1 to 2592000"),
    (drop("logConfig.logstore"), "logConfig.logstore", "is missing"),
    (put("logConfig.logBeginRule", "Regex"), "logConfig.logBeginRule", "Known: DefaultRegex, None."),
    (put(f"{T}.triggerType", "mns_topics"), f"{T}.triggerType", "mns_topic is spelt like it."),
    (drop(f"{T}.triggerName"), f"{T}.triggerName", "is missing"),
    (drop(TC), TC, "is missing"),
    (put(TC, "text"), TC, "must be a mapping"),
    # What it lets through
    (put(f"{TC}.notifyContentFormat", "XML"), f"{TC}.notifyContentFormat", "Known: JSON, STREAM."),
    (put(f"{TC}.notifyStrategy", "NOPE"), f"{TC}.notifyStrategy", "BACKOFF_RETRY, EXPONENTIAL_DECAY_RETRY"),
    (drop(f"{TC}.notifyStrategy"), f"{TC}.notifyStrategy", "is missing"),
    (drop(f"{T}.sourceArn"), f"{T}.sourceArn", "is missing"),
    (put(f"{T}.sourceArn", "imm-label-tags"), f"{T}.sourceArn", "a topic like acs:mns:"),
    (put(f"{TC}.filterTag", "x" * 17), f"{TC}.filterTag", "at most 16 characters"),
    (put(f"{T}.triggerName", "imm tasks"), f"{T}.triggerName", "1 to 128 letters"),
    (put("memSize", 512), "memSize", "memorySize is spelt like it"),
    (put("memorysize", 512), "memorysize", "memorySize is spelt like it"),
    (put("reservedConcurrency", 1), "reservedConcurrency", "belongs under concurrencyConfig"),
    (put("project", "p"), "project", "belongs under logConfig"),
    (
        put(f"{ASYNC}.destinationConfig.onFailed", {}),
        f"{ASYNC}.destinationConfig.onFailed",
        "onFailure is spelt like it",
    ),
    (put("cpu", 0.37), "cpu", "multiple of 0.05"),
    (put("cpu", 16), "cpu", "1:1 to 1:4"),
    (put("layers", [OWN[:-1] + str(n) for n in range(6)]), "layers", "at most 5 of them, here are 6"),
    (put("layers[0]", "imm-label-tags"), "layers[0]", "a layer version like acs:fc:"),
    (put("role", "a role"), "role", "must be a role's name, or its ARN"),
    (put("role", "acs:ram:1:role/x"), "role", "must be a role's name, or its ARN"),
    (put("role", "auto"), "role", "`auto` is the name of a role for fc3 0.1.22"),
    (put(f"{T}.invocationRole", "auto"), f"{T}.invocationRole", "`auto` is the name of a role"),
    (put(f"{ENV}.FC_LEVEL", "1"), f"{ENV}.FC_LEVEL", "without FC_"),
    (put(f"{ENV}._LEVEL", "1"), f"{ENV}._LEVEL", "a name is a letter"),
    (put(f"{ENV}.LABEL_LEXICON", "x" * 4096), ENV, "at most 4096 bytes"),
    (
        put(f"{ASYNC}.destinationConfig.onFailure.destination", "imm-label-tags-failed"),
        f"{ASYNC}.destinationConfig.onFailure.destination",
        "acs:mns:<region>",
    ),
    (put("code", "./function"), "code", "must be a directory or a package"),
    (put(f"{HOOKS}.initializer.timeout", 301), f"{HOOKS}.initializer.timeout", "1 to 300"),
    (drop(f"{HOOKS}.initializer.handler"), f"{HOOKS}.initializer.handler", "is missing"),
    (
        put(f"{HOOKS}.preStop", {"handler": "tag_object.initialize", "timeout": 91}),
        f"{HOOKS}.preStop.timeout",
        "1 to 90",
    ),
    (
        append("triggers", {**TOPIC_TRIGGER, "sourceArn": OTHER_TOPIC}),
        "triggers[1].triggerName",
        "stands twice",
    ),
    (put("description", 5), "description", "must be text"),
    # Entry points
    (
        put("handler", "tag_objects.handler"),
        "handler",
        "has no module tag_objects. tag_object is spelt like it.",
    ),
    (put("handler", "tag_object.handle"), "handler", "no function handle. handler is spelt like it."),
    (put("handler", "tag_object.initialize"), "handler", "does not take 2 arguments"),
    (
        put(f"{HOOKS}.initializer.handler", "tag_object.handler"),
        f"{HOOKS}.initializer.handler",
        "does not take 1 argument,",
    ),
    # ARNs of elsewhere
    (put(f"{T}.sourceArn", ELSEWHERE), f"{T}.sourceArn", "is in cn-shanghai, the function in cn-hangzhou"),
    (put("layers[0]", OWN.replace("hangzhou", "beijing")), "layers[0]", "is in cn-beijing"),
    (
        put(f"{ASYNC}.destinationConfig.onFailure.destination", FAILED.replace("1234567890123456", "99")),
        f"{ASYNC}.destinationConfig.onFailure.destination",
        "belongs to the account 99, the function to 1234567890123456",
    ),
    (
        put(f"{T}.invocationRole", "acs:ram::99:role/aliyunmnsnotificationrole"),
        f"{T}.invocationRole",
        "belongs to the account 99",
    ),
    # Layers
    (drop("layers"), "layers", "none of your own"),
    (append("layers", OWN), "layers[1]", "stands twice"),
    (append("layers", OFFICIAL), "layers[1]", "is for python3.10, the function runs on python3.12"),
    # Settings
    (put(f"{ENV}.LABEL_LIMITS", "9"), f"{ENV}.LABEL_LIMITS", "LABEL_LIMIT is spelt like it"),
    (put(f"{ENV}.LABEL_MINIMUM", "0.5"), f"{ENV}.LABEL_MINIMUM", "begins as the function's settings do"),
    (put(f"{ENV}.LOGLEVEL", "INFO"), f"{ENV}.LOGLEVEL", "LOG_LEVEL is spelt like it"),
    (put(f"{ENV}.OSS_ENDPIONT", ""), f"{ENV}.OSS_ENDPIONT", "OSS_ENDPOINT is spelt like it"),
    (put(f"{ENV}.ALLOWED_OBJECTS", "Media/videos/*"), f"{ENV}.ALLOWED_OBJECTS", "can never match anything"),
    (put(f"{ENV}.ALLOWED_OBJECTS", "a/*,media//v*"), f"{ENV}.ALLOWED_OBJECTS", "media//v* can never match"),
    (put(f"{ENV}.LABEL_LIMIT", "11"), f"{ENV}.LABEL_LIMIT", "is '11', but must be"),
    (put(f"{ENV}.LABEL_LEXICON", "names.json"), f"{ENV}.LABEL_LEXICON", "a file in the code root"),
    (put(f"{ENV}.RESULT_ARCHIVE", "oss://media"), f"{ENV}.RESULT_ARCHIVE", "must be oss://bucket/prefix"),
    (
        both(put(f"{ENV}.RESULT_ARCHIVE", "oss://media/labels"), put(f"{ENV}.ALLOWED_OBJECTS", "media/*")),
        f"{ENV}.RESULT_ARCHIVE",
        "oss://media/labels is among the objects of imm-label-tags (ALLOWED_OBJECTS)",
    ),
    # Time
    (
        both(put(f"{ENV}.RESULT_ARCHIVE", "oss://archive/labels"), put("timeout", 94)),
        "timeout",
        "94 s is not above a notification's worst case of 94.6 s: 6 calls",
    ),
    (put("timeout", 87), "timeout", "87 s is not above a notification's worst case of 87.6 s: 5 calls"),
    (drop("timeout"), "timeout", "3 s, fc3's default, is not above"),
    (
        put(f"{ENV}.SECOND_LOOK_SECONDS", "7"),
        f"{ENV}.SECOND_LOOK_SECONDS",
        "second looks may take 63 s more, 150.6 s in all; the timeout is 150 s",
    ),
    (
        drop(f"{HOOKS}.initializer.timeout"),
        f"{HOOKS}.initializer.timeout",
        "3 s, the default, is below the 5.4 s",
    ),
    (put(f"{HOOKS}.initializer.timeout", 5), f"{HOOKS}.initializer.timeout", "with 0.5 vCPU. Set it to 6"),
    (drop(HOOKS), f"{HOOKS}.initializer", "a bad setting would only show"),
    (
        put(f"{ASYNC}.maxAsyncEventAgeInSeconds", 599),
        f"{ASYNC}.maxAsyncEventAgeInSeconds",
        "below the 600 s that 4 attempts of 150 s can take",
    ),
    # What fails
    (drop(ASYNC), ASYNC, "would be discarded"),
    (drop(f"{ASYNC}.destinationConfig"), f"{ASYNC}.destinationConfig.onFailure", "would be discarded"),
    (
        put(f"{ASYNC}.destinationConfig.onFailure.destination", FAILED.replace("-failed", "")),
        f"{ASYNC}.destinationConfig.onFailure.destination",
        "round for ever",
    ),
    (
        put(
            f"{ASYNC}.destinationConfig.onSuccess",
            {"destination": "acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags/LATEST"},
        ),
        f"{ASYNC}.destinationConfig.onSuccess.destination",
        "round for ever",
    ),
    # Role, log, network
    (drop("role"), "role", "no keys for IMM and OSS"),
    (put("role", ""), "role", "no keys for IMM and OSS"),
    (put("internetAccess", False), "internetAccess", "could not reach IMM"),
    # Triggers
    (append("triggers", TIMER), "triggers[1].triggerType", "timer must not call this function: it brings no"),
    (append("triggers", OSS), "triggers[1].triggerType", "oss must not call this function: every upload"),
    (prepend("triggers", RULE), "triggers[1]", "stands after imm-events: `s deploy` ends"),
    (
        append("triggers", {**TOPIC_TRIGGER, "triggerName": "again"}),
        "triggers[1].sourceArn",
        "is the topic of imm-tasks too",
    ),
]

EVENT_BRIDGE_ERRORS: list[tuple[Mutation, str, str]] = [
    (drop(f"{BUS}.asyncInvocationType"), f"{BUS}.asyncInvocationType", "is missing"),
    (drop(f"{BUS}.eventRuleFilterPattern"), f"{BUS}.eventRuleFilterPattern", "is missing"),
    (put(f"{BUS}.eventRuleFilterPattern", "{"), f"{BUS}.eventRuleFilterPattern", "must be a JSON object, is"),
    (put(f"{BUS}.eventRuleFilterPattern", "[]"), f"{BUS}.eventRuleFilterPattern", "must be a JSON object"),
    (drop(f"{BUS}.eventSourceConfig"), f"{BUS}.eventSourceConfig", "is missing"),
    (
        drop(f"{BUS}.eventSourceConfig.eventSourceType"),
        f"{BUS}.eventSourceConfig.eventSourceType",
        "is missing",
    ),
    (put(f"{BUS}.triggerEnable", "on"), f"{BUS}.triggerEnable", "true or false"),
    (
        put("triggers[0].sourceArn", "acs:eventbridge:x"),
        "triggers[0].sourceArn",
        "an event rule or event stream",
    ),
    (
        put(f"{BUS}.eventSourceConfig.eventSourceType", "RabbitMQ"),
        f"{BUS}.eventSourceConfig.eventSourceType",
        "RabbitMQ brings no notification of IMM",
    ),
    (
        put(f"{BUS}.eventSourceConfig.eventSourceType", "SNS"),
        f"{BUS}.eventSourceConfig.eventSourceType",
        "Known: DTS, Default",
    ),
    (
        put(f"{BUS}.eventRuleFilterPattern", '{"source":["acs.oss"]}'),
        f"{BUS}.eventRuleFilterPattern",
        "nothing would arrive",
    ),
    (
        put(f"{BUS}.eventRuleFilterPattern", '{"source":["acs.imm"],"type":["imm:Task:MediaConvert"]}'),
        f"{BUS}.eventRuleFilterPattern",
        "nothing would arrive",
    ),
    (
        put(f"{BUS}.eventRuleFilterPattern", '{"type":[{"prefix":"imm:FileMeta:"}]}'),
        f"{BUS}.eventRuleFilterPattern",
        "nothing would arrive",
    ),
    (
        put(f"{BUS}.asyncInvocationType", False),
        f"{BUS}.asyncInvocationType",
        "neither Function Compute's retries",
    ),
    (put(f"{BUS}.runOptions", {"mode": "event-streaming"}), f"{BUS}.runOptions.mode", "come one a call"),
    (put(f"{BUS}.runOptions", {}), f"{BUS}.runOptions.mode", "is missing"),
    (
        drop(f"{QUEUE}.eventSourceConfig.eventSourceParameters"),
        f"{QUEUE}.eventSourceConfig.eventSourceParameters",
        "is missing",
    ),
    (drop(f"{SOURCE}.QueueName"), f"{SOURCE}.QueueName", "is missing"),
    (put(f"{SOURCE}.QueueName", "-q"), f"{SOURCE}.QueueName", "1 to 120 letters"),
    (put(f"{SOURCE}.RegionId", "cn-beijing"), f"{SOURCE}.RegionId", "is not the function's region"),
    (put(f"{QUEUE}.asyncInvocationType", True), f"{QUEUE}.asyncInvocationType", "larger than the 128 KB"),
    (put(f"{QUEUE}.eventSinkConfig", {}), f"{QUEUE}.eventSinkConfig.deliveryOption", "is missing"),
    (
        put(f"{QUEUE}.eventSinkConfig.deliveryOption.mode", "event-driven"),
        f"{RUN}.mode",
        "is event-streaming, but eventSinkConfig says event-driven",
    ),
    (put(f"{RUN}.mode", "streaming"), f"{RUN}.mode", "Known: event-driven, event-streaming"),
    (put(f"{RUN}.errorsTolerance", "SOME"), f"{RUN}.errorsTolerance", "ALL, NONE"),
    (put(f"{RUN}.errorsTolerance", "NONE"), f"{RUN}.errorsTolerance", "would stop the stream"),
    (drop(f"{RUN}.errorsTolerance"), f"{RUN}.errorsTolerance", "would stop the stream"),
    (drop(f"{RUN}.retryStrategy"), f"{RUN}.retryStrategy", "has to be said"),
    (put(f"{RUN}.retryStrategy", {}), f"{RUN}.retryStrategy.PushRetryStrategy", "is missing"),
    (drop(f"{RUN}.deadLetterQueue"), f"{RUN}.deadLetterQueue", "would be discarded"),
    (put(f"{RUN}.deadLetterQueue.Arn", "letters"), f"{RUN}.deadLetterQueue.Arn", "an ARN like acs:mns:"),
    (
        put(f"{RUN}.deadLetterQueue.Arn", "acs:mns:cn-hangzhou:1234567890123456:/queues/imm-label-tags"),
        f"{RUN}.deadLetterQueue.Arn",
        "feeds this trigger",
    ),
    (
        put(f"{RUN}.deadLetterQueue.Arn", "acs:mns:cn-beijing:1234567890123456:/queues/letters"),
        f"{RUN}.deadLetterQueue.Arn",
        "is in cn-beijing",
    ),
    (put(f"{RUN}.batchWindow.CountBasedWindow", 0), f"{RUN}.batchWindow.CountBasedWindow", "1 to 10000"),
    (put(f"{RUN}.batchWindow.TimeBasedWindow", 16), f"{RUN}.batchWindow.TimeBasedWindow", "0 to 15"),
    (
        put(f"{RUN}.batchWindow.TimeBasedWindow", "3"),
        f"{RUN}.batchWindow.TimeBasedWindow",
        "must be a whole number",
    ),
    (
        put(f"{RUN}.batchWindow.CountBasedWindow", 17),
        f"{RUN}.batchWindow.CountBasedWindow",
        "17 messages may take 175.2 s, the timeout is 150 s",
    ),
    (put("timeout", 301), "timeout", "more than the 300 s that an event stream waits"),
    (
        put(
            f"{ASYNC}.destinationConfig.onFailure.destination",
            "acs:mns:cn-hangzhou:1234567890123456:/queues/imm-label-tags/messages",
        ),
        f"{ASYNC}.destinationConfig.onFailure.destination",
        "round for ever",
    ),
    (
        both(
            drop(RUN),
            drop(f"{QUEUE}.eventSinkConfig"),
            put(f"{QUEUE}.asyncInvocationType", True),
            put(f"{QUEUE}.eventRuleFilterPattern", '{"source":["MNS-x"]}'),
        ),
        f"{QUEUE}.eventRuleFilterPattern",
        "the bus of the trigger carries the source MNS-imm-label-tags-imm-queue only",
    ),
    (
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
FILE_ERRORS: list[tuple[Mutation, str, str]] = [
    (top("edition", "2.0.0"), "edition", "does not read an edition '2.0.0'"),
    (top("edition", None), "edition", "would not read the file"),
    (top("acces", "default"), "acces", "access is spelt like it"),
    (top("resources", {}), "resources", "must name what is deployed"),
    (top("resources", {"tag_object": 5}), "resources.tag_object", "must be a mapping"),
    (resource("prop", {}), "resources.tag_object.prop", "props is spelt like it"),
    (resource("actions", []), "resources.tag_object.actions", "must be a mapping"),
    (resource("actions", {"predeploy": []}), "resources.tag_object.actions.predeploy", "pre-deploy is spelt"),
    (resource("actions", {"pre-deploy": {}}), PRE_DEPLOY, "must be a list"),
    (resource("actions", {"pre-deploy": ["make"]}), f"{PRE_DEPLOY}[0]", "must be a mapping"),
    (action(plugin="./deploy"), f"{PRE_DEPLOY}[0]", "one of run, plugin and component"),
    (action(path="./nowhere"), f"{PRE_DEPLOY}[0].path", "./nowhere is not there"),
    (
        resource("actions", {"pre-deploy": [{"plugin": "./deploy/other.js"}]}),
        f"{PRE_DEPLOY}[0].plugin",
        "./deploy/other.js is not there",
    ),
    (top("actions", {"pre-deplyo": []}), "actions.pre-deplyo", "pre-deploy is spelt like it"),
    (variable("region", "${vars.regoin}"), "vars.region", "vars has no regoin"),
    (
        put("region", "${vars.regoin}"),
        f"{PROPS}.region",
        "vars has no regoin",
    ),
    (put("description", "${vars.xyz}"), f"{PROPS}.description", "vars has no xyz"),
    (put(f"{ENV}.LOG_LEVEL", "${env('LEVEL')}"), f"{PROPS}.{ENV}.LOG_LEVEL", "LEVEL is not set"),
    (put(f"{ENV}.LOG_LEVEL", "${file('./x')}"), f"{PROPS}.{ENV}.LOG_LEVEL", "file('./x') cannot be read"),
    (put("layers[0]", "${vars.layer_arn}"), f"{PROPS}.layers[0]", "vars has no layer_arn"),
    (action(run="echo ${vars.nobody}"), f"{PRE_DEPLOY}[0].run", "vars has no nobody"),
    (resource("component", "${vars.fc3}"), "resources.tag_object.component", "vars has no fc3"),
]

WARNINGS: list[tuple[Mutation, str, str]] = [
    (put("instanceConcurrency", 5), "instanceConcurrency", "one request at a time"),
    (put("description", "x" * 257), "description", "Function Compute 2.0 took 256"),
    (
        drop(f"{ASYNC}.maxAsyncEventAgeInSeconds"),
        f"{ASYNC}.maxAsyncEventAgeInSeconds",
        "three different defaults",
    ),
    (
        put(f"{ASYNC}.maxAsyncEventAgeInSeconds", 2_592_000),
        f"{ASYNC}.maxAsyncEventAgeInSeconds",
        "more than the 604800",
    ),
    (put(f"{ENV}.FAILED_EVENTS", "oss://a/b"), f"{ENV}.FAILED_EVENTS", "no setting of this function"),
    (put(f"{TC}.notifyStrategy", "BACKOFF_RETRY"), f"{TC}.notifyStrategy", "gives up after three attempts"),
    (put(f"{TC}.filterTag", "videos"), f"{TC}.filterTag", "not documented to carry a tag"),
    (drop(f"{T}.invocationRole"), f"{T}.invocationRole", "`s deploy` makes AliyunMNSNotificationRole"),
    (drop("triggers"), "triggers", "nothing calls the function"),
    (put(f"{ASYNC}.maxAsyncRetryAttempts", 0), f"{ASYNC}.maxAsyncRetryAttempts", "every passing failure"),
    (drop("logConfig"), "logConfig", "nobody could see"),
    (drop("logConfig.enableRequestMetrics"), "logConfig.enableRequestMetrics", "off, the default"),
    (put("logConfig.enableInstanceMetrics", False), "logConfig.enableInstanceMetrics", "off, the default"),
]

EVENT_BRIDGE_WARNINGS: list[tuple[Mutation, str, str]] = [
    (put(f"{QUEUE}.triggerEnable", False), f"{QUEUE}.triggerEnable", "switched off"),
    (
        put(f"{QUEUE}.eventRuleFilterPattern", '{"source":["MNS-x"]}'),
        f"{QUEUE}.eventRuleFilterPattern",
        "never reaches the function",
    ),
    (
        put(f"{QUEUE}.eventSinkConfig.deliveryOption.eventSchema", "RawData"),
        f"{QUEUE}.eventSinkConfig.deliveryOption.eventSchema",
        "without the CloudEvents envelope",
    ),
    (
        put(
            f"{BUS}.eventRuleFilterPattern",
            '{"source":["acs.imm"],"type":["imm:Task:VideoLabelClassification","imm:Task:MediaConvert"]}',
        ),
        f"{BUS}.eventRuleFilterPattern",
        "a paid invocation",
    ),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_deployed_files_break_no_rule(checkout: Checkout) -> None:
    assert checkout.findings(lambda content: None) == []
    assert checkout.findings(lambda content: None, "s.eventbridge.yaml") == []
    # A queue's messages are no uploads, whatever its pattern lets pass.
    findings = checkout.findings(
        lambda content: None,
        "s.eventbridge.yaml",
        FAILED_EVENTS="oss://media/failed",
        RESULT_ARCHIVE="oss://media/labels",
    )
    assert findings == []


def assert_found(findings: list[Finding], severity: Severity, where: str, words: str) -> None:
    (finding,) = told(findings)
    assert (finding.severity, finding.where) == (severity, where)
    assert words in f"{finding.what} {finding.remedy}"


@pytest.mark.parametrize(("mutation", "where", "words"), ERRORS, ids=[where for _, where, _ in ERRORS])
def test_errors(checkout: Checkout, mutation: Mutation, where: str, words: str) -> None:
    assert_found(checkout.findings(mutation), Severity.ERROR, f"{PROPS}.{where}", words)


@pytest.mark.parametrize(
    ("mutation", "where", "words"), EVENT_BRIDGE_ERRORS, ids=[where for _, where, _ in EVENT_BRIDGE_ERRORS]
)
def test_errors_of_event_bridge_triggers(
    checkout: Checkout, mutation: Mutation, where: str, words: str
) -> None:
    findings = checkout.findings(mutation, "s.eventbridge.yaml")
    assert_found(findings, Severity.ERROR, f"{PROPS}.{where}", words)


@pytest.mark.parametrize(
    ("mutation", "where", "words"), FILE_ERRORS, ids=[where for _, where, _ in FILE_ERRORS]
)
def test_errors_around_the_props(checkout: Checkout, mutation: Mutation, where: str, words: str) -> None:
    assert_found(checkout.findings(mutation), Severity.ERROR, where, words)


@pytest.mark.parametrize(("mutation", "where", "words"), WARNINGS, ids=[where for _, where, _ in WARNINGS])
def test_warnings(checkout: Checkout, mutation: Mutation, where: str, words: str) -> None:
    assert_found(checkout.findings(mutation), Severity.WARNING, f"{PROPS}.{where}", words)


@pytest.mark.parametrize(
    ("mutation", "where", "words"),
    EVENT_BRIDGE_WARNINGS,
    ids=[where for _, where, _ in EVENT_BRIDGE_WARNINGS],
)
def test_warnings_about_event_bridge_triggers(
    checkout: Checkout, mutation: Mutation, where: str, words: str
) -> None:
    findings = checkout.findings(mutation, "s.eventbridge.yaml")
    assert_found(findings, Severity.WARNING, f"{PROPS}.{where}", words)


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
    assert sorted(finding.where.removeprefix(f"{PROPS}.") for finding in told(findings)) == sorted(
        [
            *(f"{TC}.notifyStrategy", f"{TC}.notifyContentFormat", f"{T}.sourceArn", "layers[0]", "memSize"),
            *("memorySize", "timeout", "runtime", "role", f"{ENV}.LABEL_LIMIT", f"{ENV}.STALE_OBJECTS"),
            *(f"{ENV}.FC_X", f"{HOOKS}.initializer.handler"),
        ]
    )


def test_more_triggers_than_a_function_may_have(checkout: Checkout) -> None:
    def mutate(content: Any) -> None:
        content["resources"]["tag_object"]["props"]["triggers"] = [
            {**RULE, "triggerName": f"rule-{number}"} for number in range(51)
        ]

    assert_found(checkout.findings(mutate), Severity.ERROR, f"{PROPS}.triggers", "51 are more than the 50")


def test_settings_cannot_be_checked_without_the_code(checkout: Checkout) -> None:
    findings = checkout.findings(both(put("code", "./none"), put(f"{ENV}.LABEL_LIMIT", "11")))
    assert [finding.where for finding in findings] == [f"{PROPS}.code"]


def test_a_trigger_of_which_nothing_can_be_understood(checkout: Checkout) -> None:
    findings = checkout.findings(both(put(f"{T}.triggerType", [{}]), put(TC, [])))
    assert [one.where for one in told(findings)] == [f"{PROPS}.{TC}", f"{PROPS}.{T}.triggerType"]


def test_two_functions_of_one_name(checkout: Checkout) -> None:
    def twice(content: Any) -> None:
        content["resources"]["again"] = content["resources"]["tag_object"]

    findings = checkout.findings(twice)
    assert_found(findings, Severity.ERROR, "resources.again.props.functionName", "stands twice")


def test_a_region_of_its_own_for_the_whole_file(checkout: Checkout) -> None:
    assert checkout.findings(lambda content: None, FC_DEPLOY_REGION="cn-beijing") == []


def test_a_region_without_python_3_12(checkout: Checkout) -> None:
    findings = checkout.findings(lambda content: None, FC_DEPLOY_REGION="ap-southeast-1")
    assert_found(findings, Severity.WARNING, f"{PROPS}.runtime", "documented to have python3.12")
    older = checkout.findings(
        lambda content: None, FC_DEPLOY_REGION="ap-southeast-1", IMM_LABEL_TAGS_RUNTIME="python3.10"
    )
    assert older == []


def test_every_setting_of_the_environment_is_checked(checkout: Checkout) -> None:
    findings = checkout.findings(lambda content: None, LABEL_NAMES="latin", OSS_ENDPOINT="ftp://x")
    assert [finding.where for finding in findings] == [
        f"{PROPS}.{ENV}.LABEL_NAMES",
        f"{PROPS}.{ENV}.OSS_ENDPOINT",
    ]


def test_a_variable_that_cannot_be_resolved_is_told_once(checkout: Checkout) -> None:
    findings = checkout.findings(variable("account", "${env('ACCOUNT')}"))
    assert [finding.where for finding in findings] == ["vars.account"]


def test_an_endpoint_inside_of_the_network_needs_no_internet(checkout: Checkout) -> None:
    assert checkout.findings(put("internetAccess", False), IMM_ENDPOINT="imm.example.com") == []


def test_a_component_or_a_published_plugin_may_be_an_action(checkout: Checkout) -> None:
    actions = {"success-deploy": [{"component": "fc3 invoke"}, {"plugin": "robot", "args": {}}]}
    assert checkout.findings(resource("actions", actions)) == []
