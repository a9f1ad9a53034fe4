"""Every row of the tables, carried out: what a call that goes wrong leads to, and what the next delivery."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from imm_label_tags import errors
from imm_label_tags.results.outcome import Status
from imm_label_tags.retries import ATTEMPTS
from imm_label_tags.submission.submitter import SubmissionStatus
from proof.faults.fault_case import ALL, SUBMISSION, TAGGED, Call, Row
from proof.faults.table import CASES, SUBMISSION_TABLE, TABLE
from tests.faults.relay import ConnectionBreak
from tests.faults.trial import SubmissionTrial, Trial
from tests.stage import Stage

ROWS = (*TABLE, *SUBMISSION_TABLE)

# For answers that never end: long enough for one that is whole, on a loaded machine.
READ_SECONDS = 0.75

Begin = Callable[[Row], Trial]


def name(row: Row) -> str:
    return f"{'tagging' if row.good == TAGGED else 'submission'}: {row}"


@pytest.fixture
def begin(stage: Stage, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Begin:
    """Makes the trial of a row, with what stands between the function and the services where that breaks."""

    def trial(row: Row) -> Trial:
        cause = row.fault.cause
        if row.fault.never_ends:
            stage.retry_policy = stage.retry_policy._replace(read=READ_SECONDS)
        line = None
        if isinstance(cause, ConnectionBreak) and cause is not ConnectionBreak.REFUSED:
            line = request.getfixturevalue("secure_line")
        elif not isinstance(cause, Mapping):
            line = request.getfixturevalue("line")
        return (Trial if row.good == TAGGED else SubmissionTrial)(stage, capsys, line, row)

    return trial


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_fault_that_lasts_and_is_mended_before_the_next_delivery(
    row: Row, stage: Stage, begin: Begin
) -> None:
    # Given an object with tags of others, an event about it, and a fault
    given = begin(row)
    given.break_always()

    # When the event is delivered
    end = given.deliver()

    # Then it ends as the table says, and nothing is done but where the service has acted
    assert (end.name, end.attempts(row.call)) == (row.end, row.expected.attempts)
    if row.is_error:
        assert row.expected.seen in end.message
        assert given.subject in end.message
        helps = r"A retry (may help|helps)" if row.retryable else r"retry does not help"
        assert re.search(helps, end.message)
        assert end.log["retryable"] is row.retryable
    assert given.is_done() is row.expected.written
    if not isinstance(row.fault.cause, ConnectionBreak):
        assert given.arrived() == row.expected.attempts

    # And a hint is waited for where the call is tried again; a long one is left to Function Compute
    if row.fault.asks_for:
        assert len(stage.pauses) == row.expected.attempts - 1
        assert all(pause >= row.fault.asks_for for pause in stage.pauses)

    # When the fault is mended and the same event is delivered again
    given.mend()
    again = given.deliver()

    # Then it is done
    assert again.name == row.afterwards
    assert given.is_done()


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_fault_that_passes(row: Row, begin: Begin) -> None:
    # Given a call that goes wrong a single time
    given = begin(row)
    given.break_once()

    # When the event is delivered
    end = given.deliver()

    # Then a fault that a second attempt mends is not noticed, and any other ends as if it lasted
    assert (end.name, end.attempts(row.call)) == (row.once, row.expected.once_attempts)
    assert given.is_done() is (row.once == row.good)


@pytest.mark.parametrize(("table", "calls"), [(TABLE, ALL), (SUBMISSION_TABLE, SUBMISSION)])
def test_the_table_has_each_fault_of_each_call_once(table: tuple[Row, ...], calls: tuple[Call, ...]) -> None:
    cases = [case for kind in CASES.values() for case in kind]
    expected = Counter((case.title, call) for case in cases for call in case.calls if call in calls)
    assert Counter((row.fault.title, row.call) for row in table) == expected
    assert {row.call for row in table} == set(calls)


def test_the_table_ends_in_errors_and_outcomes_that_there_are() -> None:
    statuses = {status.value for status in (*Status, *SubmissionStatus)}
    known = statuses | set(vars(errors))
    assert {end for row in ROWS for end in (row.end, row.once, row.afterwards)} <= known


def test_only_what_a_retry_may_mend_is_tried_again_within_the_invocation() -> None:
    again = [row for row in ROWS if row.expected.attempts == ATTEMPTS]
    assert again
    assert all(row.retryable for row in again)
