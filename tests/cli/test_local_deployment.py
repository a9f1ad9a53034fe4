"""What an s.yaml declares, and what is wrong with one that cannot be deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.local_deployment import ValueUnknown, load_deployment
from cli.manifest.file import ManifestUnreadable
from localcloud.fc.declaration import (
    AsyncInvokeDeclaration,
    DeclarationError,
    HookDeclaration,
    KeyUnknown,
    LogDeclaration,
    MnsTopicTrigger,
    ValueMissing,
    ValueOfWrongType,
    ValueRefused,
)
from tests.localcloud.fc_world import function, write_deployment
from tests.localcloud.tenancy import ACCOUNT

TOPIC = f"acs:mns:cn-hangzhou:{ACCOUNT}:/topics/labels"
TRIGGER = {
    "triggerName": "tasks",
    "triggerType": "mns_topic",
    "sourceArn": TOPIC,
    "triggerConfig": {"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"},
}
DEFAULTS = {
    **dict.fromkeys(("TAG_RULES", "LABEL_LEXICON", "ALLOWED_OBJECTS", "RESULT_ARCHIVE"), ""),
    **dict.fromkeys(("IMM_ENDPOINT", "OSS_ENDPOINT"), ""),
    "TAG_NAMESPACE": "imm",
    "LABEL_MIN_CONFIDENCE": "0.5",
    "LABEL_NAMES": "pinyin",
    "STALE_OBJECTS": "skip",
    "SECOND_LOOK_SECONDS": "0",
    "LOG_LEVEL": "INFO",
}
LAYER = "acs:fc:cn-hangzhou:123:layers/deps/versions/1"


def trigger(**changes: Any) -> dict[str, Any]:
    return {**TRIGGER, **changes}


def settings(**changes: Any) -> dict[str, Any]:
    return trigger(triggerConfig={**TRIGGER["triggerConfig"], **changes})  # type: ignore[dict-item]


def hooks(**hooks: Any) -> dict[str, Any]:
    return {"instanceLifecycleConfig": hooks}


def retried(**configuration: Any) -> dict[str, Any]:
    return {"asyncInvokeConfig": configuration}


def test_defaults_are_those_of_the_fc3_component(tmp_path: Path) -> None:
    minimal = function()
    del minimal["timeout"]
    deployment = load_deployment(write_deployment(tmp_path, "", minimal), {})
    declared = deployment.functions["index"]
    assert declared.resource == "resource_0"
    assert (declared.timeout, declared.memory_size, declared.cpu, declared.disk_size) == (3, 512, 0.35, 512)
    assert declared.internet_access
    assert (declared.role, declared.layers, declared.environment) == (None, (), {})
    assert declared.log == LogDeclaration()
    assert declared.async_invoke == AsyncInvokeDeclaration(3, 86_400, None, None)
    assert (declared.initializer, declared.pre_stop, declared.triggers) == (None, None, ())
    assert declared.code == (tmp_path / "code").resolve()


def test_everything_that_can_be_declared(tmp_path: Path) -> None:
    props = function(
        description="what it does",
        cpu=1,
        memorySize=1024,
        diskSize=10240,
        timeout=120,
        internetAccess=False,
        role="acs:ram::123:role/MyRole",
        layers=[LAYER, "acs:fc:cn-hangzhou:official:layers/Python312-Aliyun-SDK/versions/1"],
        environmentVariables={"A": "1", "B_2": ""},
        logConfig={"project": "p", "logstore": "l", "enableRequestMetrics": True, "logBeginRule": "None"},
        instanceLifecycleConfig={
            "initializer": {"handler": "index.initialize", "timeout": 30},
            "preStop": {"handler": "index.stop"},
        },
        asyncInvokeConfig={
            "maxAsyncRetryAttempts": 0,
            "maxAsyncEventAgeInSeconds": 60,
            "asyncTask": False,
            "destinationConfig": {
                "onFailure": {"destination": f"{TOPIC}/messages"},
                "onSuccess": {"destination": "acs:fc:cn-hangzhou::functions/next"},
            },
        },
        triggers=[
            settings(filterTag="videos"),
            trigger(
                triggerName="timer", triggerType="timer", qualifier="LATEST", triggerConfig={"enable": True}
            ),
        ],
        tags=[{"key": "team", "value": "a"}],
    )
    deployment = load_deployment(write_deployment(tmp_path, "", props), {})
    declared = deployment.functions["index"]
    assert (declared.cpu, declared.memory_size, declared.disk_size) == (1, 1024, 10240)
    assert declared.role == "acs:ram::123:role/myrole"
    assert declared.layers[0] == LAYER
    assert declared.environment == {"A": "1", "B_2": ""}
    assert declared.log == LogDeclaration("p", "l", True, False)
    assert declared.initializer == HookDeclaration("index.initialize", 30)
    assert declared.pre_stop == HookDeclaration("index.stop", 3)
    assert declared.async_invoke == AsyncInvokeDeclaration(
        0, 60, "acs:fc:cn-hangzhou::functions/next", f"{TOPIC}/messages"
    )
    assert [(one.name, one.type) for one in declared.triggers] == [("tasks", "mns_topic"), ("timer", "timer")]
    assert deployment.mns_topic_triggers == [
        MnsTopicTrigger(
            function="index",
            name="tasks",
            region="cn-hangzhou",
            account_id=ACCOUNT,
            topic="labels",
            notify_content_format="JSON",
            notify_strategy="BACKOFF_RETRY",
            filter_tag="videos",
        )
    ]


def test_an_asynchronous_configuration_without_an_age_takes_the_components_default(tmp_path: Path) -> None:
    path = write_deployment(tmp_path, "", function(asyncInvokeConfig={}))
    assert load_deployment(path, {}).functions["index"].async_invoke.max_event_age_seconds == 18_000


def test_an_empty_role_is_none(tmp_path: Path) -> None:
    path = write_deployment(tmp_path, "", function(role=""))
    assert load_deployment(path, {}).functions["index"].role is None


@pytest.mark.parametrize(
    ("props", "error", "where"),
    [
        ({"memSize": 512}, KeyUnknown, "props.memSize"),
        ({"functionName": None}, ValueMissing, "props.functionName"),
        ({"functionName": "9lives"}, ValueRefused, "props.functionName"),
        ({"region": "Hangzhou"}, ValueRefused, "props.region"),
        ({"handler": 5}, ValueOfWrongType, "props.handler"),
        ({"code": "./nowhere"}, ValueRefused, "props.code"),
        ({"timeout": True}, ValueOfWrongType, "props.timeout"),
        ({"cpu": 0.37, "diskSize": 512}, ValueRefused, "props.cpu"),
        ({"cpu": 0.5, "diskSize": 1024}, ValueRefused, "props.diskSize"),
        ({"layers": ["deps"]}, ValueRefused, "props.layers[0]"),
        ({"layers": [LAYER] * 6}, ValueRefused, "props.layers"),
        ({"environmentVariables": {"A": 1}}, ValueOfWrongType, "props.environmentVariables.A"),
        ({"environmentVariables": {"A-B": ""}}, ValueRefused, "props.environmentVariables.A-B"),
        ({"logConfig": {"project": "p"}}, ValueMissing, "props.logConfig.logstore"),
        (hooks(preFreeze={}), KeyUnknown, "props.instanceLifecycleConfig.preFreeze"),
        (
            hooks(initializer={"handler": "a.b", "timeout": 301}),
            ValueRefused,
            "props.instanceLifecycleConfig.initializer.timeout",
        ),
        (retried(maxAsyncRetryAttempts=9), ValueRefused, "props.asyncInvokeConfig.maxAsyncRetryAttempts"),
        (retried(asyncTask=True), ValueRefused, "props.asyncInvokeConfig.asyncTask"),
        (retried(qualifier="prod"), ValueRefused, "props.asyncInvokeConfig.qualifier"),
        (
            retried(destinationConfig={"onFailure": {"destination": TOPIC}}),
            ValueRefused,
            "props.asyncInvokeConfig.destinationConfig.onFailure.destination",
        ),
        ({"triggers": [trigger(triggerType="mns_topics")]}, ValueRefused, "props.triggers[0].triggerType"),
        ({"triggers": [trigger(sourceArn="labels")]}, ValueRefused, "props.triggers[0].sourceArn"),
        ({"triggers": [TRIGGER, TRIGGER]}, ValueRefused, "props.triggers[1].triggerName"),
        (
            {"triggers": [settings(notifyContentFormat="XML")]},
            ValueRefused,
            "props.triggers[0].triggerConfig.notifyContentFormat",
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused_with_its_place(
    tmp_path: Path, props: dict[str, Any], error: type[DeclarationError], where: str
) -> None:
    path = write_deployment(tmp_path, "", function(**props))
    with pytest.raises(error) as refused:
        load_deployment(path, {})
    assert refused.value.where == f"resources.resource_0.{where}"
    assert str(refused.value).startswith(f"resources.resource_0.{where}: ")


def test_what_function_compute_or_fc3_would_choose_is_chosen(tmp_path: Path) -> None:
    trigger_of_a_name = trigger(invocationRole="invoker")
    props = function(memorySize=1024, role="worker", logConfig="auto", triggers=[trigger_of_a_name])
    declared = load_deployment(write_deployment(tmp_path, "", props), {}).functions["index"]
    assert (declared.memory_size, declared.cpu, declared.disk_size) == (1024, 0.5, 512)
    assert declared.role == f"acs:ram::{ACCOUNT}:role/worker"
    assert declared.triggers[0].invocation_role == f"acs:ram::{ACCOUNT}:role/invoker"
    assert declared.log == LogDeclaration(f"{ACCOUNT}-cn-hangzhou-logproject", "fc-v3-index-logstore")


def test_what_is_no_python_function_of_fc3_is_not_run(tmp_path: Path) -> None:
    path = write_deployment(tmp_path, "", function(), function(functionName="node", runtime="nodejs20"))
    content = yaml.safe_load(path.read_text("utf-8"))
    content["resources"]["site"] = {"component": "oss", "props": {"bucket": "x"}}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert list(load_deployment(path, {}).functions) == ["index"]


def test_two_functions_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_deployment(tmp_path, "", function(), function())
    with pytest.raises(ValueRefused, match="declared twice"):
        load_deployment(path, {})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a: [", ManifestUnreadable, "cannot be read"),
        ("- a", ManifestUnreadable, "no mapping"),
        ("a: 1\na: 2", ManifestUnreadable, "'a' stands twice"),
        ("name: x", ValueMissing, "nothing would be deployed"),
        ("resources: {a: {component: fc3}}", ValueMissing, "resources.a.props"),
        ("resources: {a: text}", ValueOfWrongType, "resources.a: must be a mapping, is the text 'text'"),
        ("resources: {a: [1]}", ValueOfWrongType, "resources.a: must be a mapping, is a list"),
        ("resources: {a: {component: fc3, props: {region: \"${env('R')}\"}}}", ValueUnknown, "props.region"),
    ],
)
def test_a_file_that_declares_nothing_usable(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error) as refused:
        load_deployment(path, {})
    assert message in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable, match="No such file"):
        load_deployment(tmp_path / "s.yaml", {})


def test_the_projects_own_s_yaml_deploys_the_functions_with_every_setting() -> None:
    root = Path(__file__).parents[2]
    variables = {"LABEL_LIMIT": "5", "TAG_VALUE": "{label_base64}", "FAILED_EVENTS": "oss://records/failed"}
    deployment = load_deployment(root / "s.yaml", variables)
    # What is a destination stands before what names it, as it is deployed
    keeper, declared = deployment.functions.values()
    assert deployment.resources == {"keep_failed": keeper, "tag_object": declared}
    assert (declared.name, declared.handler) == ("imm-label-tags", "tag_object.handler")
    assert (keeper.name, keeper.handler) == ("imm-label-tags-failed", "keep_failed.handler")
    for one in (keeper, declared):
        assert (one.runtime, one.code) == ("python3.12", (root / "functions").resolve())
        assert one.initializer == HookDeclaration(one.handler.replace("handler", "initialize"), 30)
    assert declared.environment == {
        **DEFAULTS,
        **{name: variables[name] for name in ("LABEL_LIMIT", "TAG_VALUE")},
    }
    assert keeper.environment["FAILED_EVENTS"] == "oss://records/failed"
    (subscription,) = deployment.mns_topic_triggers
    assert (subscription.topic, subscription.notify_content_format) == ("imm-label-tags", "JSON")
    account = "acs:fc:cn-hangzhou:1234567890123456"
    assert declared.async_invoke.on_failure == f"{account}:functions/imm-label-tags-failed"
    assert (keeper.async_invoke.on_failure or "").endswith(":/topics/imm-label-tags-failed/messages")
    assert (keeper.role != declared.role, keeper.layers == declared.layers) == (True, True)
