"""``imm-label-tags submit`` and ``backfill``."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime

import click
from click.core import ParameterSource
from rich.filesize import decimal

from cli.bulk import Progress
from cli.cloud.ends import PATIENT, TIMEOUTS, deadline, end_of_run
from cli.cloud.objects import Objects
from cli.cloud.where import Where, where_options
from cli.narration import counted, new_console, say
from cli.options import MOMENT, json_option, suffix_option
from cli.problems import EXIT_RETRYABLE
from cli.process import EXIT_INTERRUPTED, Interruption, leave
from cli.show.lookup import object_of
from cli.submission.account import Account
from cli.submission.backfill import Backfill, Summary, Wanted
from cli.submission.inventory import InventoryObjects
from cli.submission.objects import LISTED_IN, BucketObjects, ObjectList
from cli.submission.tasks import Limits, ProjectTasks
from imm_label_tags.errors import TaggingError
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import FAILED, SUCCEEDED
from imm_label_tags.services.calls import Trace
from imm_label_tags.submission.selection import Selection, object_version
from imm_label_tags.submission.submitter import SubmissionOutcome, Submitter
from imm_label_tags.submission.upload_event import Upload
from imm_label_tags.tags.provenance import Provenance

# How long the tags may take after the end of their task.
TAGS_SECONDS = 120.0
LOOK_SECONDS = 1.0
_STOPPING = "Stopping: what has begun is finished first. Ctrl-C again ends at once."

_project_option = click.option(
    "--project",
    envvar="IMM_LABEL_TAGS_PROJECT",
    required=True,
    metavar="NAME",
    help="The IMM project that analyses.",
)
_topic_option = click.option(
    "--topic", default="", metavar="NAME", help="The MNS topic that is told; by default that of s.yaml."
)


@click.command()
@click.argument("uris", metavar="OBJECT...", nargs=-1, required=True)
@_project_option
@_topic_option
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
    targets = [object_of(uri) for uri in uris]
    # Whoever names an object says by that that it is a video.
    selection = Selection(suffixes=("",), allowed=account.allowed)
    tasks = account.tasks(Limits())
    submitter = Submitter(account.videos, tasks, selection, account.destination, PATIENT, retry_failed=True)
    tell = _teller(as_json)
    status = 0
    submitted: list[tuple[TargetObject, SubmissionOutcome]] = []
    for target in targets:
        try:
            outcome = submitter.submit(Upload((target,)), Trace(), deadline())
        except TaggingError as error:
            status = EXIT_RETRYABLE if error.retryable and status != 1 else 1
            told = {"status": "failed", "object": target.uri, "error": type(error).__name__}
            tell({**told, "reason": str(end_of_run(error) or error)})
            continue
        if follow and outcome.task_id is not None:
            submitted.append((target, outcome))
        else:
            status = status if outcome.task_id is not None else 1
            tell(outcome.as_dict())
    for target, outcome in submitted:
        assert outcome.task_id is not None, "only those are followed"
        document = {**outcome.as_dict(), **_followed(account, tasks, target, outcome.task_id)}
        tell(document)
        status = status if document["status"] == "tagged" else 1
    sys.exit(status)


def _followed(
    account: Account, project_tasks: ProjectTasks, target: TargetObject, task_id: str
) -> dict[str, str | None]:
    """How a task went on: ``tagged``, ``task_failed``, or ``not_tagged``."""
    ended: float | None = None
    version = ""
    while True:
        try:
            tags = account.videos.tags(target, TIMEOUTS)
            provenance = Provenance.parse(tags.get(account.namespace, ""))
            if provenance is not None and provenance.task_id == task_id:
                return {"status": "tagged", "reason": None}
            # The task is about the version that was submitted, also where that is overwritten meanwhile.
            version = version or object_version(target, account.videos.head(target, TIMEOUTS).etag)
            tasks = project_tasks.tasks_of(account.destination.project, target, version, TIMEOUTS)
            state = next((task.status for task in tasks if task.task_id == task_id), "")
        except Exception as error:
            if not isinstance(error, TaggingError) or not error.retryable:
                return {"status": "not_tagged", "reason": str(error)}
            state = ""
        if state == FAILED:
            return {"status": "task_failed", "reason": f"IMM reports task {task_id} as failed."}
        if state == SUCCEEDED and ended is None:
            ended = time.monotonic()
        if ended is not None and time.monotonic() - ended > TAGS_SECONDS:
            reason = (
                f"Task {task_id} succeeded, but its tags did not come in {TAGS_SECONDS:g} seconds. See the "
                "log of tag_object, and `failed list`."
            )
            return {"status": "not_tagged", "reason": reason}
        time.sleep(LOOK_SECONDS)


def _teller(as_json: bool) -> Callable[[Mapping[str, object]], None]:
    """What tells the outcome of an object."""
    console = new_console()

    def tell(document: Mapping[str, object]) -> None:
        if as_json:
            click.echo(json.dumps(document, ensure_ascii=False))
            return
        say(console, f"{document['status']}  {document['object']}  {document.get('task_id') or ''}".rstrip())
        if document.get("reason"):
            say(console, f"  {document['reason']}")

    return tell


@click.command()
@click.option("--bucket", envvar="IMM_LABEL_TAGS_BUCKET", default="", help="The bucket to go through.")
@click.option("--prefix", envvar="IMM_LABEL_TAGS_PREFIX", default="", help="Only keys that begin with it.")
@click.option(
    "--inventory", default="", metavar="URI", help="oss://.../manifest.json of an inventory, not the bucket."
)
@_project_option
@_topic_option
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
@click.option("--since", type=MOMENT, help="Only objects written since, such as 2026-11-01.")
@click.option("--until", type=MOMENT, help="Only objects written before, such as 2026-11-01T08:00:00Z.")
@click.option("--retry-failed", is_flag=True, help="Also objects whose tasks have failed.")
@click.option("--dry-run", is_flag=True, help="Only count what would be submitted, and what is skipped.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
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
    objects = _objects(account, bucket, prefix, inventory)
    with Interruption(_leave_at_once) as interruption:

        def stopped() -> bool:
            return interruption.asked_to_stop

        run = Backfill(account, wanted, rate=rate, in_flight=in_flight, dry_run=dry_run, stopped=stopped)
        with nullcontext() if as_json else _progress(run, objects, limit, stopped, dry_run=dry_run):
            run.run(objects)
        _summarize(run.summary, as_json, dry_run)
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
    client, account_id = account.access.oss(), account.target.account_id
    if inventory:
        return InventoryObjects(Objects(client, account_id, "docs/PERMISSIONS.md"), inventory, prefix)
    return BucketObjects(Objects(client, account_id, LISTED_IN), bucket, prefix)


def _progress(
    run: Backfill, objects: ObjectList, limit: int, stopped: Callable[[], bool], *, dry_run: bool
) -> Progress:
    """How far a run is; one that is limited may end before its objects do."""
    objects.count()
    summary = run.summary

    def goals() -> list[tuple[int, int | None]]:
        return [(summary.found, objects.total(summary.found)), (summary.submitted, limit or None)]

    def said() -> Iterator[str]:
        yield f"{summary.submitted:,} {'to submit' if dry_run else 'submitted'}"
        yield "" if dry_run else f"{run.in_flight} in flight"
        yield f"{summary.skipped.total():,} skipped"
        yield f"{summary.failed:,} failed" if summary.failed else ""

    return Progress(goals, said, stopped=stopped, stopping=_STOPPING)


def _leave_at_once() -> None:
    # The line that changes has hidden the terminal's cursor.
    cursor = b"\x1b[?25h" if sys.stderr.isatty() else b""
    os.write(sys.stderr.fileno(), cursor + b"\nEnded at once. The next run finds what was done.\n")
    os._exit(EXIT_INTERRUPTED)


def _summarize(summary: Summary, as_json: bool, dry_run: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.document(dry_run=dry_run), ensure_ascii=False))
        return
    console = new_console()
    word = "would be submitted" if dry_run else "submitted"
    say(
        console,
        f"{counted(summary.found, 'object')}, {summary.submitted:,} {word} ({decimal(summary.bytes)}).",
    )
    for reason, number in sorted(summary.skipped.items()):
        say(console, f"  {reason}: {number:,} skipped")
    if summary.failed:
        say(console, f"  {summary.failed:,} failed; among them:")
        for failure in summary.failures:
            say(console, f"    {failure}")
