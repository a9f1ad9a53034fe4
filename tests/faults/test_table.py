"""Every row of the tables, carried out: what a call that goes wrong leads to, and what the next delivery."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from imm_label_tags import errors
from imm_label_tags.results.outcome import Status
from imm_label_tags.retries import ATTEMPTS, RETRIES
from imm_label_tags.submission.outcome import SubmissionStatus
from proof.faults.fault_case import ALL, SUBMISSION, Call, FaultCase
from proof.faults.faults import FAULTS
from proof.faults.table import SUBMISSION_TABLE, TABLE, TAGGED, Row
from tests.faults.line import Line
from tests.faults.trial import FOREIGN, End, SubmissionTrial, TaggingTrial, Trial
from tests.stage import Stage

BOTH = (*TABLE, *SUBMISSION_TABLE)
# Silence costs time: its rows are carried out together, see test_silence.py.
ROWS = [row for row in TABLE if row.fault.name != "silence"]

# For answers that never end: long enough for one that is whole, on a loaded machine.
READ_SECONDS = 0.75
SLOW = ("drops", "body in drops", "silence")


class Trials:
    """Makes trials on a stage, with what stands between the function and the services where that breaks."""

    def __init__(
        self, stage: Stage, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
    ) -> None:
        self._stage = stage
        self._capsys = capsys
        self._request = request

    def tagging(self, case: FaultCase, call: Call) -> TaggingTrial:
        return TaggingTrial(self._stage, self._capsys, self._line(case), case, call)

    def submission(self, case: FaultCase, call: Call) -> SubmissionTrial:
        return SubmissionTrial(self._stage, self._capsys, self._line(case), case, call)

    def _line(self, case: FaultCase) -> Line | None:
        stage = self._stage
        if case.name in SLOW:
            stage.retry_policy = stage.retry_policy._replace(read=READ_SECONDS)
        line: Line | None = None
        if case.needs_tls:
            line = self._request.getfixturevalue("secure_line")
        elif not case.faults:
            line = self._request.getfixturevalue("line")
        return line


@pytest.fixture
def trials(stage: Stage, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Trials:
    return Trials(stage, capsys, request)


def check_message(row: Row, trial: Trial, end: End) -> None:
    assert row.seen in end.message
    assert trial.subject in end.message
    assert trial.secrets_in(end) == []
    if end.error is not None:
        helps = r"A retry (may help|helps)" if row.retryable else r"retry does not help"
        assert re.search(helps, end.message)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault_that_lasts_and_is_mended_before_the_next_delivery(row: Row, trials: Trials) -> None:
    # Given an object with tags of others, a finished task, and a fault
    given = trials.tagging(row.fault, row.call)
    given.break_always()

    # When the event is delivered
    end = given.deliver()

    # Then it ends as the table says, and the tags of others are what they were
    assert (end.name, end.attempts(row.call)) == (row.end, row.attempts)
    if row.is_error:
        check_message(row, given, end)
        assert end.log["retryable"] is row.retryable
    assert given.tags == (given.tags_of_the_task if row.written else FOREIGN)
    if row.fault.connection_break is None:
        assert given.arrived() == row.attempts

    # When the fault is mended and the same event is delivered again
    given.mend()
    again = given.deliver()

    # Then the object has the task's tags beside those of others, in their order
    assert again.name == row.afterwards
    assert list(given.tags.items()) == list(given.tags_of_the_task.items())


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault_that_passes(row: Row, trials: Trials) -> None:
    # Given a call that goes wrong a single time
    given = trials.tagging(row.fault, row.call)
    given.break_once()

    # When the event is delivered
    end = given.deliver()

    # Then a fault that a second attempt mends is not noticed, and any other ends as if it lasted
    assert (end.name, end.attempts(row.call)) == (row.once, row.once_attempts)
    assert given.secrets_in(end) == []
    assert given.tags == (given.tags_of_the_task if row.once == TAGGED else FOREIGN)


@pytest.mark.parametrize("row", SUBMISSION_TABLE, ids=str)
def test_a_fault_of_an_upload_that_lasts_and_is_mended_before_the_next_delivery(
    row: Row, trials: Trials
) -> None:
    # Given an object that was uploaded, and a fault
    given = trials.submission(row.fault, row.call)
    given.break_always()

    # When the event is delivered
    end = given.deliver()

    # Then it ends as the table says, and there is a task only where the service has acted
    assert (end.name, end.attempts(row.call)) == (row.end, row.attempts)
    if row.is_error:
        check_message(row, given, end)
        assert end.log["retryable"] is row.retryable
    assert given.tasks == int(row.written)
    if row.fault.connection_break is None:
        assert given.arrived() == row.attempts

    # When the fault is mended and the same event is delivered again
    given.mend()
    again = given.deliver()

    # Then the object has one task
    assert (again.name, given.tasks) == (row.afterwards, 1)


@pytest.mark.parametrize("row", SUBMISSION_TABLE, ids=str)
def test_a_fault_of_an_upload_that_passes(row: Row, trials: Trials) -> None:
    # Given a call that goes wrong a single time
    given = trials.submission(row.fault, row.call)
    given.break_once()

    # When the event is delivered
    end = given.deliver()

    # Then a fault that a second attempt mends is not noticed, and any other ends as if it lasted
    assert (end.name, end.attempts(row.call)) == (row.once, row.once_attempts)
    assert given.secrets_in(end) == []
    assert given.tasks == int(row.once == row.good)


@pytest.mark.parametrize(("table", "calls"), [(TABLE, ALL), (SUBMISSION_TABLE, SUBMISSION)])
def test_the_table_has_each_fault_of_each_call_once(table: tuple[Row, ...], calls: tuple[Call, ...]) -> None:
    rows = Counter((row.fault.name, row.call) for row in table)
    expected = Counter((case.name, call) for case in FAULTS for call in case.calls(calls))
    assert rows == expected
    assert {call for _, call in rows} == set(calls)


def test_the_table_ends_in_errors_and_outcomes_that_there_are() -> None:
    statuses = {status.value for status in (*Status, *SubmissionStatus)}
    known = statuses | set(vars(errors))
    assert {end for row in BOTH for end in (row.end, row.once, row.afterwards)} <= known


def test_no_call_is_tried_more_often_than_the_patience_allows() -> None:
    assert max(row.attempts for row in BOTH) == ATTEMPTS
    assert max(row.once_attempts for row in BOTH) <= 1 + RETRIES


def test_only_what_a_retry_may_mend_is_tried_again_within_the_invocation() -> None:
    again = [row for row in BOTH if row.attempts == ATTEMPTS]
    assert again
    assert all(row.retryable for row in again)
