"""``imm-label-tags setup``, ``teardown`` and ``doctor``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.cloud.access import check_account, identify
from cli.cloud.target import Media, Target
from cli.cloud.where import Where, where_options
from cli.installation.diagnosis import Diagnosis
from cli.installation.examination import Finding, Verdict, examine
from cli.installation.plan import Plan, carry_out, plan_document
from cli.installation.services import Installation, connect
from cli.installation.set_up import plan_setup
from cli.installation.tear_down import plan_teardown
from cli.manifest.fields import FieldUnreadable
from cli.narration import new_console
from cli.options import plan_options
from cli.problems import Problem
from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.target import TargetObject

_STYLES = {
    Verdict.OK: "green",
    Verdict.FAILED: "bold red",
    Verdict.NOT_CHECKED: "yellow",
    Verdict.LEFT_OUT: "dim",
}

# Columns of a finding.
_VERDICT, _NAME = 11, 24
F = TypeVar("F", bound=Callable[..., Any])
_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; questions go to standard error."
)


def media_options(command: F) -> F:
    """``--bucket``, ``--prefix`` and ``--project``."""
    command = click.option(
        "--project",
        "projects",
        envvar="IMM_LABEL_TAGS_PROJECT",
        multiple=True,
        metavar="NAME",
        help="An IMM project whose tasks the function may read; may be given several times.",
    )(command)
    command = click.option(
        "--prefix",
        envvar="IMM_LABEL_TAGS_PREFIX",
        default=None,
        help="Only objects whose keys begin with it.",
    )(command)
    return click.option(
        "--bucket",
        envvar="IMM_LABEL_TAGS_BUCKET",
        default="",
        help="The bucket whose objects the function may tag.",
    )(command)


_template_option = click.option(
    "--template",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that is deployed, such as s.uploads.yaml; s.yaml if not given. With submit_video in it, "
    "bucket, prefix and project need not be named again.",
)


@click.command()
@media_options
@click.option(
    "--alerts",
    is_flag=True,
    help="Also two alerts of Log Service, to the account's contacts: an event was kept; keep_failed fails.",
)
@_template_option
@plan_options
@_json_option
@where_options
def setup(
    bucket: str,
    prefix: str | None,
    projects: tuple[str, ...],
    template: Path | None,
    alerts: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Create what the functions need and what is not there yet: topics, roles, policies, and their logs.

    Shows what it is going to do first. Names, and where failed events are kept (FAILED_EVENTS), come from
    the file. Exit status: 0 if all is there (or would be, with --dry-run), 1 if something is in the way, in
    which case nothing was changed, and 2 where a call failed: run it again then, and it goes on from there.
    """
    console = new_console(stderr=as_json)
    installation = _begin(console, where, template, bucket, prefix, projects)
    media = installation.media
    for option, value in (("--bucket", media.bucket), ("--project", media.projects)):
        if not value:
            raise click.UsageError(f"Missing option '{option}'.")
    plan = plan_setup(installation, alerts=alerts)
    sys.exit(_carry_out(console, plan, dry_run=dry_run, agreed=yes, as_json=as_json))


@click.command()
@click.option(
    "--while-deployed", is_flag=True, help="Also while they are deployed; they will not work any more."
)
@_template_option
@plan_options
@_json_option
@where_options
def teardown(
    while_deployed: bool, template: Path | None, dry_run: bool, yes: bool, as_json: bool, where: Where
) -> None:
    """Remove what `setup` created, and nothing else.

    What was there before, what somebody has changed since, and every kept event stays. Exit status as of
    `setup`.
    """
    console = new_console(stderr=as_json)
    plan = plan_teardown(_begin(console, where, template), while_deployed=while_deployed)
    sys.exit(_carry_out(console, plan, dry_run=dry_run, agreed=yes, as_json=as_json))


@click.command()
@click.option(
    "--object", "uri", metavar="oss://BUCKET/KEY", help="Try a tag on this object, and take it away again."
)
@media_options
@_template_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@where_options
def doctor(
    uri: str | None,
    bucket: str,
    prefix: str | None,
    projects: tuple[str, ...],
    template: Path | None,
    as_json: bool,
    where: Where,
) -> None:
    """Check an installation, from the keys to a tag on an object, and say what to do about each failure.

    Changes nothing but the tags of --object, which are as before at the end. Exit status: 0 if no check
    that was asked for failed, 1 if one did, 2 if there was nothing to check.
    """
    target_object = _object(uri)
    access, target = where.installation(template, keys_needed=False)
    media = _media(target, bucket or (target_object.bucket if target_object else ""), prefix, projects)
    installation = Installation(target, media, connect(access, target.account_id))
    diagnosis = Diagnosis(access, installation, target_object)
    console = new_console()
    findings = []
    for found in examine(diagnosis.checks()):
        finding = replace(found, advice=target.in_command(found.advice))
        findings.append(finding)
        if not as_json:
            _show(console, finding)
    sound = not any(finding.verdict is Verdict.FAILED for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": sound, "checks": [asdict(each) for each in findings]}, indent=2))
    sys.exit(0 if sound else 1)


def _media(target: Target, bucket: str, prefix: str | None, projects: tuple[str, ...]) -> Media:
    """What was named, and where nothing was, what the file submits; its project in any case."""
    try:
        submitted = target.submissions
    except FieldUnreadable:
        submitted = Media()
    if prefix is None:
        prefix = submitted.prefix if bucket in ("", submitted.bucket) else ""
    return Media(bucket or submitted.bucket, prefix, tuple(dict.fromkeys([*projects, *submitted.projects])))


def _begin(
    console: Console,
    where: Where,
    template: Path | None,
    bucket: str = "",
    prefix: str | None = None,
    projects: tuple[str, ...] = (),
) -> Installation:
    """What is meant, as it is told first; raises Problem where the keys are not those of the account."""
    access, target = where.installation(template)
    caller = identify(access)
    check_account(caller, target.account_id)
    *names, last = (one.name for one in target.functions)
    functions = f"{', '.join(names)} and {last}"
    line = f"functions {functions} in {target.region}, account {target.account_id}, as {caller.arn}\n"
    console.print(Text(line, "bold"), soft_wrap=True)
    media = _media(target, bucket, prefix, projects)
    return Installation(target, media, connect(access, target.account_id))


def _carry_out(console: Console, plan: Plan, *, dry_run: bool, agreed: bool, as_json: bool) -> int:
    done = carry_out(console, plan, dry_run=dry_run, agreed=agreed)
    if as_json:
        click.echo(plan_document(plan, changed=done and not dry_run and bool(plan.changes)))
    return 0 if done else 1


def _object(uri: str | None) -> TargetObject | None:
    try:
        return TargetObject.from_uri(uri) if uri else None
    except TargetUnknown as error:
        raise Problem(f"--object: {error}") from None


def _show(console: Console, finding: Finding) -> None:
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(width=_VERDICT, justify="right", no_wrap=True)
    table.add_column(min_width=_NAME, max_width=_NAME if console.is_terminal else None, overflow="fold")
    table.add_column(overflow="fold")
    verdict = Text(finding.verdict.value, _STYLES[finding.verdict])
    table.add_row(verdict, Text(finding.name), Text(finding.found))
    console.print(table)
    if finding.advice:
        console.print(Padding(Text(finding.advice, "cyan"), (0, 0, 0, _VERDICT + 2), expand=False))
