"""The bucket in which Function Compute takes packages of code: it is the service's, not the account's.

Function Compute gives temporary keys that may write one object of it (``tempBucketToken``). Clients use them
with version 1 of OSS's signature, as fc3's SDK ali-oss 6.18 does; version 4 is taken as well.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from localcloud.accounts import Identity
from localcloud.oss.access import signature, signature_v1
from localcloud.oss.protocol.errors import OssError
from localcloud.oss.protocol.request import OssRequest
from localcloud.tenant import Tenant

UPLOAD_BUCKET = "fc-temp-code"
# How long the keys last is not documented.
KEY_LIFETIME = timedelta(hours=1)


def not_the_accounts() -> OssError:
    """What the bucket answers to anything else."""
    message = "You have no right to access this object because of bucket acl."
    return OssError(403, "AccessDenied", message, "0003-00000001", {"Bucket": UPLOAD_BUCKET})


class Uploads:
    """Who may write which object."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._granted: dict[str, str] = {}

    def grant(self) -> tuple[str, Identity]:
        """A new object's name below the account's folder, and keys that may write it."""
        name = secrets.token_hex(16)
        keys = self._tenant.accounts.issue_role_keys("fc-temp-code", KEY_LIFETIME, session="upload")
        self._granted[keys.access_key_id] = f"{self._tenant.account_id}/{name}"
        return name, keys

    def check(self, request: OssRequest, operation: str, now: datetime) -> None:
        """Raise OssError unless a request is the upload that its keys were given for."""
        if signature_v1.is_signed_so(request):
            identity = signature_v1.verify(request, self._tenant.accounts, now)
        else:
            identity = signature.verify(request, self._tenant.accounts, self._tenant.region, now)
        granted = self._granted.get(identity.access_key_id)
        if operation != "PutObject" or granted is None or granted != request.key:
            raise not_the_accounts()
