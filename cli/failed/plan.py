"""Which records a command is going to change, known in full before it changes any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cli.failed.groups import Groups
from cli.failed.record import Kept
from cli.failed.selection import Selection

SHOWN_NAMES = 20


@dataclass
class Plan:
    """The records that were selected; ``left_out`` counts those that match but stay, by the reason."""

    selection: Selection
    groups: Groups = field(default_factory=Groups)
    left_out: Counter[str] = field(default_factory=Counter)
    first_names: list[str] = field(default_factory=list)

    @property
    def matching(self) -> int:
        """How many records meet the conditions."""
        return len(self.selection) + self.left_out.total()

    def add(self, kept: Kept) -> None:
        """Select a record."""
        self.selection.add(kept.listed)
        self.groups.add_kept(kept)
        if len(self.first_names) < SHOWN_NAMES:
            self.first_names.append(kept.listed.name)


def make_plan(selection: Selection, kept: Iterable[Kept], stays: Callable[[Kept], str]) -> Plan:
    """Select the records for which ``stays`` has no reason why they are left out."""
    plan = Plan(selection)
    for each in kept:
        reason = stays(each)
        if reason:
            plan.left_out[reason] += 1
        else:
            plan.add(each)
    return plan
