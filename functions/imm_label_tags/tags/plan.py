"""The tag set that an object should have: other people's tags kept, ours as the newest task wants them.

Claims are met in a declared order: tags of others, provenance, a user's rules, labels from the best down.
What has no place, or comes second for a key, is dropped with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from imm_label_tags.results.labels import Label, distinct
from imm_label_tags.results.outcome import Dropped, DropReason, Status
from imm_label_tags.tags.charset import MAX_KEY_BYTES, MAX_TAGS, shorten
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.provenance import Provenance
from imm_label_tags.tags.rules import NO_RULES, TagRules
from imm_label_tags.tags.value_template import ValueTemplate

TagSet = Mapping[str, str]


class TagPlan(NamedTuple):
    """What to do: ``status`` is tagged (write ``tags``), unchanged, superseded or tag_limit."""

    status: Status
    tags: TagSet
    dropped: tuple[Dropped, ...] = ()


class TagScheme(NamedTuple):
    """Which tags are ours, and how labels become tags.

    ``namespace`` is the provenance tag's key and the prefix of all others. ``label_limit`` does not count the
    tags of rules.
    """

    namespace: str
    value: ValueTemplate
    naming: Naming
    minimum_confidence: float
    label_limit: int
    rules: TagRules = NO_RULES

    def owns(self, key: str) -> bool:
        """Whether a tag is ours; every other one is somebody else's."""
        return key == self.namespace or key.startswith(f"{self.namespace}_")

    def key(self, name: str, source: str) -> str:
        """The key of a tag of ours. Long ones are cut, and stay apart by a digest of ``source``."""
        return shorten(f"{self.namespace}_{name}", MAX_KEY_BYTES, source)

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

    def precompute_keys(self, labels: tuple[Label, ...]) -> None:
        """Have the keys ready that ``plan`` will need: spelling the first Chinese label takes some 10 ms."""
        _Places(MAX_TAGS).claim_all(self, labels)

    def plan(self, current: TagSet, task: Provenance, labels: tuple[Label, ...]) -> TagPlan:
        """Plan an object's tag set from the one that it has.

        Foreign tags keep their order and values. Ours follow: the provenance, then rules in their order, then
        labels by confidence, level (the specific first), CentricScore, key. The same input gives the same
        plan, and a plan that was carried out gives ``unchanged``.
        """
        newest = Provenance.parse(current.get(self.namespace, ""))
        if newest is not None and newest > task:
            return TagPlan(Status.SUPERSEDED, current)
        foreign = {key: value for key, value in current.items() if not self.owns(key)}
        room = MAX_TAGS - len(foreign)
        if room <= 0:
            return TagPlan(Status.TAG_LIMIT, current)
        places = _Places(room)
        # With a single place left the best tag says more than where it came from.
        if room > 1:
            places.tags[self.namespace] = str(task)
        places.claim_all(self, labels)
        wanted = {**foreign, **places.tags}
        status = Status.UNCHANGED if wanted == dict(current) else Status.TAGGED
        return TagPlan(status, wanted, tuple(places.dropped))


class _Places:
    """The places of one object's tag set that others leave, given away claim by claim.

    ``tags`` has ours so far, ``dropped`` what was not met.
    """

    def __init__(self, room: int) -> None:
        self.tags: dict[str, str] = {}
        self.dropped: list[Dropped] = []
        self._room = room

    def claim_all(self, scheme: TagScheme, labels: tuple[Label, ...]) -> None:
        """Claim places for what a task found, the best first."""
        for name, value in scheme.rules.apply(labels, scheme.minimum_confidence):
            self._claim(scheme.key(name, name), value, f"{name}={value}")
        reserved = scheme.rule_keys()
        last = len(self.tags) + scheme.label_limit
        for equals in by_rank(distinct(labels)):
            if equals[0].confidence < scheme.minimum_confidence:
                self._drop_all(equals, DropReason.CONFIDENCE)
            elif len(self.tags) >= min(self._room, last):
                self._drop_all(equals, DropReason.LIMIT)
            else:
                for key, label in scheme.label_keys(equals):
                    value = scheme.value.render(label, scheme.naming)
                    self._claim(key, value, label.name, taken=reserved, last=last)

    def _claim(
        self, key: str, value: str, source: str, taken: Iterable[str] = (), last: int = MAX_TAGS
    ) -> None:
        """Give a tag a place, or drop its source: the label, or whatever else it is for."""
        if key in self.tags or key in taken:
            self.dropped.append(Dropped(source, DropReason.COLLISION))
        elif len(self.tags) >= min(self._room, last):
            self.dropped.append(Dropped(source, DropReason.LIMIT))
        else:
            self.tags[key] = value

    def _drop_all(self, labels: list[Label], reason: DropReason) -> None:
        self.dropped += [Dropped(label.name, reason) for label in labels]


def by_rank(labels: list[Label]) -> Iterator[list[Label]]:
    """The labels from the best down, those of equal rank together.

    Only keys decide between equals, and finding keys can be slow: a group that has no place any more never
    needs them.
    """
    ordered = sorted(labels, key=lambda label: label.name)
    ordered.sort(key=lambda label: label.rank, reverse=True)
    for _, group in groupby(ordered, key=lambda label: label.rank):
        yield list(group)
