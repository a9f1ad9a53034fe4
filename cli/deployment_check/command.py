"""The command ``imm-label-tags check-deploy``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from cli.checkout import ROOT
from cli.deployment_check.check import check
from cli.deployment_check.findings import Finding, Report, Severity
from cli.deployment_check.subject import Surroundings
from cli.narration import new_console

FILES = tuple(ROOT / name for name in ("s.yaml", "s.eventbridge.yaml", "s.uploads.yaml"))
LAYERS = ROOT / "layers" / "build"

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


@click.command("check-deploy")
@click.option(
    "--template",
    "templates",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to check, as often as needed; by default s.yaml, s.eventbridge.yaml and s.uploads.yaml.",
)
@click.option(
    "--deploying",
    is_flag=True,
    help="The deployment comes next: the layer has to be built, and no example may be left.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check_deploy(templates: tuple[Path, ...], deploying: bool, as_json: bool) -> None:
    """Find what would fail in the cloud, without any cloud.

    One line for each finding: how bad, where, what is wrong, what to do. Exit status 1 if there
    is an error.
    """
    report = check(templates or FILES, os.environ, Surroundings(LAYERS, deploying))
    if as_json:
        click.echo(json.dumps(_content(report), indent=2, ensure_ascii=False))
    else:
        _show(new_console(), report)
    sys.exit(1 if report.count(Severity.ERROR) else 0)


def _show(console: Console, report: Report) -> None:
    for file in report.files:
        console.print(Text(file.path.name, style="bold"))
        for finding in file.findings:
            console.print(_line(finding, file.lines.get(finding.where)), soft_wrap=True)
        if not file.findings:
            console.print("  nothing found", style="green")
    for title, sentences in (("Checked", report.checked), ("Not checked", report.unchecked)):
        console.print(f"\n{title}", style="bold")
        for sentence in sentences:
            console.print(Text(f"  {sentence}"), soft_wrap=True)
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    console.print(
        f"\n{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    )


def _line(finding: Finding, line: str | None) -> Text:
    return Text.assemble(
        (f"  {finding.severity.value:7}", _STYLES[finding.severity]),
        f"  {f'{line} ' if line else ''}{finding.where}: {finding.what} {finding.remedy}",
    )


def _content(report: Report) -> dict[str, object]:
    return {
        "files": [
            {
                "file": str(file.path),
                "findings": [
                    {
                        "severity": finding.severity.value,
                        "where": finding.where,
                        "line": file.lines.get(finding.where),
                        "what": finding.what,
                        "remedy": finding.remedy,
                    }
                    for finding in file.findings
                ],
            }
            for file in report.files
        ],
        "checked": list(report.checked),
        "not_checked": list(report.unchecked),
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
    }
