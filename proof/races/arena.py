"""Where a race takes place: the steps of all participants, and who is yet to write from what was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imm_label_tags.tags.plan import TagSet
from proof.races.scheduler import Run
from proof.races.storage import NO_LIMITS, Storage

READS, WRITES, ARRIVES = "reads", "writes", "arrives"


@dataclass(frozen=True)
class Write:
    """A tag set that somebody sent off, and the one that it was made from."""

    who: str
    read: TagSet
    written: TagSet


class Arena:
    """A storage with one run of steps. The methods are for the running thread, in whose name they act.

    With ``thorough`` every step is chosen. Without, those are not that touch nothing that another
    participant's step touches; they are taken as soon as they can be.
    """

    def __init__(self, storage: Storage, run: Run, thorough: bool) -> None:
        self.storage = storage
        self.writes: list[Write] = []
        self._run = run
        self.thorough = thorough
        self._read: dict[str, TagSet] = {}
        # By participant: when it read what it is yet to write from.
        self._opened: dict[str, int] = {}

    def step(self, what: str, *, alone: bool = False, possible: Callable[[], bool] = lambda: True) -> None:
        """Wait for one's turn; ``alone`` says that the step touches nothing of another's."""
        self._run.stop(what, silent=alone and not self.thorough, possible=possible)

    def read(self) -> TagSet:
        """Read the tags, as the next step."""
        self.step(READS)
        self._opened[self._run.who] = len(self._run.taken)
        tags = self._read[self._run.who] = self._tags()
        return tags

    def write(self, tags: TagSet) -> None:
        """Replace the tags by what was made of those that were read, as the next step."""
        self._send(tags)
        self._replace(tags)
        self.leave()

    def write_in_vain(self, tags: TagSet) -> None:
        """Send a write that is never carried out, as the next step."""
        self._send(tags)
        self.leave()

    def write_late(self, tags: TagSet) -> None:
        """Send a write as the next step; it is carried out in a step of its own, at any time from then on."""
        self._send(tags)
        name = f"{self._run.who}'s lost write"
        self._opened[name] = self._opened[self._run.who]
        self.leave()

        def arrive() -> None:
            self.step(ARRIVES)
            self._replace(tags)
            self.leave()

        self._run.start(name, arrive)

    def change(self, what: str, change: Callable[[TagSet], TagSet]) -> None:
        """Change the tags in a single step."""
        self.step(what)
        self._replace(change(self._tags()))

    def leave(self) -> None:
        """Say that nothing more will be written from what was read."""
        self._opened.pop(self._run.who, None)

    def all_written(self) -> Callable[[], bool]:
        """Tells, later, whether everybody has written who is between a reading and its write now."""
        now = set(self._opened.values())
        return lambda: now.isdisjoint(self._opened.values())

    def _send(self, tags: TagSet) -> None:
        self.step(WRITES)
        self.writes.append(Write(self._run.who, self._read[self._run.who], tags))

    def _tags(self) -> TagSet:
        return self.storage.objects.tags(self.storage.target, NO_LIMITS)

    def _replace(self, tags: TagSet) -> None:
        self.storage.objects.replace_tags(self.storage.target, tags, NO_LIMITS)
