"""The services of one account and region, as the commands use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.cloud.access import Access
from cli.cloud.target import Target
from cli.failed.store import Store
from cli.installation.functions import Functions
from cli.installation.log_service import LogService
from cli.installation.media import Buckets, Projects
from cli.installation.ram import Ram
from cli.installation.topics import Queues, Topics
from cli.manifest.function import DeclaredFunction
from imm_label_tags.results.target import ObjectPrefix


@dataclass(frozen=True)
class Services:
    """Everything that an installation is made of, each behind its official SDK."""

    ram: Ram
    topics: Topics
    queues: Queues
    functions: Callable[[DeclaredFunction], Functions]
    projects: Projects
    buckets: Buckets
    logs: LogService
    records: Callable[[ObjectPrefix], Store]


def connect(access: Access, target: Target) -> Services:
    """Clients for all services; nothing is called yet."""
    account_id = target.account_id
    return Services(
        ram=Ram(access, account_id),
        topics=Topics(access, account_id),
        queues=Queues(access, account_id),
        functions=lambda declared: Functions(access, account_id, declared.name),
        projects=Projects(access, account_id),
        buckets=Buckets(access, account_id),
        logs=LogService(access, account_id),
        records=lambda place: Store(access.oss(), place, account_id),
    )
