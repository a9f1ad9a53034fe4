"""What every object must end with, and how it is judged; and that faults fall as they are meant to."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest

from localcloud.faults import FaultKind, FaultPlan
from proof.load.disturbances import faults, in_outage, outages
from proof.load.observations import growth
from proof.load.scenario import DENIED, UNAVAILABLE, FloodPlan, PlannedObject, PlannedTask, Tag, draw
from proof.load.verification import Condition, condition_of, verify

NOW = datetime(2026, 1, 2, 3, 4, 5, 1_900, tzinfo=timezone.utc)
FOREIGN = (("team", "a"), ("archived", ""))
OLD, MIDDLE, NEW = (
    PlannedTask(f"task-{number}", "a.mp4", NOW + timedelta(minutes=number), (("椅子", 90 + number),))
    for number in range(3)
)
TARGET = PlannedObject("a.mp4", FOREIGN, (("imm_left-over", "0.51"),), (NEW, OLD, MIDDLE))
ALL = {"task-0", "task-1", "task-2"}


def test_an_object_ends_with_its_foreign_tags_the_provenance_and_the_best_labels() -> None:
    # Given a task that found these labels, one of them below the minimum
    labels = (("椅子", 95), ("Vlog", 50), ("家具", 99), ("狗", 49))
    # Then the best stand first, and what an earlier installation left is gone
    assert TARGET.tags_after(PlannedTask("task-1", "a.mp4", NOW, labels)) == (
        *FOREIGN,
        ("imm", "2026-01-02T03:04:05.001Z/task-1"),
        ("imm_jia-ju", "0.99"),
        ("imm_yi-zi", "0.95"),
        ("imm_vlog", "0.50"),
    )
    full = PlannedObject("a.mp4", tuple((f"own-{number}", "") for number in range(7)), ())
    assert len(full.tags_after(PlannedTask("task-1", "a.mp4", NOW, labels))) == 10


def test_the_newest_task_started_last_in_milliseconds_or_has_the_greater_id() -> None:
    same = PlannedTask("task-9", "a.mp4", NOW.replace(microsecond=1_100), ())
    target = PlannedObject("a.mp4", (), (), (OLD, same, MIDDLE))
    assert [task.task_id for task in target.newest_first()] == ["task-1", "task-9", "task-0"]


@pytest.mark.parametrize(
    ("found", "kept", "condition"),
    [
        (TARGET.tags_after(NEW), set(), Condition.NEWEST),
        (TARGET.tags_after(NEW), ALL, Condition.NEWEST),
        (TARGET.tags_after(OLD), set(), Condition.OLDER),
        (TARGET.tags_after(OLD), {"task-1", "task-2"}, Condition.WAITING),
        (TARGET.tags_after(OLD), {"task-2"}, Condition.OLDER),
        (TARGET.first_tags, ALL, Condition.WAITING),
        (TARGET.first_tags, {"task-2"}, Condition.OLDER),
        (FOREIGN, set(), Condition.WRONG),
        (TARGET.tags_after(NEW)[:-1], set(), Condition.WRONG),
        ((*TARGET.tags_after(NEW), ("imm_mao", "0.50")), set(), Condition.WRONG),
        (TARGET.tags_after(NEW)[1:], set(), Condition.FOREIGN),
        ((*reversed(FOREIGN), *TARGET.tags_after(NEW)[2:]), set(), Condition.FOREIGN),
        ((*TARGET.tags_after(NEW), ("immortal", "")), set(), Condition.FOREIGN),
        ((), ALL, Condition.FOREIGN),
    ],
)
def test_the_condition_of_an_object(found: tuple[Tag, ...], kept: set[str], condition: Condition) -> None:
    assert condition_of(TARGET, found, kept) is condition


def test_every_object_is_counted_and_a_few_that_are_wrong_are_shown() -> None:
    objects = [PlannedObject(f"{number}.mp4", FOREIGN, (), (OLD, NEW)) for number in range(9)]
    right = objects[0].tags_after(NEW)
    found = verify(objects, lambda key: right if key == "0.mp4" else objects[1].tags_after(OLD), ())
    assert str(found) == "older 8, newest 1"
    assert [example.key for example in found.examples] == [f"{number}.mp4" for number in range(1, 6)]
    assert found.examples[0].expected == right


def test_a_scenario_has_every_kind_of_object() -> None:
    objects = draw(FloodPlan(1100, 400, 4, duplicates=0.1, seed=1))
    tasks = [task for target in objects for task in target.tasks]
    assert len(tasks) == len({task.task_id for task in tasks}) == 1000
    assert {len(target.foreign) for target in objects} == set(range(6))
    assert any(target.leftovers for target in objects)
    assert any("宜家" in target.key for target in objects)
    for prefix in (UNAVAILABLE, DENIED):
        assert sum(target.key.startswith(prefix) for target in objects) == 1
    assert any(len({task.start for task in target.tasks}) < len(target.tasks) for target in objects)


def test_faults_of_every_kind_fall_on_a_share_of_the_calls() -> None:
    plan, calls = FaultPlan(), 4_000
    for order in faults(0.2, 1, long_waits=True):
        plan.order(order)
    reads, writes = (
        [fault for _ in range(calls) if (fault := plan.take("oss", action, "")) is not None]
        for action in ("GetObjectTagging", "PutObjectTagging")
    )
    assert {fault.kind for fault in reads} == set(FaultKind)
    for found in (reads, writes):
        assert 0.13 < len(found) / calls < 0.23
    # No write is answered as if it had been carried out.
    assert all(fault.status >= 400 for fault in writes if fault.kind is FaultKind.ANSWER)


def test_some_objects_can_never_be_reached() -> None:
    plan = FaultPlan()
    for order in outages():
        plan.order(order)
    for prefix, status in ((UNAVAILABLE, 503), (DENIED, 403)):
        resource = f"oss://media/{prefix}宜家 0+&=%.mp4"
        assert in_outage(resource)
        found = [plan.take("oss", "HeadObject", resource) for _ in range(9)]
        assert Counter(fault.status for fault in found if fault) == {status: 9}
    assert plan.take("oss", "HeadObject", "oss://media/videos/000001.mp4") is None


@pytest.mark.parametrize(("leak", "last", "found"), [(0.0, 30, [0.0]), (2.0, 30, [2.0]), (50.0, 12, [])])
def test_a_leak_shows_once_an_instance_has_lived_long_enough(
    leak: float, last: int, found: list[float]
) -> None:
    # It takes 40 MB at first, and fills its caches.
    samples = [(0.001, 40.0), *((number / 10, 80 + leak * number / 10) for number in range(1, last + 1))]
    assert growth({"c-1": samples}) == [pytest.approx(one) for one in found]
