"""What commands share: groups whose help tells each in a whole sentence, and options."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import click

from imm_label_tags.results.task import parse_time
from imm_label_tags.submission.selection import VIDEO_SUFFIXES
from imm_label_tags.submission.settings import read_suffixes

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)


class CommandGroup(click.Group):
    """Commands of which a mistyped one gets the nearest."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; a mistyped one gets the nearest."""
        try:
            return super().resolve_command(context, args)
        except click.exceptions.NoSuchCommand as error:
            names = self.list_commands(context)
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=names, ctx=context
            ) from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by where they work, each with its first sentence, whole."""
        account: list[tuple[str, str]] = []
        machine: list[tuple[str, str]] = []
        for name in self.list_commands(context):
            command = self.get_command(context, name)
            assert command is not None, name
            (account if _works_somewhere(command) else machine).append((name, _first_sentence(command)))
        for title, rows in (
            ("On this machine only", machine),
            ("On an account, or on a running `serve` with --local", account),
        ):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _works_somewhere(command: click.Command) -> bool:
    """Whether a command, or one of a group's, touches an account or a local cloud that runs."""
    if isinstance(command, click.Group):
        return any(map(_works_somewhere, command.commands.values()))
    return any("--local" in param.opts for param in command.params)


def _first_sentence(command: click.Command) -> str:
    """What a command does."""
    text = " ".join((command.help or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".") + "."


class _Age(click.ParamType[timedelta]):
    """How long ago, or for how long, such as ``90s``, ``30m``, ``2h``, ``7d`` or ``4w``: a timedelta."""

    name = "AGE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        match = _AGE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no age: write a whole number and s, m, h, d or w, such as 2h.", param)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


class _Moment(click.ParamType[datetime]):
    """A date or a time in UTC: a datetime."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        text = str(value)
        moment = parse_time(text if "T" in text else f"{text}T00:00:00Z")
        if moment is None:
            self.fail(f"{value!r} is no time such as 2026-11-01 or 2026-11-01T08:00:00Z.", param)
        return moment.astimezone(timezone.utc)


class _Pair(click.ParamType[tuple[str, str]]):
    """A name and a value, which may be empty."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, equals, rest = value.partition("=")
        if not name or not equals:
            form = (param and param.metavar) or self.name
            self.fail(f"{value!r} is not of the form {form}.", param)
        return name, rest


class _Suffixes(click.ParamType[tuple[str, ...]]):
    """Ends of names, separated by commas: a tuple of them in lower case."""

    name = "TEXT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        try:
            return read_suffixes(value)
        except ValueError as error:
            self.fail(f"must be {error}", param)


AGE, MOMENT, PAIR = _Age(), _Moment(), _Pair()

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
suffix_option = click.option(
    "--suffix",
    "suffixes",
    default=",".join(VIDEO_SUFFIXES),
    show_default=True,
    type=_Suffixes(),
    help="Ends of names that count as videos, separated by commas.",
)


def plan_options(command: F) -> F:
    """``--dry-run`` and ``--yes``."""
    command = click.option("--yes", is_flag=True, help="Do it without asking.")(command)
    return click.option("--dry-run", is_flag=True, help="Only show what would be done.")(command)


def ago(age: timedelta) -> datetime:
    """The moment that lies so long ago, in UTC; raises UsageError where the calendar ends before."""
    try:
        return datetime.now(timezone.utc) - age
    except OverflowError:
        raise click.UsageError("Nothing is as old as that.") from None
