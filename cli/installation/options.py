"""The options that ``setup``, ``teardown`` and ``doctor`` share; each can be an environment variable too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def media_options(*, required: bool) -> Callable[[F], F]:
    """``--bucket``, ``--prefix`` and ``--project``."""

    def add(command: F) -> F:
        command = click.option(
            "--project",
            "projects",
            envvar="IMM_LABEL_TAGS_PROJECT",
            multiple=True,
            required=required,
            metavar="NAME",
            help="An IMM project whose tasks the function may read; may be given several times.",
        )(command)
        command = click.option(
            "--prefix",
            envvar="IMM_LABEL_TAGS_PREFIX",
            default="",
            help="Only objects whose keys begin with it.",
        )(command)
        return click.option(
            "--bucket",
            envvar="IMM_LABEL_TAGS_BUCKET",
            required=required,
            default=None if required else "",
            help="The bucket whose objects the function may tag.",
        )(command)

    return add


def plan_options(command: F) -> F:
    """``--dry-run`` and ``--yes``."""
    command = click.option("--yes", is_flag=True, help="Do it without asking.")(command)
    return click.option("--dry-run", is_flag=True, help="Only show what would be done.")(command)
