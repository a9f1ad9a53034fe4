"""The function makes no more calls, and takes no longer, than the time-outs are judged by."""

from __future__ import annotations

from time import monotonic

from cli.deployment_check import worst_case
from cli.deployment_check.subject import Kind
from localcloud.faults import Fault, FaultKind
from tests.faults.relay import CallBreak, laid_through_relays
from tests.function.test_calls import round_trips
from tests.stage import CHAIR, Stage


def test_no_chain_of_calls_is_longer(stage: Stage) -> None:
    """OSS refuses the tags as they are."""
    stage.break_call(Fault(FaultKind.MEET, action="GetVideoLabelClassificationResult|GetTask", times=None))
    stage.break_call(Fault(FaultKind.MEET, action="HeadObject|GetObjectTagging", times=None))
    stage.set(LABEL_NAMES="raw")
    stage.new_instance()
    task_id = stage.task(stage.upload(), CHAIR)
    stage.forget_calls()
    assert stage.handle(task_id)["status"] == "tagged"
    assert sorted(stage.calls()) == sorted([*worst_case.LONGEST_CHAIN, "GetTask", "HeadObject", "HeadObject"])
    assert round_trips(stage.raw_calls()) == len(worst_case.LONGEST_CHAIN)


def test_no_chain_of_calls_is_longer_where_the_result_is_kept(stage: Stage) -> None:
    """The document takes longer than what was read may be old, and OSS refuses the tags as they are."""
    stage.set(LABEL_NAMES="raw", RESULT_ARCHIVE=f"oss://{stage.bucket}/labels")
    stage.retry_policy = stage.retry_policy._replace(max_snapshot_age=0.3)
    task_id = stage.task(stage.upload(), CHAIR)
    stage.break_call(Fault(FaultKind.MEET, action="GetVideoLabelClassificationResult|GetTask", times=None))
    stage.break_call(Fault(FaultKind.MEET, action="HeadObject|GetObjectTagging", times=None))
    stage.break_call(Fault(FaultKind.DELAY, action="PutObject", delay_seconds=1))
    stage.forget_calls()
    assert stage.handle(task_id)["status"] == "tagged"
    assert sorted(stage.calls()) == sorted(
        # Beside the document, the first reading.
        [*worst_case.ARCHIVING_CHAIN, "GetObjectTagging", "GetTask", *["HeadObject"] * 3]
    )
    # The local cloud notes a delayed call from when it is carried out, so the first reading stands for it.
    others = [call for call in stage.raw_calls() if call.action != "PutObject"]
    assert round_trips(others) == len(worst_case.ARCHIVING_CHAIN)


def test_a_notification_takes_no_longer_however_slowly_it_is_answered(stage: Stage) -> None:
    # Given answers that come just in time, and before them as many as are repeated that never end
    limits = stage.retry_policy = stage.retry_policy._replace(read=0.75)
    stage.set(LABEL_NAMES="raw")
    with laid_through_relays(stage) as line:
        task_id = stage.task(stage.upload(), CHAIR)
        stage.new_instance()
        stage.break_call(Fault(FaultKind.DELAY, delay_seconds=limits.read / 2, times=None))
        line.imm.break_call("GetVideoLabelClassificationResult", CallBreak.DROPS, 2)
        line.oss.break_call("GetObjectTagging", CallBreak.BODY_IN_DROPS, 2)

        # When the notification is delivered
        began = monotonic()
        assert stage.handle(task_id)["status"] == "tagged"
        spent = monotonic() - began + sum(stage.pauses)

    # Then every repetition has taken its time, and all together what the timeout has to be above
    assert len(stage.pauses) == limits.retries
    worst = worst_case.invocation_seconds(Kind.TAGS, limits=limits)
    assert limits.retries * limits.read + len(worst_case.LONGEST_CHAIN) * limits.read / 2 <= spent <= worst
