"""The objects of a bucket that a backfill goes through, in the order of their keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from cli.cloud.calls import CallFailed
from cli.cloud.objects import Objects
from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.target import ObjectHead, TargetObject

LISTED_IN = "deploy/policies/backfill.json"


class ListedObject(NamedTuple):
    """An object as a list has it.

    ``names`` are the objects that may be meant, the most likely one first; none where it cannot be addressed
    safely. With ``past`` the list was written some time ago, and the object may be another by now.
    """

    names: tuple[TargetObject, ...]
    head: ObjectHead
    past: bool = False


class ObjectList(Protocol):
    """Objects to go through."""

    def __iter__(self) -> Iterator[ListedObject]:
        """Each object. Raises Problem."""

    def count(self) -> None:
        """Prepare to say how many there are, beside whoever goes through them."""

    def total(self, found: int) -> int | None:
        """How many there are in all, where ``found`` have been gone through; None where that is not known."""


class BucketObjects:
    """The objects of a bucket whose keys begin with a prefix."""

    def __init__(self, objects: Objects, bucket: str, prefix: str) -> None:
        self._objects = objects
        self._bucket = bucket
        self._prefix = prefix
        self._counted: int | None = None

    def __iter__(self) -> Iterator[ListedObject]:
        for key, head in self._objects.listed(self._bucket, self._prefix):
            yield ListedObject(addressable(self._bucket, key), head)

    def count(self) -> None:
        """List them another time, which is far quicker than to go through them."""
        threading.Thread(target=self._count, name="counting", daemon=True).start()

    def total(self, found: int) -> int | None:
        """How many there are, once they are counted."""
        return None if self._counted is None else max(found, self._counted)

    def _count(self) -> None:
        try:
            self._counted = sum(1 for _ in self._objects.listed(self._bucket, self._prefix))
        except CallFailed:
            # Whoever goes through them meets it too, and tells it.
            return


def addressable(bucket: str, *keys: str) -> tuple[TargetObject, ...]:
    """Those of some keys that can be addressed, each once."""
    targets = []
    for key in dict.fromkeys(keys):
        try:
            targets.append(TargetObject.from_uri(f"oss://{bucket}/{key}"))
        except TargetUnknown:
            continue
    return tuple(targets)
