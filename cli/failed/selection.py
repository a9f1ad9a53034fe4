"""Which records a command is about, read many at a time, and the list of them, however long."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from cli.cloud.calls import CallFailed
from cli.failed.record import Kept, Listed, Record, Unreadable, is_record
from cli.failed.span import Span
from cli.failed.store import Store
from cli.problems import Problem


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
        return not (self.errors or self.tasks or self.names) and self.span.open

    def takes(self, kept: Kept) -> bool:
        """Whether a record meets the conditions; one that cannot be read has neither error nor task."""
        if not self.span.holds(kept.moment):
            return False
        if isinstance(kept, Record):
            return (not self.errors or kept.failed.error in self.errors) and (
                not self.tasks or any(task.task_id in self.tasks for task in kept.tasks)
            )
        return not self.errors and not self.tasks


def candidates(store: Store, wanted: Filter) -> Iterator[Listed]:
    """The records that may meet the conditions, before they are read.

    Raises NoSuchRecord and CallFailed.
    """
    return iter(named(store, wanted.names)) if wanted.names else store.list(wanted.span)


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
        of_ids = [listed for listed in store.list(Span()) if listed.request_id in ids]
        for missing in ids.keys() - {listed.request_id for listed in of_ids}:
            raise NoSuchRecord(ids[missing], store.place.uri)
        found |= {listed.name: listed for listed in of_ids}
    return list(found.values())


class Selection:
    """Records that were selected, in a file: there may be more than fit into memory."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Name and version of each; nothing may be added meanwhile."""
        self._file.seek(0)
        for line in self._file:
            name, etag = json.loads(line)
            yield name, etag

    def add(self, listed: Listed) -> None:
        """Select a record in the version that was looked at."""
        self._file.write(json.dumps([listed.name, listed.etag]) + "\n")
        self._count += 1


@contextmanager
def new_selection() -> Iterator[Selection]:
    """An empty selection, in a file that is gone afterwards."""
    with TemporaryFile("w+", encoding="utf-8") as file:
        yield Selection(file)


READERS = 16
# So many are read ahead of the one that is looked at.
_AHEAD = 4 * READERS
# A lifecycle rule may have moved old records to a storage class that has to be restored before it is read.
_ARCHIVED = "InvalidObjectState"


def read_kept(store: Store, wanted: Filter) -> Iterator[Kept]:
    """Every record that meets the conditions, as soon as it and all before it are read.

    Raises NoSuchRecord and CallFailed.
    """
    executor = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
    reading: deque[Future[Kept | None]] = deque()
    try:
        for listed in candidates(store, wanted):
            reading.append(executor.submit(_read, store, listed))
            if len(reading) >= _AHEAD:
                yield from _taken(reading.popleft(), wanted)
        while reading:
            yield from _taken(reading.popleft(), wanted)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _taken(future: Future[Kept | None], wanted: Filter) -> Iterator[Kept]:
    kept = future.result()
    # One that is gone was replayed or dropped since it was listed.
    if kept is not None and wanted.takes(kept):
        yield kept


def _read(store: Store, listed: Listed) -> Kept | None:
    try:
        return store.read(listed.name)
    except CallFailed as failure:
        if failure.code != _ARCHIVED:
            raise
        return Unreadable(listed, "It is archived: restore the object first.")
