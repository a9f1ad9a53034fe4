"""One event through the function: on a running local cloud, or here against the real services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import requests
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from Tea.exceptions import TeaException

from cli.checkout import DEPLOYMENT, TAGGING, layer
from cli.local_deployment import load_deployment
from cli.manifest.function import TAGGING_HANDLER
from cli.problems import Problem
from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.cloud import base_interpreter
from localcloud.database import Database
from localcloud.fc.environment import RuntimeFiles
from localcloud.fc.service import FunctionCompute

CONNECT_SECONDS = 2.0


@dataclass(frozen=True)
class Invoked:
    """What came back: the function's answer, whether it is an error, and the lines that it logged."""

    body: bytes
    failed: bool
    log: tuple[str, ...]


def invoke_on_local_cloud(control: str, event: bytes) -> Invoked:
    """Invoke the function that tags on a local cloud that runs, however it was deployed to it.

    Raises Problem where no cloud answers, and where it has no such function, or several.
    """
    session = requests.Session()
    session.trust_env = False
    with session:
        try:
            cloud = session.get(control, timeout=CONNECT_SECONDS).json()
            handlers = dict(cloud["handlers"])
        except (requests.RequestException, ValueError, LookupError, TypeError):
            raise Problem(
                f"No local cloud answers at {control}. Start one with `imm-label-tags serve`, name another "
                "with --control, or use --real for the services of Alibaba Cloud."
            ) from None
        function = _tagging(handlers)
        answer = _invoke_function(cloud, function, event)
        headers = answer["headers"]
        url = f"{control}/logs/{function}"
        request_id = headers["x-fc-request-id"]
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


def _invoke_function(cloud: Mapping[str, Any], function: str, event: bytes) -> Mapping[str, Any]:
    scheme, _, host = cloud["endpoints"]["fc"].partition("://")
    client = Client(
        Config(
            endpoint=host,
            protocol=scheme.upper(),
            region_id=cloud["region"],
            access_key_id=cloud["access_key_id"],
            access_key_secret=cloud["access_key_secret"],
            read_timeout=900_000,
        )
    )
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
        answer: Mapping[str, Any] = client.call_api(params, OpenApiRequest(stream=event), RuntimeOptions())
    except TeaException as error:
        raise Problem(f"The local cloud did not run {function}: {error}") from None
    return answer


def invoke_against_real_services(environment: Mapping[str, str], event: bytes) -> Invoked:
    """Run the function here, with keys and endpoints from the environment; raises Problem without keys."""
    keys = _keys(environment)
    deployment = load_deployment(DEPLOYMENT, environment)
    declaration = deployment.resources[TAGGING]
    # The default, OSS's internal endpoint, is reached from within Alibaba Cloud only.
    endpoint = environment.get("OSS_ENDPOINT") or f"https://oss-{declaration.region}.aliyuncs.com"

    async def run(database: Database) -> Invoked:
        functions = FunctionCompute(
            region=declaration.region,
            account_id=_account_of(declaration.role),
            deployment=deployment,
            accounts=_GivenKeys(_account_of(declaration.role), keys, Clock()),
            clock=Clock(),
            database=database,
            runtime_files=RuntimeFiles(base_interpreter(), layer()),
            variables={"OSS_ENDPOINT": endpoint},
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


def _keys(environment: Mapping[str, str]) -> Identity:
    missing = [
        name
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
        if not environment.get(name)
    ]
    if missing:
        raise Problem(
            f"There are no keys for Alibaba Cloud: {' and '.join(missing)} not set. Export the keys of a "
            "user that has the permissions of the function's role (and ALIBABA_CLOUD_SECURITY_TOKEN for "
            "temporary ones)."
        )
    return Identity(
        environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") or None,
    )


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
