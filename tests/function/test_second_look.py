"""SECOND_LOOK_SECONDS: after a write the function waits, reads again, and repairs what it finds undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread

import alibabacloud_oss_v2 as oss
import pytest

from imm_label_tags.errors import InvalidSetting, ServiceUnavailable
from imm_label_tags.tagging.object_tagger import MAX_LOOKS
from localcloud.faults import Fault, FaultKind
from tests.stage import CHAIR, FURNITURE, Stage

HEAD, READ, WRITE = "HeadObject", "GetObjectTagging", "PutObjectTagging"
KEY = "videos/a.mp4"
MINE = {"team": "a", "empty": ""}


class Meanwhile:
    """What happens while the function waits: one act for each wait, in turn, and nothing after the last."""

    def __init__(self, stage: Stage) -> None:
        self.waits: list[float] = []
        self.acts: Iterator[Callable[[], object]] = iter(())
        stage.retry_policy = stage.retry_policy._replace(sleep=self._wait)

    def __call__(self, *acts: Callable[[], object]) -> None:
        self.acts = iter(acts)

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        next(self.acts, lambda: None)()


@pytest.fixture
def meanwhile(stage: Stage) -> Meanwhile:
    """The function looks again after half a second, in which the test decides what happens."""
    stage.set(SECOND_LOOK_SECONDS="0.5")
    return Meanwhile(stage)


def oss_calls(stage: Stage) -> list[str]:
    return [call.action for call in stage.raw_calls() if call.service == "oss"]


def labels(task_id: str) -> dict[str, str]:
    """The tags of ours that a task with a chair calls for."""
    return {"imm": f"2199-12-24T03:00:38.892Z/{task_id}", "imm_yi-zi": "yes"}


# The setting


@pytest.mark.parametrize(
    ("value", "waits"),
    [("", []), ("0", []), ("00", []), ("0.5", [0.5]), (" 2 ", [2.0]), ("59.999", [59.999]), ("60", [60.0])],
)
def test_it_comes_after_so_many_seconds_and_not_by_default(
    stage: Stage, value: str, waits: list[float]
) -> None:
    # Given time for it
    stage.set(SECOND_LOOK_SECONDS=value)
    stage.context.function = Timeout(600)
    task_id = stage.task(stage.upload(tags=MINE), CHAIR)
    stage.forget_calls()

    # When a task is handled, then it costs one more head and one more reading
    outcome = stage.handle(task_id)
    assert (outcome["status"], outcome["tags"]) == ("tagged", {**MINE, **labels(task_id)})
    assert stage.pauses == waits
    assert sorted(oss_calls(stage)) == sorted([HEAD, READ, WRITE, *([HEAD, READ] if waits else [])])


@pytest.mark.parametrize("value", ["61", "60.001", "-1", "x", "1e1", "0.0001", "nan", ".5", "1,5", "½"])
def test_anything_else_is_refused(stage: Stage, value: str) -> None:
    stage.set(SECOND_LOOK_SECONDS=value)
    with pytest.raises(InvalidSetting, match=r"SECOND_LOOK_SECONDS.*a number of seconds from 0 to 60"):
        stage.invoke({})


def test_it_costs_nothing_where_nothing_was_written(stage: Stage, meanwhile: Meanwhile) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    stage.handle(task_id)
    meanwhile.waits.clear()
    stage.forget_calls()
    assert stage.handle(task_id)["status"] == "unchanged"
    assert sorted(oss_calls(stage)) == sorted([HEAD, READ])
    assert meanwhile.waits == []


# What it repairs


OLDER = {"imm": "2199-12-24T02:00:00.000Z/VideoLabelClassification-older", "imm_jia-ju": "yes"}
FULL = {f"key-{number}": "x" for number in range(10)}


@pytest.mark.parametrize(
    ("written", "status", "left", "waits"),
    [
        # By a tool that had read the tags before ours were written, or by an older task's handler
        ({**MINE, "owner": "b"}, "tagged", {**MINE, "owner": "b"}, 2),
        ({**MINE, **OLDER}, "tagged", MINE, 2),
        (FULL, "tag_limit", FULL, 1),
    ],
    ids=["undone", "an older task's", "full"],
)
def test_what_another_writer_undid_is_done_again(
    stage: Stage,
    meanwhile: Meanwhile,
    written: dict[str, str],
    status: str,
    left: dict[str, str],
    waits: int,
) -> None:
    task_id = stage.task(stage.upload(tags=MINE), CHAIR)
    meanwhile(lambda: stage.write_tags(KEY, written))
    outcome = stage.handle(task_id)
    assert outcome["status"] == status
    assert stage.tags() == outcome["tags"] == ({**left, **labels(task_id)} if left is not FULL else FULL)
    assert meanwhile.waits == [0.5] * waits


def test_a_newer_tasks_labels_stay(stage: Stage, meanwhile: Meanwhile) -> None:
    # Given a newer task that another instance handles meanwhile
    uri = stage.upload(tags=MINE)
    task_id = stage.task(uri, CHAIR)
    newer = stage.task(uri, FURNITURE, start="2199-12-25T00:00:00Z")

    def handle_the_newer() -> None:
        stage.new_instance()
        stage.handle(newer)

    meanwhile(handle_the_newer)

    # When the older one looks again, then it finds itself superseded
    outcome = stage.handle(task_id)
    assert outcome["status"] == "superseded"
    assert newer in outcome["reason"]
    assert stage.tags() == {**MINE, "imm": f"2199-12-25T00:00:00.000Z/{newer}", "imm_jia-ju": "yes"}


def test_tags_that_others_added_or_removed_meanwhile_stay_so(stage: Stage, meanwhile: Meanwhile) -> None:
    task_id = stage.task(stage.upload(tags=MINE), CHAIR)
    theirs = {"owner": "b", **labels(task_id)}
    meanwhile(lambda: stage.write_tags(KEY, theirs))
    outcome = stage.handle(task_id)
    assert outcome["tags"] == stage.tags() == theirs


def test_an_object_that_is_deleted_meanwhile(stage: Stage, meanwhile: Meanwhile) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    meanwhile(lambda: stage.oss().delete_object(oss.DeleteObjectRequest(bucket=stage.bucket, key=KEY)))
    outcome = stage.handle(task_id)
    assert (outcome["status"], outcome["tags"]) == ("object_gone", None)


def test_an_object_that_is_uploaded_anew_meanwhile_gets_no_labels(stage: Stage, meanwhile: Meanwhile) -> None:
    # Given a task that had started before the upload that comes while the function waits
    clock = stage.cloud.clock
    task_id = stage.task(stage.upload(), CHAIR, start=clock.now().isoformat())

    def upload_later() -> None:
        stage.cloud.call(clock.advance, 3600)
        try:
            stage.upload(KEY, {"camera": "c"})
        finally:
            stage.cloud.call(clock.advance, -3600)

    meanwhile(upload_later)
    assert stage.handle(task_id)["status"] == "stale"
    assert stage.tags() == {"camera": "c"}


def test_a_write_whose_answer_was_lost_is_looked_at_again_too(stage: Stage, meanwhile: Meanwhile) -> None:
    # Given a write that was carried out without an answer, and a tool that undoes it
    task_id = stage.task(stage.upload(tags=MINE), CHAIR)
    stage.break_call(Fault(FaultKind.RESET_AFTER, action=WRITE))
    meanwhile(lambda: None, lambda: stage.write_tags(KEY, MINE))

    # When the task is handled, then the pause before the repetition comes first, then two looks
    assert stage.handle(task_id)["status"] == "tagged"
    assert stage.tags() == {**MINE, **labels(task_id)}
    assert meanwhile.waits[1:] == [0.5, 0.5]


# Its limits


def test_it_repairs_three_times_at_most(stage: Stage, meanwhile: Meanwhile) -> None:
    # Given somebody who takes the labels away again and again
    task_id = stage.task(stage.upload(tags=MINE), CHAIR)
    meanwhile(*[lambda: stage.write_tags(KEY, MINE)] * 10)
    stage.forget_calls()

    # When the task is handled, then it writes once and three times more
    assert stage.handle(task_id)["status"] == "tagged"
    assert len(meanwhile.waits) == MAX_LOOKS == 3
    assert oss_calls(stage).count(WRITE) == 1 + MAX_LOOKS + MAX_LOOKS
    assert stage.tags() == {**MINE, **labels(task_id)}


class Timeout:
    """The part of a context that tells the function's timeout."""

    def __init__(self, seconds: float) -> None:
        self.timeout = seconds


def test_a_wait_for_which_there_is_no_time_fails_the_event_and_a_retry_repairs(
    stage: Stage, meanwhile: Meanwhile
) -> None:
    # Given a wait that is longer than the function may run
    stage.set(SECOND_LOOK_SECONDS="5")
    stage.context.function = Timeout(5)
    task_id = stage.task(stage.upload(tags=MINE), CHAIR)

    # When the task is handled, then the event fails at once, and says what to do
    with pytest.raises(ServiceUnavailable, match=f"second look at the tags of {stage.uri(KEY)}.*timeout"):
        stage.handle(task_id)
    assert meanwhile.waits == []

    # And whatever happens until Function Compute's retry, that repairs it
    stage.write_tags(KEY, MINE)
    stage.context.function = Timeout(60)
    assert stage.handle(task_id)["status"] == "tagged"
    assert stage.tags() == {**MINE, **labels(task_id)}


def test_a_look_that_fails_fails_the_event_and_a_retry_finds_all_done(
    stage: Stage, meanwhile: Meanwhile
) -> None:
    # Given an OSS that cannot be read from any more once the tags are written
    task_id = stage.task(stage.upload(tags=MINE), CHAIR)
    meanwhile(lambda: stage.break_call(Fault(FaultKind.ERROR, action=READ, status=503, times=3)))

    # When the task is handled, then the event fails, and the tags stand
    with pytest.raises(ServiceUnavailable, match=READ):
        stage.handle(task_id)
    assert stage.tags() == {**MINE, **labels(task_id)}

    # And the retry has nothing to write
    assert stage.handle(task_id)["status"] == "unchanged"


def test_an_object_is_free_for_others_while_the_function_waits(stage: Stage, meanwhile: Meanwhile) -> None:
    # Given two tasks of one object in one instance, the older of which is handled while the newer waits
    uri = stage.upload(tags=MINE)
    newer = stage.task(uri, CHAIR)
    older = stage.task(uri, FURNITURE, start="2199-12-24T01:00:00Z")
    outcomes: list[str] = []

    def handle_the_older() -> None:
        thread = Thread(target=lambda: outcomes.append(stage.handle(older)["status"]), daemon=True)
        thread.start()
        thread.join(60)

    meanwhile(handle_the_older)

    # When the newer one is handled, then the older need not wait for its end
    assert stage.handle(newer)["status"] == "tagged"
    assert outcomes == ["superseded"]
