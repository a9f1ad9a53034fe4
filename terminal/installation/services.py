"""The services of one account and region, as the commands use them."""

from __future__ import annotations

from dataclasses import dataclass

from terminal.installation.access import Access
from terminal.installation.functions import Functions
from terminal.installation.media import Buckets, Projects
from terminal.installation.ram import Ram
from terminal.installation.target import Target
from terminal.installation.topics import Topics


@dataclass(frozen=True)
class Services:
    """Everything that an installation is made of, each behind its official SDK."""

    ram: Ram
    topics: Topics
    functions: Functions
    projects: Projects
    buckets: Buckets


def connect(access: Access, target: Target) -> Services:
    """Clients for all services; nothing is called yet."""
    account_id = target.account_id
    return Services(
        ram=Ram(access, account_id),
        topics=Topics(access, account_id),
        functions=Functions(access, account_id, target.function.name),
        projects=Projects(access, account_id),
        buckets=Buckets(access, account_id),
    )
