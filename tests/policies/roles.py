"""A function in this process that acts in a role, whose policy can be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cli.installation.templates import fill
from localcloud.cloud import LocalCloud
from localcloud.ram.policy import Decision, evaluate, parse_policy
from tests.localcloud.services import ACCOUNT
from tests.policies.documents import DIRECTORY, filled
from tests.stage import Stage


@dataclass(frozen=True)
class Role:
    """A stage on which a function acts in a role; ``name`` is that of the document with its permissions."""

    stage: Stage
    cloud: LocalCloud
    name: str

    @property
    def policy(self) -> dict[str, Any]:
        """The role's policy for the stage's bucket and project."""
        bucket, project = self.stage.bucket, self.stage.project
        return filled(self.name, bucket=bucket, project=project, failed_bucket=bucket, archive_bucket=bucket)

    def limit(self, policy: dict[str, Any]) -> None:
        """Limit the role to a policy."""
        trust = fill(DIRECTORY / "function-trust.json", {})
        self.cloud.call(self.cloud.access.put_role, self.name, trust, {self.name: json.dumps(policy)})


@contextmanager
def acting(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Role]:
    """A stage on a cloud that enforces policies, in a role that has just a document's permissions."""
    stage = Stage(cloud, monkeypatch)
    role = Role(stage, cloud, name)
    role.limit(role.policy)
    stage.keys = cloud.call(cloud.access.roles.assume, f"acs:ram::{ACCOUNT}:role/{name}", "fc.aliyuncs.com")
    stage.context = stage.context_of("python3.12")
    with stage:
        yield role


def covers(pattern: str, resource: str) -> bool:
    """Whether a policy's resource includes another."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": pattern}
    policy = parse_policy(json.dumps({"Version": "1", "Statement": [statement]}))
    return evaluate([policy], "any:Action", resource, {}) is Decision.ALLOWED
