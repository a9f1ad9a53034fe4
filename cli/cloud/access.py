"""With whose keys the services are called, and where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import alibabacloud_oss_v2 as oss
import requests
from alibabacloud_oss_v2.transport import RequestsHttpClient
from alibabacloud_tea_openapi.utils_models import Config
from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter

from cli.problems import Problem
from imm_label_tags.environment import Endpoint
from imm_label_tags.services.credentials import Keys

CONNECT_SECONDS = 5
READ_SECONDS = 20
_URL = re.compile(r"(?:(https?)://)?([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?)/?", re.ASCII)
_ID = "ALIBABA_CLOUD_ACCESS_KEY_ID"
_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
_TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"


class NoKeys(Problem):
    """The environment has no keys."""

    advice = (
        "Export the keys of a user or role that may do what deploy/policies/setup.json lists (and "
        f"{_TOKEN} for temporary ones)."
    )

    def __init__(self, missing: list[str]) -> None:
        self.said = f"There are no keys for Alibaba Cloud: {' and '.join(missing)} not set."
        super().__init__(f"{self.said} {self.advice}")


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
        }
        names = [field.name for field in fields(self)]
        return {name: _endpoint(name, getattr(self, name) or real[name]) for name in names}


@dataclass(frozen=True)
class Access:
    """Everything that a client of a service is built from."""

    region: str
    keys: Keys
    endpoints: Mapping[str, Endpoint]

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

    def oss(self, connections: int = DEFAULT_POOLSIZE) -> oss.Client:
        """A client of OSS that ignores the environment's proxies and .netrc, for so many calls at a time."""
        session = requests.Session()
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        config = oss.config.load_default()
        config.region = self.region
        config.endpoint = self.endpoints["oss"].url
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(
            self.keys.access_key_id, self.keys.access_key_secret, self.keys.security_token or None
        )
        config.http_client = RequestsHttpClient(
            session=session, connect_timeout=CONNECT_SECONDS, readwrite_timeout=READ_SECONDS
        )
        return oss.Client(config)


def keys_of(environment: Mapping[str, str]) -> Keys:
    """The keys in the environment, as far as there are any; ``check_keys`` says whether they are whole."""
    return Keys(*(environment.get(name, "").strip() for name in (_ID, _SECRET, _TOKEN)))


def check_keys(keys: Keys) -> None:
    """Raise NoKeys unless there is an access key with its secret."""
    given = {_ID: keys.access_key_id, _SECRET: keys.access_key_secret}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise NoKeys(missing)


def _endpoint(service: str, text: str) -> Endpoint:
    match = _URL.fullmatch(text)
    if match is None:
        raise BadEndpoint(service, text)
    return Endpoint(match[1] or "https", match[2])
