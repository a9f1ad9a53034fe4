"""The tag set that an object should have: other people's tags kept, ours as the newest tasks want them.

Claims are met in a declared order: tags of others, provenance, then those of each kind of task; labels come
last, a user's rules before the labels from the best down. What has no place, or comes second for a key, is
dropped with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from imm_label_tags.events.imm_message import VIDEO_LABELS
from imm_label_tags.results.labels import Label, distinct, read_labels
from imm_label_tags.results.outcome import Dropped, DropReason, Status
from imm_label_tags.tags.charset import MAX_KEY_BYTES, MAX_TAGS, shorten
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.provenance import Provenance, room_for_entry
from imm_label_tags.tags.rules import NO_RULES, TagRules
from imm_label_tags.tags.value_template import ValueTemplate

TagSet = Mapping[str, str]


class Places:
    """The places of one object's tag set that others leave, given away claim by claim.

    ``tags`` has ours so far, ``dropped`` what was not met.
    """

    def __init__(self, namespace: str, room: int) -> None:
        self.tags: dict[str, str] = {}
        self.dropped: list[Dropped] = []
        self._namespace = namespace
        self._room = room

    def full(self, limit: int = MAX_TAGS) -> bool:
        """Whether no further claim can be met, or ours are as many as ``limit``."""
        return len(self.tags) >= min(self._room, limit)

    def key(self, name: str, source: str) -> str:
        """The key of a tag of ours. Long ones are cut, and stay apart by a digest of ``source``."""
        return shorten(f"{self._namespace}_{name}", MAX_KEY_BYTES, source)

    def claim(
        self, key: str, value: str, source: str, taken: Collection[str] = (), limit: int = MAX_TAGS
    ) -> None:
        """Give a tag a place, or drop its source: the label, or whatever else it is for."""
        if key in self.tags or key in taken:
            self.drop([source], DropReason.COLLISION)
        elif self.full(limit):
            self.drop([source], DropReason.LIMIT)
        else:
            self.tags[key] = value

    def drop(self, sources: Iterable[str], reason: DropReason) -> None:
        """Note what gets no tag."""
        self.dropped += [Dropped(source, reason) for source in sources]


class TaskKind(NamedTuple):
    """All that is particular to one kind of task.

    * ``task_type`` and ``action``: as IMM names the type, and the call that fetches the result.
    * ``name``: its entry's in the provenance: at most 16 of a-z, 0-9 and hyphens, the first a letter; "" for
      labels.
    * ``read`` gives what the task found, and ``source_uri`` the object where the result itself names it, else
      "", both from the SDK's model of the answer.
    * ``claim`` claims places for what was found, the best first; ``owns`` tells by a tag's key without the
      namespace and the underscore whether it is of this kind.
    """

    task_type: str
    action: str
    name: str
    read: Callable[[Any], Any]
    claim: Callable[[Any, Places], None]
    owns: Callable[[str], bool]
    source_uri: Callable[[Any], str] = lambda body: ""


class TagPlan(NamedTuple):
    """What to do: ``status`` is tagged (write ``tags``), unchanged, superseded or tag_limit."""

    status: Status
    tags: TagSet
    dropped: tuple[Dropped, ...] = ()


class TagScheme(NamedTuple):
    """Which tags are ours, and how labels become tags.

    ``namespace`` is the provenance tag's key and the prefix of all others. ``label_limit`` does not count the
    tags of rules. ``others`` are kinds of tasks beside labels, which claim their tags in this order.
    """

    namespace: str
    value: ValueTemplate
    naming: Naming
    minimum_confidence: float
    label_limit: int
    rules: TagRules = NO_RULES
    others: tuple[TaskKind, ...] = ()

    @property
    def kinds(self) -> tuple[TaskKind, ...]:
        """Every kind in the order of claims. Labels have the tags that are no other's."""
        labels = TaskKind(
            VIDEO_LABELS,
            "GetVideoLabelClassificationResult",
            name="",
            read=read_labels,
            claim=self._claim_labels,
            owns=lambda name: True,
        )
        return (*self.others, labels)

    def owns(self, key: str) -> bool:
        """Whether a tag is ours; every other one is somebody else's."""
        return key == self.namespace or key.startswith(f"{self.namespace}_")

    def key(self, name: str, source: str) -> str:
        """The key of a tag of ours for a label or a rule, which is its ``source``."""
        return Places(self.namespace, MAX_TAGS).key(name, source)

    def label_keys(self, labels: Iterable[Label]) -> list[tuple[str, Label]]:
        """Labels with their keys, in the order of these."""
        keyed = [(self.key(self.naming.write(label.name), label.name), label) for label in labels]
        return sorted(keyed, key=lambda pair: (pair[0], pair[1].name))

    def rule_keys(self) -> set[str]:
        """The keys of rules; no label may have one of them, whether its rule matches or not."""
        return {self.key(name, name) for name in self.rules.names}

    def in_documented_alphabet(self) -> TagScheme | None:
        """The same scheme with pinyin in place of raw names; None where it has none."""
        if self.naming.mode is not LabelNames.RAW:
            return None
        return self._replace(naming=self.naming.with_mode(LabelNames.PINYIN))

    def provenance(self, start: datetime, task_id: str, kind: str = "") -> Provenance:
        """A task of a kind as the provenance tag names it."""
        return Provenance.of_task(start, task_id, room_for_entry(kind, 1 + len(self.others)))

    def precompute_keys(self, found: Any, kind: str = "") -> None:
        """Have the keys ready that ``plan`` will need: spelling the first Chinese label takes some 10 ms."""
        for each in self.kinds:
            if each.name == kind:
                each.claim(found, Places(self.namespace, MAX_TAGS))

    def plan(self, current: TagSet, task: Provenance, found: Any, kind: str = "") -> TagPlan:
        """Plan an object's tag set from the one that it has, for what a task of a kind found.

        Foreign tags keep their order and values. Ours follow: the provenance, then those of each kind; of the
        others, what the object has already. The same input gives the same plan, and a plan that was carried
        out gives ``unchanged``.
        """
        recorded = current.get(self.namespace, "")
        newest = Provenance.parse(recorded, kind)
        if newest is not None and newest > task:
            return TagPlan(Status.SUPERSEDED, current)
        foreign = {key: value for key, value in current.items() if not self.owns(key)}
        room = MAX_TAGS - len(foreign)
        if room <= 0:
            return TagPlan(Status.TAG_LIMIT, current)
        places = Places(self.namespace, room)
        # With a single place left the best tag says more than where it came from.
        if room > 1:
            places.tags[self.namespace] = task.recorded(recorded, kind)
        left = [key for key in current if self.owns(key) and key != self.namespace]
        for each in self.kinds:
            its = [key for key in left if each.owns(key.removeprefix(f"{self.namespace}_"))]
            left = [key for key in left if key not in its]
            if each.name == kind:
                each.claim(found, places)
            else:
                for key in its:
                    places.claim(key, current[key], key)
        wanted = {**foreign, **places.tags}
        status = Status.UNCHANGED if wanted == dict(current) else Status.TAGGED
        return TagPlan(status, wanted, tuple(places.dropped))

    def _claim_labels(self, labels: tuple[Label, ...], places: Places) -> None:
        """Rules in their order, then labels by confidence, level (the specific first), CentricScore, key."""
        for name, value in self.rules.apply(labels, self.minimum_confidence):
            places.claim(places.key(name, name), value, f"{name}={value}")
        taken = self.rule_keys()
        limit = len(places.tags) + self.label_limit
        for equals in by_rank(distinct(labels)):
            if equals[0].confidence < self.minimum_confidence:
                places.drop((label.name for label in equals), DropReason.CONFIDENCE)
            elif places.full(limit):
                places.drop((label.name for label in equals), DropReason.LIMIT)
            else:
                for key, label in self.label_keys(equals):
                    places.claim(key, self.value.render(label, self.naming), label.name, taken, limit)


def by_rank(labels: list[Label]) -> Iterator[list[Label]]:
    """The labels from the best down, those of equal rank together.

    Only keys decide between equals, and finding keys can be slow: a group that has no place any more never
    needs them.
    """
    ordered = sorted(labels, key=lambda label: label.name)
    ordered.sort(key=lambda label: label.rank, reverse=True)
    for _, group in groupby(ordered, key=lambda label: label.rank):
        yield list(group)
