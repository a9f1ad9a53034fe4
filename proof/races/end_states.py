"""What a race ended in: whose labels stand, and what became of the tags of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from imm_label_tags.tags.plan import TagSet
from proof.races.race import ADDED, UPLOADED_WITH, Course
from proof.races.scenario import Other, Scenario
from proof.races.storage import BEFORE, EXPECTED


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


@dataclass(frozen=True)
class End:
    """The end of one run."""

    labels: Labels
    others: Others

    @property
    def right(self) -> bool:
        """Whether the labels are right, and what the other one wrote stands."""
        return self.labels is Labels.RIGHT and self.others is Others.KEPT


def end_of(scenario: Scenario, tags: TagSet) -> End:
    """Classify the tag set that a race has left."""
    ours = {key: value for key, value in tags.items() if _is_ours(key)}
    return End(_labels(scenario, ours), _others(scenario, _foreign(tags)))


def forgot_what_it_read(scenario: Scenario, course: Course) -> bool:
    """Whether a handler has written other people's tags in any other way than it had read them.

    That they stand in the same order counts too.
    """
    return any(
        list(_foreign(write.read).items()) != list(_foreign(write.written).items())
        for write in course.writes
        if write.who in scenario.handlers
    )


def _labels(scenario: Scenario, ours: TagSet) -> Labels:
    if scenario.other is Other.UPLOADING and ours:
        # Both tasks had started before the upload: the new object is to have none of their labels.
        return Labels.OLDER_UPLOAD if ours in EXPECTED.values() else Labels.MIXED
    newest = min(scenario.handlers.values())
    if scenario.other is Other.UPLOADING or ours == EXPECTED[newest]:
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


def _foreign(tags: TagSet) -> TagSet:
    return {key: value for key, value in tags.items() if not _is_ours(key)}


def _is_ours(key: str) -> bool:
    return key == "imm" or key.startswith("imm_")
