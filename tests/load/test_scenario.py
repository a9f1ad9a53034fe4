"""What a flood is made of, and the tags that every object must end with."""

from __future__ import annotations

from datetime import datetime, timezone

from proof.load.plan import FloodPlan
from proof.load.scenario import (
    DENIED,
    MOST_FOREIGN,
    MOST_TAGS,
    UNAVAILABLE,
    PlannedObject,
    PlannedTask,
    Scenario,
    draw,
    in_imm_form,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def scenario(seed: int = 1) -> Scenario:
    return draw(FloodPlan(1100, 400, 4, 0.05, 0.1, 2, 0.0, seed), NOW)


def task(*labels: tuple[str, int], start: datetime = NOW, task_id: str = "task-1") -> PlannedTask:
    return PlannedTask(task_id, "a.mp4", start, labels)


def test_equal_seeds_give_equal_scenarios_and_others_do_not() -> None:
    assert scenario(1) == scenario(1) != scenario(2)


def test_every_notification_but_the_duplicates_has_a_task_of_its_own() -> None:
    plan = FloodPlan(1100, 400, 4, 0.05, 0.1, 2, 0.0, 1)
    tasks = scenario().tasks
    assert len(tasks) == len({task.task_id for task in tasks}) == plan.distinct == 1000
    assert plan.repeated == 100
    assert {len(target.tasks) for target in scenario().objects} == {2, 3}


def test_objects_differ_in_their_own_tags_and_always_leave_room() -> None:
    objects = scenario().objects
    assert len({target.key for target in objects}) == 400
    assert {len(target.foreign) for target in objects} == set(range(MOST_FOREIGN + 1))
    assert all(len(dict(target.first_tags)) == len(target.first_tags) < MOST_TAGS for target in objects)
    assert "" in {value for target in objects for _, value in target.foreign}
    assert any(target.leftovers for target in objects)
    assert any("宜家" in target.key for target in objects)


def test_some_objects_cannot_be_reached_for_a_while() -> None:
    keys = [target.key for target in scenario().objects]
    assert (
        sum(key.startswith(UNAVAILABLE) for key in keys) == sum(key.startswith(DENIED) for key in keys) == 1
    )


def test_tasks_start_after_their_object_was_written_and_some_in_the_same_moment() -> None:
    assert all(task.start > NOW for task in scenario().tasks)
    assert any(
        len({task.start for task in target.tasks}) < len(target.tasks) for target in scenario().objects
    )


def test_the_tags_after_a_task_are_the_foreign_ones_the_provenance_and_the_best_labels() -> None:
    # Given an object with two tags of its owner's and one that an earlier installation left
    target = PlannedObject("a.mp4", (("team", "a"), ("archived", "")), (("imm_left-over", "0.51"),))
    # When a task found these labels, one of them below the minimum
    found = task(("椅子", 95), ("Vlog", 50), ("家具", 99), ("狗", 49))
    # Then the best stand first, and the leftover is gone
    assert target.tags_after(found) == (
        ("team", "a"),
        ("archived", ""),
        ("imm", "2026-01-02T03:04:05.000Z/task-1"),
        ("imm_jia-ju", "0.99"),
        ("imm_yi-zi", "0.95"),
        ("imm_vlog", "0.50"),
    )


def test_there_are_never_more_tags_than_oss_allows() -> None:
    target = PlannedObject("a.mp4", tuple((f"own-{number}", "") for number in range(5)), ())
    words = ("椅子", "Vlog", "家具", "狗", "猫", "天空")
    found = target.tags_after(task(*((word, 90 - number) for number, word in enumerate(words))))
    assert [key for key, _ in found][5:] == ["imm", "imm_yi-zi", "imm_vlog", "imm_jia-ju", "imm_gou"]


def test_the_newest_task_is_the_one_that_started_last_in_milliseconds_then_the_greater_id() -> None:
    early, late = (NOW.replace(microsecond=micros) for micros in (1_100, 1_900))
    tasks = (
        task(start=late, task_id="b"),
        task(start=early, task_id="c"),
        task(start=NOW.replace(minute=3), task_id="d"),
    )
    target = PlannedObject("a.mp4", (), (), tasks)
    assert [found.task_id for found in target.newest_first()] == ["c", "b", "d"]
    assert tasks[0].provenance == "2026-01-02T03:04:05.001Z/b"


def test_labels_have_imms_form() -> None:
    (label,) = in_imm_form((("椅子", 95),))
    assert (label["LabelName"], label["LabelConfidence"]) == ("椅子", 0.95)
