"""RestoreObject: an archived object is read after it was restored, and for as long as that was asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from tests.localcloud.oss_world import (
    Oss,
    ask,
    get,
    put,
    refusal,
)

KEY = "videos/a.mp4"
MINUTE, HOUR, DAY = 60.0, 3600.0, 24 * 3600.0


def restore(client: oss.Client, days: int | None = None, tier: str | None = None) -> Any:
    asked = None
    if days or tier:
        parameters = oss.JobParameters(tier=tier) if tier else None
        asked = oss.RestoreRequest(days=days, job_parameters=parameters)
    return ask(client, "restore_object", key=KEY, restore_request=asked)


def state(client: oss.Client) -> str | None:
    head = ask(client, "head_object", key=KEY)
    shown: str | None = head.headers.get("x-oss-restore")
    return shown


def refused(client: oss.Client) -> bool:
    return str(refusal(get, client, KEY).code) == "InvalidObjectState"


def test_an_archived_object_is_read_while_it_is_restored(cloud: Oss, client: oss.Client) -> None:
    put(client, KEY, b"a video", storage_class="Archive", tagging="team=a")
    assert (refused(client), state(client)) == (True, None)
    # When it is restored, it takes a minute
    assert restore(client).status_code == 202
    assert state(client) == 'ongoing-request="true"'
    again = refusal(restore, client)
    assert (again.status_code, again.code, again.ec) == (409, "RestoreAlreadyInProgress", "0016-00000701")
    listed = ask(client, "list_objects_v2").contents
    assert listed[0].restore_info == 'ongoing-request="true"'
    assert refused(client)
    # Then it can be read and copied for a day
    cloud.clock.advance(MINUTE)
    assert get(client, KEY) == b"a video"
    assert (state(client) or "").startswith('ongoing-request="false", expiry-date="')
    ask(client, "copy_object", key="copy", source_key=KEY)
    head = ask(client, "head_object", key="copy")
    assert (head.storage_class, "x-oss-restore" in head.headers) == ("Standard", False)
    cloud.clock.advance(DAY)
    assert (refused(client), state(client)) == (True, None)
    assert restore(client).status_code == 202


def test_it_is_readable_for_longer_where_that_is_asked_for(cloud: Oss, client: oss.Client) -> None:
    put(client, KEY, storage_class="Archive")
    restore(client, days=2)
    cloud.clock.advance(MINUTE + 1.9 * DAY)
    assert restore(client, days=3).status_code == 200
    cloud.clock.advance(2.9 * DAY)
    assert get(client, KEY) == b"a video"
    cloud.clock.advance(0.2 * DAY)
    assert refused(client)


@pytest.mark.parametrize(
    ("storage_class", "tier", "hours"),
    [
        ("ColdArchive", None, 5),
        ("ColdArchive", "Expedited", 1),
        ("ColdArchive", "Bulk", 12),
        ("DeepColdArchive", "Expedited", 12),
        ("DeepColdArchive", "Standard", 48),
    ],
)
def test_colder_classes_take_hours(
    cloud: Oss, client: oss.Client, storage_class: str, tier: str | None, hours: int
) -> None:
    put(client, KEY, storage_class=storage_class)
    assert restore(client, 5, tier).restore_priority == (tier or "Standard")
    cloud.clock.advance(hours * HOUR - MINUTE)
    assert refused(client)
    cloud.clock.advance(2 * MINUTE)
    assert get(client, KEY) == b"a video"


def test_what_cannot_be_restored(cloud: Oss, client: oss.Client) -> None:
    assert refusal(restore, client).code == "NoSuchKey"
    for storage_class, days, tier, code in [
        ("Standard", None, None, "OperationNotSupported"),
        ("IA", None, None, "OperationNotSupported"),
        ("Archive", 8, None, "InvalidArgument"),
        ("Archive", 1, "Bulk", "MalformedXML"),
        ("ColdArchive", 366, None, "InvalidArgument"),
        ("ColdArchive", 1, "Slow", "InvalidArgument"),
        ("DeepColdArchive", 1, "Bulk", "InvalidArgument"),
    ]:
        put(client, KEY, storage_class=storage_class)
        error = refusal(partial(restore, client, days, tier))
        assert (error.status_code, error.code) == (400, code)
    for body in (b"<Other/>", b"<RestoreRequest>", b"<RestoreRequest><Days>x</Days></RestoreRequest>"):
        assert cloud.call("POST", KEY, "restore", body=body).error()["Code"] == "MalformedXML"


def test_the_independent_sdk_agrees(witness: oss2.Bucket) -> None:
    witness.put_object(KEY, b"a video", headers={"x-oss-storage-class": "ColdArchive"})
    tier = oss2.models.RestoreJobParameters(oss2.models.RESTORE_TIER_BULK)
    answer = witness.restore_object(KEY, input=oss2.models.RestoreConfiguration(days=5, job_parameters=tier))
    assert (answer.status, answer.resp.headers["x-oss-object-restore-priority"]) == (202, "Bulk")
