"""``imm-label-tags report``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from cli.cloud.where import Where, where_options
from cli.narration import new_console
from cli.options import suffix_option
from cli.report.objects import Objects
from cli.report.page import report_page
from cli.report.reading import Reader, Unread
from cli.report.retag import Plan, Retagged, Retagger, new_plan
from cli.report.rows import Rows
from cli.report.search import Wanted, by_reading
from cli.report.standing import Judge, Standing
from cli.report.terminal import Progress, show_failures, show_plan, show_retagged, show_totals, videos
from cli.report.totals import Totals
from cli.show.command import deployed_settings
from imm_label_tags.submission.selection import Selection
from imm_label_tags.tagging.settings import Settings

THREADS = 16
# sysexits.h: a temporary failure, the user may try again.
_EXIT_RETRYABLE = 75
_STDOUT = "-"


def _read_rules(
    context: click.Context, param: click.Parameter, pairs: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    read = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} is not of the form content=advert.", context, param)
        read.append((name, value))
    return tuple(read)


@click.command()
@click.option(
    "--bucket", envvar="IMM_LABEL_TAGS_BUCKET", required=True, help="The bucket whose videos are counted."
)
@click.option(
    "--prefix", envvar="IMM_LABEL_TAGS_PREFIX", default="", help="Only objects whose keys begin with it."
)
@suffix_option
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write a row for each video to a file, or - for standard output.",
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page that stands alone."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--label", "labels", multiple=True, metavar="NAME", help="List the videos that have this label's tag."
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    callback=_read_rules,
    metavar="TAG=VALUE",
    help="List the videos that have this tag of a rule, such as content=advert.",
)
@click.option("--retag", is_flag=True, help="Write the tags that differ from today's settings, after a plan.")
@click.option("--dry-run", is_flag=True, help="With --retag: only show the plan.")
@click.option("--yes", is_flag=True, help="With --retag: do it without asking.")
@where_options
def report(
    bucket: str,
    prefix: str,
    suffixes: tuple[str, ...],
    table: str | None,
    html: Path | None,
    as_json: bool,
    labels: tuple[str, ...],
    rules: tuple[tuple[str, str], ...],
    retag: bool,
    dry_run: bool,
    yes: bool,
    where: Where,
) -> None:
    """Count a bucket's videos by what their tags say: analysed or not, by label and by rule.

    Tagged, not analysed, uploaded after their task had started (stale), without room (full).

    With RESULT_ARCHIVE it also tells which are tagged under other settings than today's, and --retag tags
    those again as the function would, without a new task. Otherwise it changes nothing. Without an archive
    it is not known how many differ: in --json "differs" is null then, not 0.

    With --label or --rule it lists the videos that have all these tags, one URI a line; by MetaQuery where
    the bucket has it, whose index lags behind the bucket, and else by reading the tags.

    Exit status: 0, 1 where videos could not be read or were not tagged, 75 where that may pass, 2 where the
    bucket could not be read.
    """
    listing = bool(labels or rules)
    _check(
        listing=listing,
        others=bool(table or html or retag),
        retag=retag,
        plan=dry_run or yes,
        table=table,
        as_json=as_json,
    )
    work = _open(where, bucket, suffixes)
    if listing:
        wanted = Wanted.of(work.judge.scheme, labels, rules)
        sys.exit(_list(work, prefix, wanted, as_json=as_json))
    totals = Totals(bucket, prefix, compares=work.settings.result_archive is not None)
    with ExitStack() as stack:
        plan = stack.enter_context(new_plan())
        # Before hours of reading, as the rows are.
        page = None if html is None else stack.enter_context(html.open("w", encoding="utf-8"))
        _count(work, totals, plan, _rows(stack, table))
        if page is not None:
            page.write(report_page(totals, datetime.now(timezone.utc)))
        retagged = None
        console = new_console(stderr=table == _STDOUT)
        if not as_json:
            show_totals(console, totals)
            if html is not None:
                console.print(Text(f"\n  The page is {html}."), soft_wrap=True)
        if retag:
            retagged = _retag(work, plan, dry_run=dry_run, yes=yes, console=None if as_json else console)
        if as_json:
            document = totals.document()
            if retagged is not None:
                document |= {"retagged": dict(retagged.outcomes), "not_retagged": retagged.failed}
            click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    sys.exit(_status(totals, retagged))


def _rows(stack: ExitStack, table: str | None) -> Rows | None:
    if table is None:
        return None
    if table == _STDOUT:
        return Rows(sys.stdout)
    return Rows(stack.enter_context(Path(table).open("w", encoding="utf-8")))


def _check(*, listing: bool, others: bool, retag: bool, plan: bool, table: str | None, as_json: bool) -> None:
    if listing and others:
        raise click.UsageError("--label and --rule list videos: leave out --csv, --html and --retag.")
    if plan and not retag:
        raise click.UsageError("--dry-run and --yes are of --retag.")
    if table == _STDOUT and as_json:
        raise click.UsageError("Rows and the JSON document cannot both go to standard output.")
    if retag and as_json and not plan:
        raise click.UsageError("With --json nothing is asked: add --yes or --dry-run to --retag.")


@dataclass(frozen=True)
class _Work:
    """What a report is made with."""

    settings: Settings
    judge: Judge
    objects: Objects
    reader: Reader


def _open(where: Where, bucket: str, suffixes: tuple[str, ...]) -> _Work:
    access, target = where.installation()
    settings = deployed_settings(target.function)
    judge = Judge(settings)
    objects = Objects(access, target.account_id, bucket, THREADS)
    reader = Reader(objects, judge, Selection(suffixes, settings.allowed_objects), settings.result_archive)
    return _Work(settings, judge, objects, reader)


def _count(work: _Work, totals: Totals, plan: Plan, rows: Rows | None) -> None:
    with Progress(totals) as progress:
        for read in work.reader.below(totals.prefix):
            totals.add(read)
            if rows is not None:
                rows.add(read)
            if isinstance(read, Standing) and read.differs:
                place = work.reader.answer_place(read)
                assert place is not None, "it was compared with what stands there"
                plan.add(read, place)
            progress.advance()


def _retag(work: _Work, plan: Plan, *, dry_run: bool, yes: bool, console: Console | None) -> Retagged | None:
    if console is not None:
        show_plan(console, plan)
    if dry_run or not plan:
        return None
    if not yes:
        click.confirm(f"Write the tags of {videos(len(plan))}?", abort=True, err=True)
    state = Retagger(work.objects, work.judge, work.settings).run(plan)
    if console is not None:
        show_retagged(console, state)
    return state


def _list(work: _Work, prefix: str, wanted: Wanted, *, as_json: bool) -> int:
    failures: list[Unread] = []
    values = wanted.values()
    keys = work.objects.with_tag_values(values, prefix) if values is not None else None
    if keys is not None:
        found = work.reader.videos(keys)
    else:
        found = (target.uri for target in by_reading(wanted, work.reader.below(prefix), failures.append))
    (_write_list if as_json else _write_lines)(found, lambda text: click.echo(text, nl=False))
    show_failures(new_console(stderr=True), failures)
    return _failed_status(len(failures), sum(one.retryable for one in failures))


def _write_lines(uris: Iterator[str], write: Callable[[str], Any]) -> None:
    for uri in uris:
        write(f"{uri}\n")


def _write_list(uris: Iterator[str], write: Callable[[str], Any]) -> None:
    """A JSON list that is never in memory as a whole."""
    between = "[\n  "
    for uri in uris:
        write(between + json.dumps(uri, ensure_ascii=False))
        between = ",\n  "
    write("[]\n" if between.startswith("[") else "\n]\n")


def _status(totals: Totals, retagged: Retagged | None) -> int:
    failed, retryable = totals.failed, totals.retryable
    if retagged is not None:
        if not retagged.complete and not retagged.failed:
            return 1
        failed, retryable = failed + retagged.failed, retryable + retagged.retryable
    return _failed_status(failed, retryable)


def _failed_status(failed: int, retryable: int) -> int:
    if not failed:
        return 0
    return _EXIT_RETRYABLE if retryable == failed else 1
