"""The options that the commands of ``failed`` share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import wraps
from typing import Any, TypeVar

import click

from cli.failed.selection import Filter
from cli.failed.span import Span, read_age

F = TypeVar("F", bound=Callable[..., Any])


def place_option(command: F) -> F:
    """``--from``."""
    return click.option(
        "--from",
        "place",
        default="",
        metavar="oss://BUCKET/PREFIX",
        help="Where keep_failed keeps them; by default its setting FAILED_EVENTS.",
    )(command)


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """``--error``, ``--older-than``, ``--newer-than``, ``--task`` and names, as one argument ``wanted``."""

    @wraps(command)
    def with_filter(
        names: tuple[str, ...],
        errors: tuple[str, ...],
        tasks: tuple[str, ...],
        older_than: timedelta | None,
        newer_than: timedelta | None,
        **others: Any,
    ) -> None:
        span = _span(older_than, newer_than)
        command(wanted=Filter(frozenset(errors), frozenset(tasks), span, names), **others)

    decorated: Callable[..., None] = with_filter
    for option in (
        click.option("--task", "tasks", multiple=True, metavar="ID", help="Only those about this task."),
        _age_option("--newer-than", "Only those that failed since, such as 7d."),
        _age_option("--older-than", "Only those that failed before, such as 2h."),
        click.option("--error", "errors", multiple=True, metavar="CLASS", help="Only those of this error."),
        click.argument("names", nargs=-1, metavar="[RECORD]..."),
    ):
        decorated = option(decorated)
    return decorated


def _age_option(name: str, text: str) -> Callable[[F], F]:
    return click.option(name, callback=_age, metavar="AGE", help=text)


def _age(context: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    try:
        return None if value is None else read_age(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, param) from None


def _span(older_than: timedelta | None, newer_than: timedelta | None) -> Span:
    if older_than is not None and newer_than is not None and newer_than <= older_than:
        raise click.UsageError("No record can be newer than --newer-than and older than --older-than.")
    now = datetime.now(timezone.utc)
    try:
        return Span(
            after=None if newer_than is None else now - newer_than,
            before=None if older_than is None else now - older_than,
        )
    except OverflowError:
        raise click.UsageError("No record is as old as that.") from None
