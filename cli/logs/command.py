"""``imm-label-tags logs``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

import click
from rich.console import Console
from rich.text import Text

from cli.cloud.calls import CallFailed, Obstacle
from cli.cloud.target import Target
from cli.cloud.where import Where, where_options
from cli.installation.log_service import LogService
from cli.installation.observability import log_of
from cli.logs.lines import Line, Reader, Wanted
from cli.narration import new_console, say, utc, utc_seconds
from cli.options import AGE, ago
from cli.problems import Problem
from imm_label_tags.text import escape_unprintable

PAUSE_SECONDS = 2.0
_STYLES = {"failed": "bold red", "kept": "yellow", "tagged": "green", "unchanged": "green"}


@click.command()
@click.option("--function", "name", default="", metavar="NAME", help="Only this one; by default both.")
@click.option("--since", type=AGE, default="1h", show_default=True, help="How far back: 30m, 2d.")
@click.option("--status", default="", metavar="STATUS", help="Only lines of this outcome, failed or kept.")
@click.option("--task", default="", metavar="ID", help="Only lines about this task.")
@click.option("--follow", is_flag=True, help="Go on with the lines that come, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they are: one JSON document each.")
@where_options
def logs(
    name: str, since: timedelta, status: str, task: str, follow: bool, as_json: bool, where: Where
) -> None:
    """Show what the deployed functions have logged, with what Function Compute wrote about them in between.

    That is an invocation that took too long or ran out of memory, for example: it counts as failed. Needs the
    permission of deploy/policies/logs.json. Exit status: 0, also where there is nothing, and 2 where the log
    could not be read.
    """
    wanted = Wanted(_term(status, "--status"), _term(task, "--task"))
    begin = ago(since)
    try:
        access, target = where.installation()
        places = _places(target, _term(name, "--function"))
        reader = Reader(LogService(access, target.account_id), places, wanted)
        console = new_console()
        if follow:
            _show(console, reader.follow(begin, _now, lambda: time.sleep(PAUSE_SECONDS)), as_json=as_json)
        elif not _show(console, reader.read(begin, _now()), as_json=as_json) and not as_json:
            functions = ", ".join(each for several in places.values() for each in several)
            say(console, f"Nothing in the log of {functions} since {utc_seconds(begin)}.")
    except CallFailed as failure:
        if failure.obstacle is not Obstacle.ABSENT:
            raise
        # The project, the logstore or the index.
        raise Problem(f"{failure.said} Run `imm-label-tags setup`, which makes what is missing.") from None


def _places(target: Target, name: str) -> dict[tuple[str, str], list[str]]:
    """The functions that are meant, by where their logs are kept."""
    functions = [one for one in (target.function, target.keeper) if name in ("", one.name)]
    places: dict[tuple[str, str], list[str]] = {}
    for function in functions or [target.function]:
        place = log_of(function, target.account_id)
        if place is None:
            raise Problem(
                f"It is not known where the log of {function.name} is kept: name project and logstore below "
                "logConfig in s.yaml."
            )
        key = (place["log_project"], place["logstore"])
        # A function that s.yaml does not have is looked for in the logstore of the one that tags.
        places.setdefault(key, []).append(function.name if functions else name)
    return places


def _term(text: str, option: str) -> str:
    if '"' in text or "\\" in text:
        raise click.BadParameter(f"{text!r} has a quotation mark or a backslash.", param_hint=option)
    return text.strip()


def _show(console: Console, lines: Iterable[Line], *, as_json: bool) -> int:
    count = 0
    for line in lines:
        count += 1
        if as_json:
            click.echo(_document(line))
        else:
            console.print(_row(line), soft_wrap=True)
    return count


def _document(line: Line) -> str:
    """A line of ours as it is, with the function's name; of anybody else's, the same fields."""
    content = line.record or {
        "time": utc(line.time),
        "level": "ERROR" if line.error else "INFO",
        "message": line.error or line.text,
        **({"status": line.status} if line.status else {}),
        **({"request_id": line.request_id} if line.request_id else {}),
    }
    return json.dumps({"function": line.function, **content}, ensure_ascii=False)


def _row(line: Line) -> Text:
    status, said = line.status or "-", line.error or line.text
    if line.record is not None:
        said = ": ".join(filter(None, (line.told("error"), line.told("message"))))
        for more in (line.told("object"), line.told("task_id")):
            said += "" if more in said else f"  {more}"
    elif line.error:
        said = f"Function Compute: {said} (request {line.request_id})"
    else:
        first, *others = said.splitlines() or [""]
        said = f"{first} ... {len(others)} more lines with --json" if others else first
    return Text.assemble(
        (utc_seconds(line.time), "dim"),
        (f"  {status:13}", _STYLES.get(status, "")),
        (f"{line.function}  ", "dim"),
        escape_unprintable(said),
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
