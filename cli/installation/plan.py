"""What a command is going to do: known in full before it does anything, shown, agreed to, done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from cli.cloud.calls import CallFailed
from cli.narration import counted, print_table


class State(str, Enum):
    """What becomes of one thing."""

    PRESENT = "present"
    CREATE = "create"
    REMOVE = "remove"
    LEFT = "left as it is"
    ABSENT = "not there"
    ELSEWHERE = "not made here"
    NOT_CHECKED = "not checked"
    PROBLEM = "in the way"


@dataclass(frozen=True)
class Step:
    """One thing, what becomes of it and why; ``act`` does it, and may be done twice without harm."""

    what: str
    state: State
    detail: str = ""
    act: Callable[[], None] | None = None


def made(what: str, there: bool, detail: str, make: Callable[[], None]) -> Step:
    """The step of what is made unless it is there."""
    return Step(what, State.PRESENT, detail) if there else Step(what, State.CREATE, detail, make)


def removed(what: str, kept: str, remove: Callable[[], None], detail: str = "") -> Step:
    """The step of what is removed unless there is a reason to keep it."""
    return Step(what, State.LEFT, kept) if kept else Step(what, State.REMOVE, detail, remove)


class Plan:
    """Steps in the order in which they are to be done."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self.steps = list(steps)

    @property
    def changes(self) -> list[Step]:
        """The steps that change something."""
        return [step for step in self.steps if step.act is not None]

    @property
    def problems(self) -> list[Step]:
        """What keeps the plan from being carried out."""
        return [step for step in self.steps if step.state is State.PROBLEM]


_STYLES = {
    State.PRESENT: "green",
    State.CREATE: "bold cyan",
    State.REMOVE: "bold magenta",
    State.LEFT: "dim",
    State.ABSENT: "dim",
    State.ELSEWHERE: "dim",
    State.NOT_CHECKED: "yellow",
    State.PROBLEM: "bold red",
}
_DONE = {State.CREATE: "created", State.REMOVE: "removed"}


def carry_out(console: Console, plan: Plan, *, dry_run: bool, agreed: bool) -> bool:
    """Show the plan, and do it if the user agrees; whether all is as it should be afterwards.

    Raises CallFailed where a step fails: the steps before it are done, and the next run goes on from there.
    """
    _show(console, plan)
    if plan.problems:
        console.print(
            f"\n[bold red]Nothing was changed.[/] {counted(len(plan.problems), 'problem')} first:\n"
        )
        for problem in plan.problems:
            console.print(Text.assemble((f"  {problem.what}", "bold"), f"  {problem.detail}"), soft_wrap=True)
        return False
    if not plan.changes:
        console.print("\n[bold green]Nothing to do.[/]")
        return True
    if dry_run:
        console.print(f"\nNothing was changed; {counted(len(plan.changes), 'change')} would be made.")
        return True
    if not agreed:
        console.print()
        click.confirm(f"Make {counted(len(plan.changes), 'change')}?", abort=True, err=console.stderr)
    console.print()
    for step in plan.changes:
        assert step.act is not None, "a change has something to do"
        try:
            step.act()
        except CallFailed:
            console.print(f"[bold red]   failed[/]  {escape(step.what)}\n")
            console.print("What was done stays. Run this again when the failure is removed:", soft_wrap=True)
            raise
        console.print(f"[green]{_DONE[step.state]:>9}[/]  {escape(step.what)}")
    console.print("\n[bold green]Done.[/]")
    return True


def _show(console: Console, plan: Plan) -> None:
    # What to do about a problem is longer than a column; it stands below the table.
    rows = [
        (
            Text(step.state.value, _STYLES[step.state]),
            step.what,
            "" if step.state is State.PROBLEM else step.detail,
        )
        for step in plan.steps
    ]
    print_table(console, ("", "what", ""), rows, indent=2)


def plan_document(plan: Plan, *, changed: bool) -> str:
    """The document of ``--json``; ``changed`` says whether the plan was carried out."""
    steps = [{"what": one.what, "state": one.state.value, "detail": one.detail} for one in plan.steps]
    document = {"ok": not plan.problems, "changed": changed, "steps": steps}
    return json.dumps(document, indent=2, ensure_ascii=False)
