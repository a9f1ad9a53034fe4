"""AppendObject: an object that grows at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.oss.service import ObjectCreated
from tests.localcloud.oss_world import Oss, ask, get, head, official_client, put, refusal, tags_of

KEY = "日志/a.log"


def append(client: oss.Client, position: int, body: bytes, key: str = KEY, **fields: Any) -> Any:
    return ask(client, "append_object", key=key, position=position, body=body, **fields)


def test_an_object_grows_at_its_end(cloud: Oss, client: oss.Client) -> None:
    told: list[ObjectCreated] = []
    cloud.storage.watch(told.append)
    # Given an object that is begun with metadata and tags
    first = append(client, 0, b"one ", content_type="text/plain", metadata={"owner": "a"}, tagging="team=a")
    assert first.next_position == 4
    # When more comes, with others or with too many
    many = "&".join(f"k{number}=v" for number in range(15))
    second = append(client, 4, b"two", metadata={"owner": "b"}, tagging=many)
    assert second.next_position == 7
    # Then those of the beginning stay
    found = head(client, KEY)
    assert (found.object_type, found.next_append_position, found.content_length) == ("Appendable", 7, 7)
    assert (found.metadata, found.content_type, found.content_md5) == ({"owner": "a"}, "text/plain", None)
    assert (get(client, KEY), tags_of(client, KEY)) == (b"one two", [("team", "a")])
    assert found.hash_crc64 == second.hash_crc64
    assert len(cloud.bodies) == 1
    # And each time functions are told
    event = "ObjectCreated:AppendObject"
    assert [(one.event, one.size) for one in told] == [(event, 4), (event, 7)]
    assert len({one.etag for one in told}) == 2


def test_what_is_appended_elsewhere_is_refused_and_the_place_is_told(
    client: oss.Client, witness: oss2.Bucket
) -> None:
    append(client, 0, b"one")
    for position in (0, 2, 4):
        with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as caught:
            witness.append_object(KEY, position, b"two")
        assert (caught.value.status, caught.value.next_position) == (409, 3)
    assert refusal(append, client, 1, b"new", key="none").code == "PositionNotEqualToLength"
    assert get(client, KEY) == b"one"


def test_the_independent_sdk_agrees_on_the_checksum(witness: oss2.Bucket) -> None:
    first = witness.append_object(KEY, 0, bytes(range(256)), init_crc=0)
    second = witness.append_object(KEY, 256, b"more", init_crc=first.crc)
    assert (second.next_position, witness.get_object(KEY).read()) == (260, bytes(range(256)) + b"more")


def test_only_what_was_appended_to_can_be_appended_to(cloud: Oss, client: oss.Client) -> None:
    put(client, KEY, b"normal")
    error = refusal(append, client, 6, b"more")
    assert (error.status_code, error.code) == (409, "ObjectNotAppendable")
    for query in ("append", "append&position=-1", "append&position=x"):
        assert cloud.refused("POST", KEY, query, body=b"more") == "InvalidArgument"
    # An upload makes a normal object of it.
    append(client, 0, b"one", key="b")
    put(client, "b", b"normal")
    assert refusal(append, client, 6, b"more", key="b").code == "ObjectNotAppendable"


def test_it_can_be_given_other_metadata_but_not_be_copied(client: oss.Client) -> None:
    append(client, 0, b"one")
    replacing = {"source_key": KEY, "metadata_directive": "REPLACE", "metadata": {"owner": "b"}}
    error = refusal(ask, client, "copy_object", key="elsewhere", **replacing)
    assert error.code == "OperationNotSupported"
    ask(client, "copy_object", key=KEY, **replacing)
    assert append(client, 3, b" two").next_position == 7
    found = head(client, KEY)
    assert (found.object_type, found.metadata) == ("Appendable", {"owner": "b"})


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("code", ["ObjectNotAppendable", "PositionNotEqualToLength"])
def test_what_others_write_meanwhile_stays(
    cloud: Oss, client: oss.Client, monkeypatch: pytest.MonkeyPatch, code: str, early: bool
) -> None:
    # Given an object to which a second part is being appended
    append(client, 0, b"one")
    files = cloud.storage._storage.files
    join = files.join

    def joined(bodies: Sequence[str]) -> str:
        body = "" if early else join(bodies)
        # When another client puts an object in its place, or deletes it
        with official_client(cloud) as other:
            if code == "ObjectNotAppendable":
                put(other, KEY, b"a new object")
            else:
                ask(other, "delete_object", key=KEY)
        return join(bodies) if early else body

    monkeypatch.setattr(files, "join", joined)
    # Then the append is refused, and nothing is left of it
    assert refusal(append, client, 3, b" two").code == code
    assert len(cloud.bodies) == (1 if code == "ObjectNotAppendable" else 0)
