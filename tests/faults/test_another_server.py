"""Where something else than OSS answers, or the bucket is missing, no event ends as if it were done."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from imm_label_tags.errors import ServiceRejected, ServiceUnavailable
from localcloud.faults import Fault, FaultKind
from proof.faults.fault_case import OSS, Call
from proof.faults.table import AS_HTML, HTML, REQUEST_ID
from tests.faults.trial import FOREIGN
from tests.stage import CHAIR, Stage

ANY = "|".join(call.value for call in OSS)
# A page that has been there for long, as a web server gives its age.
OLD_PAGE = {**AS_HTML, "last-modified": "Wed, 01 Jan 2020 00:00:00 GMT"}


@pytest.fixture
def task_id(stage: Stage) -> str:
    return stage.task(stage.upload(tags=FOREIGN), CHAIR)


def answer(stage: Stage, action: str, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    fault = Fault(FaultKind.ANSWER, action=action, status=status, body=body, headers=headers, times=None)
    stage.break_call(fault)


def test_a_web_server_that_has_a_page_for_everything(stage: Stage, task_id: str) -> None:
    answer(stage, ANY, 200, HTML, OLD_PAGE)
    with pytest.raises(ServiceUnavailable, match="a body that is not XML"):
        stage.handle(task_id)


def test_a_server_that_accepts_writes_in_the_name_of_oss(stage: Stage, task_id: str) -> None:
    answer(stage, Call.WRITE.value, 200, b"", {"server": "AliyunOSS"})
    with pytest.raises(ServiceUnavailable, match="not OSS"):
        stage.handle(task_id)
    stage.cloud.call(stage.cloud.faults.clear)
    assert stage.tags() == FOREIGN


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206])
def test_a_write_that_oss_did_not_simply_carry_out(stage: Stage, task_id: str, status: int) -> None:
    answer(stage, Call.WRITE.value, status, b"", REQUEST_ID)
    with pytest.raises(ServiceUnavailable, match=f"HTTP {status}"):
        stage.handle(task_id)


@pytest.mark.parametrize("code", ["NoSuchBucket", "UserDisable"])
def test_a_head_that_says_404_and_a_reading_that_says_why(stage: Stage, task_id: str, code: str) -> None:
    # A HEAD cannot say whether the object is missing or its bucket.
    answer(stage, Call.HEAD.value, 404, b"", REQUEST_ID)
    status = 404 if code == "NoSuchBucket" else 403
    stage.break_call(Fault(FaultKind.ERROR, action=Call.READ, status=status, code=code, times=None))
    with pytest.raises(ServiceRejected, match=code):
        stage.handle(task_id)


def test_a_bucket_that_is_missing(stage: Stage) -> None:
    with pytest.raises(ServiceRejected, match="NoSuchBucket"):
        stage.handle(stage.task("oss://no-such-bucket/videos/a.mp4", CHAIR))
