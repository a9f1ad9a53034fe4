"""A local cloud, and the official SDKs with anybody's keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
import requests
from alibabacloud_imm20200930.client import Client as ImmClient
from alibabacloud_mns_open20220119.client import Client as MnsClient
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.ram.service import AccessManagement
from tests.localcloud.ram_world import caller
from tests.localcloud.tenancy import sdk
from tests.user import oss_client

ACCOUNT = CloudConfig().account_id
REGION = CloudConfig().region
VERSIONS = {"imm": "2020-09-30", "mns": "2022-01-19", "ram": "2015-05-01", "sts": "2015-04-01"}


@dataclass(frozen=True)
class Services:
    """A cloud as its clients see it. Whoever names nobody is the owner."""

    local: LocalCloud

    @property
    def access(self) -> AccessManagement:
        return self.local.access

    @property
    def owner(self) -> Identity:
        return self.local.accounts.owner

    def imm(self, identity: Identity | None = None) -> ImmClient:
        return ImmClient(sdk(self.local.endpoints.imm, identity or self.owner))

    def mns(self, identity: Identity | None = None) -> MnsClient:
        return MnsClient(sdk(self.local.endpoints.mns, identity or self.owner))

    def openapi(
        self,
        service: str,
        action: str,
        identity: Identity | None = None,
        /,
        *,
        body: Any = None,
        line: Any = None,
        **parameters: str,
    ) -> dict[str, Any]:
        """The content of the answer to an action of IMM, MNS, RAM or STS, known to a client or not.

        ``line`` has what is other in the request's line than usual: its version, method or path; ``body`` is
        a form.
        """
        address = self.local.endpoints.ram if service == "sts" else getattr(self.local.endpoints, service)
        params = Params(
            **{
                "action": action,
                "version": VERSIONS[service],
                "protocol": "HTTP",
                "pathname": "/",
                "method": "POST",
                "auth_type": "AK",
                "style": "RPC",
                "req_body_type": "formData",
                "body_type": "json",
                **(line or {}),
            }
        )
        client = Client(sdk(address, identity or self.owner))
        answer = client.call_api(params, OpenApiRequest(query=parameters, body=body), RuntimeOptions())
        assert answer["statusCode"] == 200
        content: dict[str, Any] = answer["body"]
        assert content.pop("RequestId")
        return content

    def error(self, service: str, action: str, /, *arguments: Any, **request: Any) -> AlibabaCloudException:
        """The error that the same call ends with."""
        with pytest.raises(AlibabaCloudException) as caught:
            self.openapi(service, action, *arguments, **request)
        error: AlibabaCloudException = caught.value
        return error

    def refusal(self, service: str, action: str, /, *arguments: Any, **request: Any) -> tuple[int, str]:
        """The status and the code of that error."""
        error = self.error(service, action, *arguments, **request)
        return error.status_code, error.code

    def calls(self, service: str) -> list[tuple[str, str, int | None]]:
        """The actions, resources and statuses of a service's calls, once none is under way."""
        self.local.run(self.local.calls.settled())
        return [(call.action, call.resource, call.status) for call in self.local.calls.list(service)]


@dataclass(frozen=True)
class Cloud(Services):
    """The same with a bucket and a project for one test."""

    session: requests.Session
    bucket: str
    project: str

    def caller(self, *statements: Mapping[str, Any], name: str = "worker") -> Identity:
        """Temporary keys of a role with a policy of these statements."""
        return self.local.call(caller, self.local.access, *statements, name=name)

    def objects(self, path: str = "*") -> str:
        """The resource that some objects of the bucket are."""
        return f"acs:oss:*:{ACCOUNT}:{self.bucket}/{path}"

    def oss(self, identity: Identity) -> oss.Client:
        return oss_client(self.local, self.session, identity)


@contextmanager
def started(seconds_later: float = 0.0, **options: Any) -> Iterator[LocalCloud]:
    """A local cloud in which nothing waits, unless options say otherwise."""
    local = LocalCloud(CloudConfig(**{"task_seconds": 0.0, "time_scale": 0.001, **options}))
    local.clock.advance(seconds_later)
    with local:
        yield local


@contextmanager
def furnished(local: LocalCloud) -> Iterator[Cloud]:
    """With a bucket and a project that nobody has used yet."""
    with requests.Session() as session:
        session.trust_env = False
        cloud = Cloud(local, session, f"media-{secrets.token_hex(4)}", f"project-{secrets.token_hex(4)}")
        local.call(local.objects.create_bucket, cloud.bucket)
        local.call(local.media.put_project, cloud.project)
        yield cloud


def refused(call: Any, *arguments: Any, **options: Any) -> tuple[int, str]:
    """The status and the code of the error that a call of an official SDK ends with."""
    with pytest.raises(AlibabaCloudException) as caught:
        call(*arguments, **options)
    return caught.value.status_code, caught.value.code
