"""Many records, read at the same time, in the order of their names."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from cli.cloud.calls import CallFailed
from cli.failed.record import Kept, Listed, Unreadable
from cli.failed.selection import Filter, candidates
from cli.failed.store import Store

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
