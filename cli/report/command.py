"""``imm-label-tags report``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

import click
from rich.console import Console

from cli.bulk import Progress, list_on_disk
from cli.cloud.where import Where, where_options
from cli.narration import counted, new_console, say
from cli.options import PAIR, json_option, suffix_option
from cli.problems import EXIT_RETRYABLE
from cli.report.files import Rows, report_page
from cli.report.reading import Reader
from cli.report.retag import Plan, Retagged, Retagger
from cli.report.search import Search, Wanted
from cli.report.standing import Judge, Standing
from cli.report.terminal import show_failures, show_plan, show_retagged, show_totals
from cli.report.totals import Totals
from cli.show.command import deployed_settings
from imm_label_tags.submission.selection import Selection

_STDOUT = "-"


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
@json_option
@click.option(
    "--label", "labels", multiple=True, metavar="NAME", help="List the videos that have this label's tag."
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    type=PAIR,
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
    listing, plan_only = bool(labels or rules), dry_run or yes
    _check(listing=listing, files=bool(table or html), retag=retag, plan=plan_only, as_json=as_json)
    if table == _STDOUT and as_json:
        raise click.UsageError("Rows and the JSON document cannot both go to standard output.")
    access, target = where.installation()
    settings = deployed_settings(target.function)
    judge, archive = Judge(settings), settings.result_archive
    selection = Selection(suffixes, settings.allowed_objects)
    reader = Reader(access, target.account_id, bucket, judge, selection, archive)
    if listing:
        search = Search(reader, Wanted.of(judge.scheme, labels, rules), prefix)
        sys.exit(_list(search, as_json=as_json))
    totals = Totals(bucket, prefix, compares=archive is not None)
    console = None if as_json else new_console(stderr=table == _STDOUT)
    retagged = None
    with list_on_disk() as objects:
        plan = Plan(objects)
        _read(reader, totals, plan, table, html, console)
        if retag and _agreed(plan, console, dry_run=dry_run, yes=yes):
            retagged = Retagger(reader, judge, settings).run(plan)
            if console is not None:
                show_retagged(console, retagged)
    if as_json:
        document = totals.document()
        if retagged is not None:
            document |= {"retagged": dict(retagged.outcomes), "not_retagged": retagged.failed}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    sys.exit(_status(totals, retagged))


def _check(*, listing: bool, files: bool, retag: bool, plan: bool, as_json: bool) -> None:
    if listing and (files or retag):
        raise click.UsageError("--label and --rule list videos: leave out --csv, --html and --retag.")
    if plan and not retag:
        raise click.UsageError("--dry-run and --yes are of --retag.")
    if retag and as_json and not plan:
        raise click.UsageError("With --json nothing is asked: add --yes or --dry-run to --retag.")


def _read(
    reader: Reader, totals: Totals, plan: Plan, table: str | None, html: Path | None, console: Console | None
) -> None:
    """Count everything, write the files that are asked for, and plan what differs."""
    with ExitStack() as stack:
        # Both before hours of reading.
        page = None if html is None else stack.enter_context(html.open("w", encoding="utf-8"))
        rows = None if table is None else Rows(stack.enter_context(_opened(table)))
        with nullcontext() if console is None else _progress(totals):
            _count(reader, totals, plan, rows)
        if page is not None:
            page.write(report_page(totals, datetime.now(timezone.utc)))
    if console is not None:
        show_totals(console, totals)
        if html is not None:
            console.print()
            say(console, f"  The page is {html}.")


def _agreed(plan: Plan, console: Console | None, *, dry_run: bool, yes: bool) -> bool:
    """Whether what is planned is to be done, after it was shown."""
    if console is not None:
        show_plan(console, plan)
    if dry_run or not plan:
        return False
    return yes or click.confirm(f"Write the tags of {counted(len(plan), 'video')}?", abort=True, err=True)


def _opened(table: str) -> AbstractContextManager[IO[str]]:
    return nullcontext(sys.stdout) if table == _STDOUT else Path(table).open("w", encoding="utf-8")


def _progress(totals: Totals) -> Progress:
    def said() -> tuple[str, ...]:
        return (f"{totals.failed:,} failed",) if totals.failed else ()

    return Progress(lambda: [(totals.objects + totals.failed, None)], said)


def _count(reader: Reader, totals: Totals, plan: Plan, rows: Rows | None) -> None:
    for read in reader.below(totals.prefix):
        totals.add(read)
        if rows is not None:
            rows.add(read)
        if isinstance(read, Standing) and read.differs:
            place = reader.answer_place(read)
            assert place is not None, "it was compared with what stands there"
            plan.add(read, place)


def _list(search: Search, *, as_json: bool) -> int:
    (_write_list if as_json else _write_lines)(search.uris())
    show_failures(new_console(stderr=True), search.failures)
    return _failed_status(len(search.failures), sum(one.failure.retryable for one in search.failures))


def _write_lines(uris: Iterator[str]) -> None:
    for uri in uris:
        click.echo(uri)


def _write_list(uris: Iterator[str]) -> None:
    """A JSON list that is never in memory as a whole."""
    between = "[\n  "
    for uri in uris:
        click.echo(between + json.dumps(uri, ensure_ascii=False), nl=False)
        between = ",\n  "
    click.echo("[]" if between.startswith("[") else "\n]")


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
    return EXIT_RETRYABLE if retryable == failed else 1
