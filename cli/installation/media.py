"""What the functions work on and ``setup`` never makes: IMM projects and buckets."""

from __future__ import annotations

from dataclasses import dataclass

import alibabacloud_oss_v2 as oss
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Call, found


@dataclass(frozen=True)
class Project:
    """An IMM project, and the role in which IMM reads the bucket for it."""

    name: str
    service_role: str


class Projects:
    """The IMM projects of a region."""

    def __init__(self, access: Access, account_id: str) -> None:
        self._client = Client(access.openapi("imm"))
        self._prefix = f"acs:imm:{access.region}:{account_id}:project/"

    def find(self, name: str) -> Project | None:
        """A project, if there is one of this name in the region; raises CallFailed."""
        request = models.GetProjectRequest(project_name=name)
        call = Call("IMM", "GetProject", f"project {name}", self._prefix + name)
        answer = found(call, lambda: self._client.get_project(request))
        return None if answer is None else Project(name, answer.body.project.service_role or "")


class Buckets:
    """The buckets of a region."""

    def __init__(self, access: Access, account_id: str) -> None:
        self._client = access.oss()
        self._prefix = f"acs:oss:*:{account_id}:"

    def region_of(self, name: str) -> str | None:
        """The region of a bucket, if there is one of this name; raises CallFailed."""
        request = oss.GetBucketInfoRequest(bucket=name)
        call = Call("OSS", "GetBucketInfo", f"bucket {name}", self._prefix + name)
        answer = found(call, lambda: self._client.get_bucket_info(request))
        if answer is None:
            return None
        location: str = answer.bucket_info.location or ""
        return location.removeprefix("oss-")
