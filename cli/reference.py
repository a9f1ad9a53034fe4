"""The page of the commands, docs/COMMANDS.md, from the commands themselves: ``python -m cli.reference``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from cli.checkout import ROOT
from cli.main import main

PAGE = ROOT / "docs" / "COMMANDS.md"

_HEAD = """# Commands

`make setup` installs the command at `.venv/bin/imm-label-tags`. This page is made of the commands' own help:
`python -m cli.reference` writes it.

Exit status: 0 done, 1 not all done, 2 could not be tried, 75 a retry may help. A command that Ctrl-C, SIGTERM
or SIGHUP ends cleans up (`doctor` restores the object's tags) and exits with 128 plus the signal's number:
130 for Ctrl-C; `serve` exits with 0. What an output can't show is written as `\\uXXXX`, also in JSON.

With `--local`, a command works on the `serve` that you run, which it finds by itself; where several run, name
one by the URL that it prints as control. Without it, it works on your account, with the keys of `--profile`,
else those of the environment (`ALIBABA_CLOUD_ACCESS_KEY_ID` and so on), else those of the current profile of
`aliyun configure`. `RAM_ENDPOINT`, `STS_ENDPOINT`, `MNS_ENDPOINT`, `FC_ENDPOINT`, `IMM_ENDPOINT`,
`OSS_ENDPOINT` and `SLS_ENDPOINT` name services that are reached in a way of your own. Commands without
`--local` never touch an account.

Tables fit into 80 columns, and are not folded where the output is no terminal. The shell completes commands
and options after `eval "$(_IMM_LABEL_TAGS_COMPLETE=bash_source .venv/bin/imm-label-tags)"` (or `zsh_source`,
`fish_source`).
"""


def page() -> str:
    """The page as it should be."""
    return (
        "\n".join([_HEAD, *_sections(main, click.Context(main, info_name="imm-label-tags"))]).rstrip() + "\n"
    )


def _sections(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        inner = click.Context(command, parent=context, info_name=name)
        if isinstance(command, click.Group):
            yield from _sections(command, inner)
        else:
            yield from _section(command, inner)


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"## {context.command_path.removeprefix('imm-label-tags ')}\n"
    yield f"```\n{usage}\n```\n"
    yield inspect.cleandoc((command.help or "").replace("\b\n", "")) + "\n"
    rows = [record for param in command.params if (record := param.get_help_record(context)) is not None]
    if rows:
        yield "| option | |\n|---|---|"
        yield from (f"| `{_cell(option)}` | {_cell(text)} |" for option, text in rows)
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
