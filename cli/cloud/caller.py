"""Whose keys these are: STS GetCallerIdentity.

One call without parameters needs no SDK of its own: the generic client of the OpenAPI family sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask
from cli.problems import Problem


@dataclass(frozen=True)
class Caller:
    """An account, and the ARN of the user or role in it."""

    account_id: str
    arn: str


class OtherAccount(Problem):
    """The keys belong to another account than the one in ``s.yaml``."""

    def __init__(self, caller: Caller, declared: str) -> None:
        self.said = f"The keys are those of {caller.arn}, but s.yaml is resolved for the account {declared}."
        self.advice = (
            f"Run `export ALIBABA_CLOUD_ACCOUNT_ID={caller.account_id}`, or use the keys of {declared}."
        )
        super().__init__(f"{self.said} {self.advice}")


def identify(access: Access) -> Caller:
    """Who calls; raises CallFailed. Every caller may ask this, whatever its policies."""
    params = Params(
        action="GetCallerIdentity",
        version="2015-04-01",
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    client = Client(access.openapi("sts"))
    call = Call("STS", "GetCallerIdentity", "the keys", "*")
    answer: Any = ask(call, lambda: client.call_api(params, OpenApiRequest(), RuntimeOptions()))
    return Caller(str(answer["body"]["AccountId"]), str(answer["body"]["Arn"]))


def check_account(caller: Caller, declared: str) -> None:
    """Raise OtherAccount unless the caller is of the account that is meant."""
    if caller.account_id != declared:
        raise OtherAccount(caller, declared)
