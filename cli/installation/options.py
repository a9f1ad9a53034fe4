"""The options that ``setup``, ``teardown`` and ``doctor`` share; each can be an environment variable too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import click

from cli.cloud.access import Endpoints

F = TypeVar("F", bound=Callable[..., Any])


def endpoint_options(command: F) -> F:
    """``--ram-endpoint`` and so on; without them, the real services of the region."""
    return endpoint_options_of(*(field.name for field in fields(Endpoints)))(command)


def endpoint_options_of(*services: str) -> Callable[[F], F]:
    """The same for some of the services."""

    def add(command: F) -> F:
        for service in reversed(services):
            option = click.option(
                f"--{service}-endpoint",
                envvar=f"{service.upper()}_ENDPOINT",
                default="",
                metavar="URL",
                help=f"Where {service.upper()} is; by default the region's.",
            )
            command = option(command)
        return command

    return add


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
