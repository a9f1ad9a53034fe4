"""The services of one account and region, as the commands use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import alibabacloud_oss_v2 as oss
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Sdk, Subject
from cli.cloud.target import Media, Target
from cli.failed.store import Store
from cli.installation.functions import Functions
from cli.installation.log_service import LogService
from cli.installation.messaging import Messaging
from cli.installation.ram import Ram
from imm_label_tags.results.target import ObjectPrefix


class Projects(Sdk):
    """The IMM projects of a region."""

    def __init__(self, access: Access, account_id: str) -> None:
        super().__init__("IMM", f"acs:imm:{access.region}:{account_id}:")
        self._client = Client(access.openapi("imm"))
        self._roles: dict[str, str | None] = {}

    def service_role(self, name: str) -> str | None:
        """The role in which IMM reads the bucket for a project; None where there is no such project.

        Asked for once. Raises CallFailed.
        """
        if name not in self._roles:
            request = models.GetProjectRequest(project_name=name)
            subject = Subject(f"project {name}", f"project/{name}")
            answer = self._find(self._client.get_project, request, on=subject)
            self._roles[name] = None if answer is None else answer.body.project.service_role or ""
        return self._roles[name]


class Buckets(Sdk):
    """The buckets of a region."""

    def __init__(self, access: Access, account_id: str) -> None:
        super().__init__("OSS", f"acs:oss:*:{account_id}:")
        self._client = access.oss()
        self._regions: dict[str, str | None] = {}

    def region_of(self, name: str) -> str | None:
        """The region of a bucket, if there is one of this name; asked for once. Raises CallFailed."""
        if name not in self._regions:
            request = oss.GetBucketInfoRequest(bucket=name)
            answer = self._find(self._client.get_bucket_info, request, on=Subject(f"bucket {name}", name))
            location = None if answer is None else answer.bucket_info.location or ""
            self._regions[name] = None if location is None else location.removeprefix("oss-")
        return self._regions[name]


@dataclass(frozen=True)
class Services:
    """Everything that an installation is made of, each behind its official SDK."""

    ram: Ram
    messaging: Messaging
    functions: Functions
    projects: Projects
    buckets: Buckets
    logs: LogService
    records: Callable[[ObjectPrefix], Store]


def connect(access: Access, account_id: str) -> Services:
    """Clients for all services; nothing is called yet."""
    return Services(
        ram=Ram(access, account_id),
        messaging=Messaging(access, account_id),
        functions=Functions(access, account_id),
        projects=Projects(access, account_id),
        buckets=Buckets(access, account_id),
        logs=LogService(access, account_id),
        records=lambda place: Store(access.oss(), place, account_id),
    )


@dataclass(frozen=True)
class Installation:
    """What ``setup``, ``teardown`` and ``doctor`` work on: what a file declares, for which media, where."""

    target: Target
    media: Media
    services: Services

    def fault_of_bucket(self, name: str, another: str) -> tuple[str, str] | None:
        """Why the functions cannot use a bucket, and what to do; None where they can. Raises CallFailed.

        ``another`` says how to name another one.
        """
        region, own = self.services.buckets.region_of(name), self.target.region
        if region is None:
            return f"There is no bucket {name}.", f"Create it in {own}, or name another {another}."
        if region != own:
            return (
                f"The bucket {name} is in {region}, the functions in {own}.",
                "IMM and the functions reach buckets of their own region only: deploy to the bucket's region "
                f"(FC_DEPLOY_REGION), or name another {another}.",
            )
        return None

    def fault_of_project(self, name: str) -> tuple[str, str] | None:
        """Why IMM can analyse no video in a project, and what to do; None where it can. Raises CallFailed."""
        role = self.services.projects.service_role(name)
        if role is None:
            return (
                f"There is no IMM project {name} in {self.target.region}.",
                "Create it there (IMM console, or CreateProject), or name another with --project.",
            )
        if self.services.ram.role(role) is None:
            return (
                f"There is no role {role}, in which IMM reads the videos of project {name}.",
                "Authorize IMM in its console, which makes the role.",
            )
        return None
