"""What the official SDKs would do wrong if the function let them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import tag_object
from imm_label_tags.errors import ServiceUnavailable
from localcloud.faults import Fault, FaultKind
from tests.stage import CHAIR, Stage
from tests.user import exported

OSS_XML = {"content-type": "application/xml"}
NAMESPACED = (
    b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>'
    b"<Tag><Key>team</Key><Value>a</Value></Tag></TagSet></Tagging>"
)


@pytest.fixture
def task_id(stage: Stage) -> str:
    return stage.task(stage.upload(tags={"team": "a", "archived": ""}), CHAIR)


UNREADABLE_RESULTS = {
    "wrong type of labels": b'{"Status": "Succeeded", "Labels": ["text"]}',
    "no object": b"[]",
    "text": b'"text"',
    "nothing known": b"{}",
    "HTML": b"<html>It works!</html>",
    "empty": b"",
    "cut off": b'{"Status": "Succee',
}


@pytest.mark.parametrize("body", UNREADABLE_RESULTS.values(), ids=UNREADABLE_RESULTS.keys())
def test_a_result_that_the_models_cannot_hold_is_no_result_without_labels(
    stage: Stage, task_id: str, body: bytes
) -> None:
    # The SDK returns body=None and raises nothing.
    action = "GetVideoLabelClassificationResult"
    stage.break_call(Fault(FaultKind.ANSWER, action=action, status=200, body=body, times=None))
    with pytest.raises(ServiceUnavailable, match=action):
        stage.handle(task_id)
    assert stage.tags() == {"team": "a", "archived": ""}


UNREADABLE_TAGS = {
    "empty": b"",
    "in a namespace": NAMESPACED,
    "no tag set": b"<Tagging/>",
    "HTML": b"<html>It works!</html>",
    "cut off": b"<Tagging><TagSet><Tag><Key>team</Key>",
    "without value": b"<Tagging><TagSet><Tag><Key>team</Key></Tag></TagSet></Tagging>",
}


@pytest.mark.parametrize("body", UNREADABLE_TAGS.values(), ids=UNREADABLE_TAGS.keys())
def test_tags_that_cannot_be_read_are_not_taken_for_none(stage: Stage, task_id: str, body: bytes) -> None:
    # The SDK takes each of these for an object without tags; a merge would wipe those that it has.
    answer = Fault(
        FaultKind.ANSWER, action="GetObjectTagging", status=200, body=body, headers=OSS_XML, times=3
    )
    stage.break_call(answer)
    with pytest.raises(ServiceUnavailable, match="GetObjectTagging"):
        stage.handle(task_id)
    assert stage.tags() == {"team": "a", "archived": ""}


def test_an_empty_value_stays_empty(stage: Stage, task_id: str) -> None:
    # The SDK reads it as None, and what it writes for None has no <Value> at all.
    stage.handle(task_id)
    assert stage.tags()["archived"] == ""


def test_a_head_without_last_modified_is_not_taken_for_an_old_object(stage: Stage, task_id: str) -> None:
    stage.break_call(Fault(FaultKind.ANSWER, action="HeadObject", status=200, times=None))
    with pytest.raises(ServiceUnavailable, match="HeadObject"):
        stage.handle(task_id)


def test_proxies_of_the_environment_are_not_used(stage: Stage, task_id: str) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        stage.set(**{name: "http://127.0.0.1:9"})
    assert stage.handle(task_id)["status"] == "tagged"


def test_a_netrc_file_does_not_replace_the_signature(stage: Stage, task_id: str, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    stage.set(NETRC=str(tmp_path / ".netrc"), HOME=str(tmp_path))
    assert stage.handle(task_id)["status"] == "tagged"


@pytest.fixture
def metadata_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Whatever an SDK's own chain of providers would ask."""
    import alibabacloud_credentials.client as chain

    asked: list[object] = []
    monkeypatch.setattr(chain.Client, "__init__", lambda *arguments, **options: asked.append(options))
    yield asked


def test_the_sdks_own_chain_of_credentials_is_not_used(
    stage: Stage, task_id: str, metadata_service: list[object], tmp_path: Path
) -> None:
    stage.set(HOME=str(tmp_path), OSS_ACCESS_KEY_ID="wrong", OSS_ACCESS_KEY_SECRET="wrong")
    assert stage.handle(task_id)["status"] == "tagged"
    assert metadata_service == []


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_keys_that_change_between_two_invocations_are_used_at_once(
    stage: Stage, task_id: str, runtime: str
) -> None:
    # Given an instance that has served an invocation
    stage.context = stage.context_of(runtime)
    stage.handle(task_id)

    # When its keys are replaced and the old ones stop working
    old, stage.keys = stage.keys, stage.cloud.accounts.issue_role_keys("imm-label-tags")
    stage.cloud.call(stage.cloud.accounts.revoke, old.access_key_id)
    if runtime == "python3.12":
        stage.set(**exported(stage.keys))
    stage.context = stage.context_of(runtime)

    # Then the same instance goes on with the new ones
    assert stage.handle(task_id)["status"] == "unchanged"


def test_connections_are_kept_between_calls_and_invocations(stage: Stage, task_id: str) -> None:
    stage.handle(task_id)
    stage.forget_calls()
    for _ in range(5):
        stage.handle(task_id)
    connections = {(call.service, call.connection) for call in stage.raw_calls()}
    # Two calls at a time to each service need two connections to it.
    assert len(connections) <= 4


def test_the_region_and_the_account_come_from_the_environment_where_the_context_has_none(
    stage: Stage, task_id: str
) -> None:
    del stage.context.region
    del stage.context.account_id
    stage.set(FC_REGION=stage.cloud.config.region, FC_ACCOUNT_ID="7")
    stage.break_call(Fault(FaultKind.ERROR, action="GetTask", status=403, code="NoPermission", times=1))
    with pytest.raises(Exception, match=r"acs:imm:cn-hangzhou:7:project/"):
        stage.handle(task_id)
    assert stage.handle(task_id)["status"] == "tagged"


def test_the_initializer_prepares_the_instance_without_a_call(stage: Stage) -> None:
    stage.forget_calls()
    tag_object.initialize(stage.context)
    assert stage.calls() == []
    assert "HTTP_PROXY" not in os.environ
