"""The tag set that an object should have: other people's tags kept, ours as the newest tasks want them.

Claims are met in a declared order: tags of others, provenance, then those of each kind of task. What has no
place, or comes second for a key, is dropped with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from imm_label_tags.results.outcome import Dropped, DropReason, Status
from imm_label_tags.tags.charset import MAX_KEY_BYTES, MAX_TAGS, shorten
from imm_label_tags.tags.provenance import Provenance, Provenances, room_for_entry

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

    @property
    def full(self) -> bool:
        """Whether no further claim can be met."""
        return len(self.tags) >= self._room

    def key(self, name: str, source: str) -> str:
        """The key of a tag of ours. Long ones are cut, and stay apart by a digest of ``source``."""
        return shorten(f"{self._namespace}_{name}", MAX_KEY_BYTES, source)

    def claim(self, key: str, value: str, source: str) -> None:
        """Give the tag a place, or drop its source: the label, or whatever else it is for."""
        if key in self.tags:
            self.drop(source, DropReason.COLLISION)
        elif self.full:
            self.drop(source, DropReason.LIMIT)
        else:
            self.tags[key] = value

    def drop(self, source: str, reason: DropReason) -> None:
        """Note what gets no tag."""
        self.dropped.append(Dropped(source, reason))


class TagKind(Protocol):
    """The tags that one kind of task leads to. ``name`` is its entry's in the provenance, "" for labels."""

    @property
    def name(self) -> str:
        """At most 16 of a-z, 0-9 and hyphens, the first a letter; "" for labels."""

    def owns(self, name: str) -> bool:
        """Whether a tag is of this kind: its key without the namespace and the underscore."""

    def claim(self, found: Any, places: Places) -> None:
        """Claim places for what a task found, the best first."""

    def in_documented_alphabet(self) -> TagKind | None:
        """The same kind keeping to OSS's documented alphabet; None where it does already."""


class TagPlan(NamedTuple):
    """What to do: ``status`` is tagged (write ``tags``), unchanged, superseded or tag_limit."""

    status: Status
    tags: TagSet
    dropped: tuple[Dropped, ...] = ()


class TagScheme(NamedTuple):
    """Which tags are ours, and in which order they are claimed.

    ``namespace`` is the provenance tag's key and the prefix of all others. The last of ``kinds`` has the
    tags that are no other's.
    """

    namespace: str
    kinds: tuple[TagKind, ...]

    def owns(self, key: str) -> bool:
        """Whether a tag is ours; every other one is somebody else's."""
        return key == self.namespace or key.startswith(f"{self.namespace}_")

    def provenance(self, kind: str, start: datetime, task_id: str) -> Provenance:
        """A task of a kind as the provenance tag names it."""
        return Provenance.of_task(start, task_id, room_for_entry(kind, len(self.kinds)))

    def in_documented_alphabet(self) -> TagScheme | None:
        """The same scheme keeping to OSS's documented alphabet; None where it does already."""
        kinds = tuple(kind.in_documented_alphabet() for kind in self.kinds)
        if not any(kinds):
            return None
        return TagScheme(
            self.namespace, tuple(new or old for new, old in zip(kinds, self.kinds, strict=True))
        )

    def precompute_keys(self, kind: str, found: Any) -> None:
        """Have the keys ready that ``plan`` will need: spelling the first Chinese label takes some 10 ms."""
        self._kind(kind).claim(found, Places(self.namespace, MAX_TAGS))

    def plan(self, current: TagSet, kind: str, task: Provenance, found: Any) -> TagPlan:
        """Plan an object's tag set from the one that it has.

        Foreign tags keep their order and values. Ours follow: the provenance, then those of each kind. The
        same input gives the same plan, and a plan that was carried out gives ``unchanged``.
        """
        recorded = Provenances.parse(current.get(self.namespace, ""))
        newest = recorded.of(kind)
        if newest is not None and newest > task:
            return TagPlan(Status.SUPERSEDED, current)
        foreign = {key: value for key, value in current.items() if not self.owns(key)}
        room = MAX_TAGS - len(foreign)
        if room <= 0:
            return TagPlan(Status.TAG_LIMIT, current)
        places = Places(self.namespace, room)
        # With a single place left the best tag says more than where it came from.
        if room > 1:
            places.tags[self.namespace] = str(recorded.replace(kind, task))
        for each in self.kinds:
            if each.name == kind:
                each.claim(found, places)
            else:
                self._claim_again(current, each, places)
        wanted = {**foreign, **places.tags}
        status = Status.UNCHANGED if wanted == dict(current) else Status.TAGGED
        return TagPlan(status, wanted, tuple(places.dropped))

    def _claim_again(self, current: TagSet, kind: TagKind, places: Places) -> None:
        """What another kind has on the object already."""
        for key, value in current.items():
            if self.owns(key) and key != self.namespace and self._kind_of(key) is kind:
                places.claim(key, value, key)

    def _kind_of(self, key: str) -> TagKind:
        name = key[len(self.namespace) + 1 :]
        return next((kind for kind in self.kinds if kind.owns(name)), self.kinds[-1])

    def _kind(self, name: str) -> TagKind:
        return next(kind for kind in self.kinds if kind.name == name)
