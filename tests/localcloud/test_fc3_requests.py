"""The requests that the real `s` with the real fc3 sent, replayed in their order.

They were recorded with Serverless Devs 3.1.10 and fc3 0.1.22; what the account has afterwards is compared
with what ``s.yaml`` says. Names of uploaded objects stand as ``{object}``, packages as ``layer`` and
``code``; IsBase64Decode has the value that ``s.eventbridge.yaml`` was given since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from cli.local_deployment import load_deployment
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.fc.declaration import FunctionDeclaration
from tests.localcloud.fc_account import Account, package
from tests.localcloud.tenancy import sdk
from tests.policies.documents import filled

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).with_name("fc3_requests")
ACCOUNT = "1433333333333333"
TOPIC = "imm-label-tags"
TAGGING, KEEPING = "imm-label-tags", "imm-label-tags-failed"
ENTRY = "def initialize(context):\n    pass\ndef handler(event, context):\n    return 'here'\n"
TRIGGER_ROLE = "imm-label-tags-trigger"
DEPLOYERS_VALUES = {
    "account": ACCOUNT,
    "region": CloudConfig.region,
    "function": TAGGING,
    "failed_function": KEEPING,
    "layer": "imm-label-tags",
    "role": "imm-label-tags",
    "failed_role": "imm-label-tags-failed",
    "trigger_role": TRIGGER_ROLE,
    "topic": TOPIC,
}
PACKAGES = {
    "code": package({"tag_object.py": ENTRY, "keep_failed.py": ENTRY}),
    "layer": package({"python/dependency.py": ""}),
}
# Reads whose errors fc3 swallows: it only looks whether there is anything to be kept or removed.
SWALLOWED = ("/vpc-bindings", "/scaling-config?", "/concurrency", "/provision-config?")


def recorded(name: str) -> list[dict[str, Any]]:
    """The requests of a recording."""
    lines = (RECORDED / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Replay:
    """Sends recorded requests in the name of an account, with fresh signatures and uploads."""

    def __init__(self, cloud: LocalCloud, keys: Identity | None = None) -> None:
        self.cloud = cloud
        self._account = Account(cloud, keys or cloud.accounts.owner)
        self._token: Mapping[str, Any] = {}

    def play(self, recording: str) -> list[tuple[str, int]]:
        """The lines and statuses of a recording; fails where a status is another than the recorded one."""
        answers = []
        for request in recorded(recording):
            line = f"{request['method']} {request['path']}"
            status = self._send(request)
            if not any(part in request["path"] for part in SWALLOWED):
                assert status == request["status"], f"{line}: {status}"
            answers.append((line, status))
        return answers

    def functions(self) -> dict[str, FunctionDeclaration]:
        return dict(self.cloud.functions.deployment.functions)

    def remove(self, function: str) -> None:
        self._account.sdk.delete_function(function)

    def _send(self, request: Mapping[str, Any]) -> int:
        if request["service"] == "OSS":
            return self._account.put(
                self._token, PACKAGES[request["body"]], f"{ACCOUNT}/{self._object}"
            ).status_code
        if request["path"].endswith("tempBucketToken"):
            answer = self._account.token()
            self._token = answer.json()
            return answer.status_code
        # s.yaml names the trigger's role now; fc3 chose it when the requests were recorded.
        body = request.get("body", "").replace("{object}", self._object)
        body = body.replace("role/aliyunmnsnotificationrole", f"role/{TRIGGER_ROLE}").encode()
        # fc3 asks for an asynchronous invocation in a header, which the recording lacks.
        headers = {"x-fc-invocation-type": "Async"} if request["status"] == 202 else {}
        return self._call(request["method"], request["path"], body, headers)

    @property
    def _object(self) -> str:
        return str(self._token.get("objectName", ""))

    def _call(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        plain, _, query = path.partition("?")
        params = Params(
            action="",
            version="2023-03-30",
            protocol="HTTP",
            pathname=plain,
            method=method,
            auth_type="AK",
            style="ROA",
            body_type="string",
        )
        request = OpenApiRequest(
            headers=headers, query=dict(pair.split("=", 1) for pair in query.split("&") if pair), stream=body
        )
        try:
            answer = Client(sdk(self.cloud.endpoints.fc, self._account.keys)).call_api(
                params, request, RuntimeOptions(autoretry=False)
            )
        except AlibabaCloudException as error:
            return int(error.status_code)
        return int(answer["statusCode"])


@pytest.fixture
def replay() -> Iterator[Replay]:
    with LocalCloud(CloudConfig(account_id=ACCOUNT)) as cloud:
        cloud.call(cloud.messages.create_topic, TOPIC)
        yield Replay(cloud)


def declared(file: str = "s.yaml") -> dict[str, FunctionDeclaration]:
    """What the checkout's file says, for the account of the recording."""
    variables = {"ALIBABA_CLOUD_ACCOUNT_ID": ACCOUNT, "FAILED_EVENTS": "oss://media/failed"}
    return dict(load_deployment(ROOT / file, variables).functions)


def configuration(function: FunctionDeclaration) -> dict[str, Any]:
    """What a recording and today's ``s.yaml`` have in common: all but settings, times and the log project."""
    return {
        "region": function.region,
        "runtime": function.runtime,
        "handler": function.handler,
        "description": function.description,
        "size": (function.cpu, function.memory_size, function.disk_size),
        "role": function.role,
        "layers": function.layers,
        "log": replace(function.log, project=""),
        "initializer": function.initializer,
        "on_failure": function.async_invoke.on_failure,
        "retries": (function.async_invoke.max_retry_attempts, function.async_invoke.max_event_age_seconds),
        "topics": function.mns_topic_triggers,
        "invocation_roles": [trigger.invocation_role for trigger in function.triggers],
        "event_bridge": function.event_bridge_triggers,
    }


def test_a_first_deployment_leaves_what_s_yaml_says(replay: Replay) -> None:
    replay.play("first-deploy")
    deployed = replay.functions()
    assert {name: configuration(one) for name, one in deployed.items()} == {
        name: configuration(one) for name, one in declared().items()
    }
    # Settings come and go with the file; those of the recording are there as they were sent.
    sent = [request for request in recorded("first-deploy") if request["path"].endswith("/functions")]
    for body in (json.loads(request["body"]) for request in sent):
        assert deployed[body["functionName"]].environment == body["environmentVariables"]
    # and the topic invokes what was deployed
    replay.cloud.run(replay.cloud.messages.publish(TOPIC, b"x"))
    replay.cloud.run(replay.cloud.settled())
    (record,) = replay.cloud.functions.invocations()
    assert (record.function, record.body) == (TAGGING, b"here")


@pytest.mark.parametrize("again", ["redeploy-unchanged", "deploy-one-function", "plan"])
def test_what_comes_after_changes_nothing(replay: Replay, again: str) -> None:
    replay.play("first-deploy")
    before = {name: configuration(one) for name, one in replay.functions().items()}
    lines = [line for line, _ in replay.play(again)]
    # Nothing is uploaded, because the checksums are those of what fc3 has.
    assert not any("tempBucketToken" in line for line in lines)
    assert {name: configuration(one) for name, one in replay.functions().items()} == before


def test_event_bridge_triggers_are_deployed_as_the_template_says(replay: Replay) -> None:
    replay.play("first-deploy")
    replay.remove(TAGGING)
    replay.play("deploy-eventbridge")
    says = declared("s.eventbridge.yaml")[TAGGING]
    assert replay.functions()[TAGGING].event_bridge_triggers == says.event_bridge_triggers
    # The queue's messages reach the function.
    source = says.event_bridge_triggers[1].queue
    assert source is not None
    queue = f"acs:mns:cn-hangzhou:{ACCOUNT}:queues/{source.name}"
    assert replay.cloud.call(replay.cloud.messages.queues.send, queue, "x")
    replay.cloud.run(replay.cloud.settled())
    (record,) = replay.cloud.functions.invocations()
    assert record.function == TAGGING


def test_what_was_deployed_is_invoked(replay: Replay) -> None:
    replay.play("first-deploy")
    replay.play("invoke")
    replay.cloud.run(replay.cloud.settled())
    ended = [(one.function, one.asynchronous, one.body) for one in replay.cloud.functions.invocations()]
    assert ended == [(TAGGING, False, b"here")] * 2 + [(KEEPING, True, b"here")]


def test_a_removal_leaves_nothing(replay: Replay) -> None:
    replay.play("first-deploy")
    replay.play("remove")
    assert replay.functions() == {}
    replay.cloud.run(replay.cloud.messages.publish(TOPIC, b"x"))
    replay.cloud.run(replay.cloud.settled())
    assert replay.cloud.functions.invocations() == []
    assert replay.cloud.functions.lost == []


def test_the_policy_of_a_deployer_is_enough_and_needed() -> None:
    config = CloudConfig(account_id=ACCOUNT, policies=True)
    with LocalCloud(config) as cloud:
        cloud.call(cloud.messages.create_topic, TOPIC)
        document = json.dumps(filled("deployer", **DEPLOYERS_VALUES))
        user = cloud.call(cloud.access.put_user, "deployer", {"deployer": document})
        replay = Replay(cloud, user.keys)
        for recording in ("first-deploy", "redeploy-unchanged", "deploy-one-function", "remove"):
            replay.play(recording)
        nobody = cloud.call(cloud.access.put_user, "nobody", {})
        with pytest.raises(AssertionError, match="layers/imm-label-tags/versions"):
            Replay(cloud, nobody.keys).play("first-deploy")
