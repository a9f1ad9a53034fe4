"""Selects records, shows the plan, asks, does it, and tells what has become of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import click
from rich.console import Console

from cli.bulk import ListOnDisk, Progress, list_on_disk
from cli.cloud.calls import CallFailed
from cli.failed.groups import Groups
from cli.failed.replaying import End, Ended, Tally
from cli.failed.selection import Filter, read_kept
from cli.failed.showing import ends_document, show_groups, show_reasons
from cli.failed.store import Kept, Store
from cli.narration import counted, say
from cli.process import EXIT_INTERRUPTED, EndedBySignal, Interruption, leave

SHOWN_NAMES = 20
# How often it is looked whether Ctrl-C was pressed.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Deed:
    """What is done with records: ``verb``, ``done`` and ``finished`` name it, ``where`` goes on.

    ``act`` does it to a name and a version, in as many threads as ``concurrency`` says; a CallFailed that it
    raises concerns every record. ``stays`` gives the reason why a record is left out; empty for those that
    are not.
    """

    verb: str
    done: str
    finished: str
    where: str
    act: Callable[[str, str], Ended]
    concurrency: int
    stays: Callable[[Kept], str]


@dataclass
class Plan:
    """The records that were selected, by name and version; ``left_out`` counts the others, by the reason."""

    selection: ListOnDisk
    groups: Groups = field(default_factory=Groups)
    left_out: Counter[str] = field(default_factory=Counter)
    first_names: list[str] = field(default_factory=list)

    def fill(self, records: Iterable[Kept], stays: Callable[[Kept], str]) -> None:
        """Select the records for which ``stays`` has no reason why they are left out."""
        for kept in records:
            if reason := stays(kept):
                self.left_out[reason] += 1
                continue
            name, head = kept.listed
            self.selection.add([name, head.etag])
            self.groups.add_kept(kept)
            if len(self.first_names) < SHOWN_NAMES:
                self.first_names.append(name)


def carry_out(
    console: Console,
    store: Store,
    wanted: Filter,
    deed: Deed,
    *,
    dry_run: bool,
    agreed: bool,
    as_json: bool,
) -> int:
    """Do something with the records that are asked for; returns the exit status.

    ``as_json`` prints one document too, and asks on standard error.

    Raises NoSuchRecord, and CallFailed where the records or the function cannot be reached.
    """
    with list_on_disk() as selection:
        plan, run = Plan(selection), Run(console, deed)
        try:
            with console.status("Reading the records"):
                plan.fill(read_kept(store, wanted), deed.stays)
        except EndedBySignal as ended:
            console.print(f"Interrupted: nothing was {deed.done}.")
            return ended.status
        matching = len(selection) + plan.left_out.total()
        status = 0
        if not say_none(console, store, wanted, matching):
            _show_plan(console, store, plan, deed)
            if dry_run:
                console.print(f"\nNothing was {deed.done}.")
            elif selection:
                _ask(console, deed, len(selection), agreed=agreed, on_stderr=as_json)
                status = run.through(selection)
            if status == 0 and plan.left_out and not dry_run:
                status = 1
        if as_json:
            click.echo(ends_document(store, matching, plan.left_out, run.tally, dry_run=dry_run))
        if run.running:
            leave(console.file)
        if run.failure is not None:
            raise run.failure
        return status


def say_none(console: Console, store: Store, wanted: Filter, found: int) -> bool:
    """Say so where there is no record; returns whether that is so."""
    if not found:
        which = "There are no records" if wanted.takes_everything else "No record meets the conditions"
        say(console, f"{which} under {store.place.uri}.")
    return not found


def _show_plan(console: Console, store: Store, plan: Plan, deed: Deed) -> None:
    count = len(plan.selection)
    say(console, f"To be {deed.done}{deed.where}, from {store.place.uri}: {counted(count, 'record')}")
    if count:
        console.print()
        show_groups(console, plan.groups)
        console.print()
    for name in plan.first_names:
        say(console, f"  {name}")
    if count > len(plan.first_names):
        console.print(f"  and {count - len(plan.first_names):,} more")
    for reason, number in plan.left_out.items():
        say(console, f"{counted(number, 'record')} left out: {reason}.", "yellow")


def _ask(console: Console, deed: Deed, count: int, *, agreed: bool, on_stderr: bool) -> None:
    console.print()
    if not agreed:
        question = f"{deed.verb.capitalize()} {counted(count, 'record')}{deed.where}?"
        click.confirm(question, abort=True, err=on_stderr)
        console.print()


class Run:
    """The work on a selection. ``failure`` is what would keep every other record from being worked on."""

    def __init__(self, console: Console, deed: Deed) -> None:
        self._console = console
        self._deed = deed
        self._running: set[Future[Ended]] = set()
        self.tally = Tally()
        self.failure: CallFailed | None = None

    @property
    def running(self) -> int:
        """How many have not ended; none afterwards, unless the user did not wait for them."""
        return len(self._running)

    def through(self, selection: ListOnDisk) -> int:
        """Work on all records, until Ctrl-C; what was begun is waited for. Returns the exit status."""
        total, tally = len(selection), self.tally

        def said() -> tuple[str, str]:
            return f"{tally.ends[End.REMOVED]:,} removed", f"{tally.ends[End.STAYS]:,} stay"

        with (
            Interruption() as interruption,
            Progress(lambda: [(tally.ends.total(), total)], said, console=self._console),
        ):
            self._work_on(selection, interruption)
        self._show_ends(total)
        if interruption.asked_to_stop:
            return EXIT_INTERRUPTED
        return 1 if tally.ends[End.STAYS] else 0

    def _work_on(self, selection: ListOnDisk, interruption: Interruption) -> None:
        executor = ThreadPoolExecutor(self._deed.concurrency, thread_name_prefix="record")
        try:
            for name, etag in selection:
                self._collect(self._deed.concurrency - 1, interruption)
                if interruption.asked_to_stop or self.failure is not None:
                    break
                self._running.add(executor.submit(self._deed.act, name, etag))
            self._collect(0, interruption)
        finally:
            executor.shutdown(wait=False)

    def _collect(self, most: int, interruption: Interruption) -> None:
        """Wait until at most so many run, unless the user does not even want that."""
        told = False
        while len(self._running) > most and not interruption.asked_to_leave:
            done, self._running = wait(self._running, _LOOK_SECONDS, FIRST_COMPLETED)
            for future in done:
                try:
                    self.tally.add(future.result())
                except CallFailed as failure:
                    self.failure = self.failure or failure
            if interruption.asked_to_stop and not told:
                most, told = 0, True
                self._console.print(
                    f"Interrupted: nothing more is begun, waiting for {self.running}. Ctrl-C again leaves "
                    "at once."
                )

    def _show_ends(self, total: int) -> None:
        console, deed, tally = self._console, self._deed, self.tally
        removed, gone, stay = (counted(tally.ends[end], "record") for end in End)
        outcomes = ", ".join(f"{count:,} {status}" for status, count in tally.statuses.most_common())
        style = "bold green" if tally.ends[End.REMOVED] else ""
        say(console, f"{removed} {deed.finished}{f': {outcomes}' if outcomes else ''}.", style)
        if tally.ends[End.GONE]:
            console.print(f"{gone} had been removed by somebody else.")
        if self.running:
            left = counted(self.running, "record")
            console.print(f"{left} left while being {deed.done}: each stays unless it has just ended.")
        if rest := total - tally.ends.total() - self.running:
            console.print(f"{counted(rest, 'record')} not {deed.done}.")
        if number := tally.ends[End.STAYS]:
            say(console, f"{stay} stay{'s' if number == 1 else ''}:", "bold red")
            console.print()
            show_reasons(console, tally.stayed, tally.examples)
