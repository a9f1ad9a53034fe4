"""What commands share: groups whose help tells each in a whole sentence, and the options of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class CommandGroup(click.Group):
    """Commands of which a mistyped one gets the nearest."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; a mistyped one gets the nearest."""
        try:
            return super().resolve_command(context, args)
        except click.exceptions.NoSuchCommand as error:
            names = self.list_commands(context)
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=names, ctx=context
            ) from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by where they work, each with its first sentence, whole."""
        account: list[tuple[str, str]] = []
        machine: list[tuple[str, str]] = []
        for name in self.list_commands(context):
            command = self.get_command(context, name)
            assert command is not None, name
            (account if _works_somewhere(command) else machine).append((name, _first_sentence(command)))
        for title, rows in (
            ("On this machine only", machine),
            ("On an account, or on a running `serve` with --local", account),
        ):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _works_somewhere(command: click.Command) -> bool:
    """Whether a command, or one of a group's, touches an account or a local cloud that runs."""
    if isinstance(command, click.Group):
        return any(map(_works_somewhere, command.commands.values()))
    return any("--local" in param.opts for param in command.params)


def _first_sentence(command: click.Command) -> str:
    """What a command does."""
    text = " ".join((command.help or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".") + "."


def plan_options(command: F) -> F:
    """``--dry-run`` and ``--yes``."""
    command = click.option("--yes", is_flag=True, help="Do it without asking.")(command)
    return click.option("--dry-run", is_flag=True, help="Only show what would be done.")(command)
