"""One event through the function: on a running local cloud, or here with an account's services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import requests
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from Tea.exceptions import TeaException

from cli.checkout import DEPLOYMENT, TAGGING, layer
from cli.cloud.access import Access
from cli.cloud.running import RunningCloud
from cli.cloud.where import Where
from cli.local_deployment import load_deployment
from cli.manifest.function import TAGGING_HANDLER
from cli.problems import Problem
from localcloud.accounts import Identity
from localcloud.clock import Clock
from localcloud.fc.environment import OWN_INTERPRETER
from localcloud.fc.invocation import Invocation, new_request_id
from localcloud.fc.logs import LogBook
from localcloud.fc.runner import Runner

CONNECT_SECONDS = 2.0
LONGEST_INVOCATION_SECONDS = 900


@dataclass(frozen=True)
class Invoked:
    """What came back: the function's answer, whether it is an error, and the lines that it logged."""

    body: bytes
    failed: bool
    log: tuple[str, ...]


def invoke(where: Where, event: bytes) -> Invoked:
    """Run the function that tags on one event; raises Problem where it cannot be run.

    On a local cloud the function that was deployed to it is invoked, whatever its name; for an account the
    code of this checkout runs here.
    """
    return _invoke_here(where, event) if where.running is None else _invoke_on(where.running, where, event)


def _invoke_on(cloud: RunningCloud, where: Where, event: bytes) -> Invoked:
    function = _tagging(cloud.handlers)
    answer = _invoke_function(where.access(), function, event)
    headers = answer["headers"]
    session = requests.Session()
    session.trust_env = False
    with session:
        url, request_id = f"{cloud.control}/logs/{function}", headers["x-fc-request-id"]
        lines = session.get(url, params={"request_id": request_id}, timeout=CONNECT_SECONDS).json()
    return Invoked(
        body=bytes(answer["body"]),
        failed="x-fc-error-type" in headers,
        log=tuple(line["text"] for line in lines),
    )


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


def _invoke_function(access: Access, function: str, event: bytes) -> Mapping[str, Any]:
    config = access.openapi("fc")
    config.read_timeout = LONGEST_INVOCATION_SECONDS * 1000
    params = Params(
        action="InvokeFunction",
        version="2023-03-30",
        protocol="HTTP",
        pathname=f"/2023-03-30/functions/{function}/invocations",
        method="POST",
        auth_type="AK",
        style="ROA",
        req_body_type="byte",
        body_type="binary",
    )
    try:
        answer: Mapping[str, Any] = Client(config).call_api(
            params, OpenApiRequest(stream=event), RuntimeOptions()
        )
    except TeaException as error:
        raise Problem(f"The local cloud did not run {function}: {error}") from None
    return answer


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
