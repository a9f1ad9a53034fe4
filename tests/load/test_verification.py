"""Which condition an object is in, and what breaks a promise."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from proof.load.scenario import PlannedObject, PlannedTask, Tag
from proof.load.verification import Condition, condition_of, final_tags, verify

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
FOREIGN = (("team", "a"), ("archived", ""))
OLD, MIDDLE, NEW = (
    PlannedTask(f"task-{number}", "a.mp4", NOW + timedelta(minutes=number), (("椅子", 90 + number),))
    for number in range(3)
)
TARGET = PlannedObject("a.mp4", FOREIGN, (("imm_left-over", "0.51"),), (NEW, OLD, MIDDLE))
ALL = {"task-0", "task-1", "task-2"}


@pytest.mark.parametrize(
    ("found", "kept", "condition"),
    [
        (TARGET.tags_after(NEW), set(), Condition.NEWEST),
        (TARGET.tags_after(NEW), ALL, Condition.NEWEST),
        (TARGET.tags_after(OLD), set(), Condition.OLDER),
        (TARGET.tags_after(OLD), {"task-1", "task-2"}, Condition.WAITING),
        (TARGET.tags_after(OLD), {"task-2"}, Condition.OLDER),
        (TARGET.tags_after(MIDDLE), {"task-2"}, Condition.WAITING),
        (TARGET.first_tags, ALL, Condition.WAITING),
        (TARGET.first_tags, {"task-2"}, Condition.OLDER),
        (FOREIGN, set(), Condition.WRONG),
        (TARGET.tags_after(NEW)[:-1], set(), Condition.WRONG),
        ((*TARGET.tags_after(NEW), ("imm_mao", "0.50")), set(), Condition.WRONG),
        (TARGET.tags_after(NEW)[1:], set(), Condition.FOREIGN),
        ((("team", "b"), *TARGET.tags_after(NEW)[1:]), set(), Condition.FOREIGN),
        ((*reversed(FOREIGN), *TARGET.tags_after(NEW)[2:]), set(), Condition.FOREIGN),
        ((*TARGET.tags_after(NEW), ("immortal", "")), set(), Condition.FOREIGN),
        ((), ALL, Condition.FOREIGN),
    ],
)
def test_the_condition_of_an_object(found: tuple[Tag, ...], kept: set[str], condition: Condition) -> None:
    assert condition_of(TARGET, found, kept) is condition


def test_an_object_without_tasks_keeps_the_tags_that_it_had() -> None:
    untouched = PlannedObject("b.mp4", FOREIGN, (("imm_left-over", "0.51"),))
    assert final_tags(untouched) == untouched.first_tags
    assert condition_of(untouched, untouched.first_tags, ()) is Condition.NEWEST


def test_every_object_is_counted_and_a_few_that_are_wrong_are_shown() -> None:
    objects = [PlannedObject(f"{number}.mp4", FOREIGN, (), (OLD, NEW)) for number in range(9)]
    right = objects[0].tags_after(NEW)
    found = verify(objects, lambda key: right if key == "0.mp4" else objects[1].tags_after(OLD), ())
    assert found.conditions[Condition.NEWEST] == 1
    assert found.conditions[Condition.OLDER] == 8
    assert [example.key for example in found.examples] == [f"{number}.mp4" for number in range(1, 6)]
    assert found.examples[0].expected == right
