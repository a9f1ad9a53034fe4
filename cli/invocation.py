"""One event through the function: on a running local cloud, or here with an account's services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
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
from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.fc.environment import RuntimeFiles
from localcloud.fc.service import FunctionCompute
from localcloud.tenant import Tenant

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
    deployment = load_deployment(DEPLOYMENT, where.variables)
    declaration = deployment.resources[TAGGING]
    keys = Identity(
        access.keys.access_key_id, access.keys.access_key_secret, access.keys.security_token or None
    )
    # OSS's internal endpoint, the function's default, is reached from within Alibaba Cloud only.
    endpoints = {f"{name.upper()}_ENDPOINT": access.endpoints[name].url for name in ("imm", "oss")}

    clock = Clock()
    accounts = _GivenKeys(_account_of(declaration.role), keys, clock)

    async def run(database: Database) -> Invoked:
        functions = FunctionCompute(
            Tenant(declaration.region, accounts, clock, database),
            deployment=deployment,
            runtime_files=RuntimeFiles(layer=layer()),
            variables=endpoints,
            destinations=_NoDestinations(),
        )
        await functions.start()
        try:
            result = await functions.invoke(declaration.name, event)
            lines = functions.logs(declaration.name, result.request_id)
        finally:
            await functions.stop()
        return Invoked(result.body, result.error_type is not None, tuple(line.text for line in lines))

    database = Database()
    try:
        return asyncio.run(run(database))
    finally:
        database.close()


def _account_of(role: str | None) -> str:
    return role.split(":")[3] if role else ""


class _GivenKeys(Accounts):
    """An account whose roles have the keys of the person at the terminal."""

    def __init__(self, account_id: str, keys: Identity, clock: Clock) -> None:
        super().__init__(account_id, keys, clock)
        self._keys = keys

    def issue_role_keys(self, role: str, lifetime: timedelta = timedelta(), *, session: str = "") -> Identity:
        return replace(self._keys, role=role)


class _NoDestinations:
    """A synchronous invocation sends its result nowhere."""

    async def send(self, arn: str, record: bytes) -> None:
        raise AssertionError(arn)
