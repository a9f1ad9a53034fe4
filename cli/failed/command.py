"""``imm-label-tags failed list``, ``show``, ``replay`` and ``drop``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass

import click
from rich.text import Text

from cli.cloud.access import Access
from cli.cloud.target import Target
from cli.cloud.where import Where, where_options
from cli.command_group import CommandGroup, plan_options
from cli.failed.carrying_out import Deed, carry_out, say_none
from cli.failed.deployed import DeployedFunction
from cli.failed.details import show_record
from cli.failed.documents import groups_document, record_document, write_records
from cli.failed.groups import Groups
from cli.failed.options import filter_options, place_option
from cli.failed.record import Kept, Unreadable, is_of
from cli.failed.replaying import Removal, Replay
from cli.failed.selection import READERS, Filter, named, read_kept
from cli.failed.store import Store
from cli.failed.tables import line_of, records, show_groups
from cli.narration import new_console
from cli.problems import Problem
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.settings import VARIABLE, read_failed_settings
from imm_label_tags.results.target import ObjectPrefix

CONCURRENCY = 8
MOST_CONCURRENCY = 64
_ends_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; all else goes to standard error."
)


@click.group(cls=CommandGroup)
def failed() -> None:
    """Look at the events that keep_failed has kept, replay them, drop them.

    A RECORD is its name as `failed list --records` shows it, its URI, or the request id.
    """


@failed.command("list")
@place_option
@filter_options
@click.option("--records", "single", is_flag=True, help="Show every record instead of groups.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
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
@place_option
@click.argument("record")
@click.option("--event", "event_only", is_flag=True, help="Write the original event, byte for byte.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@where_options
def show(place: str, record: str, event_only: bool, as_json: bool, where: Where) -> None:
    """Show everything about one RECORD, and the event in it."""
    store = _open(place, where).store
    found = named(store, [record])
    if len(found) > 1:
        names = ", ".join(listed.name for listed in found)
        raise Problem(f"{record} is the request id of several records; name one of {names}.")
    kept = store.read(found[0].name)
    if kept is None or isinstance(kept, Unreadable):
        reason = "It was removed meanwhile." if kept is None else kept.reason
        raise Problem(f"The record {store.uri(found[0].name)} cannot be read. {reason}")
    if event_only and as_json:
        raise click.UsageError("--event writes the event itself: leave it or --json out.")
    if as_json:
        click.echo(record_document(store, kept))
    elif event_only:
        sys.stdout.buffer.write(kept.failed.event)
    else:
        show_record(new_console(), store, kept)


@failed.command()
@place_option
@filter_options
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
    console = new_console(stderr=as_json)
    opened = _open(place, where)
    access, target = opened.access, opened.target
    function = DeployedFunction(access, target, concurrency)

    def stays(kept: Kept) -> str:
        if isinstance(kept, Unreadable):
            return "cannot be read"
        if any_function or is_of(kept.failed, target.function.name, access.region):
            return ""
        return f"of {kept.failed.function}; --any-function takes them, too"

    deed = Deed(
        verb="replay",
        done="replayed",
        finished="replayed and removed",
        where=f" {function.where}",
        act=Replay(opened.store, function),
        concurrency=concurrency,
        stays=stays,
    )
    status = carry_out(console, opened.store, wanted, deed, dry_run=dry_run, agreed=yes, as_json=as_json)
    sys.exit(status)


@failed.command()
@place_option
@filter_options
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
    console = new_console(stderr=as_json)
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
    status = carry_out(console, store, wanted, deed, dry_run=dry_run, agreed=yes, as_json=as_json)
    sys.exit(status)


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
        console.print(Text(f"{records(groups.count)} under {store.place.uri}\n"), soft_wrap=True)
        show_groups(console, groups)


def _list_records(store: Store, wanted: Filter) -> None:
    console, count = new_console(), 0
    for kept in read_kept(store, wanted):
        console.print(Text(line_of(kept)), soft_wrap=True)
        count += 1
    say_none(console, store, wanted, count)
