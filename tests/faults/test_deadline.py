"""The end of an invocation's time: nothing is begun after it, and the next delivery does what is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from types import SimpleNamespace

import pytest

from imm_label_tags.errors import BatchFailed, ServiceUnavailable
from imm_label_tags.retries import ASSUMED_TIMEOUT_SECONDS, MARGIN_SECONDS, SHORTEST_CALL_SECONDS
from localcloud.faults import Fault, FaultKind
from proof.faults.fault_case import ALL, BY_DEFAULT, IMM, Call
from tests.faults.relay import Line
from tests.faults.trial import FOREIGN
from tests.stage import CHAIR, Stage

TIMEOUT = 60
LATE = 1000.0


@pytest.fixture
def task_id(stage: Stage) -> str:
    stage.context.function = SimpleNamespace(timeout=TIMEOUT)
    return stage.task(stage.upload(tags=FOREIGN), CHAIR)


def time_runs_out(stage: Stage, line: Line, after: Iterable[Call], late: float = LATE) -> None:
    """Have the clock stand still from the beginning until these calls are answered, and then be late."""
    calls = list(after)

    def clock() -> float:
        answered = line.imm.answered + line.oss.answered
        return late if all(answered[call] for call in calls) else 0.0

    stage.retry_policy = stage.retry_policy._replace(clock=clock if calls else first_zero_then(late))
    stage.new_instance()


def first_zero_then(moment: float) -> Callable[[], float]:
    """A clock that is late as soon as the invocation has begun."""
    beginning = iter([0.0])
    return lambda: next(beginning, moment)


def time_stands_still(stage: Stage) -> None:
    stage.retry_policy = stage.retry_policy._replace(clock=lambda: 0.0)
    stage.new_instance()


def asked(line: Line) -> set[str]:
    return set(line.imm.asked) | set(line.oss.asked)


@pytest.mark.parametrize("last", [Call.TASK, Call.READ], ids=lambda call: call.value)
def test_no_call_is_begun_once_the_time_has_run_out(
    stage: Stage, line: Line, task_id: str, last: Call
) -> None:
    # Given an invocation whose time has run out when a call is answered (and those that go with it)
    done = IMM if last in IMM else ALL[: ALL.index(Call.READ) + 1]
    time_runs_out(stage, line, done)
    event = stage.notification(task_id)

    # When the event is delivered
    with pytest.raises(ServiceUnavailable) as caught:
        stage.invoke(event)

    # Then no other call is made, the object is what it was, and the error says what to do
    assert asked(line) == set(done)
    assert stage.tags() == FOREIGN
    for part in (task_id, "was not started", "timeout", "A retry helps"):
        assert part in str(caught.value)

    # And the next delivery finishes
    time_stands_still(stage)
    assert stage.invoke(event)["outcomes"][0]["status"] == "tagged"


def test_an_invocation_that_begins_too_late_makes_no_call(stage: Stage, line: Line, task_id: str) -> None:
    time_runs_out(stage, line, after=[])
    with pytest.raises(
        ServiceUnavailable, match=r"GetVideoLabelClassificationResult for task .* not started"
    ):
        stage.handle(task_id)
    assert asked(line) == set()


def test_a_write_is_not_repeated_once_the_time_has_run_out(stage: Stage, task_id: str) -> None:
    # Given a write that fails, and a pause that lasts longer than it should
    now = [0.0]
    stage.retry_policy = stage.retry_policy._replace(
        clock=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + LATE)
    )
    stage.break_call(Fault(FaultKind.ERROR, action=Call.WRITE, status=503, times=None))
    stage.forget_calls()

    # When the event is delivered
    with pytest.raises(ServiceUnavailable, match="not started"):
        stage.handle(task_id)

    # Then nothing has been called after the pause
    assert stage.calls() == sorted(BY_DEFAULT)


@pytest.mark.parametrize("call", ALL, ids=lambda call: call.value)
def test_a_call_that_fails_shortly_before_the_end_is_not_repeated(
    stage: Stage, line: Line, task_id: str, call: Call
) -> None:
    if call is Call.KEEP:
        stage.set(RESULT_ARCHIVE=stage.uri("labels"))
    # Given a failure with so little time left that a pause and another attempt do not fit
    before = {Call.RESULT: (), Call.TASK: (), Call.WRITE: ALL[:4]}.get(call, ALL[:2])
    pause = 10.0
    time_runs_out(stage, line, before, late=TIMEOUT - MARGIN_SECONDS - pause)
    stage.retry_policy = stage.retry_policy._replace(jitter=lambda: 1.0, first_pause=pause, max_pause=pause)
    stage.break_call(Fault(FaultKind.ERROR, action=call, status=503, times=None))

    # When the event is delivered
    with pytest.raises(ServiceUnavailable, match=rf"{call.value} .*HTTP 503"):
        stage.handle(task_id)

    # Then it was tried once, there was no pause, and the error is the service's own
    assert (line.imm.asked + line.oss.asked)[call] == 1
    assert stage.pauses == []


@pytest.mark.parametrize(
    ("context", "seconds"),
    [
        ({"function": SimpleNamespace(timeout=150)}, 149.0),
        ({"function": SimpleNamespace(timeout="150")}, 149.0),
        ({"function": SimpleNamespace(timeout=3)}, 2.7),
        ({"function": SimpleNamespace(timeout="3")}, 2.7),
        ({"function": SimpleNamespace(timeout=1)}, 0.9),
        ({"function": SimpleNamespace(timeout=86400)}, 86399.0),
        *(
            ({"function": SimpleNamespace(timeout=nonsense)}, ASSUMED_TIMEOUT_SECONDS - MARGIN_SECONDS)
            for nonsense in (None, "", "soon", 0, -5, "nan", "inf", True)
        ),
        ({"function": SimpleNamespace(name="imm-label-tags")}, ASSUMED_TIMEOUT_SECONDS - MARGIN_SECONDS),
        ({}, ASSUMED_TIMEOUT_SECONDS - MARGIN_SECONDS),
    ],
)
def test_the_time_is_the_functions_timeout_less_a_margin(
    stage: Stage, context: dict[str, object], seconds: float
) -> None:
    # Given what the context says of the function's timeout
    vars(stage.context).update(context)
    task_id = stage.task(stage.upload(), CHAIR)
    shortest = SHORTEST_CALL_SECONDS

    # Then a call that just fits is begun, and one that does not is not
    for moment, begins in ((seconds - shortest - 0.01, True), (seconds - shortest + 0.01, False)):
        stage.retry_policy = stage.retry_policy._replace(clock=first_zero_then(moment))
        stage.new_instance()
        stage.forget_calls()
        if begins:
            try:
                assert stage.handle(task_id)["status"] == "tagged"
            except ServiceUnavailable as error:
                # It was begun; how much of so short a time is enough depends on the machine.
                assert "not started" not in str(error)
        else:
            with pytest.raises(ServiceUnavailable, match="not started"):
                stage.handle(task_id)
            assert stage.calls() == []


def test_a_batch_whose_time_runs_out_half_way(stage: Stage, line: Line) -> None:
    # Given more notifications than are handled at the same time, and no time after the first write
    stage.context.function = SimpleNamespace(timeout=TIMEOUT)
    keys = [f"videos/{number}.mp4" for number in range(20)]
    for key in keys:
        stage.cloud.call(stage.cloud.objects.put_object, stage.bucket, key, b"a video", FOREIGN)
    event = [stage.notification(stage.task(stage.uri(key), CHAIR)) for key in keys]
    time_runs_out(stage, line, [Call.WRITE])

    # When they are delivered as a list
    with pytest.raises(BatchFailed) as caught:
        stage.invoke(event)

    # Then what was done stays done, the rest is named, and nothing is half done
    left = {index for index, _ in caught.value.failures}
    written = {index for index, key in enumerate(keys) if stage.tags(key) != FOREIGN}
    assert written
    assert left
    assert written | left == set(range(len(keys)))
    assert not written & left
    assert line.oss.asked[Call.WRITE] == len(written)
    assert caught.value.retryable
    for index, error in caught.value.failures:
        assert isinstance(error, ServiceUnavailable)
        assert "was not started" in str(error)
        # One that was begun is named; those that were not are told by their places in the list.
        assert event[index]["TaskId"] in str(error) or str(error).startswith("This notification")

    # And a redelivery does the rest
    time_stands_still(stage)
    statuses = [outcome["status"] for outcome in stage.invoke(event)["outcomes"]]
    assert statuses == ["unchanged" if index in written else "tagged" for index in range(len(keys))]
    assert all(stage.tags(key).items() > FOREIGN.items() for key in keys)


def test_what_a_large_batch_has_no_time_for_is_told_in_one_line_and_within_the_margin(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given 10,000 notifications, and an invocation whose time is over as soon as it has begun
    stage.context.function = SimpleNamespace(timeout=TIMEOUT)
    event = [stage.notification(f"VideoLabelClassification-{number}") for number in range(10_000)]
    over: list[float] = []
    beginning = iter([0.0])

    def clock() -> float:
        if (moment := next(beginning, None)) is not None:
            return moment
        over.append(time.process_time())
        return LATE

    stage.retry_policy = stage.retry_policy._replace(clock=clock)
    stage.new_instance()

    # When they are delivered
    with pytest.raises(BatchFailed) as caught:
        stage.invoke(event)
    spent = time.process_time() - over[0]

    # Then all have failed, one line says so, and half a processor has done it before the function is ended
    assert len(caught.value.failures) == len(event)
    assert caught.value.retryable
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["not_started"], told["error"], told["retryable"]) == (10_000, "ServiceUnavailable", True)
    assert spent < MARGIN_SECONDS / 2
