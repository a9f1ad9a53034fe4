"""Function Compute obeys RAM: of callers, of the function's role, and of the trigger's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.refusals import RequestRefused
from tests.localcloud.fc_world import deployed, function
from tests.localcloud.ram_functions import FAILED, FUNCTION, LOGS, MNS_TRUST, Functions, destined, functions
from tests.localcloud.ram_world import FC_TRUST, allow, caller, deny
from tests.localcloud.tenancy import sdk

# An operation's method, its path, its RAM action and resource.
OPERATIONS = {
    "InvokeFunction": ("POST", "/index/invocations", "fc:InvokeFunction", FUNCTION),
    "GetFunction": ("GET", "/index", "fc:GetFunction", FUNCTION),
    "ListFunctions": ("GET", "", "fc:ListFunctions", FUNCTION.replace("index", "*")),
    "ListTriggers": ("GET", "/index/triggers", "fc:ListTriggers", f"{FUNCTION}/triggers/*"),
    "GetTrigger": ("GET", "/index/triggers/tasks", "fc:GetTrigger", f"{FUNCTION}/triggers/tasks"),
    "GetAsyncInvokeConfig": (
        "GET",
        "/index/async-invoke-config",
        "fc:GetFunctionAsyncInvokeConfig",
        FUNCTION,
    ),
}


@pytest.fixture(scope="module")
def module_functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    with functions(tmp_path_factory.mktemp("functions")) as started:
        yield started


@pytest.fixture
def fc(module_functions: Functions) -> Functions:
    """A function whose roles may do nothing."""
    module_functions.role()
    module_functions.role(name="trigger", trusting=MNS_TRUST)
    module_functions.records.clear()
    return module_functions


def call(fc: Functions, identity: Identity, action: str) -> int:
    method, path, _, _ = OPERATIONS[action]
    client = Client(sdk(fc.cloud.endpoints.fc, identity))
    params = Params(
        action=action,
        version="2023-03-30",
        protocol="HTTP",
        pathname=f"/2023-03-30/functions{path}",
        method=method,
        auth_type="AK",
        style="ROA",
        req_body_type="json",
        body_type="binary" if action == "InvokeFunction" else "json",
    )
    answer = client.call_api(params, OpenApiRequest(), RuntimeOptions(autoretry=False))
    status: int = answer["statusCode"]
    return status


@pytest.mark.parametrize("action", OPERATIONS)
def test_an_operation_needs_its_permission(fc: Functions, action: str) -> None:
    _, _, permission, resource = OPERATIONS[action]

    def keys(*statements: dict[str, Any]) -> Identity:
        return fc.cloud.call(caller, fc.cloud.access, *statements, name="caller")

    # When somebody calls who may do nothing, or this with other functions, or everything else
    for statements in (
        [],
        [allow(permission, f"{FUNCTION}-other")],
        [allow("*"), deny(permission, resource)],
    ):
        with pytest.raises(ClientException) as caught:
            call(fc, keys(*statements), action)
        # Then they are refused
        assert (caught.value.status_code, caught.value.code) == (403, "AccessDenied")
        expected = f"the caller is not authorized to perform '{permission}' on resource '{resource}'"
        assert expected in caught.value.message
    # And who may do this and nothing else is not
    assert call(fc, keys(allow(permission, resource)), action) == 200
    assert call(fc, fc.cloud.accounts.owner, action) == 200


def test_a_record_reaches_a_topic_if_the_functions_role_may_publish_there(fc: Functions) -> None:
    fc.role(allow("mns:PublishMessage", FAILED))

    assert fc.fail() == []
    assert [record["requestPayload"] for record in fc.records] == ["fail"]


@pytest.mark.parametrize(
    "statement",
    [allow("mns:SendMessage", FAILED), allow("mns:PublishMessage", FAILED.replace("failed", "other"))],
)
def test_a_record_is_lost_if_the_functions_role_may_not_publish_there(
    fc: Functions, statement: dict[str, Any]
) -> None:
    fc.role(statement)

    (reason,) = fc.fail()

    assert f"is not authorized to perform 'mns:PublishMessage' on resource '{FAILED}'" in reason
    assert fc.records == []


@pytest.mark.parametrize("arn", [FUNCTION.replace("index", "other"), "acs:fc:::functions/other"])
def test_a_record_reaches_a_function_if_the_functions_role_may_invoke_it(tmp_path: Path, arn: str) -> None:
    with functions(tmp_path, destined(arn), function(functionName="other")) as fc:
        fc.role()
        (reason,) = fc.fail()
        assert "'fc:InvokeFunction' on resource" in reason

        fc.role(allow("fc:InvokeFunction", FUNCTION.replace("index", "other")))
        assert fc.fail() == []
        assert fc.cloud.functions.invocations()[-1].function == "other"


def test_a_function_without_a_role_hands_nothing_over_and_logs_nothing(tmp_path: Path) -> None:
    declared = destined()
    del declared["role"]
    with functions(tmp_path, declared) as fc:
        (reason,) = fc.fail()

        assert "The function has no role" in reason
        assert fc.log() == []


def test_there_are_logs_if_the_functions_role_may_write_them(fc: Functions) -> None:
    fc.fail()
    assert fc.log() == []

    fc.role(allow("log:PostLogStoreLogs", LOGS.replace("index", "other")))
    assert fc.log() == []

    fc.role(allow("log:PostLogStoreLogs", LOGS))
    assert "event b'fail'" in fc.log()


def test_a_function_without_a_logstore_needs_no_permission_for_its_logs(tmp_path: Path) -> None:
    declared = destined()
    del declared["logConfig"]
    with functions(tmp_path, declared) as fc:
        fc.role()
        fc.fail()

        assert "event b'fail'" in fc.log()


def test_a_function_does_not_run_without_its_role(tmp_path: Path) -> None:
    with functions(tmp_path) as fc:
        invocation = fc.cloud.functions.invoke
        # Given a function whose role is not there
        with pytest.raises(RequestRefused, match=r"There is no role acs:ram::\d+:role/worker") as caught:
            fc.cloud.run(invocation("index", b""))
        assert (caught.value.status, caught.value.code) == (403, "AccessDenied")
        # Or does not trust Function Compute
        fc.role(allow("*"), trusting=MNS_TRUST)
        with pytest.raises(RequestRefused, match=r"does not let fc\.aliyuncs\.com assume it"):
            fc.cloud.run(invocation("index", b""))
        (reason,) = fc.fail()
        assert "does not let fc.aliyuncs.com assume it" in reason
        # When it does, then the function runs
        fc.role(trusting=FC_TRUST)
        assert fc.cloud.run(invocation("index", b"")).body == b"done"


def test_a_message_invokes_the_function_if_the_triggers_role_may(fc: Functions) -> None:
    invokes = allow("fc:InvokeFunction", FUNCTION)

    assert fc.publish() == 0
    fc.role(
        allow("fc:InvokeFunction", FUNCTION.replace("index", "other")), name="trigger", trusting=MNS_TRUST
    )
    assert fc.publish() == 0
    fc.role(invokes, name="trigger", trusting=FC_TRUST)
    assert fc.publish() == 0
    fc.role(invokes, name="trigger", trusting=MNS_TRUST)
    assert fc.publish() == 1


def test_a_trigger_without_a_role_invokes_in_the_one_that_serverless_devs_makes(tmp_path: Path) -> None:
    declared = destined()
    del declared["triggers"][0]["invocationRole"]
    with functions(tmp_path, declared) as fc:
        fc.role()
        # Given that it is not there, or has been left without its policy
        assert fc.publish() == 0
        fc.put_role("AliyunMNSNotificationRole", MNS_TRUST, None)
        assert fc.publish() == 0
        # When it may invoke, then it does
        fc.role(allow("fc:InvokeFunction", "*"), name="AliyunMNSNotificationRole", trusting=MNS_TRUST)
        assert fc.publish() == 1


def test_a_message_that_no_role_may_deliver_says_why(fc: Functions) -> None:
    fc.put_role("trigger", MNS_TRUST, None)

    assert fc.publish() == 0

    reason = fc.cloud.messages.undelivered[-1].reason
    assert reason.startswith("every retry failed, the last because: trigger")
    assert f"may not fc:InvokeFunction on {FUNCTION}" in reason


def test_an_instance_that_has_lost_its_role_still_ends(tmp_path: Path) -> None:
    # Given an instance with a hook for its end
    code = """
        import os, pathlib
        def handler(event, context): return str(os.getpid())
        def stop(context): pathlib.Path(__file__).with_name("stopped").touch()
        """
    hooks = {"preStop": {"handler": "index.stop", "timeout": 5}}
    declared = function(role=destined()["role"], instanceLifecycleConfig=hooks)
    deployment = deployed(tmp_path, code, declared)
    with LocalCloud(CloudConfig(policies=True, deployment=deployment)) as cloud:
        Functions(cloud).role()
        pid = int(cloud.run(cloud.functions.invoke("index", b"")).body)
        # When its role is gone, and its keys are due to be renewed
        cloud.call(cloud.access.roles.delete, "worker")
        cloud.clock.advance(301)
    # Then it has ended all the same, without the hook
    assert not psutil.pid_exists(pid)
    assert not (tmp_path / "code" / "stopped").exists()


def test_without_policies_nothing_of_this_matters(tmp_path: Path) -> None:
    deployment = deployed(tmp_path, "def handler(event, context): return 'done'", destined())
    config = CloudConfig(deployment=deployment, time_scale=0.001)
    with LocalCloud(config) as cloud:
        unlimited = Functions(cloud)
        assert unlimited.publish() == 1
        assert unlimited.log()
