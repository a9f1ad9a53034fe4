"""RestoreObject: how long an archived object takes until it can be read, and how long it then can.

Source: help.aliyun.com, RestoreObject. Where it gives a span of hours, the local cloud takes the longest.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime

from starlette.responses import Response

from localcloud.oss.protocol import documents, errors, responses
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.objects import RESTORATION, ObjectInfo, moment
from localcloud.oss.storage.storage import Storage

PRIORITY = "x-oss-object-restore-priority"

_ARCHIVE = "Archive"
_STANDARD = "Standard"
# The classes whose objects have to be restored.
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


def restore_object(storage: Storage, request: OssRequest) -> Response:
    """RestoreObject: 202 for the first, 200 for one that prolongs an earlier."""
    info = storage.objects.get(request.bucket, request.key)
    now = storage.now()
    if info.storage_class not in _TAKES:
        raise errors.NOT_SUPPORTED(Key=info.key)
    days, tier = _asked(request.body, info.storage_class)
    if not 1 <= days <= _MOST_DAYS[info.storage_class]:
        raise errors.invalid_argument(
            "Days", str(days), "The number of days is not one that the class allows."
        )
    earlier = _restoration(info, now)
    if earlier is not None and now < earlier[0]:
        message = "The restore operation is in progress."
        raise errors.OssError(409, "RestoreAlreadyInProgress", message, "0016-00000701", {"Key": info.key})
    done = earlier[0] if earlier else now + _TAKES[info.storage_class][tier]
    ends = max(now, done) + timedelta(days=days)
    kept = f"{int(done.timestamp())} {int(ends.timestamp())}"
    storage.objects.set_header(info, RESTORATION, kept)
    headers = {} if info.storage_class == _ARCHIVE else {PRIORITY: tier}
    return responses.empty(200 if earlier else 202, headers)


def check_readable(info: ObjectInfo, now: datetime) -> None:
    """Raise OssError for an object that has to be restored first."""
    restored = _restoration(info, now)
    if info.storage_class in _TAKES and (restored is None or now < restored[0]):
        raise errors.INVALID_OBJECT_STATE(ObjectName=info.key)


def shown_restoration(info: ObjectInfo, now: datetime) -> str | None:
    """What OSS tells of a restoration that is under way or still good."""
    restored = _restoration(info, now)
    if restored is None:
        return None
    done, ends = restored
    if now < done:
        return 'ongoing-request="true"'
    return f'ongoing-request="false", expiry-date="{format_datetime(ends, usegmt=True)}"'


def _restoration(info: ObjectInfo, now: datetime) -> tuple[datetime, datetime] | None:
    """When an archived object can be read from, and until when."""
    if RESTORATION not in info.headers or info.storage_class not in _TAKES:
        return None
    done, ends = (moment(int(text)) for text in info.headers[RESTORATION].split())
    return (done, ends) if now < ends else None


def _asked(body: bytes, storage_class: str) -> tuple[int, str]:
    """The days and the tier of a ``<RestoreRequest>``; raises OssError."""
    if not body.strip():
        return 1, _STANDARD
    root = documents.read(body, "RestoreRequest")
    days, parameters = whole_number(root.findtext("Days") or "1"), root.find("JobParameters")
    if days is None:
        raise errors.malformed_xml("a RestoreRequest has a number of Days")
    if parameters is not None and storage_class == _ARCHIVE:
        raise errors.malformed_xml("JobParameters are of colder classes than Archive")
    tier = _STANDARD if parameters is None else parameters.findtext("Tier") or _STANDARD
    if tier not in _TAKES[storage_class]:
        raise errors.invalid_argument("Tier", tier, "The Tier is not one that the class has.")
    return days, tier
