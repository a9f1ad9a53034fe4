"""What a flood consists of: how much of everything, and the seed that decides the rest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FloodPlan:
    """The numbers of one flood.

    ``notifications`` counts deliveries: of the ``distinct`` tasks' notifications, the share ``duplicates`` is
    delivered twice. ``faults`` is the share of the function's remote calls that go wrong, ``kills`` how many
    instances are killed in the middle of their work. ``second_look`` (seconds, 0 for none) is the function's
    setting SECOND_LOOK_SECONDS. ``overlapping`` lets two tasks of one object be on their way at the same
    time; ``long_waits`` has services that do not answer at all, each of which costs the function its whole
    patience with a call.
    """

    notifications: int
    objects: int
    instances: int
    faults: float
    duplicates: float
    kills: int
    second_look: float
    seed: int
    overlapping: bool = True
    long_waits: bool = True

    @property
    def distinct(self) -> int:
        """How many tasks there are; every one has its own notification."""
        return round(self.notifications / (1 + self.duplicates))

    @property
    def backlog(self) -> int:
        """How many deliveries may be on their way at the same time."""
        return 4 * self.instances

    @property
    def repeated(self) -> int:
        """How many deliveries are a second one."""
        return self.notifications - self.distinct
