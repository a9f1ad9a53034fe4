"""Every row of the table, carried out: what a call that goes wrong leads to, and what the next delivery."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from imm_label_tags import errors
from imm_label_tags.results.outcome import Status
from imm_label_tags.retries import ATTEMPTS, RETRIES
from proof.faults.fault_case import ALL, Call, FaultCase
from proof.faults.faults import FAULTS
from proof.faults.table import TABLE, TAGGED, Row
from tests.faults.line import Line
from tests.faults.relay import CallBreak
from tests.faults.trial import FOREIGN, End, Trial, TrialOf
from tests.stage import Stage

# Silence costs time: its rows are carried out together, see test_silence.py.
ROWS = [row for row in TABLE if row.fault.name != "silence"]

# For answers that never end: long enough for one that is whole, on a loaded machine.
READ_SECONDS = 0.75


@pytest.fixture
def trial(stage: Stage, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> TrialOf:
    def make(case: FaultCase, call: Call) -> Trial:
        if case.call_break in (CallBreak.DROPS, CallBreak.BODY_IN_DROPS):
            stage.retry_policy = stage.retry_policy._replace(read=READ_SECONDS)
        line: Line | None = None
        if case.needs_tls:
            line = request.getfixturevalue("secure_line")
        elif not case.faults:
            line = request.getfixturevalue("line")
        return Trial(stage, capsys, line, case, call)

    return make


def check_message(row: Row, trial: Trial, end: End) -> None:
    assert row.seen in end.message
    assert trial.subject in end.message
    assert trial.secrets_in(end) == []
    if end.error is not None:
        helps = r"A retry (may help|helps)" if row.retryable else r"retry does not help"
        assert re.search(helps, end.message)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault_that_lasts_and_is_mended_before_the_next_delivery(row: Row, trial: TrialOf) -> None:
    # Given an object with tags of others, a finished task, and a fault
    given = trial(row.fault, row.call)
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
def test_a_fault_that_passes(row: Row, trial: TrialOf) -> None:
    # Given a call that goes wrong a single time
    given = trial(row.fault, row.call)
    given.break_once()

    # When the event is delivered
    end = given.deliver()

    # Then a fault that a second attempt mends is not noticed, and any other ends as if it lasted
    assert (end.name, end.attempts(row.call)) == (row.once, row.once_attempts)
    assert given.secrets_in(end) == []
    assert given.tags == (given.tags_of_the_task if row.once == TAGGED else FOREIGN)


def test_the_table_has_each_fault_of_each_call_once() -> None:
    rows = Counter((row.fault.name, row.call) for row in TABLE)
    assert rows == Counter((case.name, call) for case in FAULTS for call in case.calls)
    assert {call for _, call in rows} == set(ALL)


def test_the_table_ends_in_errors_and_outcomes_that_there_are() -> None:
    known = {status.value for status in Status} | set(vars(errors))
    assert {end for row in TABLE for end in (row.end, row.once)} <= known


def test_no_call_is_tried_more_often_than_the_patience_allows() -> None:
    assert max(row.attempts for row in TABLE) == ATTEMPTS
    assert max(row.once_attempts for row in TABLE) <= 1 + RETRIES


def test_only_what_a_retry_may_mend_is_tried_again_within_the_invocation() -> None:
    again = [row for row in TABLE if row.attempts == ATTEMPTS]
    assert again
    assert all(row.retryable for row in again)
