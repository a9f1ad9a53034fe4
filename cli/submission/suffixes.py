"""``--suffix``: which names count as videos, in every command that goes through a bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from imm_label_tags.submission.selection import VIDEO_SUFFIXES
from imm_label_tags.submission.settings import read_suffixes

F = TypeVar("F", bound=Callable[..., Any])


def _suffixes(context: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    try:
        return read_suffixes(value)
    except ValueError as error:
        raise click.BadParameter(f"must be {error}", context, param) from None


def suffix_option(command: F) -> F:
    """The option, as an argument ``suffixes``, in lower case."""
    return click.option(
        "--suffix",
        "suffixes",
        default=",".join(VIDEO_SUFFIXES),
        show_default=True,
        callback=_suffixes,
        help="Ends of names that count as videos, separated by commas.",
    )(command)
