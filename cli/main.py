"""The command line ``imm-label-tags``."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, ClassVar

import click
from rich.console import Console
from rich.text import Text

from cli import demo as demo_play
from cli import invocation, serving
from cli.cloud.where import Where, where_options
from cli.installation.templates import UnusableTemplate
from cli.manifest.fields import FieldUnreadable
from cli.manifest.file import ManifestUnreadable
from cli.narration import Narrator, new_console
from cli.options import CommandGroup
from cli.problems import Problem
from cli.process import on_ending_signals
from imm_label_tags.environment import shut_out
from localcloud.database import StateInaccessible, StateUnusable
from localcloud.fc.declaration import DeclarationError
from localcloud.server import PortInUse

_PROBLEMS = (
    PortInUse,
    StateUnusable,
    StateInaccessible,
    ManifestUnreadable,
    FieldUnreadable,
    DeclarationError,
    UnusableTemplate,
)
# sysexits.h: a temporary failure, the user may try again.
EXIT_RETRYABLE = 75


class Commands(CommandGroup):
    """Commands of which some are imported only when they are used: they bring SDKs of their own."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "check-deploy": "cli.deployment_check.command",
        "setup": "cli.installation.commands",
        "doctor": "cli.installation.commands",
        "teardown": "cli.installation.commands",
        "failed": "cli.failed.command",
        "logs": "cli.logs.command",
        "show": "cli.show.command",
        "preview": "cli.show.preview",
        "report": "cli.report.command",
        "submit": "cli.submission.command",
        "backfill": "cli.submission.command",
    }

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of all commands."""
        return [*self.commands, *self.elsewhere]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of a name, imported if need be."""
        if name in self.elsewhere:
            command: click.Command = getattr(import_module(self.elsewhere[name]), name.replace("-", "_"))
            return command
        return super().get_command(context, name)

    def invoke(self, context: click.Context) -> Any:
        """Run a command; what may be wrong with files, ports and kept state is a Problem for all of them."""
        try:
            return super().invoke(context)
        except _PROBLEMS as error:
            raise Problem(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="imm-label-tags", message="%(prog)s %(version)s")
def main() -> None:
    """Tag OSS objects with IMM's video labels: try the function, install it, and look after it."""


@main.command()
def demo() -> None:
    """Play the main job through on a local cloud and check every step.

    Exit status 0 only if each step was verified by reading the object back.
    """
    shut_out(os.environ)
    console = new_console()
    demo_play.play(Narrator(console))
    console.print("\n[bold green]Every step was verified.[/]")


@main.command()
@click.option(
    "--port",
    default=serving.FIRST_PORT,
    show_default=True,
    type=click.IntRange(0, 65528),
    help="First of the eight ports (OSS, IMM, MNS, FC, control, RAM, page, SLS); 0 takes free ones.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the state there (SQLite and files); without it, it ends with the command.",
)
@click.option(
    "--task-seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long an IMM task takes.",
)
@click.option(
    "--time-scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Factor on the waits between retries of MNS and Function Compute.",
)
@click.option(
    "--unicode-tags",
    is_flag=True,
    help="Let OSS take tags beyond its documented alphabet, Chinese ones for example, as real buckets may.",
)
@click.option(
    "--empty",
    is_flag=True,
    help="Start without functions, and print how Serverless Devs deploys this checkout to it.",
)
def serve(
    port: int,
    directory: Path | None,
    task_seconds: float,
    time_scale: float,
    unicode_tags: bool,
    empty: bool,
) -> None:
    """Run the local cloud in the foreground, with a page in the browser that shows what happens in it."""
    shut_out(os.environ)
    stopped = threading.Event()
    on_ending_signals(lambda *_: stopped.set())
    serving.serve(
        new_console(),
        first_port=port,
        directory=directory,
        task_seconds=task_seconds,
        time_scale=time_scale,
        accept_unicode_tags=unicode_tags,
        stopped=stopped,
        empty=empty,
    )


@main.command()
@click.argument("event_file", type=click.File("rb"))
@click.option("--log", is_flag=True, help="Show what the function logged, with the stack trace of an error.")
@click.option("--json", "as_json", is_flag=True, help="Print the function's answer as it is, and no log.")
@where_options
def invoke(event_file: IO[bytes], log: bool, as_json: bool, where: Where) -> None:
    """Run the function on one event, a file or - for standard input.

    With --local, the function that is deployed there; else the code of this checkout, here and with your
    keys: it tags the object in the account.

    Exit status: 0 for an outcome, 1 for an error, 75 for an error that a retry may help, 2 where the
    function was not run.
    """
    invoked = invocation.invoke(where, event_file.read())
    if as_json:
        click.echo(invoked.body)
    else:
        _show(new_console(), invoked, log=log)
    sys.exit(_exit_status(invoked))


def _show(console: Console, invoked: invocation.Invoked, *, log: bool) -> None:
    content = json.loads(invoked.body)
    if invoked.failed:
        error = content["errorType"]
        console.print(Text.assemble((error, "bold red"), f": {content['errorMessage']}"), soft_wrap=True)
        console.print(Text(_advice(error, _retryable(invoked)), "cyan"), soft_wrap=True)
    for outcome in [] if invoked.failed else content["outcomes"]:
        console.print(Text.assemble((outcome["status"], "bold green"), f"  {outcome['object'] or ''}"))
        if outcome["reason"]:
            console.print(Text(f"  {outcome['reason']}"))
        for key, value in (outcome["tags"] or {}).items():
            console.print(Text(f"  {key} = {value}"))
        for drop in outcome["dropped"]:
            console.print(Text(f"  dropped ({drop['reason']}): {drop['label']}", style="dim"))
    if log:
        console.print("\nLog:", style="dim")
    for line in invoked.log if log else ():
        console.print(Text(line), soft_wrap=True)


def _advice(error: str, retryable: bool | None) -> str:
    if retryable is None:
        return "The function did not get as far as to say whether a retry may help; --log shows its log."
    helps = "A retry may help." if retryable else "A retry does not help: something has to be changed first."
    return f"{helps} docs/REFERENCE.md, Errors, says what {error} means; --log shows the stack trace."


def _exit_status(invoked: invocation.Invoked) -> int:
    if not invoked.failed:
        return 0
    return EXIT_RETRYABLE if _retryable(invoked) else 1


def _retryable(invoked: invocation.Invoked) -> bool | None:
    """Whether the function said that a retry may help; None where it said nothing."""
    said: list[bool] = []
    for line in invoked.log:
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict) and isinstance(record.get("retryable"), bool):
                said.append(record["retryable"])
    return any(said) if said else None
