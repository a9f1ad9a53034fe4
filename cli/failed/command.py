"""``imm-label-tags failed list``, ``show``, ``replay`` and ``drop``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any

import click

from cli.cloud.access import Access
from cli.cloud.invoking import DeployedFunction
from cli.cloud.target import Target
from cli.cloud.where import Where, where_options
from cli.failed.carrying_out import Deed, carry_out, say_none
from cli.failed.groups import Groups
from cli.failed.replaying import Removal, Replay
from cli.failed.selection import READERS, Filter, named, read_kept
from cli.failed.showing import (
    groups_document,
    line_of,
    record_document,
    show_groups,
    show_record,
    write_records,
)
from cli.failed.store import LISTED_IN, Kept, Span, Store, Unreadable
from cli.narration import counted, new_console, say
from cli.options import AGE, CommandGroup, ago, json_option, plan_options
from cli.problems import Problem
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.keeper import VARIABLE, read_failed_settings
from imm_label_tags.results.target import ObjectPrefix

CONCURRENCY = 8
MOST_CONCURRENCY = 64
_ends_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; all else goes to standard error."
)
_place_option = click.option(
    "--from",
    "place",
    default="",
    metavar="oss://BUCKET/PREFIX",
    help="Where keep_failed keeps them; by default its setting FAILED_EVENTS.",
)


def _filter_options(command: Callable[..., None]) -> Callable[..., None]:
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
        if older_than is not None and newer_than is not None and newer_than <= older_than:
            raise click.UsageError("No record can be newer than --newer-than and older than --older-than.")
        span = Span(
            after=None if newer_than is None else ago(newer_than),
            before=None if older_than is None else ago(older_than),
        )
        command(wanted=Filter(frozenset(errors), frozenset(tasks), span, names), **others)

    decorated: Callable[..., None] = with_filter
    for option in (
        click.option("--task", "tasks", multiple=True, metavar="ID", help="Only those about this task."),
        click.option("--newer-than", type=AGE, help="Only those that failed since, such as 7d."),
        click.option("--older-than", type=AGE, help="Only those that failed before, such as 2h."),
        click.option("--error", "errors", multiple=True, metavar="CLASS", help="Only those of this error."),
        click.argument("names", nargs=-1, metavar="[RECORD]..."),
    ):
        decorated = option(decorated)
    return decorated


@click.group(cls=CommandGroup)
def failed() -> None:
    """Look at the events that keep_failed has kept, replay them, drop them.

    A RECORD is its name as `failed list --records` shows it, its URI, or the request id.
    """


@failed.command("list")
@_place_option
@_filter_options
@click.option("--records", "single", is_flag=True, help="Show every record instead of groups.")
@json_option
@where_options
def list_command(place: str, wanted: Filter, single: bool, as_json: bool, where: Where) -> None:
    """Show what has failed, by the class of the error. Changes nothing.

    Exit status: 0, also where there is nothing, and 2 where the records could not be listed or read.
    """
    store = _open(place, where).store
    if not single:
        _list_groups(store, wanted, as_json=as_json)
    elif as_json:
        write_records(store, read_kept(store, wanted), lambda text: click.echo(text, nl=False))
    else:
        _list_records(store, wanted)


@failed.command()
@_place_option
@click.argument("record")
@click.option("--event", "event_only", is_flag=True, help="Write the original event, byte for byte.")
@json_option
@where_options
def show(place: str, record: str, event_only: bool, as_json: bool, where: Where) -> None:
    """Show everything about one RECORD, and the event in it."""
    if event_only and as_json:
        raise click.UsageError("--event writes the event itself: leave it or --json out.")
    store = _open(place, where).store
    found = named(store, [record])
    if len(found) > 1:
        names = ", ".join(listed.name for listed in found)
        raise Problem(f"{record} is the request id of several records; name one of {names}.")
    kept = store.read(found[0].name)
    if kept is None or isinstance(kept, Unreadable):
        reason = "It was removed meanwhile." if kept is None else kept.reason
        raise Problem(f"The record {store.uri(found[0].name)} cannot be read. {reason}")
    if as_json:
        click.echo(record_document(store, kept))
    elif event_only:
        sys.stdout.buffer.write(kept.failed.event)
    else:
        show_record(new_console(), store, kept)


@failed.command()
@_place_option
@_filter_options
@click.option("--any-function", is_flag=True, help="Also what failed in another function than s.yaml's.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MOST_CONCURRENCY),
    default=CONCURRENCY,
    show_default=True,
    help="So many at a time.",
)
@plan_options
@_ends_option
@where_options
def replay(
    place: str,
    wanted: Filter,
    any_function: bool,
    concurrency: int,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Hand the events of all records, or of those that are asked for, to the function once more.

    A record is removed after its event has ended in an outcome, and stays in every other case. Ctrl-C begins
    nothing more and waits for what runs; a second one leaves at once. Nothing is lost either way.

    Exit status: 0 if no record that was asked for stays, 1 if one does, 2 where the function or the records
    could not be reached, 130 after Ctrl-C.
    """
    opened = _open(place, where)
    region, account_id, name = opened.access.region, opened.target.account_id, opened.target.function.name
    function = DeployedFunction(
        opened.access,
        account_id,
        name,
        timeout=opened.target.function.timeout,
        listed_in=LISTED_IN,
        concurrency=concurrency,
    )

    def stays(kept: Kept) -> str:
        if isinstance(kept, Unreadable):
            return "cannot be read"
        if any_function or kept.is_of(name, region):
            return ""
        return f"of {kept.failed.function}; --any-function takes them, too"

    deed = Deed(
        verb="replay",
        done="replayed",
        finished="replayed and removed",
        where=f" through function {name} in {region}",
        act=Replay(opened.store, function),
        concurrency=concurrency,
        stays=stays,
    )
    _carry_out(opened.store, wanted, deed, dry_run=dry_run, agreed=yes, as_json=as_json)


@failed.command()
@_place_option
@_filter_options
@click.option("--all", "everything", is_flag=True, help="All records; needed where nothing else is given.")
@plan_options
@_ends_option
@where_options
def drop(
    place: str, wanted: Filter, everything: bool, dry_run: bool, yes: bool, as_json: bool, where: Where
) -> None:
    """Remove records for good, after showing which. Their events are not handled any more.

    What cannot be read is only removed if it is named. Exit status as of `replay`.
    """
    if wanted.takes_everything and not everything:
        raise click.UsageError("Say which records to drop, or --all.")
    if everything and not wanted.takes_everything:
        raise click.UsageError("--all drops all records: leave it out, or the conditions.")
    store = _open(place, where).store

    def stays(kept: Kept) -> str:
        unnamed = isinstance(kept, Unreadable) and not wanted.names
        return "cannot be read; name them to drop them" if unnamed else ""

    deed = Deed(
        verb="drop",
        done="dropped",
        finished="dropped",
        where="",
        act=Removal(store),
        concurrency=READERS,
        stays=stays,
    )
    _carry_out(store, wanted, deed, dry_run=dry_run, agreed=yes, as_json=as_json)


def _carry_out(
    store: Store, wanted: Filter, deed: Deed, *, dry_run: bool, agreed: bool, as_json: bool
) -> None:
    console = new_console(stderr=as_json)
    sys.exit(carry_out(console, store, wanted, deed, dry_run=dry_run, agreed=agreed, as_json=as_json))


@dataclass(frozen=True)
class _Opened:
    """The records, and what is known of whose they are."""

    store: Store
    access: Access
    target: Target


def _open(place: str, where: Where) -> _Opened:
    """The records of a place; raises Problem for one that is none, and where there are no keys."""
    access, target = where.installation()
    events = _place(place, target)
    client = access.oss(max(READERS, MOST_CONCURRENCY))
    return _Opened(Store(client, events, target.account_id), access, target)


def _place(given: str, target: Target) -> ObjectPrefix:
    uri = given.strip() or target.keeper.setting(VARIABLE).strip()
    if not uri:
        raise Problem(
            f"It is not known where failed events are kept: {VARIABLE} is not set. Export it as it is "
            "deployed, oss://bucket/prefix, or name the place with --from."
        )
    try:
        return read_failed_settings({VARIABLE: uri}).failed_events
    except InvalidSetting as error:
        raise Problem(str(error)) from None


def _list_groups(store: Store, wanted: Filter, *, as_json: bool) -> None:
    console, groups = new_console(), Groups()
    with console.status("Reading the records") if not as_json else nullcontext():
        for kept in read_kept(store, wanted):
            groups.add_kept(kept)
    if as_json:
        click.echo(groups_document(store, groups))
    elif not say_none(console, store, wanted, groups.count):
        say(console, f"{counted(groups.count, 'record')} under {store.place.uri}")
        console.print()
        show_groups(console, groups)


def _list_records(store: Store, wanted: Filter) -> None:
    console, count = new_console(), 0
    for kept in read_kept(store, wanted):
        say(console, line_of(kept))
        count += 1
    say_none(console, store, wanted, count)
