"""Functions, layers, triggers and configurations come and go while Function Compute runs."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as fc
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.database import Database, StateInaccessible
from localcloud.fc.packages import Package, PackageRefused, unpack
from tests.localcloud.fc_account import ACCOUNT, HELLO, REGION, TOPIC, Account, package
from tests.waiting import until

FUNCTION_ARN = f"acs:fc:{REGION}:{ACCOUNT}:functions"
WAITING = {
    "index.py": """
import pathlib, time
def handler(event, context):
    print("waits")
    while not pathlib.Path(event.decode()).exists():
        time.sleep(0.005)
    return "old"
"""
}
FAILING = {"index.py": "def handler(event, context):\n    raise ValueError('no')\n"}


def a_cloud(**options: Any) -> LocalCloud:
    return LocalCloud(CloudConfig(**{"time_scale": 0.01, **options}))


@pytest.fixture
def account() -> Iterator[Account]:
    with a_cloud() as cloud:
        cloud.call(cloud.messages.create_topic, TOPIC)
        yield Account(cloud, cloud.accounts.owner)


def log(cloud: LocalCloud, function: str = "hello") -> list[str]:
    return [line.text for line in cloud.functions.logs(function)]


def refusal(call: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(ClientException) as caught:
        call()
    return caught.value.status_code, caught.value.code, str(caught.value.message)


# Functions


def test_a_function_is_created_called_and_shown(account: Account) -> None:
    created = account.create(description="says hello", cpu=0.5, memory_size=512, disk_size=512)
    assert account.invoke(b"you") == b"hello you"
    shown = account.sdk.get_function("hello", fc.GetFunctionRequest()).body
    assert shown.to_map() == created.to_map()
    assert (shown.function_arn, shown.state) == (f"{FUNCTION_ARN}/hello", "Active")
    assert (shown.description, shown.cpu, shown.memory_size) == ("says hello", 0.5, 512)
    assert shown.code_checksum and shown.code_size


def test_what_an_update_does_not_name_stays(account: Account) -> None:
    account.create(environment_variables={"A": "1"}, description="old")
    account.update(description="new")
    shown = account.sdk.get_function("hello", fc.GetFunctionRequest()).body
    assert (shown.description, shown.environment_variables) == ("new", {"A": "1"})
    assert account.invoke(b"you") == b"hello you"


def test_an_instance_of_the_old_version_finishes_what_it_does(account: Account, tmp_path: Path) -> None:
    # Given a call that the old code serves
    account.create(files=WAITING)
    answers: list[bytes] = []
    go = tmp_path / "go"
    caller = threading.Thread(target=lambda: answers.append(account.invoke(str(go).encode())))
    caller.start()
    until(lambda: "waits" in "".join(log(account.cloud)))
    # When new code is deployed, then it serves at once
    account.update(files=HELLO)
    assert account.invoke(b"you") == b"hello you"
    # and the old call gets the old answer
    go.touch()
    caller.join()
    assert answers == [b"old"]
    # and the old code is deleted once nothing needs it
    (deployed,) = account.cloud.functions.deployment.functions.values()
    until(lambda: list(deployed.code.parent.iterdir()) == [deployed.code])


def test_an_unchanged_update_keeps_the_warm_instance(account: Account) -> None:
    account.create()
    account.invoke()
    account.update(timeout=30)
    account.invoke()
    assert [record.cold_start for record in account.cloud.functions.invocations()] == [True, False]


def test_a_request_that_waits_for_an_instance_is_served_by_the_new_version(tmp_path: Path) -> None:
    with a_cloud(instance_limit=1) as cloud:
        account = Account(cloud, cloud.accounts.owner)
        account.create(files=WAITING)
        go = tmp_path / "go"
        request = cloud.run(cloud.functions.invoke_async("hello", str(go).encode()))
        until(lambda: any(request in line and "Start" in line for line in log(cloud)))
        waiting = cloud.run(cloud.functions.invoke_async("hello", b"new"))
        account.update(files=HELLO)
        until(lambda: len(cloud.functions.invocations()) == 1)
        assert cloud.functions.invocations()[0].request_id == waiting
        go.touch()
        cloud.run(cloud.settled())
        assert [record.body for record in cloud.functions.invocations()] == [b"hello new", b"old"]


def test_a_removed_function_is_gone_and_may_come_back(account: Account) -> None:
    account.create()
    account.sdk.delete_function("hello")
    assert refusal(account.invoke)[:2] == (404, "FunctionNotFound")
    assert refusal(lambda: account.sdk.delete_function("hello"))[:2] == (404, "FunctionNotFound")
    account.create(files={"index.py": "def handler(event, context):\n    return 'again'\n"})
    assert account.invoke() == b"again"


def test_what_was_accepted_for_a_removed_function_is_told(tmp_path: Path) -> None:
    # Given an event that runs, and one that has failed and waits to be tried again
    with a_cloud(time_scale=1000) as cloud:
        account = Account(cloud, cloud.accounts.owner)
        account.create(files=WAITING)
        account.create("fails", FAILING)
        go = tmp_path / "go"
        cloud.run(cloud.functions.invoke_async("hello", str(go).encode()))
        failed = cloud.run(cloud.functions.invoke_async("fails", b"precious"))
        until(lambda: "waits" in "".join(log(cloud)) and bool(cloud.functions.invocations()))
        # When both functions are removed
        account.sdk.delete_function("hello")
        account.sdk.delete_function("fails")
        go.touch()
        cloud.run(cloud.settled())
        # Then the one ends well, and the other is told in the log and by the control API
        ended = [(record.function, record.body) for record in cloud.functions.invocations()]
        assert ("hello", b"old") in ended
        (lost,) = cloud.functions.lost
        assert lost.as_dict()["payload"] == "precious"
        assert lost.reason == "the function was removed before the event had ended"
        assert any(failed in line and "is lost" in line for line in log(cloud, "fails"))


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with a_cloud(directory=tmp_path) as cloud:
        account = Account(cloud, cloud.accounts.owner)
        cloud.call(cloud.messages.create_topic, TOPIC)
        arn = account.publish_layer({"python/dep.py": "NAME = 'layer'\n"}).layer_version_arn
        code = {"index.py": "import dep\ndef handler(event, context):\n    return dep.NAME\n"}
        created = account.create(files=code, layers=[arn])
        account.subscribe()
        account.put_rules(max_async_retry_attempts=1)
    with a_cloud(directory=tmp_path) as cloud:
        account = Account(cloud, cloud.accounts.owner)
        shown = account.sdk.get_function("hello", fc.GetFunctionRequest()).body
        assert shown.to_map() == created.to_map()
        rules = account.sdk.get_async_invoke_config("hello", fc.GetAsyncInvokeConfigRequest()).body
        assert rules.max_async_retry_attempts == 1
        cloud.run(cloud.messages.publish(TOPIC, b"x"))
        cloud.run(cloud.settled())
        assert [record.body for record in cloud.functions.invocations()] == [b"layer"]


@pytest.mark.parametrize(
    ("props", "problem"),
    [
        ({"handler": "index"}, "handler must be a module and a function"),
        ({"runtime": "python3.11"}, "runtime must be one of"),
        ({"memory_size": 100}, "memorySize must be 128 to 32768"),
        ({"cpu": 4, "memory_size": 512, "disk_size": 512}, "vCPU to GB must be 1:1 to 1:4"),
        ({"timeout": 0}, "timeout must be 1 to 86400"),
        ({"environment_variables": {"FC_X": "1"}}, "names that start with FC_"),
        ({"environment_variables": {"A": "x" * 5000}}, "at most 4096 bytes"),
        ({"layers": ["acs:fc:cn-hangzhou:1234567890123456:layers/none/versions/1"]}, "does not exist"),
        ({"layers": ["acs:fc:cn-hangzhou:official:layers/Python312/versions/1"]}, "no official layers"),
        ({"role": "acs:ram::1:role/x"}, "of another account"),
        ({"vpc_config": fc.VPCConfig(vpc_id="vpc-1")}, "vpcConfig: the local cloud has nothing"),
        ({"instance_concurrency": 2}, "one request at a time"),
    ],
)
def test_props_that_cannot_work_are_refused(account: Account, props: dict[str, Any], problem: str) -> None:
    status, code, message = refusal(lambda: account.create(**props))
    assert (status, code) == (400, "InvalidArgument")
    assert problem in message
    assert refusal(account.invoke)[:2] == (404, "FunctionNotFound")


def test_a_refused_update_leaves_the_function_as_it_was(account: Account) -> None:
    account.create()
    assert refusal(lambda: account.update(files={"index.py": "x"}, timeout=0))[:2] == (400, "InvalidArgument")
    assert account.invoke(b"you") == b"hello you"


def test_a_name_is_taken_once(account: Account) -> None:
    account.create()
    assert refusal(account.create)[:2] == (409, "FunctionAlreadyExists")


# Packages


def test_code_may_come_in_the_request(account: Account) -> None:
    code = fc.InputCodeLocation(zip_file=base64.b64encode(package(HELLO)).decode())
    body = fc.CreateFunctionInput(
        function_name="hello", runtime="python3.12", handler="index.handler", timeout=30, code=code
    )
    account.sdk.create_function(fc.CreateFunctionRequest(body=body))
    assert account.invoke(b"you") == b"hello you"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"no zip file", "not a zip file"),
        (package({"../evil.py": "x"}), "'../evil.py', which would lie outside"),
        (package({"/etc/evil": "x"}), "'/etc/evil', which would lie outside"),
        (package({"a/../../evil": "x"}), "would lie outside"),
        (package({}, {"link": "/etc"}), "the link 'link', which leads out"),
        (package({}, {"a/link": "../../b"}), "the link 'link', which leads out"),
    ],
)
def test_a_package_writes_nothing_outside_of_itself(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(PackageRefused, match=problem):
        unpack(Package(data, ""), tmp_path / "code" / "1")
    assert [path.name for path in tmp_path.rglob("*")] == ["code"]


def test_links_within_a_package_are_kept(tmp_path: Path) -> None:
    unpack(Package(package({"lib/real.txt": "x"}, {"lib/link.txt": "real.txt"}), ""), tmp_path / "1")
    assert (tmp_path / "1" / "lib" / "link.txt").read_text() == "x"


def test_a_package_is_no_larger_than_the_region_allows(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.fc.packages.LARGE_PACKAGE", 100)
    status, code, message = refusal(account.create)
    assert (status, code) == (400, "InvalidArgument")
    assert "exceeds the limit of 100 bytes" in message


def test_only_the_upload_that_was_asked_for_is_let_in(account: Account) -> None:
    token = account.token().json()
    other = account.put(token, b"x", name=f"{ACCOUNT}/other")
    assert (other.status_code, "AccessDenied" in other.text) == (403, True)
    forged = account.put(token, b"x", authorization=f"OSS {token['credentials']['AccessKeyId']}:AAAA")
    assert (forged.status_code, "SignatureDoesNotMatch" in forged.text) == (403, True)
    old = account.put(token, b"x", **{"x-oss-date": "Sun, 29 Nov 2020 22:50:46 GMT"})
    assert (old.status_code, "RequestTimeTooSkewed" in old.text) == (403, True)
    lost = {**token, "credentials": {**token["credentials"], "SecurityToken": "other"}}
    assert "InvalidSecurityToken" in account.put(lost, b"x").text
    assert account.put(token, b"x").status_code == 200


def test_the_token_has_function_computes_own_signature(account: Account) -> None:
    assert set(account.token().json()) == {"credentials", "ossRegion", "ossBucket", "objectName"}
    forged = account.token(authorization=f"FC {account.keys.access_key_id}:AAAA")
    assert (forged.status_code, forged.json()["Code"]) == (403, "SignatureNotMatch")
    unknown = Account(account.cloud, replace(account.keys, access_key_id="LTAIother")).token()
    assert (unknown.status_code, unknown.json()["Code"]) == (403, "InvalidAccessKeyID")
    for date in ("Sun, 29 Nov 2020 22:50:46 GMT", "Sun, 29 Nov 2020 22:50:46 -0000", "yesterday"):
        old = account.token(date=date)
        assert (old.status_code, old.json()["Code"]) == (403, "RequestTimeTooSkewed")


# Layers


def test_a_layers_versions_are_numbered_and_listed_newest_first(account: Account) -> None:
    first = account.publish_layer({"python/a.py": "1"})
    second = account.publish_layer({"python/a.py": "2"})
    assert (first.version, second.version) == (1, 2)
    assert second.layer_version_arn == f"acs:fc:{REGION}:{ACCOUNT}:layers/deps/versions/2"
    request = fc.ListLayerVersionsRequest(limit=1, start_version=1)
    page = account.sdk.list_layer_versions("deps", request).body
    assert ([layer.version for layer in page.layers], page.next_version) == ([2], 1)
    assert page.layers[0].code_checksum == second.code_checksum != first.code_checksum
    assert account.sdk.list_layer_versions("none", request).body.layers == []


def test_the_first_layer_wins_and_code_wins_over_both(account: Account) -> None:
    one = account.publish_layer(
        {"python/a.py": "N = 1", "python/b.py": "N = 1", "python/c.py": "N = 1"}, "one"
    )
    two = account.publish_layer(
        {"python/b.py": "N = 2", "python/c.py": "N = 2", "python/d.py": "N = 2"}, "two"
    )
    code = {
        "c.py": "N = 3",
        "index.py": "import a, b, c, d\ndef handler(e, _): return [a.N, b.N, c.N, d.N]\n",
    }
    account.create(files=code, layers=[one.layer_version_arn, two.layer_version_arn])
    assert json.loads(account.invoke()) == [1, 1, 3, 2]


def test_a_layer_must_be_for_the_functions_runtime(account: Account) -> None:
    layer = account.publish_layer({"python/a.py": "1"}, runtimes=("python3.10",))
    status, code, message = refusal(lambda: account.create(layers=[layer.layer_version_arn]))
    assert (status, code) == (400, "InvalidArgument")
    assert "not compatible with runtime 'python3.12'" in message


def test_a_deleted_layer_version_stays_with_the_functions_that_have_it(account: Account) -> None:
    layer = account.publish_layer({"python/a.py": "N = 1"})
    code = {"index.py": "import a\ndef handler(e, _): return a.N\n"}
    account.create(files=code, layers=[layer.layer_version_arn])
    account.sdk.delete_layer_version("deps", "1")
    account.update(description="changed", layers=[layer.layer_version_arn])
    assert account.invoke() == b"1"
    assert refusal(lambda: account.create("other", code, layers=[layer.layer_version_arn]))[0] == 400
    assert account.publish_layer({"python/a.py": "N = 2"}).version == 2


# Triggers


def test_a_topic_invokes_the_function_while_the_trigger_is_there(account: Account) -> None:
    cloud = account.cloud
    account.create()
    created = account.subscribe()
    assert created.target_arn == f"{FUNCTION_ARN}/hello"
    assert account.sdk.get_trigger("hello", "imm").body.to_map() == created.to_map()
    cloud.run(cloud.messages.publish(TOPIC, b"one"))
    cloud.run(cloud.settled())
    account.sdk.delete_trigger("hello", "imm")
    cloud.run(cloud.messages.publish(TOPIC, b"two"))
    cloud.run(cloud.settled())
    assert [record.body for record in cloud.functions.invocations()] == [b"hello one"]


def test_triggers_of_one_name_on_one_topic_invoke_both_functions(account: Account) -> None:
    cloud = account.cloud
    for name in ("hello", "other"):
        account.create(name)
        account.subscribe(name)
    cloud.run(cloud.messages.publish(TOPIC, b"x"))
    cloud.run(cloud.settled())
    assert sorted(record.function for record in cloud.functions.invocations()) == ["hello", "other"]
    account.sdk.delete_function("other")
    cloud.run(cloud.messages.publish(TOPIC, b"x"))
    cloud.run(cloud.settled())
    assert sorted(record.function for record in cloud.functions.invocations()) == ["hello", "hello", "other"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"source_arn": f"acs:mns:{REGION}:{ACCOUNT}:/topics/none"}, "topic 'none' does not exist"),
        ({"source_arn": f"acs:mns:cn-beijing:{ACCOUNT}:/topics/{TOPIC}"}, "another region or account"),
        ({"source_arn": None}, "sourceArn is missing"),
        ({"invocation_role": ""}, "invocationRole is required"),
        ({"trigger_type": "mns_topics"}, "triggerType must be one of"),
        ({"trigger_config": "{"}, "triggerConfig must be a JSON object"),
        (
            {"trigger_config": json.dumps({"notifyContentFormat": "XML", "notifyStrategy": "BACKOFF_RETRY"})},
            "notifyContentFormat must be one of JSON, STREAM",
        ),
        ({"qualifier": "prod"}, "qualifier must be one of LATEST"),
    ],
)
def test_triggers_that_cannot_work_are_refused(
    account: Account, settings: dict[str, Any], problem: str
) -> None:
    account.create()
    status, code, message = refusal(lambda: account.subscribe(**settings))
    assert (status, code) == (400, "InvalidArgument")
    assert problem in message
    assert account.sdk.list_triggers("hello", fc.ListTriggersRequest()).body.triggers == []


def watch(
    account: Account,
    name: str,
    *,
    suffix: str = ".mp4",
    prefix: str = "videos/",
    event: str = "PutObject",
    bucket: str = "media",
    function: str = "hello",
) -> fc.Trigger:
    """Have a function told of a bucket's uploads."""
    config = {
        "events": [f"oss:ObjectCreated:{event}"],
        "filter": {"key": {"prefix": prefix, "suffix": suffix}},
    }
    return account.subscribe(
        function,
        name,
        trigger_type="oss",
        source_arn=f"acs:oss:{REGION}:{ACCOUNT}:{bucket}",
        trigger_config=json.dumps(config),
    )


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"function": "other"},
        {"suffix": "4"},
        {"suffix": ""},
        {"prefix": "videos/new/"},
        {"prefix": ""},
        {"event": "*"},
    ],
)
def test_two_triggers_that_one_upload_would_fire_are_refused(account: Account, other: dict[str, str]) -> None:
    account.cloud.call(account.cloud.objects.create_bucket, "media")
    for name in ("hello", "other"):
        account.create(name)
    watch(account, "one")

    status, code, message = refusal(lambda: watch(account, "two", **other))

    assert (status, code) == (400, "OSSInvalidRequest")
    assert "Cannot specify overlapping prefix and suffix with same event type." in message
    assert account.sdk.list_triggers("other", fc.ListTriggersRequest()).body.triggers == []


def test_triggers_of_other_places_and_events_are_taken(account: Account) -> None:
    for bucket in ("media", "other"):
        account.cloud.call(account.cloud.objects.create_bucket, bucket)
    account.create()
    watch(account, "one")
    watch(account, "suffix", suffix=".mov")
    watch(account, "prefix", prefix="films/")
    watch(account, "event", event="CopyObject")
    watch(account, "bucket", bucket="other")
    # It may be changed as long as it stays apart, and is as before where it does not
    narrow, wide = ({"key": {"prefix": prefix, "suffix": ".mov"}} for prefix in ("videos/a/", ""))
    for wanted in (narrow, wide):
        config = {"events": ["oss:ObjectCreated:PutObject"], "filter": wanted}
        account.sdk.update_trigger("hello", "suffix", changed(config))
    config = {"events": ["oss:ObjectCreated:PutObject"], "filter": {"key": {"prefix": "", "suffix": ""}}}
    assert refusal(lambda: account.sdk.update_trigger("hello", "suffix", changed(config)))[1] == (
        "OSSInvalidRequest"
    )
    shown = json.loads(account.sdk.get_trigger("hello", "suffix").body.trigger_config)
    assert shown["filter"] == wide
    # And what is removed is in nobody's way
    account.sdk.delete_trigger("hello", "one")
    watch(account, "again")


def test_a_bucket_has_ten_triggers(account: Account) -> None:
    account.cloud.call(account.cloud.objects.create_bucket, "media")
    account.create()
    for number in range(10):
        watch(account, f"t{number}", suffix=f".{number}")

    status, code, _ = refusal(lambda: watch(account, "more", suffix=".more"))

    assert (status, code) == (400, "OSSInvalidRequest")


def changed(config: dict[str, Any]) -> fc.UpdateTriggerRequest:
    return fc.UpdateTriggerRequest(body=fc.UpdateTriggerInput(trigger_config=json.dumps(config)))


@pytest.mark.parametrize(
    "change",
    [
        lambda account: watch(account, "two", prefix="films/"),
        lambda account: account.sdk.update_trigger(
            "hello", "one", changed({"events": ["oss:ObjectCreated:*"]})
        ),
        lambda account: account.sdk.delete_trigger("hello", "one"),
        lambda account: account.sdk.delete_function("hello"),
    ],
)
def test_a_change_that_cannot_be_kept_leaves_everything_as_it_was(
    account: Account, monkeypatch: pytest.MonkeyPatch, change: Callable[[Account], object]
) -> None:
    def refuse(database: Database, *arguments: object) -> int:
        raise StateInaccessible(database.directory, OSError("the disk is full"))

    account.cloud.call(account.cloud.objects.create_bucket, "media")
    account.create()
    watch(account, "one")
    before = account.cloud.functions.deployment, account.cloud.uploads.of_bucket("media")
    with monkeypatch.context() as full:
        full.setattr(Database, "execute", refuse)
        with pytest.raises(ServerException, match="the disk is full"):
            change(account)
    assert (account.cloud.functions.deployment, account.cloud.uploads.of_bucket("media")) == before


def test_a_topic_trigger_is_created_once_and_never_changed(account: Account) -> None:
    account.create()
    account.subscribe()
    assert refusal(account.subscribe)[:2] == (409, "TriggerAlreadyExists")
    change = fc.UpdateTriggerRequest(body=fc.UpdateTriggerInput(description="other"))
    status, code, message = refusal(lambda: account.sdk.update_trigger("hello", "imm", change))
    assert (status, code) == (400, "InvalidArgument")
    assert "cannot be changed" in message
    assert refusal(lambda: account.sdk.delete_trigger("hello", "none"))[:2] == (404, "TriggerNotFound")


def test_an_event_bridge_trigger_is_changed(account: Account) -> None:
    account.create()
    config = {
        "triggerEnable": True,
        "asyncInvocationType": True,
        "eventRuleFilterPattern": "{}",
        "eventSourceConfig": {"eventSourceType": "Default"},
    }
    given: dict[str, Any] = {"trigger_type": "eventbridge", "source_arn": None, "invocation_role": None}
    account.subscribe(trigger_config=json.dumps(config), **given)
    changed = json.dumps({**config, "triggerEnable": False})
    body = fc.UpdateTriggerInput(trigger_config=changed)
    account.sdk.update_trigger("hello", "imm", fc.UpdateTriggerRequest(body=body))
    (trigger,) = account.cloud.functions.deployment.functions["hello"].event_bridge_triggers
    assert not trigger.enabled


# Asynchronous invocation


def test_failed_events_go_where_the_configuration_says(account: Account) -> None:
    cloud = account.cloud
    account.create("fails", FAILING)
    account.create("keeps", {"index.py": "def handler(event, context):\n    return event\n"})
    put = account.put_rules("fails", f"{FUNCTION_ARN}/keeps", max_async_retry_attempts=0)
    shown = account.sdk.get_async_invoke_config("fails", fc.GetAsyncInvokeConfigRequest()).body
    assert shown.to_map() == put.to_map()
    assert shown.max_async_event_age_in_seconds == 86_400
    cloud.run(cloud.functions.invoke_async("fails", b"x"))
    cloud.run(cloud.settled())
    assert json.loads(cloud.functions.invocations()[-1].body)["requestPayload"] == "x"
    account.sdk.delete_async_invoke_config("fails", fc.DeleteAsyncInvokeConfigRequest())
    call = lambda: account.sdk.get_async_invoke_config("fails", fc.GetAsyncInvokeConfigRequest())  # noqa: E731
    assert refusal(call)[:2] == (404, "AsyncConfigNotExists")


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"max_async_retry_attempts": 9}, "maxAsyncRetryAttempts must be 0 to 8"),
        ({"max_async_event_age_in_seconds": 0}, "maxAsyncEventAgeInSeconds must be 1 to 604800"),
        ({"failure": "nowhere"}, "destination must be acs:mns:"),
        ({"failure": f"{FUNCTION_ARN}/none"}, "is not deployed here"),
        ({"failure": f"{FUNCTION_ARN}/hello"}, "leads back to hello"),
        ({"async_task": True}, "keeps no asynchronous tasks"),
    ],
)
def test_configurations_that_cannot_work_are_refused(
    account: Account, rules: dict[str, Any], problem: str
) -> None:
    account.create()
    status, code, message = refusal(lambda: account.put_rules(**rules))
    assert (status, code) == (400, "InvalidArgument")
    assert problem in message


def test_a_destination_may_be_removed_before_who_names_it(account: Account) -> None:
    account.create("fails", FAILING)
    account.create("keeps")
    account.put_rules("fails", f"{FUNCTION_ARN}/keeps")
    account.sdk.delete_function("keeps")
    account.update("fails", description="still to be changed")
    account.sdk.delete_function("fails")
    assert account.cloud.functions.deployment.functions == {}
