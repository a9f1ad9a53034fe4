"""A group of commands as its help tells them: each with a whole sentence, by where it works."""

from __future__ import annotations

import click


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
