"""What a client of a service is built from: keys, region, endpoints; and whose keys they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import alibabacloud_oss_v2 as oss
import requests
from alibabacloud_oss_v2.transport import RequestsHttpClient
from alibabacloud_oss_v2.types import Credentials
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter

from cli.cloud.calls import Call, ask
from cli.cloud.keys import KeySource, NoKeys, PresentCredentials
from cli.problems import Problem
from imm_label_tags.environment import Endpoint, any_secure
from imm_label_tags.services.credentials import Keys

T = TypeVar("T")

CONNECT_SECONDS = 5
READ_SECONDS = 20
_URL = re.compile(r"(?:(https?)://)?([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?)/?", re.ASCII)
_ADDRESS = re.compile(r"(?:[0-9.]+|localhost)(?::[0-9]+)?", re.ASCII)


class BadEndpoint(Problem):
    """An endpoint is no host and no URL of one."""

    def __init__(self, service: str, text: str) -> None:
        super().__init__(
            f"The endpoint of {service.upper()} is {text!r}, but must be a host such as "
            "ram.aliyuncs.com, or a URL of one such as http://127.0.0.1:8975."
        )


@dataclass(frozen=True)
class Endpoints:
    """Where each service is reached; empty: the real one of the region."""

    ram: str = ""
    sts: str = ""
    mns: str = ""
    fc: str = ""
    imm: str = ""
    oss: str = ""
    sls: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Endpoints:
        """Those that an environment names: RAM_ENDPOINT and so on."""
        names = (field.name for field in fields(cls))
        return cls(**{name: environment.get(f"{name.upper()}_ENDPOINT", "").strip() for name in names})

    def resolved(self, region: str, account_id: str) -> Mapping[str, Endpoint]:
        """Every endpoint; raises BadEndpoint."""
        real = {
            "ram": "ram.aliyuncs.com",
            "sts": f"sts.{region}.aliyuncs.com",
            "mns": f"mns-open.{region}.aliyuncs.com",
            # The account's own endpoint; the other one is for everybody.
            "fc": f"{account_id}.{region}.fc.aliyuncs.com" if account_id else f"fcv3.{region}.aliyuncs.com",
            "imm": f"imm.{region}.aliyuncs.com",
            "oss": f"oss-{region}.aliyuncs.com",
            "sls": f"{region}.log.aliyuncs.com",
        }
        names = [field.name for field in fields(self)]
        return {name: _endpoint(name, getattr(self, name) or real[name]) for name in names}


@dataclass(frozen=True)
class Access:
    """Everything that a client of a service is built from; ``no_keys`` says why ``keys`` are empty.

    ``keys`` are the first ones. What works for long asks ``credentials``, which follow the ``source``.
    """

    region: str
    keys: Keys
    endpoints: Mapping[str, Endpoint]
    no_keys: NoKeys | None = None
    source: KeySource | None = None

    @cached_property
    def credentials(self) -> PresentCredentials:
        """The keys of each moment, for the function's own clients."""
        return PresentCredentials(self.source.keys if self.source else lambda: self.keys)

    def check_keys(self) -> None:
        """Raise NoKeys where there are none."""
        if self.no_keys is not None:
            raise self.no_keys

    def openapi(self, service: str) -> Config:
        """The configuration of an SDK of the OpenAPI family."""
        endpoint = self.endpoints[service]
        return Config(
            region_id=self.region,
            endpoint=endpoint.host,
            protocol=endpoint.scheme.upper(),
            access_key_id=self.keys.access_key_id,
            access_key_secret=self.keys.access_key_secret,
            security_token=self.keys.security_token or None,
            connect_timeout=CONNECT_SECONDS * 1000,
            read_timeout=READ_SECONDS * 1000,
        )

    def sls(self) -> Config:
        """The configuration of Log Service's SDK.

        It puts the project in front of the endpoint's name, which an address has none of; so an address is
        given to it as the HTTP proxy through which the region's own endpoint is reached.
        """
        config, endpoint = self.openapi("sls"), self.endpoints["sls"]
        if _ADDRESS.fullmatch(endpoint.host):
            config.endpoint = f"{self.region}.log.aliyuncs.com"
            config.protocol = "HTTP"
            config.http_proxy = endpoint.url
        return config

    def function_client(self, kind: Callable[..., T], service: str, account_id: str) -> T:
        """A client of the function's own, whose calls raise the function's errors."""
        # Commands that make no such calls start without them.
        from imm_label_tags.services.connections import Connections

        endpoint = self.endpoints[service]
        connections = Connections(secure=any_secure(endpoint))
        return kind(self.region, account_id, endpoint, self.credentials, connections)

    def oss(self, connections: int = DEFAULT_POOLSIZE) -> oss.Client:
        """A client of OSS that ignores the environment's proxies and .netrc, for so many calls at a time."""
        session = requests.Session()
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        config = oss.config.load_default()
        config.region = self.region
        config.endpoint = self.endpoints["oss"].url
        config.credentials_provider = oss.credentials.CredentialsProviderFunc(self._oss_credentials)
        config.http_client = RequestsHttpClient(
            session=session, connect_timeout=CONNECT_SECONDS, readwrite_timeout=READ_SECONDS
        )
        return oss.Client(config)

    def _oss_credentials(self) -> Credentials:
        keys = self.credentials.keys()
        return Credentials(keys.access_key_id, keys.access_key_secret, keys.security_token or None)


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
    """Whose keys these are: STS GetCallerIdentity, which every caller may ask. Raises CallFailed.

    One call without parameters needs no SDK of its own: the generic client of the OpenAPI family sends it.
    """
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


def _endpoint(service: str, text: str) -> Endpoint:
    match = _URL.fullmatch(text)
    if match is None:
        raise BadEndpoint(service, text)
    return Endpoint(match[1] or "https", match[2])
