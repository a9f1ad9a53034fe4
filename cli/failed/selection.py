"""Which records a command is about, read many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from cli.bulk import side_by_side
from cli.cloud.calls import CallFailed
from cli.failed.store import Kept, Listed, Record, Span, Store, Unreadable, is_record
from cli.problems import Problem

READERS = 16
# So many are read ahead of the one that is looked at.
_AHEAD = 4 * READERS
# A lifecycle rule may have moved old records to a storage class that has to be restored before it is read.
_ARCHIVED = "InvalidObjectState"


class NoSuchRecord(Problem):
    """A record that was named is not there."""

    def __init__(self, name: str, place: str) -> None:
        super().__init__(
            f"There is no record {name} under {place}. It may have been replayed or dropped already; "
            "`imm-label-tags failed list --records` shows the names."
        )


@dataclass(frozen=True)
class Filter:
    """What is asked for: every record that meets all of the conditions.

    Empty ``errors`` and ``tasks`` are no conditions. ``names`` are names of records, request ids or URIs; if
    there are any, only those are looked at.
    """

    errors: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    span: Span = field(default_factory=Span)
    names: tuple[str, ...] = ()

    @property
    def takes_everything(self) -> bool:
        """Whether there is no condition."""
        return self == Filter()

    def takes(self, kept: Kept) -> bool:
        """Whether a record meets the conditions; one that cannot be read has neither error nor task."""
        if not self.span.holds(kept.moment):
            return False
        if isinstance(kept, Record):
            return (not self.errors or kept.failed.error in self.errors) and (
                not self.tasks or any(task.task_id in self.tasks for task in kept.tasks)
            )
        return not self.errors and not self.tasks


def named(store: Store, names: Iterable[str]) -> list[Listed]:
    """The records of some names, each once.

    Raises NoSuchRecord for a name that no record has, and CallFailed.
    """
    found: dict[str, Listed] = {}
    ids: dict[str, str] = {}
    for given in names:
        name = given.removeprefix(f"{store.place.uri}/")
        name = name if name.endswith(".json") else f"{name}.json"
        if "/" not in name:
            ids[name.removesuffix(".json")] = given
            continue
        listed = store.find(name) if is_record(name) else None
        if listed is None:
            raise NoSuchRecord(given, store.place.uri)
        found[listed.name] = listed
    if ids:
        # A request id does not tell the date.
        of_ids = [listed for listed in store.list() if listed.request_id in ids]
        for missing in ids.keys() - {listed.request_id for listed in of_ids}:
            raise NoSuchRecord(ids[missing], store.place.uri)
        found |= {listed.name: listed for listed in of_ids}
    return list(found.values())


def read_kept(store: Store, wanted: Filter) -> Iterator[Kept]:
    """Every record that meets the conditions, as soon as it and all before it are read.

    One that is gone was replayed or dropped since it was listed. Raises NoSuchRecord and CallFailed.
    """
    listed = named(store, wanted.names) if wanted.names else store.list(wanted.span)
    for kept in side_by_side(partial(_read, store), listed, READERS, _AHEAD):
        if kept is not None and wanted.takes(kept):
            yield kept


def _read(store: Store, listed: Listed) -> Kept | None:
    try:
        return store.read(listed.name)
    except CallFailed as failure:
        if failure.code != _ARCHIVED:
            raise
        return Unreadable(listed, "It is archived: restore the object first.")
