"""A RAM with its STS on loopback for tests, and the official SDKs' common client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.ram.actions import RAM_VERSION
from localcloud.ram.service import AccessManagement
from localcloud.ram.sts import STS_VERSION
from tests.localcloud.serving import Serving, Switchboard
from tests.localcloud.tenancy import ACCOUNT, OWNER, sdk, tenancy


def document(*statements: Mapping[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "1", "Statement": statements})


def allow(action: str | list[str], resource: str | list[str] = "*", **members: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


def deny(action: str | list[str], resource: str | list[str] = "*", **members: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **members}


def trust(**principals: str | list[str]) -> str:
    """A trust policy, such as ``trust(Service="fc.aliyuncs.com")``."""
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principals})


FC_TRUST = trust(Service="fc.aliyuncs.com")
ANYTHING = document(allow("*"))


def caller(
    access: AccessManagement, *statements: Mapping[str, Any], name: str = "worker", service: str = "fc"
) -> Identity:
    """Temporary keys of a role with a policy of these statements."""
    policies = {name: document(*statements)} if statements else {}
    access.put_role(name, trust(Service=f"{service}.aliyuncs.com"), policies)
    return access.roles.assume(name, f"{service}.aliyuncs.com")


def openapi(
    address: str,
    action: str,
    version: str,
    identity: Identity,
    parameters: Mapping[str, str],
    body: Any = None,
    **line: str,
) -> dict[str, Any]:
    """The content of the answer to an action of any RPC API."""
    client = Client(sdk(address, identity))
    params = Params(
        action=action,
        version=version,
        protocol="HTTP",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
        **{"method": "POST", "pathname": "/", **line},
    )
    answer = client.call_api(params, OpenApiRequest(query=parameters, body=body), RuntimeOptions())
    assert answer["statusCode"] == 200
    content: dict[str, Any] = answer["body"]
    return content


@dataclass(frozen=True)
class Account:
    """RAM with all that a test sees of it."""

    access: AccessManagement
    serving: Serving
    accounts: Accounts
    clock: Clock

    def call(
        self,
        action: str,
        identity: Identity = OWNER,
        /,
        *,
        version: str = RAM_VERSION,
        method: str = "POST",
        path: str = "/",
        body: Any = None,
        **parameters: str,
    ) -> dict[str, Any]:
        """The content of the answer to a call, without its request id."""
        content = openapi(
            self.serving.address, action, version, identity, parameters, body, method=method, pathname=path
        )
        assert content.pop("RequestId")
        return content

    def sts(self, action: str, identity: Identity = OWNER, /, **parameters: str) -> dict[str, Any]:
        return self.call(action, identity, version=STS_VERSION, **parameters)

    def error(self, action: str, identity: Identity = OWNER, /, **request: Any) -> AlibabaCloudException:
        """The error that a call ends with."""
        with pytest.raises(AlibabaCloudException) as caught:
            self.call(action, identity, **request)
        error: AlibabaCloudException = caught.value
        return error

    def refusal(self, action: str, identity: Identity = OWNER, /, **request: Any) -> tuple[int, str]:
        """The status and the code of the error that a call ends with."""
        error = self.error(action, identity, **request)
        return error.status_code, error.code


StartRam = Callable[..., AbstractContextManager[Account]]


@contextmanager
def account(switchboard: Switchboard, serving: Serving, directory: Path | None = None) -> Iterator[Account]:
    """A RAM in which there is nothing yet, but for what its directory holds."""
    with tenancy(directory) as tenant:
        switchboard.current = access = AccessManagement(
            account_id=ACCOUNT, database=tenant.database, accounts=tenant.accounts, clock=tenant.clock
        )
        serving.forget_calls()
        yield Account(access, serving, tenant.accounts, tenant.clock)
        serving.run(serving.calls.settled())
