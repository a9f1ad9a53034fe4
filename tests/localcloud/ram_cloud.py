"""A local cloud whose services obey RAM's policies, and the official SDKs with anybody's keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import alibabacloud_oss_v2 as oss
import requests
from alibabacloud_imm20200930.client import Client as ImmClient

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.localcloud.imm_region import without_proxies
from tests.localcloud.ram_world import caller
from tests.localcloud.tenancy import sdk
from tests.user import oss_client

ACCOUNT = CloudConfig().account_id
REGION = CloudConfig().region


@dataclass(frozen=True)
class Cloud:
    """The cloud, and a bucket and a project for one test."""

    local: LocalCloud
    session: requests.Session
    bucket: str
    project: str

    @property
    def owner(self) -> Identity:
        return self.local.accounts.owner

    def caller(self, *statements: Mapping[str, Any], name: str = "worker") -> Identity:
        """Temporary keys of a role with a policy of these statements."""
        return self.local.call(caller, self.local.access, *statements, name=name)

    def objects(self, path: str = "*") -> str:
        """The resource that some objects of the bucket are."""
        return f"acs:oss:*:{ACCOUNT}:{self.bucket}/{path}"

    def oss(self, identity: Identity) -> oss.Client:
        return oss_client(self.local, self.session, identity)

    def imm(self, identity: Identity) -> ImmClient:
        return ImmClient(sdk(self.local.endpoints.imm, identity))


@contextmanager
def obeying(**options: Any) -> Iterator[LocalCloud]:
    """A local cloud in which nothing waits and RAM's policies hold."""
    config = CloudConfig(policies=True, task_seconds=0.0, time_scale=0.001, **options)
    with without_proxies(), LocalCloud(config) as local:
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
