"""``imm-label-tags invoke``: one event through the function, on a running local cloud or here."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO

import click
from rich.console import Console
from rich.text import Text

from cli.checkout import DEPLOYMENT, TAGGING, layer
from cli.cloud.running import RunningCloud, get_json
from cli.cloud.where import Where, where_options
from cli.local_deployment import load_deployment
from cli.manifest.function import TAGGING_HANDLER
from cli.narration import new_console, say
from cli.problems import EXIT_RETRYABLE, Problem
from imm_label_tags.text import escape_unprintable
from localcloud.accounts import Identity
from localcloud.clock import Clock
from localcloud.fc.environment import OWN_INTERPRETER
from localcloud.fc.invocation import Invocation, new_request_id
from localcloud.fc.logs import LogBook
from localcloud.fc.runner import Runner

LONGEST_INVOCATION_SECONDS = 900
_LISTED_IN = "deploy/policies/failed.json"


@dataclass(frozen=True)
class Invoked:
    """What came back: the function's answer, whether it is an error, and the lines that it logged."""

    body: bytes
    failed: bool
    log: tuple[str, ...]


@click.command()
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
    event, cloud = event_file.read(), where.running
    invoked = _invoke_here(where, event) if cloud is None else _invoke_on(cloud, where, event)
    if as_json:
        click.echo(invoked.body)
    else:
        _show(new_console(), invoked, log=log)
    sys.exit(_exit_status(invoked))


def _invoke_on(cloud: RunningCloud, where: Where, event: bytes) -> Invoked:
    function = _tagging(cloud.handlers)
    # Its SDK takes its time to import.
    from cli.cloud.invoking import DeployedFunction

    deployed = DeployedFunction(
        where.access(), cloud.account_id, function, timeout=LONGEST_INVOCATION_SECONDS, listed_in=_LISTED_IN
    )
    answer = deployed.invoke(event)
    lines = get_json(f"{cloud.control}/logs/{function}", request_id=answer.request_id)
    return Invoked(answer.body, bool(answer.error), tuple(line["text"] for line in lines))


def _tagging(handlers: Mapping[str, str]) -> str:
    """The function that tags, by its handler: whoever deployed it has chosen its name."""
    names = [name for name, handler in handlers.items() if handler == TAGGING_HANDLER]
    if not names:
        raise Problem(
            f"The local cloud has no function with the handler {TAGGING_HANDLER}: deploy one to it, as "
            "`imm-label-tags serve --empty` says, or start `imm-label-tags serve`, which deploys s.yaml."
        )
    if len(names) > 1:
        raise Problem(
            f"The local cloud has {len(names)} functions with the handler {TAGGING_HANDLER}: "
            f"{', '.join(names)}. Remove all but one, or use `s tag_object invoke -f FILE`."
        )
    return names[0]


def _invoke_here(where: Where, event: bytes) -> Invoked:
    access = where.access()
    declared = load_deployment(DEPLOYMENT, where.variables).resources[TAGGING]
    # Whatever role it has, the function runs with the keys of the person at the terminal.
    keys = Identity(
        access.keys.access_key_id, access.keys.access_key_secret, access.keys.security_token or None
    )
    # OSS's internal endpoint, the function's default, is reached from within Alibaba Cloud only.
    endpoints = {f"{name.upper()}_ENDPOINT": access.endpoints[name].url for name in ("imm", "oss")}
    declaration = replace(declared, opt=layer())
    log = LogBook(Clock())

    async def run() -> Invoked:
        runner = Runner(
            account_id=declaration.role.split(":")[3] if declaration.role else "",
            keys=lambda role: keys,
            clock=Clock(),
            interpreter=OWN_INTERPRETER,
            variables=endpoints,
            log=log,
        )
        runner.deploy(declaration)
        runner.start()
        try:
            record = await runner.run(Invocation(declaration, new_request_id(), event))
        finally:
            await runner.stop()
        assert record is not None, "it does not expire"
        lines = log.lines(declaration.name, record.request_id)
        return Invoked(record.body, record.error_type is not None, tuple(line.text for line in lines))

    return asyncio.run(run())


def _show(console: Console, invoked: Invoked, *, log: bool) -> None:
    content = json.loads(invoked.body)
    if invoked.failed:
        error = content["errorType"]
        message = escape_unprintable(content["errorMessage"])
        console.print(Text.assemble((error, "bold red"), f": {message}"), soft_wrap=True)
        say(console, _advice(error, _retryable(invoked)), "cyan")
    for outcome in [] if invoked.failed else content["outcomes"]:
        uri = escape_unprintable(outcome["object"] or "")
        console.print(Text.assemble((outcome["status"], "bold green"), f"  {uri}"), soft_wrap=True)
        if outcome["reason"]:
            say(console, f"  {outcome['reason']}")
        for key, value in (outcome["tags"] or {}).items():
            say(console, f"  {key} = {value}")
        for drop in outcome["dropped"]:
            say(console, f"  dropped ({drop['reason']}): {drop['label']}", "dim")
    if log:
        console.print("\nLog:", style="dim")
        for line in invoked.log:
            console.print(Text(line), soft_wrap=True)


def _advice(error: str, retryable: bool | None) -> str:
    if retryable is None:
        return "The function did not get as far as to say whether a retry may help; --log shows its log."
    helps = "A retry may help." if retryable else "A retry does not help: something has to be changed first."
    return f"{helps} docs/REFERENCE.md, Errors, says what {error} means; --log shows the stack trace."


def _exit_status(invoked: Invoked) -> int:
    if not invoked.failed:
        return 0
    return EXIT_RETRYABLE if _retryable(invoked) else 1


def _retryable(invoked: Invoked) -> bool | None:
    """Whether the function said that a retry may help; None where it said nothing."""
    said: list[bool] = []
    for line in invoked.log:
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict) and isinstance(record.get("retryable"), bool):
                said.append(record["retryable"])
    return any(said) if said else None
