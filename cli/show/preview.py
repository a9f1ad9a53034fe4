"""``imm-label-tags preview``: what the function would write under settings that are tried out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from cli.cloud.where import Where, where_options
from cli.deployment_check.setting_rules import setting_names
from cli.deployment_check.subject import Kind
from cli.narration import new_console, say
from cli.options import PAIR, json_option
from cli.show.command import deployed_settings, find, lookup_at, project_option
from cli.show.terminal import SPELT, show_view
from cli.show.view import View

_RULES = "TAG_RULES"


@click.command()
@click.argument("what", metavar="OBJECT|TASK")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    type=PAIR,
    help="Try another value of one of the function's settings; empty unsets it. As often as needed.",
)
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Try a file of rules, wherever it is, as TAG_RULES.",
)
@project_option
@json_option
@where_options
def preview(
    what: str,
    pairs: tuple[tuple[str, str], ...],
    rules: Path | None,
    projects: tuple[str, ...],
    as_json: bool,
    where: Where,
) -> None:
    """Show what the function would write to an object, with s.yaml's settings or others. Writes nothing.

    OBJECT is oss://BUCKET/KEY: its tags name the task, or else the newest task about it counts. TASK is a
    task's id.

    Exit status: 0, also where nothing would be written, and 2 where there was nothing to show.
    """
    known = setting_names(Kind.TAGS)
    for name, _ in pairs:
        if name not in known:
            raise click.UsageError(f"{name!r} is no setting. They are {', '.join(sorted(known))}.")
    changed = dict(pairs) | ({_RULES: str(rules.absolute())} if rules is not None else {})
    access, target = where.installation()
    # The tags that are there, and the archive, are of the settings that are deployed.
    deployed = deployed_settings(target.function)
    settings = deployed_settings(target.function, changed)
    found = find(what, lookup_at(access, target, projects, deployed), access)
    view = found.view(settings, where.unicode_tags)
    if as_json:
        click.echo(json.dumps(document(view), indent=2, ensure_ascii=False))
        if view.spelt:
            click.echo(SPELT, err=True)
    else:
        _show(new_console(), view, changed)


def document(view: View) -> dict[str, Any]:
    """A view as other programs have it: the function's outcome, with the tags that are there before it."""
    shown = view.document()
    dropped = [{"label": drop.label, "reason": drop.reason.value} for drop in view.dropped]
    return {
        **{key: shown[key] for key in ("object", "task_id", "status", "before", "tags")},
        "dropped": dropped,
    }


def _show(console: Console, view: View, changed: Mapping[str, str]) -> None:
    show_view(console, view)
    of_labels = {row.label.name for row in view.rows}
    for drop in view.dropped:
        if drop.label not in of_labels:
            say(console, f"  {drop.label} of the rules is dropped: {drop.reason.value}")
    tried = ", ".join(f"{name}={value}" for name, value in changed.items())
    with_what = f"with {tried}" if tried else "with the settings of s.yaml"
    console.print()
    say(console, f"  Planned {with_what}; nothing was written.", "dim")
