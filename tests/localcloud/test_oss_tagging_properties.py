"""Any tag set that the rules allow comes back byte for byte; any other is refused and changes nothing."""

from __future__ import annotations

import string
from collections.abc import Iterator

import alibabacloud_oss_v2 as oss
import oss2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.localcloud.oss_world import (
    independent_client,
    object_storage,
    official_client,
    put,
    refusal,
    set_tags,
    tags_of,
)

Tags = list[tuple[str, str]]
Clients = tuple[oss.Client, oss2.Bucket]

KEY = "videos/a.mp4"
ALPHABET = string.ascii_letters + string.digits + " +-=._:/"
REFUSALS = {"InvalidTag", "BadRequest"}

keys = st.text(ALPHABET, min_size=1, max_size=128)
values = st.text(ALPHABET, max_size=256)
tag_sets = st.lists(st.tuples(keys, values), max_size=10, unique_by=lambda tag: tag[0])

# Characters that a document can carry, and that no tag may have.
forbidden = st.characters(blacklist_characters=ALPHABET + "\r", blacklist_categories=("Cc", "Cs")).filter(
    lambda character: character not in "\ufffe\uffff"
)


@st.composite
def illegal_sets(draw: st.DrawFn) -> Tags:
    tags = draw(tag_sets)
    place = draw(st.integers(0, len(tags)))
    key, value = draw(keys), draw(values)
    damage = draw(st.sampled_from(["key", "value", "long key", "long value", "empty key", "twice", "eleven"]))
    if damage in ("key", "value"):
        text = key if damage == "key" else value
        cut = draw(st.integers(0, len(text)))
        broken = text[:cut] + draw(forbidden) + text[cut:]
        tags.insert(place, (broken, value) if damage == "key" else (key, broken))
    elif damage == "long key":
        tags.insert(place, (key + draw(st.text(ALPHABET, min_size=128, max_size=200)), value))
    elif damage == "long value":
        tags.insert(place, (key, value + draw(st.text(ALPHABET, min_size=257, max_size=300))))
    elif damage == "empty key":
        tags.insert(place, ("", value))
    elif damage == "twice":
        tags = [*tags[:8], (key, value), (key, draw(values))]
    else:
        tags = [(f"{key[:120]}{number}", value) for number in range(draw(st.integers(11, 15)))]
    return tags


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with object_storage() as cloud, official_client(cloud) as client, independent_client(cloud) as witness:
        put(client, KEY)
        yield client, witness


@given(tags=tag_sets)
@example(tags=[])
@example(tags=[("k" * 128, "v" * 256)])
@settings(max_examples=60, deadline=None)
def test_every_legal_set_comes_back(clients: Clients, tags: Tags) -> None:
    client, witness = clients
    set_tags(client, KEY, tags)
    assert tags_of(client, KEY) == tags
    assert list(witness.get_object_tagging(KEY).tag_set.tagging_rule.items()) == tags


@given(tags=tag_sets)
@settings(max_examples=30, deadline=None)
def test_every_legal_set_of_the_independent_sdk_comes_back(clients: Clients, tags: Tags) -> None:
    client, witness = clients
    rule = oss2.models.TaggingRule()
    for key, value in tags:
        rule.add(key, value)
    witness.put_object_tagging(KEY, oss2.models.Tagging(rule))
    assert tags_of(client, KEY) == tags
    assert witness.head_object(KEY).headers.get("x-oss-tagging-count", "0") == str(len(tags))
    witness.delete_object_tagging(KEY)
    assert tags_of(client, KEY) == []


@given(tags=tag_sets)
@settings(max_examples=30, deadline=None)
def test_every_legal_set_can_come_with_the_upload(clients: Clients, tags: Tags) -> None:
    client, witness = clients
    header = "&".join(f"{oss2.urlquote(key, '')}={oss2.urlquote(value, '')}" for key, value in tags)
    witness.put_object(KEY, b"", headers={"x-oss-tagging": header})
    assert tags_of(client, KEY) == tags


@given(old=tag_sets, tags=illegal_sets())
@example(old=[("a", "b")], tags=[("椅子", "")])
@example(old=[("a", "b")], tags=[("k", "\u00e9")])
@settings(max_examples=60, deadline=None)
def test_every_illegal_set_is_refused_and_changes_nothing(clients: Clients, old: Tags, tags: Tags) -> None:
    client, _ = clients
    set_tags(client, KEY, old)
    error = refusal(set_tags, client, KEY, tags)
    assert (error.status_code, error.code in REFUSALS, error.ec[:11]) == (400, True, "0010-000002")
    assert tags_of(client, KEY) == old
