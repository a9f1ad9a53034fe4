"""What the makers of topics and queues decide about them: names, limits and resource tags.

Sources: alibabacloud.com/help/en/mns, "Limits" and "Error codes" (27501). The latter is of MNS's own HTTP
API; which codes its API behind the OpenAPI gateway has is not documented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

LARGEST_MESSAGE = 65_536
RETENTION_SECONDS = 86_400
LONGEST_NAMES = {"Topic": 255, "Subscription": 255, "Queue": 120}


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue; ``created`` is in seconds since 1970."""

    name: str
    created: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Topic(Queue):
    """A topic, which has limits of its own."""

    maximum_message_size: int = LARGEST_MESSAGE
    logging_enabled: bool = False


Q = TypeVar("Q", bound=Queue)


class Made(Generic[Q]):
    """The topics or the queues that somebody has made. What is refused raises a RequestRefused."""

    def __init__(self, tenant: Tenant, kind: type[Q]) -> None:
        self._kind = kind.__name__
        self._clock = tenant.clock
        self._records = Records(tenant.database, f"MNS {self._kind}", kind)

    def add(self, made: Q) -> None:
        """Add a topic or queue, which is created now."""
        check_name(self._kind, made.name)
        if not self._records.add(made.name, replace(made, created=int(self._clock.now().timestamp()))):
            raise already_exists(self._kind)

    def get(self, name: str) -> Q:
        """A topic or queue by its name."""
        found = self._records.find(name)
        if found is None:
            message = f"The {self._kind.lower()} name you provided is not exist: {name!r}."
            raise RequestRefused(404, f"{self._kind}NotExist", message)
        return found

    def all(self) -> list[Q]:
        """All of them, by name."""
        return self._records.all()

    def has(self, name: str) -> bool:
        """Whether there is one of this name."""
        return self._records.find(name) is not None

    def remove(self, name: str) -> None:
        """Remove a topic or queue."""
        self.get(name)
        self._records.remove(name)


def check_name(kind: str, name: str) -> None:
    """Raise a RequestRefused for a name that no topic, subscription or queue can have."""
    longest = LONGEST_NAMES[kind]
    if len(name) > longest or not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name, re.ASCII):
        message = (
            f"The {kind.lower()} name you provided is invalid. {kind} name should start with letter or "
            f"digit, contain only letters, digits and '-', at most {longest}."
        )
        raise RequestRefused(400, f"{kind}NameInvalid", message)


def already_exists(kind: str) -> RequestRefused:
    """There is a topic or queue of this name, or a subscription with other attributes."""
    message = f"The {kind.lower()} you want to create is already exist with other attributes."
    return RequestRefused(409, f"{kind}AlreadyExist", message)
