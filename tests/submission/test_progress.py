"""How far a backfill is, in words."""

from __future__ import annotations

import pytest

from cli.submission.backfill import Summary
from cli.submission.objects import BucketObjects
from cli.submission.progress import STOPPING, Pace, Progress, Sample, in_words
from tests.localcloud.serving import until
from tests.stage import Stage


def test_the_rate_is_that_of_the_last_minute() -> None:
    pace = Pace(0.0)
    # Given a thousand objects in the first ten seconds, and then one a second
    for second in range(1, 11):
        pace.note(Sample(second, 100 * second, 0))
    for second in range(11, 121):
        pace.note(Sample(second, 1000 + second - 10, second - 10))
    assert pace.rate == pytest.approx(1.0)
    assert pace.left(1210, 0) == pytest.approx(100)


def test_what_is_left_is_not_told_before_it_can_be_known() -> None:
    pace = Pace(0.0)
    assert pace.left(100, 10) is None
    pace.note(Sample(10.0, 50, 5))
    assert pace.left(None, 0) is None
    assert pace.left(100, 0) == pytest.approx(10)


def test_a_limit_may_end_it_earlier() -> None:
    pace = Pace(0.0)
    pace.note(Sample(10.0, 50, 5))
    assert pace.left(10_000, 6) == pytest.approx(2)
    assert pace.left(None, 6) == pytest.approx(2)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59, "59 s"), (200, "3 min"), (7300, "2 h 1 min"), (600_000, "6 d 22 h")],
)
def test_times_are_told_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_line_has_rate_tasks_in_flight_and_what_is_left() -> None:
    summary = Summary()
    progress = Progress(summary, lambda found: 4000, lambda: 50, 0, lambda: True)
    summary.found, summary.submitted, summary.failed = 1200, 300, 1
    summary.skipped["tagged"] = 899
    line = progress.line()
    assert line.startswith("1,200 of 4,000, ")
    assert "/s, 300 submitted, 50 in flight, 899 skipped, 1 failed, " in line
    assert line.endswith(" left")


def test_lines_come_where_the_output_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.submission.progress.LINE_SECONDS", 0.0)
    asked = 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        return True

    with Progress(Summary(), lambda found: None, None, 0, stopped):
        until(lambda: asked >= 3)
    lines = capsys.readouterr().err.splitlines()
    assert lines.count(STOPPING) == 1
    assert "0 objects, 0.0/s, 0 to submit, 0 skipped" in lines


def test_the_objects_of_a_bucket_are_counted_beside(stage: Stage) -> None:
    for number in range(3):
        stage.upload(f"videos/{number}.mp4")
    objects = BucketObjects(stage.oss(), stage.bucket, "videos/")
    assert objects.total(0) is None
    objects.count()
    until(lambda: objects.total(0) is not None)
    assert objects.total(0) == 3
