"""Function Compute obeys RAM: of callers, of the function's role, and of the trigger's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.refusals import RequestRefused
from tests.localcloud.fc_world import deployed, function
from tests.localcloud.ram_functions import FAILED, FUNCTION, LOGS, MNS_TRUST, Functions, destined, functions
from tests.localcloud.ram_world import FC_TRUST, allow, caller, deny
from tests.localcloud.tenancy import sdk

# What an operation is called, its RAM action is allowed on, and its call.
OPERATIONS: dict[str, tuple[str, Callable[[Client], Any]]] = {
    "fc:InvokeFunction": (FUNCTION, lambda fc: fc.invoke_function("index", models.InvokeFunctionRequest())),
    "fc:GetFunction": (FUNCTION, lambda fc: fc.get_function("index", models.GetFunctionRequest())),
    "fc:ListFunctions": (
        FUNCTION.replace("index", "*"),
        lambda fc: fc.list_functions(models.ListFunctionsRequest()),
    ),
    "fc:ListTriggers": (
        f"{FUNCTION}/triggers/*",
        lambda fc: fc.list_triggers("index", models.ListTriggersRequest()),
    ),
    "fc:GetTrigger": (f"{FUNCTION}/triggers/tasks", lambda fc: fc.get_trigger("index", "tasks")),
    "fc:GetFunctionAsyncInvokeConfig": (
        FUNCTION,
        lambda fc: fc.get_async_invoke_config("index", models.GetAsyncInvokeConfigRequest()),
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


@pytest.mark.parametrize("action", OPERATIONS)
def test_an_operation_needs_its_permission(fc: Functions, action: str) -> None:
    resource, call = OPERATIONS[action]

    def status(identity: Identity) -> int:
        return int(call(Client(sdk(fc.cloud.endpoints.fc, identity))).status_code)

    def keys(*statements: dict[str, Any]) -> Identity:
        return fc.cloud.call(caller, fc.cloud.access, *statements, name="caller")

    # When somebody calls who may do nothing, or this with other functions, or everything else
    for statements in ([], [allow(action, f"{FUNCTION}-other")], [allow("*"), deny(action, resource)]):
        with pytest.raises(ClientException) as caught:
            status(keys(*statements))
        # Then they are refused
        assert (caught.value.status_code, caught.value.code) == (403, "AccessDenied")
        expected = f"the caller is not authorized to perform '{action}' on resource '{resource}'"
        assert expected in caught.value.message
    # And who may do this and nothing else is not
    assert status(keys(allow(action, resource))) == 200
    assert status(fc.cloud.accounts.owner) == 200


def test_a_record_reaches_a_topic_if_the_functions_role_may_publish_there(fc: Functions) -> None:
    for action, resource in (
        ("mns:SendMessage", FAILED),
        ("mns:PublishMessage", FAILED.replace("failed", "other")),
    ):
        fc.role(allow(action, resource))
        (reason,) = fc.fail()
        assert f"is not authorized to perform 'mns:PublishMessage' on resource '{FAILED}'" in reason
        assert fc.records == []

    fc.role(allow("mns:PublishMessage", FAILED))
    assert fc.fail() == []
    assert [record["requestPayload"] for record in fc.records] == ["fail"]


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
    for resource, trusting in (
        (FUNCTION.replace("index", "other"), MNS_TRUST),
        (FUNCTION, FC_TRUST),
    ):
        fc.role(allow("fc:InvokeFunction", resource), name="trigger", trusting=trusting)
        assert fc.publish() == 0
    fc.role(allow("fc:InvokeFunction", FUNCTION), name="trigger", trusting=MNS_TRUST)
    assert fc.publish() == 1
    # And a message that no role may deliver says why
    fc.put_role("trigger", MNS_TRUST, None)
    assert fc.publish() == 0
    reason = fc.cloud.messages.undelivered[-1].reason
    assert reason.startswith("every retry failed, the last because: trigger")
    assert f"may not fc:InvokeFunction on {FUNCTION}" in reason


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
