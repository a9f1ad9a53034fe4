"""What the roles of the functions are given is enough for them, and each permission is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import keep_failed
from cli.installation.templates import fill
from imm_label_tags.errors import AccessDenied
from localcloud.cloud import LocalCloud
from localcloud.ram.trust import parse_trust
from tests.localcloud.ram_functions import Functions
from tests.localcloud.ram_world import FC_TRUST
from tests.localcloud.services import ACCOUNT
from tests.policies.conftest import KEEPER
from tests.policies.documents import DIRECTORY, PREFIX, VALUES, Permission, filled, permissions, without
from tests.policies.roles import Role, acting, covers
from tests.stage import CHAIR, FURNITURE

pytest_plugins = ["tests.localcloud.service_fixtures"]

KEY = f"{PREFIX}a.mp4"
EARLIER = "2199-12-24T01:00:00Z"
LATER = "2199-12-24T09:00:00Z"
RECORD = (Path(__file__).parents[2] / "examples" / "events" / "tasks" / "fc-failure-record.json").read_bytes()
FOLDER = VALUES["failed_prefix"]
KEPT = f"{FOLDER}/2021-12-24/1-61c53a02-15d3f9ee-0001.json"
# What Function Compute does in a function's role, while the function itself calls neither service.
BY_FUNCTION_COMPUTE = ("fc:InvokeFunction", "mns:PublishMessage", "log:PostLogStoreLogs")


def called(name: str) -> list[Permission]:
    """What a document allows of what the function itself does."""
    return [one for one in permissions(name) if one.action not in BY_FUNCTION_COMPUTE]


def test_the_functions_roles_trust_function_compute_alone() -> None:
    trust = parse_trust(fill(DIRECTORY / "function-trust.json", {}))

    assert trust.trusts("fc.aliyuncs.com")
    for other in ("mns.aliyuncs.com", "imm.aliyuncs.com", f"acs:ram::{ACCOUNT}:root"):
        assert not trust.trusts(other)


# tag_object


@pytest.fixture
def tagging(obeying_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Role]:
    """The function on a cloud that enforces policies, in a role that has just the function's."""
    with acting(obeying_cloud, monkeypatch, "function") as role:
        role.stage.set(RESULT_ARCHIVE=f"oss://{role.stage.bucket}/{VALUES['archive_prefix']}")
        yield role


def an_hour_ago() -> str:
    moment = datetime.now(timezone.utc) - timedelta(hours=1)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_every_outcome_is_possible(tagging: Role) -> None:
    stage = tagging.stage
    uri = stage.upload()
    task_id = stage.task(uri, CHAIR)

    def status(task_id: str) -> object:
        return stage.handle(task_id)["status"]

    assert status(task_id) == "tagged"
    assert status(task_id) == "unchanged"
    assert status(stage.task(uri, FURNITURE, start=LATER)) == "tagged"
    assert status(stage.task(uri, CHAIR, start=EARLIER)) == "superseded"
    assert status(stage.task(uri, CHAIR, start=an_hour_ago())) == "stale"
    assert status(stage.task(stage.uri(f"{PREFIX}deleted.mp4"), CHAIR)) == "object_gone"
    assert status(stage.task(uri, status="Failed")) == "task_failed"
    stage.write_tags(KEY, {f"key{number}": "value" for number in range(10)})
    assert status(stage.task(uri, CHAIR)) == "tag_limit"


@pytest.mark.parametrize(
    "settings", [{"STALE_OBJECTS": "tag"}, {"LABEL_NAMES": "raw"}, {"runtime": "python3.10"}]
)
def test_tags_are_written_under_other_settings_too(tagging: Role, settings: dict[str, str]) -> None:
    # Given a task that is stale, has names that OSS refuses at first, or is handled in the older runtime
    stage = tagging.stage
    stage.context = stage.context_of(settings.pop("runtime", "python3.12"))
    stage.set(**settings)
    uri = stage.upload(tags={"team": "a"})
    start = an_hour_ago() if "STALE_OBJECTS" in settings else LATER

    outcome = stage.handle(stage.task(None, CHAIR, user_data=uri, start=start), UserData=uri)

    assert outcome["status"] == "tagged"
    assert stage.tags() == outcome["tags"]


@pytest.mark.parametrize("removed", called("function"), ids=lambda removed: removed.action)
def test_without_any_permission_the_function_names_the_one_that_it_lacks(
    tagging: Role, removed: Permission
) -> None:
    # Given a role that lacks one permission
    tagging.limit(without(tagging.policy, removed))
    task_id = tagging.stage.task(tagging.stage.upload(tags={"team": "a"}), CHAIR)
    # When a notification arrives
    with pytest.raises(AccessDenied) as caught:
        tagging.stage.handle(task_id)
    # Then the function fails for just that permission, in the words of the policy, and nothing is written
    assert caught.value.action == removed.action
    assert covers(tagging.policy["Statement"][removed.statement]["Resource"], caught.value.resource)
    assert caught.value.action in str(caught.value)
    assert tagging.stage.tags() == {"team": "a"}
    # And with it, the same notification succeeds
    tagging.limit(tagging.policy)
    assert tagging.stage.handle(task_id)["status"] == "tagged"


def test_an_object_with_another_prefix_is_out_of_reach(tagging: Role) -> None:
    stage = tagging.stage
    task_id = stage.task(stage.upload("private/a.mp4", {"team": "a"}), CHAIR)

    with pytest.raises(AccessDenied) as caught:
        stage.handle(task_id)

    assert caught.value.resource == f"acs:oss:*:{ACCOUNT}:{stage.bucket}/private/a.mp4"
    assert stage.tags("private/a.mp4") == {"team": "a"}


# keep_failed


@pytest.fixture
def keeping(obeying_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Role]:
    monkeypatch.setattr(keep_failed._function, "instance", None)
    with acting(obeying_cloud, monkeypatch, "keep-failed") as role:
        role.stage.set(FAILED_EVENTS=f"oss://{role.stage.bucket}/{FOLDER}")
        yield role


def keep(role: Role) -> Any:
    return keep_failed.handler(RECORD, role.stage.context)["kept"]


def test_a_failed_event_is_kept_and_kept_again(keeping: Role) -> None:
    assert keep(keeping) == keep(keeping) == keeping.stage.uri(KEPT)


def test_without_the_permission_to_write_keep_failed_names_it(keeping: Role) -> None:
    (needed,) = called("keep-failed")
    keeping.limit(without(keeping.policy, needed))

    with pytest.raises(AccessDenied) as caught:
        keep(keeping)

    assert caught.value.action == needed.action
    assert covers(keeping.policy["Statement"][0]["Resource"], caught.value.resource)


# submit_video


@pytest.fixture
def submitting(obeying_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Role]:
    with acting(obeying_cloud, monkeypatch, "submit-video") as role:
        yield role


def submit(role: Role, uri: str) -> object:
    (outcome,) = role.stage.submission().handle(json.dumps([uri]).encode(), role.stage.context)["outcomes"]
    return outcome["status"]


def test_the_policy_of_submit_video_is_enough(submitting: Role) -> None:
    uri = submitting.stage.upload()
    assert [submit(submitting, uri), submit(submitting, uri)] == ["submitted", "already_submitted"]
    assert submit(submitting, submitting.stage.uri("videos/gone.mp4")) == "object_gone"


@pytest.mark.parametrize("permission", called("submit-video"), ids=lambda permission: permission.action)
def test_without_a_permission_submit_video_names_it(submitting: Role, permission: Permission) -> None:
    uri = submitting.stage.upload()
    submitting.limit(without(submitting.policy, permission))
    with pytest.raises(AccessDenied) as caught:
        submit(submitting, uri)
    assert caught.value.action == permission.action


# What Function Compute does in the roles: it hands over the record of a failure, and writes the log.


@pytest.mark.parametrize("lacking", [None, "fc:InvokeFunction", "log:PostLogStoreLogs"])
def test_the_record_of_a_failure_and_the_log_need_one_permission_each(
    deployed: Functions, lacking: str | None
) -> None:
    # Given the role with the function's policy, or with less
    deployed.put_role("worker", FC_TRUST, limited("function", lacking))
    deployed.put_role(VALUES["failed_role"], FC_TRUST, limited("keep-failed", None))
    before = len(deployed.cloud.functions.invocations())
    # When an event exhausts its retries
    lost = deployed.fail()
    # Then its record is handed to the other function unless the permission to invoke it is the one that lacks
    invoked = [each.function for each in deployed.cloud.functions.invocations()[before:]]
    assert invoked == (["index"] if lacking == "fc:InvokeFunction" else ["index", KEEPER])
    assert len(lost) == (1 if lacking == "fc:InvokeFunction" else 0)
    # And there are logs unless it is the permission to write them
    assert bool(deployed.log()) == (lacking != "log:PostLogStoreLogs")


@pytest.mark.parametrize("lacking", [None, "mns:PublishMessage", "log:PostLogStoreLogs"])
def test_what_cannot_be_kept_and_its_log_need_one_permission_each(
    deployed: Functions, lacking: str | None
) -> None:
    deployed.put_role(VALUES["failed_role"], FC_TRUST, limited("keep-failed", lacking))
    deployed.records.clear()
    # When keep_failed itself exhausts its retries
    lost = deployed.fail(KEEPER)
    # Then its record arrives unless the permission to publish is the one that lacks
    assert len(deployed.records) == (0 if lacking == "mns:PublishMessage" else 1)
    assert len(lost) == (1 if lacking == "mns:PublishMessage" else 0)
    # And there are logs unless it is the permission to write them
    assert bool(deployed.cloud.functions.logs(KEEPER)) == (lacking != "log:PostLogStoreLogs")


def limited(name: str, lacking: str | None) -> str:
    """A document, without an action if one is named."""
    document = filled(name)
    for permission in permissions(name):
        if permission.action == lacking:
            document = without(document, permission)
    return json.dumps(document)
