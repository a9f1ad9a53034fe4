"""The tag set that an object should have: other people's tags kept, ours as the newest task wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from imm_label_tags.alphabet import MAX_KEY_BYTES, MAX_TAGS, shorten
from imm_label_tags.labels import Label, distinct
from imm_label_tags.naming import LabelNames, Naming
from imm_label_tags.outcome import Dropped, DropReason, Status
from imm_label_tags.provenance import Provenance
from imm_label_tags.tag_value import ValueTemplate

TagSet = Mapping[str, str]


class TagScheme(NamedTuple):
    """How labels become tags. ``namespace`` is the provenance tag's key and the label tags' prefix."""

    namespace: str
    value: ValueTemplate
    naming: Naming
    minimum_confidence: float
    label_limit: int

    def owns(self, key: str) -> bool:
        """Whether a tag is ours; every other one is somebody else's."""
        return key == self.namespace or key.startswith(f"{self.namespace}_")

    def key(self, label: Label) -> str:
        """The key of a label's tag. Labels that were cut stay apart by their digests."""
        return shorten(f"{self.namespace}_{self.naming.write(label.name)}", MAX_KEY_BYTES, label.name)

    def work_out_names(self, labels: tuple[Label, ...]) -> None:
        """Have the names of the labels that may become tags ready: the first can take a third of a second."""
        _choose(labels, MAX_TAGS, self)

    def with_names(self, mode: LabelNames) -> TagScheme:
        """The same scheme with another way to write labels that OSS cannot hold."""
        return TagScheme(
            self.namespace,
            self.value,
            self.naming.with_mode(mode),
            self.minimum_confidence,
            self.label_limit,
        )


class TagPlan(NamedTuple):
    """What to do: ``status`` is tagged (write ``tags``), unchanged, superseded or tag_limit."""

    status: Status
    tags: TagSet
    dropped: tuple[Dropped, ...] = ()


def plan_tags(current: TagSet, task: Provenance, labels: tuple[Label, ...], scheme: TagScheme) -> TagPlan:
    """Plan an object's tag set from the one that it has.

    Foreign tags keep their order and values. Ours follow: the provenance, then the labels from the best
    down. The same input gives the same plan, and a plan that was carried out gives ``unchanged``.
    """
    recorded = Provenance.parse(current.get(scheme.namespace, ""))
    if recorded is not None and recorded > task:
        return TagPlan(Status.SUPERSEDED, current)
    foreign = {key: value for key, value in current.items() if not scheme.owns(key)}
    free = MAX_TAGS - len(foreign)
    if free <= 0:
        return TagPlan(Status.TAG_LIMIT, current)
    # With a single place left the best label says more than where it came from.
    provenance = {scheme.namespace: str(task)} if free > 1 else {}
    room = min(scheme.label_limit, free - len(provenance))
    label_tags, dropped = _choose(labels, room, scheme)
    wanted = {**foreign, **provenance, **label_tags}
    status = Status.UNCHANGED if wanted == dict(current) else Status.TAGGED
    return TagPlan(status, wanted, dropped)


def _choose(
    labels: tuple[Label, ...], room: int, scheme: TagScheme
) -> tuple[dict[str, str], tuple[Dropped, ...]]:
    tags: dict[str, str] = {}
    dropped: list[Dropped] = []
    for equals in _by_rank(distinct(labels)):
        if equals[0].confidence < scheme.minimum_confidence:
            dropped.extend(Dropped(label.name, DropReason.CONFIDENCE) for label in equals)
        elif len(tags) >= room:
            dropped.extend(Dropped(label.name, DropReason.LIMIT) for label in equals)
        else:
            dropped.extend(_add(tags, equals, room, scheme))
    return tags, tuple(dropped)


def _by_rank(labels: list[Label]) -> Iterator[list[Label]]:
    """The labels from the best down, those of equal rank together.

    Only names decide between equals, and finding names can be slow: a group that has no place any more
    never needs them.
    """
    ordered = sorted(labels, key=lambda label: label.name)
    ordered.sort(key=lambda label: label.rank, reverse=True)
    for _, group in groupby(ordered, key=lambda label: label.rank):
        yield list(group)


def _add(tags: dict[str, str], equals: list[Label], room: int, scheme: TagScheme) -> Iterator[Dropped]:
    for key, label in sorted(((scheme.key(label), label) for label in equals), key=_key_then_label):
        if key in tags:
            yield Dropped(label.name, DropReason.COLLISION)
        elif len(tags) >= room:
            yield Dropped(label.name, DropReason.LIMIT)
        else:
            tags[key] = scheme.value.render(label, scheme.naming)


def _key_then_label(keyed: tuple[str, Label]) -> tuple[str, str]:
    key, label = keyed
    return key, label.name
