"""What holds in every order of the calls, and what is lost in some."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from imm_label_tags.results.outcome import Status
from proof.races.figures import Figures, Labels, Others, count, courses, is_reduced_without_loss
from proof.races.race import Course
from proof.races.scenario import (
    ONE_TASK,
    ONE_TASK_TWICE,
    THREE,
    TWO_TASKS,
    Look,
    Other,
    Scenario,
    Together,
    Trouble,
)

Found = Mapping[Scenario, Figures]


def of(found: Found, suits: Callable[[Scenario], bool]) -> list[Figures]:
    """The figures of the cases that suit, of which there have to be some."""
    figures = [figures for case, figures in found.items() if suits(case)]
    assert figures
    return figures


def test_no_schedule_loses_a_tag_of_others_that_was_there_when_the_tags_were_read(figures: Found) -> None:
    assert [found.forgetful for found in figures.values()] == [0] * len(figures)


def test_no_schedule_mixes_the_tags_of_two_writers(figures: Found) -> None:
    for found in figures.values():
        assert found.labels(Labels.MIXED) == found.others(Others.MIXED) == 0


def test_a_notification_that_is_delivered_twice_ends_right_in_every_schedule(figures: Found) -> None:
    for found in of(figures, lambda case: case.handlers == ONE_TASK_TWICE and case.other is None):
        assert found.right == found.schedules


def test_a_writer_that_needs_no_reading_never_takes_labels_away(figures: Found) -> None:
    for found in of(figures, lambda case: case.handlers != TWO_TASKS and case.other is Other.ADDING):
        assert found.wrong == 0


def test_two_tasks_in_one_instance_or_one_after_the_other_never_end_with_the_older_ones_labels(
    figures: Found,
) -> None:
    def serial(case: Scenario) -> bool:
        return case.together is not Together.TWO_INSTANCES and case.other in (None, Other.ADDING)

    for found in of(figures, serial):
        assert found.wrong == 0


def test_two_tasks_in_two_instances_may_end_with_the_older_ones_labels(figures: Found) -> None:
    found = figures[Scenario(TWO_TASKS)]
    assert (found.labels(Labels.OLDER_TASK), found.wrong) == (2, 2)
    (example,) = (text for end, text in found.examples.items() if not end.right)
    assert example == "older reads, newer reads, newer writes, older writes"


def test_a_second_look_after_everybody_has_written_leaves_no_wrong_labels(figures: Found) -> None:
    # But for a tool that takes them away later still, and for an object that is another by then
    def repairable(case: Scenario) -> bool:
        return case.look is Look.LATER and case.other not in (Other.REPLACING, Other.UPLOADING)

    for found in of(figures, repairable):
        assert found.wrong == 0


def test_a_second_look_that_comes_too_early_repairs_less(figures: Found) -> None:
    off, early, late = (figures[Scenario(TWO_TASKS, Other.ADDING, look=look)] for look in Look)
    assert off.wrong / off.schedules > early.wrong / early.schedules > late.wrong == 0


def test_the_newest_tasks_notification_delivered_again_repairs_all_labels_on_an_object_that_is_the_same(
    figures: Found,
) -> None:
    for found in of(figures, lambda case: case.other is not Other.UPLOADING):
        for order, repaired in found.repaired.items():
            assert repaired == (found.wrong if "newer" in order else 0)


def test_no_delivery_takes_an_older_uploads_labels_from_a_newer_object(figures: Found) -> None:
    found = figures[Scenario(ONE_TASK, Other.UPLOADING)]
    assert found.labels(Labels.OLDER_UPLOAD) == found.wrong > 0
    assert set(found.repaired.values()) == {0}


def test_three_deliveries_of_two_tasks_keep_the_promises_too() -> None:
    scenario = Scenario(THREE)
    found = count(scenario, courses(scenario))
    assert found.forgetful == found.labels(Labels.MIXED) == 0
    assert 0 < found.wrong == found.labels(Labels.OLDER_TASK)


@pytest.mark.parametrize("other", [None, Other.ADDING, Other.UPLOADING])
def test_the_promises_hold_where_every_reading_grows_old(other: Other | None) -> None:
    scenario = Scenario(ONE_TASK if other is Other.UPLOADING else TWO_TASKS, other)
    found = count(scenario, courses(scenario, slow=True))
    assert found.forgetful == found.labels(Labels.MIXED) == found.others(Others.MIXED) == 0
    assert found.schedules > found.right > 0


def test_no_upload_between_the_two_answers_of_a_slow_service_gets_an_older_ones_labels() -> None:
    # Where the upload comes after both answers, on its way to the write, nothing can be known of it
    outcomes = set()
    for course in courses(Scenario(ONE_TASK, Other.UPLOADING), slow=True):
        outcomes.add(course.statuses["function"])
        steps = [step.what for step in course.steps if not step.silent]
        if "writes" in steps and "uploads" in steps[: steps.index("writes")]:
            after_upload = steps[steps.index("uploads") + 1 : steps.index("writes")]
            before_upload = steps[: steps.index("uploads")]
            assert after_upload == []
            assert sorted(before_upload[-2:]) == ["looks for an upload", "reads"]
    assert outcomes == {Status.TAGGED, Status.STALE}


def test_an_older_task_never_replaces_a_newer_one_whose_tags_it_has_seen() -> None:
    # Whoever was superseded has not written
    for course in courses(Scenario(TWO_TASKS)):
        assert course.statuses["newer"] is Status.TAGGED
        wrote = "older" in {write.who for write in course.writes}
        assert course.statuses["older"] is (Status.TAGGED if wrote else Status.SUPERSEDED)


def test_a_write_whose_answer_was_lost_is_not_repeated_where_it_was_carried_out() -> None:
    scenario = Scenario(ONE_TASK, trouble=("function", Trouble.CARRIED_OUT))
    (course,) = courses(scenario)
    assert course.schedule == ("function reads", "function writes", "function reads")
    assert course.statuses == {"function": Status.TAGGED}


def test_a_repeated_write_begins_with_a_reading() -> None:
    scenario = Scenario(ONE_TASK, trouble=("function", Trouble.NOT_CARRIED_OUT))
    (course,) = courses(scenario)
    assert course.schedule == ("function reads", "function writes") * 2


def steps_of(who: str, course: Course) -> list[str]:
    return [step.what for step in course.steps if step.who == who]


def test_every_order_of_calls_that_need_not_wait_for_each_other_is_among_those_that_are_run() -> None:
    found = {tuple(steps_of("function", course)) for course in courses(Scenario(ONE_TASK), thorough=True)}
    ask = ("asks for the result", "asks for the object")
    look = ("looks for an upload", "reads")
    assert found == {(*first, *then, "writes") for first in (ask, ask[::-1]) for then in (look, look[::-1])}


@pytest.mark.parametrize(
    ("other", "look"), [(None, Look.OFF), *((other, look) for other in Other for look in Look)], ids=str
)
def test_the_steps_that_are_not_chosen_make_no_difference(other: Other | None, look: Look) -> None:
    """Each schedule of all calls ends as that one does in which only the calls that count stand."""
    assert is_reduced_without_loss(Scenario(ONE_TASK, other, look=look))
