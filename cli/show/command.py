"""``imm-label-tags show``."""

from __future__ import annotations

import json
import os
import tempfile
import webbrowser
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import click

from cli.cloud.access import Access
from cli.cloud.target import Target
from cli.cloud.where import Where, where_options
from cli.manifest.function import DeclaredFunction
from cli.narration import new_console
from cli.options import AGE, json_option
from cli.problems import Problem
from cli.show.lookup import ARCHIVE, Found, Lookup, archived_object, object_of, read_file
from cli.show.page import Footage, video_page
from cli.show.terminal import SPELT, show_view
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.tagging.settings import Settings, read_settings
from imm_label_tags.tags.romanisation import make_ready

# OSS's longest for a presigned URL of its fourth version of signatures.
LONGEST_LIFETIME = timedelta(days=7)


project_option = click.option(
    "--project",
    "projects",
    envvar="IMM_LABEL_TAGS_PROJECT",
    multiple=True,
    metavar="NAME",
    help="The IMM project of the task; by default all of the region are asked.",
)


def _lifetime(context: click.Context, param: click.Parameter, lifetime: timedelta) -> timedelta:
    if not timedelta() < lifetime <= LONGEST_LIFETIME:
        raise click.BadParameter("OSS signs URLs for 1s to 7d.", context, param)
    return lifetime


@click.command()
@click.argument("what", metavar="OBJECT|TASK|ARCHIVE")
@project_option
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page that stands alone to a file.",
)
@click.option(
    "--video",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A copy of the video for the page to play, in place of a presigned URL.",
)
@click.option(
    "--expires",
    "lifetime",
    default="1h",
    show_default=True,
    type=AGE,
    callback=_lifetime,
    help="How long the presigned URL plays the video, 7d at most.",
)
@click.option("--open", "in_browser", is_flag=True, help="Open the page in the browser.")
@json_option
@where_options
def show(
    what: str,
    projects: tuple[str, ...],
    html: Path | None,
    video: Path | None,
    lifetime: timedelta,
    in_browser: bool,
    as_json: bool,
    where: Where,
) -> None:
    """Show a video: its labels with their clips, which became tags and why not, its tags before and after.

    OBJECT is oss://BUCKET/KEY, TASK a task's id, ARCHIVE a result that the function has kept: oss://...json
    or a file. Changes nothing. Exit status: 0, and 2 where there was nothing to show.
    """
    access, target = where.installation(keys_needed=False)
    settings = deployed_settings(target.function)
    lookup = lookup_at(access, target, projects, settings)
    found = find(what, lookup, access)
    view = found.view(settings, where.unicode_tags)
    if as_json:
        click.echo(json.dumps(view.document(), indent=2, ensure_ascii=False))
        if view.spelt:
            click.echo(SPELT, err=True)
    else:
        show_view(new_console(), view)
    if html is None and not in_browser:
        return
    path = html or Path(tempfile.mkdtemp(prefix="imm-label-tags-")) / "video.html"
    footage = _footage(found, lookup, path, video, lifetime)
    try:
        path.write_text(video_page(view.page(), footage), "utf-8")
    except OSError as error:
        raise Problem(f"The page cannot be written to {path}: {error.strerror}.") from None
    if not as_json:
        _tell_page(path, footage)
    if in_browser and not webbrowser.open(path.absolute().as_uri()):
        raise Problem(f"No browser could be opened. The page is {path}.")


def lookup_at(access: Access, target: Target, projects: tuple[str, ...], settings: Settings) -> Lookup | None:
    """What asks the services; None without keys."""
    if access.no_keys is not None:
        return None
    return Lookup(access, target.account_id, projects, settings.namespace, settings.result_archive)


def deployed_settings(
    function: DeclaredFunction, changed: Mapping[str, str] = MappingProxyType({})
) -> Settings:
    """The settings that ``s.yaml`` gives the function; raises Problem.

    Those that are ``changed`` count in place of what stands there.
    """
    try:
        settings = read_settings({**function.environment, **changed}, function.code)
        make_ready(settings.label_names, lambda trouble: None)
    except InvalidSetting as error:
        raise Problem(str(error)) from None
    return settings


def find(what: str, lookup: Lookup | None, access: Access) -> Found:
    """The task's result that an argument ``OBJECT|TASK|ARCHIVE`` means; raises Problem."""
    is_object = what.startswith("oss://")
    if not is_object and Path(what).is_file():
        answer = read_file(Path(what))
        return Found(answer, archived_object(answer), None) if lookup is None else lookup.with_state(answer)
    if not is_object and (os.sep in what or what.endswith(ARCHIVE)):
        raise Problem(f"There is no file {what}. An object is named oss://BUCKET/KEY.")
    access.check_keys()
    assert lookup is not None, "there are keys"
    if not is_object:
        return lookup.by_task(what)
    target = object_of(what)
    return lookup.by_archive(target) if target.key.endswith(ARCHIVE) else lookup.by_object(target)


def _footage(
    found: Found, lookup: Lookup | None, page: Path, video: Path | None, lifetime: timedelta
) -> Footage | None:
    if video is not None:
        return Footage(quote(os.path.relpath(video.absolute(), page.absolute().parent)))
    if lookup is None or found.object is None or found.gone:
        return None
    return lookup.footage(found.object, lifetime)


def _tell_page(path: Path, footage: Footage | None) -> None:
    line = f"\nThe page is {path}."
    if footage is None:
        line += " It has no video; --video gives it one."
    elif footage.expires:
        line += f" Whoever has it can play the video until {footage.expires}."
    click.echo(line)
