"""What somebody has who works with a local cloud: keys and endpoints in the environment, a client of OSS."""

from __future__ import annotations

import alibabacloud_oss_v2 as oss
import requests
from click.testing import Result

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud

SERVICES = ("fc", "imm", "mns", "oss", "ram", "sls")


def exported(keys: Identity) -> dict[str, str]:
    """The variables of keys, as a user exports them and as Function Compute gives those of a role."""
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": keys.security_token or "",
    }


def environment(cloud: LocalCloud, keys: Identity | None = None) -> dict[str, str]:
    """Every service of a cloud, and keys, its owner's unless others are given."""
    endpoints = {f"{name.upper()}_ENDPOINT": getattr(cloud.endpoints, name) for name in SERVICES}
    return {**endpoints, "STS_ENDPOINT": cloud.endpoints.ram, **exported(keys or cloud.accounts.owner)}


def oss_client(
    cloud: LocalCloud,
    session: requests.Session | None = None,
    keys: Identity | None = None,
    attempts: int = 1,
) -> oss.Client:
    """The official SDK without its pauses; a ``session`` keeps its connections until it is closed."""
    keys = keys or cloud.accounts.owner
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        keys.access_key_id, keys.access_key_secret, keys.security_token
    )
    config.region, config.endpoint = cloud.config.region, cloud.endpoints.oss
    config.retryer = oss.retry.StandardRetryer(
        max_attempts=attempts, backoff_delayer=oss.retry.FixedDelayBackoff(0)
    )
    if session is not None:
        config.http_client = oss.transport.RequestsHttpClient(session=session)
    return oss.Client(config)


def flat(result: Result) -> str:
    """A command's output as running text, however the console has broken its lines."""
    return " ".join(result.output.split())
