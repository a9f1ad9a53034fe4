"""The command line ``imm-label-tags``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import click

from cli.installation.templates import UnusableTemplate
from cli.manifest.fields import FieldUnreadable
from cli.manifest.file import ManifestUnreadable
from cli.options import CommandGroup
from cli.problems import Problem
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


class Commands(CommandGroup):
    """The commands, each imported only when it is used: they bring SDKs of their own."""

    places: ClassVar[Mapping[str, str]] = {
        "demo": "cli.demo",
        "serve": "cli.serving",
        "invoke": "cli.invocation",
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
        return list(self.places)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of a name."""
        place = self.places.get(name)
        return None if place is None else getattr(import_module(place), name.replace("-", "_"))

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
