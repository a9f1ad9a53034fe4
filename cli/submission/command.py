"""``imm-label-tags submit`` and ``backfill``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timezone

import click
from click.core import ParameterSource
from rich.filesize import decimal

from cli.cloud.ends import EXIT_RETRYABLE, end_of_run
from cli.cloud.where import Where, where_options
from cli.narration import new_console
from cli.options import suffix_option
from cli.problems import Problem
from cli.process import EXIT_INTERRUPTED, Interruption, leave
from cli.submission.account import Account
from cli.submission.backfill import Backfill, Summary, Wanted
from cli.submission.inventory import InventoryObjects
from cli.submission.objects import BucketObjects, ObjectList
from cli.submission.pace import PacedTasks
from cli.submission.progress import Progress
from imm_label_tags.errors import TaggingError, TargetUnknown
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import FAILED, SUCCEEDED, parse_time
from imm_label_tags.retries import Deadline, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Trace
from imm_label_tags.submission.object_version import object_version
from imm_label_tags.submission.outcome import SubmissionOutcome
from imm_label_tags.submission.selection import Selection
from imm_label_tags.submission.submitter import Submitter
from imm_label_tags.submission.upload_event import Upload
from imm_label_tags.tags.provenance import Provenance

# More patient than a function, of which every second is paid for.
PATIENT = RetryPolicy(attempts=6, retries=12, connect=5.0, read=20.0, first_pause=0.5, max_pause=10.0)
OBJECT_SECONDS = 180.0
# How long the tags may take after the end of their task.
TAGS_SECONDS = 120.0
LOOK_SECONDS = 1.0


def _account_options(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option(
        "--topic", default="", metavar="NAME", help="The MNS topic that is told; by default that of s.yaml."
    )(command)
    return click.option(
        "--project",
        envvar="IMM_LABEL_TAGS_PROJECT",
        required=True,
        metavar="NAME",
        help="The IMM project that analyses.",
    )(command)


@click.command()
@click.argument("uris", metavar="OBJECT...", nargs=-1, required=True)
@_account_options
@click.option("--wait", "follow", is_flag=True, help="Wait for each object's tags.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line, one an object.")
@where_options
def submit(
    uris: tuple[str, ...], project: str, topic: str, follow: bool, as_json: bool, where: Where
) -> None:
    """Have IMM analyse objects, oss://BUCKET/KEY, unless their versions have tasks already.

    Each new task is paid for. A task that failed does not count: it is tried again. Exit status: 0 if every
    object has a task (with --wait: its tags), 1 if not, 75 if a retry may help, 2 if nothing was tried.
    """
    account = Account.of(where, project, topic)
    try:
        targets = [TargetObject.from_uri(uri) for uri in uris]
    except TargetUnknown as error:
        raise Problem(str(error)) from None
    # Whoever names an object says by that that it is a video.
    selection = Selection(suffixes=("",), allowed=account.allowed)
    submitter = Submitter(
        account.objects, account.tasks, selection, account.destination, PATIENT, retry_failed=True
    )
    console = new_console()
    status = 0
    outcomes: list[tuple[TargetObject, SubmissionOutcome]] = []
    for target in targets:
        try:
            deadline = Deadline(OBJECT_SECONDS, time.monotonic)
            outcome = submitter.submit(Upload((target,)), Trace(), deadline)
        except TaggingError as error:
            status = EXIT_RETRYABLE if error.retryable and status != 1 else 1
            told = {"status": "failed", "object": target.uri, "error": type(error).__name__}
            _tell(as_json, console.print, {**told, "reason": str(end_of_run(error) or error)})
            continue
        outcomes.append((target, outcome))
        if outcome.task_id is None:
            status = 1
        if not follow or outcome.task_id is None:
            _tell(as_json, console.print, outcome.as_dict())
    for target, outcome in outcomes if follow else []:
        if outcome.task_id is not None:
            document = {**outcome.as_dict(), **_followed(account, target, outcome.task_id)}
            _tell(as_json, console.print, document)
            if document["status"] != "tagged":
                status = 1
    sys.exit(status)


def _followed(account: Account, target: TargetObject, task_id: str) -> dict[str, str | None]:
    """How a task went on: ``tagged``, ``task_failed``, or ``not_tagged``."""
    timeouts = Timeouts(5.0, 20.0)
    ended: float | None = None
    while True:
        try:
            tags = account.objects.tags(target, timeouts)
            provenance = Provenance.parse(tags.get(account.namespace, ""))
            if provenance is not None and provenance.task_id == task_id:
                return {"status": "tagged", "reason": None}
            version = object_version(target, account.objects.head(target, timeouts).etag)
            tasks = account.tasks.tasks_of(account.project, target, version, timeouts)
            state = next((task.status for task in tasks if task.task_id == task_id), "")
            if state == FAILED:
                return {"status": "task_failed", "reason": f"IMM reports task {task_id} as failed."}
        except TaggingError as error:
            if not error.retryable:
                return {"status": "not_tagged", "reason": str(error)}
            state = ""
        except Exception as error:
            return {"status": "not_tagged", "reason": str(error)}
        if state == SUCCEEDED and ended is None:
            ended = time.monotonic()
        if ended is not None and time.monotonic() - ended > TAGS_SECONDS:
            reason = f"Task {task_id} succeeded, but its tags did not come in {TAGS_SECONDS:g} seconds."
            return {
                "status": "not_tagged",
                "reason": f"{reason} See the log of tag_object, and `failed list`.",
            }
        time.sleep(LOOK_SECONDS)


def _tell(as_json: bool, write: Callable[[str], None], document: Mapping[str, object]) -> None:
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    write(f"{document['status']}  {document['object']}  {document.get('task_id') or ''}".rstrip())
    if document.get("reason"):
        write(f"  {document['reason']}")


def _moment(context: click.Context, param: click.Parameter, value: str) -> datetime | None:
    if not value:
        return None
    moment = parse_time(value if "T" in value else f"{value}T00:00:00Z")
    if moment is None:
        raise click.BadParameter("is no time such as 2026-11-01 or 2026-11-01T08:00:00Z", context, param)
    return moment.astimezone(timezone.utc)


@click.command()
@click.option("--bucket", envvar="IMM_LABEL_TAGS_BUCKET", default="", help="The bucket to go through.")
@click.option("--prefix", envvar="IMM_LABEL_TAGS_PREFIX", default="", help="Only keys that begin with it.")
@click.option(
    "--inventory", default="", metavar="URI", help="oss://.../manifest.json of an inventory, not the bucket."
)
@_account_options
@suffix_option
@click.option("--limit", default=0, type=click.IntRange(0), help="At most so many new tasks; 0 is no limit.")
@click.option(
    "--rate", default=10.0, show_default=True, type=click.FloatRange(0.01, 100), help="Calls of IMM a second."
)
@click.option(
    "--in-flight",
    default=50,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="So many tasks of the project may run at a time.",
)
@click.option("--since", default="", callback=_moment, metavar="TIME", help="Only objects written since.")
@click.option("--until", default="", callback=_moment, metavar="TIME", help="Only objects written before.")
@click.option("--retry-failed", is_flag=True, help="Also objects whose tasks have failed.")
@click.option("--dry-run", is_flag=True, help="Only count what would be submitted, and what is skipped.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@where_options
def backfill(
    bucket: str,
    prefix: str,
    inventory: str,
    project: str,
    topic: str,
    suffixes: tuple[str, ...],
    limit: int,
    rate: float,
    in_flight: int,
    since: datetime | None,
    until: datetime | None,
    retry_failed: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Have IMM analyse the videos that are in a bucket already, each version once.

    Each new task is paid for. What is tagged, has a task, is no video, archived or not allowed is skipped.
    The command may be stopped at any time: the next run goes on where it ended, which IMM and OSS know. Exit
    status: 0 done, 1 not all, 75 if a retry may help, 130 if stopped.
    """
    bucket = _bucket_to_go_through(bucket, inventory)
    if not (dry_run or yes) and as_json:
        raise click.UsageError("With --json, say --yes or --dry-run: there is nobody to ask.")
    account = Account.of(where, project, topic)
    if not (dry_run or yes):
        click.confirm(f"Every video in {inventory or bucket} becomes a paid task of IMM. Go on?", abort=True)
    wanted = Wanted(Selection(suffixes, account.allowed), since, until, limit, retry_failed)
    with Interruption(_leave_at_once) as interruption:

        def stopped() -> bool:
            return interruption.asked_to_stop

        def over() -> bool:
            # Nobody waits for room in a run that cannot go on.
            return stopped() or run.ending is not None

        tasks = PacedTasks(account.tasks, project, rate=rate, in_flight=in_flight, stopped=over)
        submitter = Submitter(
            account.objects,
            tasks,
            wanted.selection,
            account.destination,
            PATIENT,
            retry_failed=retry_failed,
        )
        run = Backfill(
            submitter,
            tasks,
            lambda target, timeouts: dict(account.objects.tags(target, timeouts)),
            account.namespace,
            wanted,
            PATIENT,
            dry_run=dry_run,
            stopped=stopped,
        )
        objects = _objects(account, bucket, prefix, inventory)
        with ExitStack() as shown:
            if not as_json:
                objects.count()
                in_flight_now = None if dry_run else lambda: tasks.running
                shown.enter_context(Progress(run.summary, objects.total, in_flight_now, limit, stopped))
            run.run(objects)
        _summarize(run.summary, as_json, dry_run, new_console().print)
        if stopped() and run.ending is None:
            leave(sys.stdout)
    if run.ending is not None:
        raise run.ending
    if run.summary.failed:
        sys.exit(EXIT_RETRYABLE if run.summary.retryable else 1)


def _bucket_to_go_through(bucket: str, inventory: str) -> str:
    """The bucket that is named; none where an inventory is, and the bucket is only set for other commands."""
    source = click.get_current_context().get_parameter_source("bucket")
    if inventory and source is ParameterSource.ENVIRONMENT:
        bucket = ""
    if bool(bucket) == bool(inventory):
        raise click.UsageError("Name either --bucket or --inventory.")
    return bucket


def _objects(account: Account, bucket: str, prefix: str, inventory: str) -> ObjectList:
    client = account.access.oss()
    if inventory:
        return InventoryObjects(client, inventory, prefix)
    return BucketObjects(client, bucket, prefix)


def _leave_at_once() -> None:
    # The line that changes has hidden the terminal's cursor.
    cursor = b"\x1b[?25h" if sys.stderr.isatty() else b""
    os.write(sys.stderr.fileno(), cursor + b"\nEnded at once. The next run finds what was done.\n")
    os._exit(EXIT_INTERRUPTED)


def _summarize(summary: Summary, as_json: bool, dry_run: bool, write: Callable[[str], None]) -> None:
    if as_json:
        click.echo(json.dumps(summary.document(dry_run=dry_run), ensure_ascii=False))
        return
    word = "would be submitted" if dry_run else "submitted"
    write(f"{summary.found:,} objects, {summary.submitted:,} {word} ({decimal(summary.bytes)}).")
    for reason, number in sorted(summary.skipped.items()):
        write(f"  {reason}: {number:,} skipped")
    if summary.failed:
        write(f"  {summary.failed:,} failed; among them:")
        for failure in summary.failures:
            write(f"    {failure}")
