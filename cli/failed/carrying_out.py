"""Selects records, shows the plan, asks, does it, and tells what has become of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.text import Text

from cli.failed.documents import ends_document
from cli.failed.groups import Groups
from cli.failed.progress import Advance, Tally
from cli.failed.record import Kept
from cli.failed.selection import Filter, Selection, new_selection, read_kept
from cli.failed.store import Store
from cli.failed.tables import records, show_groups, show_reasons
from cli.failed.work import End, Ended, Work
from cli.signals import EXIT_INTERRUPTED, EndedBySignal, Interruption, leave

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


@dataclass(frozen=True)
class Deed:
    """What is done with records: ``verb``, ``done`` and ``finished`` name it, ``where`` goes on.

    ``act`` does it to one, in as many threads as ``concurrency`` says.
    ``stays`` gives the reason why a record is left out; empty for those that are not.
    """

    verb: str
    done: str
    finished: str
    where: str
    act: Callable[[str, str], Ended]
    concurrency: int
    stays: Callable[[Kept], str]


def carry_out(
    console: Console,
    store: Store,
    wanted: Filter,
    deed: Deed,
    *,
    dry_run: bool,
    agreed: bool,
    as_json: bool = False,
) -> int:
    """Do something with the records that are asked for; returns the exit status.

    ``as_json`` prints one document too, and asks on standard error.

    Raises NoSuchRecord, and CallFailed where the records or the function cannot be reached.
    """
    with new_selection() as selection:
        try:
            with console.status("Reading the records"):
                plan = make_plan(selection, read_kept(store, wanted), deed.stays)
        except EndedBySignal as ended:
            console.print(f"Interrupted: nothing was {deed.done}.")
            return ended.status

        def tell(tally: Tally) -> None:
            if as_json:
                click.echo(ends_document(store, plan.matching, plan.left_out, tally, dry_run=dry_run))

        if say_none(console, store, wanted, plan.matching):
            tell(Tally())
            return 0
        _show_plan(console, store, plan, deed)
        if dry_run:
            console.print(f"\nNothing was {deed.done}.")
            tell(Tally())
            return 0
        if not selection:
            tell(Tally())
            return 1
        if not agreed:
            console.print()
            question = f"{deed.verb.capitalize()} {records(len(selection))}{deed.where}?"
            click.confirm(question, abort=True, err=as_json)
        console.print()
        return _work_through(console, plan, deed, tell)


def say_none(console: Console, store: Store, wanted: Filter, found: int) -> bool:
    """Say so where there is no record; returns whether that is so."""
    if not found:
        which = "There are no records" if wanted.takes_everything else "No record meets the conditions"
        console.print(Text(f"{which} under {store.place.uri}."), soft_wrap=True)
    return not found


def _show_plan(console: Console, store: Store, plan: Plan, deed: Deed) -> None:
    count = len(plan.selection)
    head = f"To be {deed.done}{deed.where}, from {store.place.uri}: {records(count)}"
    console.print(Text(head), soft_wrap=True)
    if count:
        console.print()
        show_groups(console, plan.groups)
        console.print()
    for name in plan.first_names:
        console.print(Text(f"  {name}"), soft_wrap=True)
    if count > len(plan.first_names):
        console.print(f"  and {count - len(plan.first_names):,} more")
    for reason, number in plan.left_out.items():
        console.print(Text(f"{records(number)} left out: {reason}.", "yellow"), soft_wrap=True)


def _work_through(console: Console, plan: Plan, deed: Deed, tell: Callable[[Tally], None]) -> int:
    tally = Tally()
    advance = Advance(console, len(plan.selection))

    def observe(ended: Ended) -> None:
        tally.add(ended)
        advance.show(tally)

    def interrupted(running: int) -> None:
        waiting = f"waiting for {running}" if running else "nothing runs any more"
        console.print(f"Interrupted: nothing more is begun, {waiting}. Ctrl-C again leaves at once.")

    with Interruption() as interruption:
        work = Work(deed.act, deed.concurrency, interruption, observe=observe, interrupted=interrupted)
        with advance:
            work.run(plan.selection)
        _show_ends(console, plan, deed, tally, work.running)
        tell(tally)
        if work.running:
            leave(console.file)
        if work.failure is not None:
            raise work.failure
        if interruption.asked_to_stop:
            return EXIT_INTERRUPTED
    return 1 if tally.ends[End.STAYS] or plan.left_out else 0


def _show_ends(console: Console, plan: Plan, deed: Deed, tally: Tally, running: int) -> None:
    removed, gone, stay = (tally.ends[end] for end in (End.REMOVED, End.GONE, End.STAYS))
    outcomes = ", ".join(f"{count:,} {status}" for status, count in tally.statuses.most_common())
    console.print(
        Text(f"{records(removed)} {deed.finished}", "bold green" if removed else "")
        + Text(f": {outcomes}." if outcomes else "."),
        soft_wrap=True,
    )
    if gone:
        console.print(f"{records(gone)} had been removed by somebody else.")
    if running:
        console.print(
            f"{records(running)} left while being {deed.done}: each stays unless it has just ended."
        )
    rest = len(plan.selection) - tally.count - running
    if rest:
        console.print(f"{records(rest)} not {deed.done}.")
    if stay:
        console.print(Text(f"{records(stay)} stay{'s' if stay == 1 else ''}:\n", "bold red"))
        show_reasons(console, tally.stayed, tally.examples)
