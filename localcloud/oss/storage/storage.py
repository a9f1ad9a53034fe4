"""What OSS's operations work on, and what they go by."""

from __future__ import annotations

import asyncio
from datetime import datetime
from weakref import WeakValueDictionary

from localcloud.oss.protocol.documents import Node
from localcloud.oss.storage.bodies import BodyFiles
from localcloud.oss.storage.multipart import MultipartUploads
from localcloud.oss.storage.objects import ObjectStore
from localcloud.oss.storage.tags import TagRules
from localcloud.tenant import Tenant


class Storage:
    """An account's buckets, objects and multipart uploads in a region."""

    def __init__(self, tenant: Tenant, rules: TagRules) -> None:
        self.tenant = tenant
        self.rules = rules
        database = tenant.database
        self.files = BodyFiles(database.directory / "objects", lasting=database.lasting)
        self.objects = ObjectStore(tenant.database, self.files, tenant.clock)
        self.uploads = MultipartUploads(tenant.database, self.objects, self.files, tenant.clock)
        self.files.sweep(self.objects.bodies() | self.uploads.bodies())
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, name: str) -> asyncio.Lock:
        """The lock of something that one request at a time may change."""
        return self._locks.setdefault(name, asyncio.Lock())

    def now(self) -> datetime:
        """The services' present."""
        return self.tenant.clock.now()

    @property
    def owner(self) -> Node:
        """The account as documents show it."""
        return "Owner", [("ID", self.tenant.account_id), ("DisplayName", self.tenant.account_id)]
