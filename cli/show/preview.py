"""``imm-label-tags preview``: what the function would write under settings that are tried out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from cli.cloud.where import Where, where_options
from cli.deployment_check.setting_rules import setting_names
from cli.deployment_check.subject import Kind
from cli.narration import new_console
from cli.show.command import deployed_settings, find, lookup_at, project_option
from cli.show.terminal import SPELT, show_view
from cli.show.view import View
from imm_label_tags.text import escape_unprintable

_RULES = "TAG_RULES"


def _changed(context: click.Context, param: click.Parameter, pairs: tuple[str, ...]) -> Mapping[str, str]:
    known = setting_names(Kind.TAGS)
    changed: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in known:
            allowed = ", ".join(sorted(known))
            raise click.BadParameter(
                f"{pair!r} is no NAME=VALUE of a setting. They are {allowed}.", context, param
            )
        changed[name] = value
    return changed


@click.command()
@click.argument("what", metavar="OBJECT|TASK")
@click.option(
    "--set",
    "changed",
    multiple=True,
    callback=_changed,
    metavar="NAME=VALUE",
    help="Try another value of one of the function's settings; empty unsets it. As often as needed.",
)
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Try a file of rules, wherever it is, as TAG_RULES.",
)
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@where_options
def preview(
    what: str,
    changed: Mapping[str, str],
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
    if rules is not None:
        changed = {**changed, _RULES: str(rules.absolute())}
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
            said = f"  {drop.label} of the rules is dropped: {drop.reason.value}"
            console.print(Text(escape_unprintable(said)), soft_wrap=True)
    tried = ", ".join(f"{name}={value}" for name, value in changed.items())
    with_what = f"with {tried}" if tried else "with the settings of s.yaml"
    console.print()
    console.print(
        Text(escape_unprintable(f"  Planned {with_what}; nothing was written."), "dim"), soft_wrap=True
    )
