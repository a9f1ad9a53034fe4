"""What every order of a race's steps ends in, counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations

from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.calls import Trace
from imm_label_tags.tagging.object_tagger import TaggingOptions
from imm_label_tags.tagging.settings import StaleObjects
from imm_label_tags.tagging.tagger import Tagger
from imm_label_tags.tags.plan import TagSet
from proof.races.end_states import End, Labels, Others, end_of, forgot_what_it_read
from proof.races.exploration import explore
from proof.races.race import SCHEME, Course, play
from proof.races.scenario import Other, Scenario
from proof.races.scheduler import AtOnce, Workers
from proof.races.storage import BEFORE, NO_LIMITS, Model, Storage


@dataclass(frozen=True)
class Figures:
    """The ends of all schedules of a race.

    ``examples`` has one of the shortest schedules for each end. ``forgetful`` counts the schedules in which a
    handler wrote other people's tags in another way than it had read them. ``wrong`` counts those that end
    with wrong labels, and ``repaired`` how many of these end with the right ones once notifications have been
    delivered again, by the tasks whose notifications that are, in their order.
    """

    schedules: int
    ends: Mapping[End, int]
    examples: Mapping[End, str]
    forgetful: int
    repaired: Mapping[tuple[str, ...], int]

    @property
    def right(self) -> int:
        """The schedules that end with the right labels and with what the other one wrote."""
        return sum(number for end, number in self.ends.items() if end.right)

    @property
    def wrong(self) -> int:
        """The schedules that end with wrong labels."""
        return self.schedules - self.labels(Labels.RIGHT)

    def labels(self, labels: Labels) -> int:
        """The schedules that end with such tags of ours."""
        return sum(number for end, number in self.ends.items() if end.labels is labels)

    def others(self, others: Others) -> int:
        """The schedules that end with such tags of others."""
        return sum(number for end, number in self.ends.items() if end.others is others)


def courses(
    scenario: Scenario, workers: Workers, *, thorough: bool = False, slow: bool = False
) -> Iterator[Course]:
    """Every course that a race can take."""
    return explore(
        lambda choose: play(scenario, Model(BEFORE), workers, choose, thorough=thorough, slow=slow)
    )


def is_reduced_without_loss(scenario: Scenario, workers: Workers) -> bool:
    """Whether the steps that are not chosen make no difference.

    Each schedule of all calls has to end as that one does in which only the steps stand that are chosen, and
    each of these has to occur.
    """
    chosen: set[tuple[str, str]] = set()
    ends: dict[tuple[str, ...], object] = {}
    for course in courses(scenario, workers):
        chosen.update((step.who, step.what) for step in course.steps if not step.silent)
        ends[course.schedule] = (course.tags, course.statuses)
    seen: dict[tuple[str, ...], object] = {}
    for course in courses(scenario, workers, thorough=True):
        schedule = tuple(str(step) for step in course.steps if (step.who, step.what) in chosen)
        end = (course.tags, course.statuses)
        if seen.setdefault(schedule, end) != end:
            return False
    return seen == ends


def count(scenario: Scenario, courses: Iterator[Course]) -> Figures:
    """Count the ends of some courses."""
    ends: Counter[End] = Counter()
    shortest: dict[End, tuple[int, int, str]] = {}
    repaired: Counter[tuple[str, ...]] = Counter()
    orders = list(_orders(scenario))
    forgetful = 0
    for course in courses:
        end = end_of(scenario, course.tags)
        ends[end] += 1
        forgetful += forgot_what_it_read(scenario, course)
        length = _length(course)
        shortest[end] = min(shortest.get(end, length), length)
        if end.labels is not Labels.RIGHT:
            left = tuple(course.tags.items())
            repaired.update(order for order in orders if _is_repaired(scenario, left, order))
    examples = {end: text for end, (_, _, text) in shortest.items()}
    by_order = {order: repaired[order] for order in orders}
    return Figures(sum(ends.values()), ends, examples, forgetful, by_order)


def _orders(scenario: Scenario) -> Iterator[tuple[str, ...]]:
    tasks = sorted(set(scenario.handlers.values()))
    for number in range(1, len(tasks) + 1):
        yield from permutations(tasks, number)


@cache
def _is_repaired(scenario: Scenario, left: tuple[tuple[str, str], ...], order: tuple[str, ...]) -> bool:
    storage = Model(dict(left))
    if scenario.other is Other.UPLOADING:
        storage.upload(dict(left))
    return end_of(scenario, _delivered_again(storage, order)).labels is Labels.RIGHT


def _delivered_again(storage: Storage, tasks: Iterable[str]) -> TagSet:
    """Handle the notifications of some tasks in their order; returns the object's tags after that."""
    options = TaggingOptions(SCHEME, None, StaleObjects.SKIP)
    tagger = Tagger(storage.tasks, storage.objects, options, AtOnce(), RetryPolicy(max_snapshot_age=math.inf))
    for task in tasks:
        tagger.tag(storage.notification(task), Trace(), Deadline(math.inf, lambda: 0.0))
    return storage.objects.tags(storage.target, NO_LIMITS)


def _length(course: Course) -> tuple[int, int, str]:
    """How long a schedule is: its steps, then its changes from one participant to another, then its words."""
    steps = [step for step in course.steps if not step.silent]
    changes = sum(one.who != other.who for one, other in pairwise(steps))
    return len(steps), changes, ", ".join(course.schedule)
