"""RestoreObject: how long an archived object takes until it can be read, and how long it then can.

Source: help.aliyun.com, RestoreObject. Where it gives a span of hours, the local cloud takes the longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from starlette.responses import Response

from localcloud.clock import Clock
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.errors import (
    OssError,
    invalid_argument,
    invalid_object_state,
    malformed_xml,
    not_supported,
)
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage import storage_classes
from localcloud.oss.storage.objects import RESTORATION, ObjectInfo, ObjectStore, moment

PRIORITY = "x-oss-object-restore-priority"

_ARCHIVE = "Archive"
_STANDARD = "Standard"
_TAKES = {
    _ARCHIVE: {_STANDARD: timedelta(minutes=1)},
    "ColdArchive": {
        "Expedited": timedelta(hours=1),
        _STANDARD: timedelta(hours=5),
        "Bulk": timedelta(hours=12),
    },
    "DeepColdArchive": {"Expedited": timedelta(hours=12), _STANDARD: timedelta(hours=48)},
}
_MOST_DAYS = {_ARCHIVE: 7, "ColdArchive": 365, "DeepColdArchive": 365}


@dataclass(frozen=True)
class Restoration:
    """When an object can be read from, and until when."""

    done: datetime
    ends: datetime

    def header(self) -> str:
        """As the object keeps it."""
        return f"{int(self.done.timestamp())} {int(self.ends.timestamp())}"

    def shown(self, now: datetime) -> str:
        """As OSS tells it."""
        if now < self.done:
            return 'ongoing-request="true"'
        return f'ongoing-request="false", expiry-date="{format_datetime(self.ends, usegmt=True)}"'


def restoration(info: ObjectInfo, now: datetime) -> Restoration | None:
    """The restoration of an archived object that is under way or still good."""
    if RESTORATION not in info.headers or info.storage_class not in _TAKES:
        return None
    done, ends = (moment(int(text)) for text in info.headers[RESTORATION].split())
    return Restoration(done, ends) if now < ends else None


def check_readable(info: ObjectInfo, now: datetime) -> None:
    """Raise OssError for an object that has to be restored first."""
    restored = restoration(info, now)
    if storage_classes.is_readable(info.storage_class) or (restored is not None and restored.done <= now):
        return
    raise invalid_object_state(info.key)


class RestoreOperations:
    """Answers RestoreObject."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def restore(self, request: OssRequest, body: bytes) -> Response:
        """RestoreObject: 202 for the first, 200 for one that prolongs an earlier."""
        info, now = self._store.get(request.bucket, request.key), self._clock.now().astimezone(timezone.utc)
        if info.storage_class not in _TAKES:
            raise not_supported(info.key)
        days, tier = _asked(body, info.storage_class)
        if not 1 <= days <= _MOST_DAYS[info.storage_class]:
            raise invalid_argument("Days", str(days), "The number of days is not one that the class allows.")
        earlier = restoration(info, now)
        if earlier is not None and now < earlier.done:
            message = "The restore operation is in progress."
            raise OssError(409, "RestoreAlreadyInProgress", message, "0016-00000701", {"Key": info.key})
        done = earlier.done if earlier else now + _TAKES[info.storage_class][tier]
        ends = max(now, done) + timedelta(days=days)
        self._store.set_header(info, RESTORATION, Restoration(done, ends).header())
        headers = {} if info.storage_class == _ARCHIVE else {PRIORITY: tier}
        return responses.empty(200 if earlier else 202, headers)


def _asked(body: bytes, storage_class: str) -> tuple[int, str]:
    """The days and the tier of a ``<RestoreRequest>``; raises OssError."""
    if not body.strip():
        return 1, _STANDARD
    root = documents.read(body, "RestoreRequest")
    days, parameters = whole_number(root.findtext("Days") or "1"), root.find("JobParameters")
    if days is None:
        raise malformed_xml("a RestoreRequest has a number of Days")
    if parameters is not None and storage_class == _ARCHIVE:
        raise malformed_xml("JobParameters are of colder classes than Archive")
    tier = _STANDARD if parameters is None else parameters.findtext("Tier") or _STANDARD
    if tier not in _TAKES[storage_class]:
        raise invalid_argument("Tier", tier, "The Tier is not one that the class has.")
    return days, tier
