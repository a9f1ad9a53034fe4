"""The tags of a video's labels: those that a user's rules ask for, then the best labels themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from imm_label_tags.results.labels import Label, distinct
from imm_label_tags.results.outcome import DropReason
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.plan import Places
from imm_label_tags.tags.rules import NO_RULES, TagRules
from imm_label_tags.tags.value_template import ValueTemplate


class LabelTags(NamedTuple):
    """How labels become tags. ``label_limit`` does not count the tags of rules."""

    value: ValueTemplate
    naming: Naming
    minimum_confidence: float
    label_limit: int
    rules: TagRules = NO_RULES

    @property
    def name(self) -> str:
        """Labels came first: their entry in the provenance has no name."""
        return ""

    def owns(self, name: str) -> bool:
        """Labels are called anything."""
        return True

    def in_documented_alphabet(self) -> LabelTags | None:
        """Pinyin in place of raw names."""
        if self.naming.mode is not LabelNames.RAW:
            return None
        return self._replace(naming=self.naming.with_mode(LabelNames.PINYIN))

    def claim(self, found: tuple[Label, ...], places: Places) -> None:
        """Rules in their order, then labels by confidence, level (the specific first), CentricScore, key."""
        for name, value in self.rules.apply(found, self.minimum_confidence):
            places.claim(places.key(name, name), value, f"{name}={value}")
        self._claim_labels(distinct(found), places)

    def _claim_labels(self, labels: list[Label], places: Places) -> None:
        reserved = {places.key(name, name) for name in self.rules.names}
        left = self.label_limit
        for equals in by_rank(labels):
            if equals[0].confidence < self.minimum_confidence:
                for label in equals:
                    places.drop(label.name, DropReason.CONFIDENCE)
            elif places.full or left <= 0:
                for label in equals:
                    places.drop(label.name, DropReason.LIMIT)
            else:
                left -= self._claim_equals(equals, places, reserved, left)

    def _claim_equals(self, equals: list[Label], places: Places, reserved: set[str], left: int) -> int:
        """Claim places for labels of one rank; returns how many got one."""
        got = 0
        keyed = ((places.key(self.naming.write(label.name), label.name), label) for label in equals)
        for key, label in sorted(keyed, key=lambda pair: (pair[0], pair[1].name)):
            if key in reserved or key in places.tags:
                places.drop(label.name, DropReason.COLLISION)
            elif places.full or got >= left:
                places.drop(label.name, DropReason.LIMIT)
            else:
                places.claim(key, self.value.render(label, self.naming), label.name)
                got += 1
        return got


def by_rank(labels: list[Label]) -> Iterator[list[Label]]:
    """The labels from the best down, those of equal rank together.

    Only keys decide between equals, and finding keys can be slow: a group that has no place any more never
    needs them.
    """
    ordered = sorted(labels, key=lambda label: label.name)
    ordered.sort(key=lambda label: label.rank, reverse=True)
    for _, group in groupby(ordered, key=lambda label: label.rank):
        yield list(group)
