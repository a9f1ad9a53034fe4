"""Every error that one notification can end in."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest

import keep_failed
import tag_object
from imm_label_tags.errors import (
    AccessDenied,
    InvalidNotification,
    InvalidSetting,
    ServiceRejected,
    ServiceUnavailable,
    TargetUnknown,
    TaskNotFinished,
    TaskNotFound,
    Throttled,
)
from imm_label_tags.services.oss import OssObjects
from localcloud.faults import Fault, FaultKind
from tests.stage import CHAIR, Stage

ALWAYS = None


def error(action: str, status: int, code: str, **more: object) -> Fault:
    return Fault(FaultKind.ERROR, action=action, status=status, code=code, times=ALWAYS, **more)  # type: ignore[arg-type]


def test_an_event_that_cannot_be_understood(stage: Stage) -> None:
    with pytest.raises(InvalidNotification):
        stage.invoke("hello topic")


def test_a_setting_that_cannot_be_used_fails_the_initializer(stage: Stage) -> None:
    stage.set(LABEL_LIMIT="many")
    with pytest.raises(InvalidSetting, match="LABEL_LIMIT"):
        tag_object.initialize(stage.context)


@pytest.mark.parametrize("entry", [tag_object, keep_failed], ids=["tag_object", "keep_failed"])
@pytest.mark.parametrize("region", ["", "cn hangzhou", "cn-hangzhou.example.com"])
def test_a_region_that_nobody_tells_or_that_is_none_fails_the_initializer(
    stage: Stage, entry: ModuleType, region: str
) -> None:
    stage.set(FAILED_EVENTS=f"oss://{stage.bucket}/failed", FC_REGION=region)
    del stage.context.region
    with pytest.raises(InvalidSetting, match=r"FC_REGION.*cn-hangzhou"):
        entry.initialize(stage.context)


@pytest.mark.parametrize("entry", [tag_object, keep_failed], ids=["tag_object", "keep_failed"])
def test_the_environment_tells_the_region_where_the_context_does_not(
    stage: Stage, entry: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry._function, "instance", None)
    stage.set(FAILED_EVENTS=f"oss://{stage.bucket}/failed", FC_REGION="cn-hangzhou")
    entry.initialize(SimpleNamespace())
    assert entry._function.instance is not None


def test_a_task_that_imm_does_not_know(stage: Stage) -> None:
    with pytest.raises(TaskNotFound, match=r"VideoLabelClassification-0.*seven days"):
        stage.handle("VideoLabelClassification-0")


def test_a_project_that_imm_does_not_know(stage: Stage) -> None:
    with pytest.raises(TaskNotFound, match="elsewhere"):
        stage.handle("VideoLabelClassification-0", ProjectName="elsewhere")


def test_a_task_for_which_imm_names_no_object(stage: Stage) -> None:
    with pytest.raises(TargetUnknown, match="names no object"):
        stage.handle(stage.task(None, CHAIR))


def test_an_object_that_only_user_data_names_and_that_is_not_there_is_no_object_that_is_gone(
    stage: Stage,
) -> None:
    # Given a task of which IMM gives no source, and UserData that names the object in other words
    stage.upload("videos/a b.mp4")
    told = stage.uri("videos/a%20b.mp4")
    task_id = stage.task(None, CHAIR, user_data=told)

    # When its notification arrives, then the event fails and is kept, and the error names what was looked for
    with pytest.raises(TargetUnknown) as caught:
        stage.handle(task_id)
    for part in (task_id, told, "UserData", "retry does not help"):
        assert part in str(caught.value)
    assert stage.tags("videos/a b.mp4") == {}


@pytest.mark.parametrize("key", ["videos/../a.mp4", "./a.mp4", ".."])
def test_a_key_that_the_sdk_would_send_to_another_object(stage: Stage, key: str) -> None:
    stage.upload("a.mp4")
    with pytest.raises(TargetUnknown, match="segment"):
        stage.handle(stage.task(stage.uri(key), CHAIR))
    assert stage.tags("a.mp4") == {}


@pytest.mark.parametrize("where", ["request", "user data"])
def test_a_failed_task_is_reported_as_such_whatever_its_object_is_called(stage: Stage, where: str) -> None:
    unsafe = stage.uri("videos/../a.mp4")
    by_request = {"status": "Failed", "code": "X"}
    if where == "request":
        outcome = stage.handle(stage.task(unsafe, **by_request))
    else:
        outcome = stage.handle(stage.task(None, user_data=unsafe, **by_request), UserData=unsafe)
    assert (outcome["status"], outcome["object"]) == ("task_failed", None)


def test_a_task_that_still_runs(stage: Stage) -> None:
    task_id = stage.task(stage.upload(), status="Running")
    with pytest.raises(TaskNotFinished, match=task_id):
        stage.handle(task_id)


def test_a_task_with_a_status_that_is_not_documented(stage: Stage) -> None:
    with pytest.raises(ServiceUnavailable, match="Suspended"):
        stage.handle(stage.task(stage.upload(), status="Suspended"))


@pytest.mark.parametrize(
    ("action", "permission"),
    [
        ("GetVideoLabelClassificationResult", "imm:GetVideoLabelClassificationResult"),
        ("GetTask", "imm:GetTask"),
        ("HeadObject", "oss:GetObject"),
        ("GetObjectTagging", "oss:GetObjectTagging"),
        ("PutObjectTagging", "oss:PutObjectTagging"),
    ],
)
def test_a_permission_that_the_role_lacks_is_named_in_the_words_of_a_policy(
    stage: Stage, action: str, permission: str
) -> None:
    # Given a call that is denied
    task_id = stage.task(stage.upload(tags={"team": "a"}), CHAIR)
    of_oss = permission.startswith("oss:")
    resource = f"acs:oss:*:{stage.cloud.config.account_id}:{stage.bucket}/videos/a.mp4"
    if not of_oss:
        resource = f"acs:imm:cn-hangzhou:{stage.cloud.config.account_id}:project/{stage.project}"
    stage.break_call(error(action, 403, "AccessDenied" if of_oss else "NoPermission"))

    # Then the error has what a user pastes into a policy
    with pytest.raises(AccessDenied) as caught:
        stage.handle(task_id)
    assert (caught.value.action, caught.value.resource) == (permission, resource)
    assert f"the action {permission} on the resource {resource}" in str(caught.value)
    stage.cloud.call(stage.cloud.faults.clear)
    assert stage.tags() == {"team": "a"}


def test_a_delay_that_imm_asks_for_is_throttling_whatever_the_code(stage: Stage) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    hint = {"x-acs-retry-after": "1"}
    stage.break_call(error("GetVideoLabelClassificationResult", 400, "Odd", headers=hint))
    with pytest.raises(Throttled):
        stage.handle(task_id)


@pytest.mark.parametrize(
    ("action", "status", "code", "kind"),
    [
        ("GetTask", 429, "Throttling", Throttled),
        ("GetTask", 400, "Throttling.User", Throttled),
        ("GetTask", 400, "LimitExceededError", Throttled),
        ("GetTask", 500, "InternalError", ServiceUnavailable),
        ("GetTask", 400, "InvalidArgument", ServiceRejected),
        ("GetObjectTagging", 503, "TotalQpsLimitExceeded", Throttled),
        ("GetObjectTagging", 503, "PartitionQpsLimitted", Throttled),
        ("GetObjectTagging", 429, "TooManyRequests", Throttled),
        ("GetObjectTagging", 408, "RequestTimeout", ServiceUnavailable),
        ("GetObjectTagging", 404, "NoSuchBucket", ServiceRejected),
        ("PutObjectTagging", 409, "FileAlreadyExists", ServiceRejected),
        ("PutObjectTagging", 403, "SecurityTokenExpired", ServiceUnavailable),
    ],
)
def test_the_class_of_what_a_service_answers(
    stage: Stage, action: str, status: int, code: str, kind: type[Exception]
) -> None:
    """``tests/faults`` has every call and every fault; these are the codes that it has not."""
    task_id = stage.task(stage.upload(tags={"team": "a"}), CHAIR)
    stage.break_call(error(action, status, code))
    with pytest.raises(kind, match=action):
        stage.handle(task_id)
    stage.cloud.call(stage.cloud.faults.clear)
    assert stage.tags() == {"team": "a"}


@pytest.mark.parametrize("action", ["HeadObject", "GetObjectTagging", "PutObjectTagging"])
def test_an_object_that_vanishes_on_the_way_is_gone(stage: Stage, action: str) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    stage.break_call(error(action, 404, "NoSuchKey"))
    assert stage.handle(task_id)["status"] == "object_gone"


def test_an_object_that_is_gone_is_gone_also_where_only_one_call_says_so_and_the_other_fails(
    stage: Stage,
) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    stage.break_call(error("HeadObject", 404, "NoSuchKey"))
    stage.break_call(error("GetObjectTagging", 403, "AccessDenied"))
    assert stage.handle(task_id)["status"] == "object_gone"


def test_an_interruption_is_no_object_that_is_gone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an object that HeadObject does not find, and somebody who interrupts the function meanwhile
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    task_id = stage.task(stage.uri("videos/deleted.mp4"), CHAIR)
    monkeypatch.setattr(OssObjects, "tags", interrupted)

    # When the notification is handled, then it is interrupted
    with pytest.raises(KeyboardInterrupt):
        stage.handle(task_id)


def test_tags_of_others_that_oss_does_not_take_back(stage: Stage) -> None:
    task_id = stage.task(stage.upload(tags={"team": "a"}), CHAIR)
    stage.break_call(error("PutObjectTagging", 400, "InvalidTag"))
    for names in ("pinyin", "raw"):
        stage.set(LABEL_NAMES=names)
        stage.new_instance()
        with pytest.raises(ServiceRejected, match="other tags"):
            stage.handle(task_id)


def test_an_answer_about_another_task_is_not_believed(stage: Stage) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    body = b'{"TaskId": "another", "Status": "Succeeded", "Labels": []}'
    stage.break_call(
        Fault(
            FaultKind.ANSWER, action="GetVideoLabelClassificationResult", status=200, body=body, times=ALWAYS
        )
    )
    with pytest.raises(ServiceUnavailable, match="no description of this task"):
        stage.handle(task_id)


@pytest.mark.parametrize("start", ["", "yesterday"])
def test_a_task_without_a_readable_start_is_not_guessed_at(stage: Stage, start: str) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    body = b'{"Status": "Succeeded", "StartTime": "%s", "Labels": []}' % start.encode()
    stage.break_call(
        Fault(FaultKind.ANSWER, action="GetVideoLabelClassificationResult", status=200, body=body)
    )
    with pytest.raises(ServiceUnavailable, match="StartTime"):
        stage.handle(task_id)
