"""What every order of a race's steps ends in, counted: whose labels stand, what became of others' tags."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from itertools import pairwise, permutations
from typing import NamedTuple

from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.calls import Trace
from imm_label_tags.tagging.object_tagger import TaggingOptions
from imm_label_tags.tagging.settings import StaleObjects
from imm_label_tags.tagging.tagger import Tagger
from imm_label_tags.tags.plan import TagSet
from proof.races.race import ADDED, SCHEME, UPLOADED_WITH, Course, play
from proof.races.scenario import LOST_ANSWERS, SCHEDULES, SECOND_LOOK, Other, Scenario
from proof.races.schedules import AtOnce, explore
from proof.races.storage import BEFORE, EXPECTED, NO_LIMITS, Model, Storage


class Labels(str, Enum):
    """The tags of ours in the end."""

    RIGHT = "right"
    OLDER_TASK = "an older task's labels"
    NONE = "no labels"
    OLDER_UPLOAD = "labels of an older upload"
    MIXED = "a mixture"


class Others(str, Enum):
    """The tags of others in the end: with what the other one did, without it, or neither."""

    KEPT = "kept"
    UNDONE = "undone"
    MIXED = "a mixture"


class End(NamedTuple):
    """The end of one run."""

    labels: Labels
    others: Others

    @property
    def right(self) -> bool:
        """Whether the labels are right, and what the other one wrote stands."""
        return self.labels is Labels.RIGHT and self.others is Others.KEPT


class Figures(NamedTuple):
    """The ends of all schedules of a race.

    ``examples`` has one of the shortest schedules for each end. ``forgetful`` counts those in which a handler
    wrote other people's tags in another way than it had read them. ``repaired`` says how many of those that
    end with wrong labels end with the right ones once notifications have been delivered again, by the tasks
    whose notifications that are, in their order.
    """

    ends: Counter[End]
    examples: Mapping[End, str]
    forgetful: int
    repaired: Mapping[tuple[str, ...], int]

    @property
    def schedules(self) -> int:
        """All of them."""
        return self.ends.total()

    @property
    def right(self) -> int:
        """The schedules that end with the right labels and with what the other one wrote."""
        return sum(number for end, number in self.ends.items() if end.right)

    @property
    def wrong(self) -> int:
        """The schedules that end with wrong labels."""
        return self.schedules - self.labels(Labels.RIGHT)

    @property
    def broken(self) -> int:
        """The schedules in which a promise was broken that holds in all of them."""
        return self.forgetful + self.labels(Labels.MIXED) + self.others(Others.MIXED)

    def labels(self, labels: Labels) -> int:
        """The schedules that end with such tags of ours."""
        return sum(number for end, number in self.ends.items() if end.labels is labels)

    def others(self, others: Others) -> int:
        """The schedules that end with such tags of others."""
        return sum(number for end, number in self.ends.items() if end.others is others)


def courses(scenario: Scenario, *, thorough: bool = False, slow: bool = False) -> Iterator[Course]:
    """Every course that a race can take."""
    return explore(lambda choose: play(scenario, Model(BEFORE), choose, thorough=thorough, slow=slow))


def figures() -> dict[Scenario, Figures]:
    """The figures of all races that docs/RACES.md has."""
    scenarios = (*SCHEDULES, *SECOND_LOOK, *LOST_ANSWERS)
    return {scenario: count(scenario, courses(scenario)) for scenario in scenarios}


def count(scenario: Scenario, courses: Iterator[Course]) -> Figures:
    """Count the ends of some courses."""
    ends: Counter[End] = Counter()
    shortest: dict[End, tuple[int, int, str]] = {}
    orders = [order for number in (1, 2) for order in permutations(scenario.tasks, number)]
    repaired = Counter(dict.fromkeys(orders, 0))
    forgetful = 0
    for course in courses:
        end = _end(scenario, course.tags)
        ends[end] += 1
        forgetful += _forgot_what_it_read(scenario, course)
        length = _length(course)
        shortest[end] = min(shortest.get(end, length), length)
        if end.labels is not Labels.RIGHT:
            left = tuple(course.tags.items())
            repaired.update(order for order in orders if _is_repaired(scenario, left, order))
    return Figures(ends, {end: text for end, (_, _, text) in shortest.items()}, forgetful, repaired)


def is_reduced_without_loss(scenario: Scenario) -> bool:
    """Whether the steps that are not chosen make no difference.

    Each schedule of all calls has to end as that one does in which only the steps stand that are chosen, and
    each of these has to occur.
    """
    chosen: set[tuple[str, str]] = set()
    ends: dict[tuple[str, ...], object] = {}
    for course in courses(scenario):
        chosen.update((step.who, step.what) for step in course.steps if not step.silent)
        ends[course.schedule] = (course.tags, course.statuses)
    seen: dict[tuple[str, ...], object] = {}
    for course in courses(scenario, thorough=True):
        schedule = tuple(str(step) for step in course.steps if (step.who, step.what) in chosen)
        end = (course.tags, course.statuses)
        if seen.setdefault(schedule, end) != end:
            return False
    return seen == ends


def _end(scenario: Scenario, tags: TagSet) -> End:
    """Classify the tag set that a race has left."""
    ours = {key: value for key, value in tags.items() if _is_ours(key)}
    return End(_labels(scenario, ours), _others(scenario, _foreign(tags)))


def _labels(scenario: Scenario, ours: TagSet) -> Labels:
    if scenario.other is Other.UPLOADING and ours:
        # Both tasks had started before the upload: the new object is to have none of their labels.
        return Labels.OLDER_UPLOAD if ours in EXPECTED.values() else Labels.MIXED
    if scenario.other is Other.UPLOADING or ours == EXPECTED[scenario.tasks[0]]:
        return Labels.RIGHT
    if not ours:
        return Labels.NONE
    return Labels.OLDER_TASK if ours == EXPECTED["older"] else Labels.MIXED


def _others(scenario: Scenario, foreign: TagSet) -> Others:
    wanted: Mapping[Other | None, TagSet] = {
        None: BEFORE,
        Other.CAREFUL: {**BEFORE, **ADDED},
        Other.ADDING: {**BEFORE, **ADDED},
        Other.REPLACING: ADDED,
        Other.UPLOADING: UPLOADED_WITH,
    }
    if foreign == wanted[scenario.other]:
        return Others.KEPT
    return Others.UNDONE if foreign == BEFORE else Others.MIXED


def _forgot_what_it_read(scenario: Scenario, course: Course) -> bool:
    """Whether a handler has written other people's tags in any other way than it had read them.

    That they stand in the same order counts too.
    """
    return any(
        list(_foreign(write.read).items()) != list(_foreign(write.written).items())
        for write in course.writes
        if write.who in dict(scenario.handlers)
    )


def _foreign(tags: TagSet) -> TagSet:
    return {key: value for key, value in tags.items() if not _is_ours(key)}


def _is_ours(key: str) -> bool:
    return key == "imm" or key.startswith("imm_")


@cache
def _is_repaired(scenario: Scenario, left: tuple[tuple[str, str], ...], order: tuple[str, ...]) -> bool:
    storage = Model(dict(left))
    if scenario.other is Other.UPLOADING:
        storage.upload(dict(left))
    return _end(scenario, _delivered_again(storage, order)).labels is Labels.RIGHT


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
