"""MetaQuery: objects are found by their tags and metadata, as OSS documents its scalar retrieval."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.oss.operations.meta_query import read_condition
from localcloud.oss.protocol.errors import OssError
from tests.localcloud.oss_world import BUCKET, Oss, ask, put, refusal, set_tags

Query = dict[str, Any]
VIDEOS = {
    "videos/chair.mp4": (b"1", {"imm_content": "furniture", "imm_yi-zi": "yes"}),
    "videos/advert.mp4": (b"22", {"imm_content": "advert", "team": "a"}),
    "videos/advert-2.mp4": (b"333", {"imm_content": "advert", "team": "b"}),
    "other/advert.mp4": (b"4444", {"imm_content": "adverts"}),
    "视频/无标签.mp4": (b"55555", {}),
}


@pytest.fixture
def library(cloud: Oss, client: oss.Client) -> Iterator[oss.Client]:
    """A bucket with an index and some videos, one a minute."""
    ask(client, "open_meta_query", mode="basic")
    for key, (body, tags) in VIDEOS.items():
        put(client, key, body, metadata={"Location": "hangzhou"} if key.startswith("other") else {})
        set_tags(client, key, list(tags.items()))
        cloud.clock.advance(60)
    yield client


def field(name: str, operation: str, value: str) -> Query:
    return {"Field": name, "Operation": operation, "Value": value}


def both(operation: str, *queries: Query) -> Query:
    return {"Operation": operation, "SubQueries": list(queries)}


def query_of(client: oss.Client, query: Query | str, **fields: Any) -> oss.DoMetaQueryResult:
    text = query if isinstance(query, str) else json.dumps(query, ensure_ascii=False)
    return ask(client, "do_meta_query", mode="basic", meta_query=oss.MetaQuery(query=text, **fields))


def found(client: oss.Client, query: Query, **fields: Any) -> list[str]:
    files = query_of(client, query, **fields).files
    return [file.filename for file in (files.file if files else None) or []]


def aggregations(*asked: tuple[str, str]) -> oss.MetaQueryAggregations:
    every = [oss.MetaQueryAggregation(field=name, operation=operation) for name, operation in asked]
    return oss.MetaQueryAggregations(aggregations=every)


EVERYTHING = field("Size", "gte", "0")


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        (field("OSSTagging.imm_content", "eq", "advert"), ["videos/advert-2.mp4", "videos/advert.mp4"]),
        (field("OSSTagging.imm_content", "eq", "Advert"), []),
        (field("OSSTagging.Imm_content", "eq", "advert"), []),
        (
            field("OSSTagging.imm_content", "prefix", "adv"),
            ["other/advert.mp4", "videos/advert-2.mp4", "videos/advert.mp4"],
        ),
        (field("OSSTagging.imm_content", "gt", "adverts"), ["videos/chair.mp4"]),
        (field("OSSTagging.imm_content", "gte", "adverts"), ["other/advert.mp4", "videos/chair.mp4"]),
        (field("OSSTagging.team", "lt", "b"), ["videos/advert.mp4"]),
        (field("OSSTagging.team", "lte", "b"), ["videos/advert-2.mp4", "videos/advert.mp4"]),
        (
            both(
                "and",
                field("OSSTagging.imm_content", "eq", "advert"),
                field("Filename", "prefix", "videos/"),
                both("not", field("OSSTagging.team", "eq", "a")),
            ),
            ["videos/advert-2.mp4"],
        ),
        (
            both("or", field("OSSTagging.imm_yi-zi", "eq", "yes"), field("Size", "gt", "4")),
            ["videos/chair.mp4", "视频/无标签.mp4"],
        ),
        (both("not", field("OSSTaggingCount", "gt", "0")), ["视频/无标签.mp4"]),
        (field("Filename", "match", "ADVERT-"), ["videos/advert-2.mp4"]),
        (field("Filename", "eq", "视频/无标签.mp4"), ["视频/无标签.mp4"]),
        (field("OSSUserMeta.x-oss-meta-location", "eq", "hangzhou"), ["other/advert.mp4"]),
        (field("OSSUserMeta.LOCATION", "prefix", "hang"), ["other/advert.mp4"]),
        (field("OSSStorageClass", "eq", "IA"), []),
    ],
)
def test_what_a_condition_finds(library: oss.Client, query: Query, keys: list[str]) -> None:
    assert found(library, query) == keys


def test_a_file_is_described(cloud: Oss, library: oss.Client) -> None:
    result = query_of(library, field("Filename", "eq", "other/advert.mp4"))
    (file,) = result.files.file
    info = cloud.storage.stat(BUCKET, "other/advert.mp4")
    assert info is not None
    assert (file.filename, file.size, file.etag) == (info.key, 4, f'"{info.etag}"')
    assert (file.oss_object_type, file.oss_storage_class, file.object_acl) == (
        "Normal",
        "Standard",
        "default",
    )
    assert (file.oss_crc64, file.file_modified_time) == (info.crc64, info.last_modified.isoformat())
    assert file.oss_tagging_count == 1
    assert [(tag.key, tag.value) for tag in file.oss_tagging.taggings] == [("imm_content", "adverts")]
    assert [(m.key, m.value) for m in file.oss_user_meta.user_metas] == [("x-oss-meta-location", "hangzhou")]
    assert not result.next_token
    assert found(library, field("ETag", "eq", file.etag)) == ["other/advert.mp4"]


def test_objects_are_found_by_the_time_of_their_upload(cloud: Oss, library: oss.Client) -> None:
    info = cloud.storage.stat(BUCKET, "videos/advert.mp4")
    assert info is not None
    written = info.last_modified
    for time in (
        written.strftime("%Y-%m-%dT%H:%M:%SZ"),
        (written + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%S.000000000+08:00"),
    ):
        assert found(library, field("FileModifiedTime", "eq", time)) == ["videos/advert.mp4"]
        assert found(library, field("FileModifiedTime", "lt", time)) == ["videos/chair.mp4"]


@pytest.mark.parametrize("size", [1, 2, 4, 5])
@pytest.mark.parametrize(
    ("sort", "order"), [("Size", "asc"), ("Size", "desc"), ("FileModifiedTime", "desc"), (None, None)]
)
def test_pages_join_to_the_whole(library: oss.Client, size: int, sort: str | None, order: str | None) -> None:
    keys: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        result = query_of(library, EVERYTHING, max_results=size, next_token=token, sort=sort, order=order)
        page = [file.filename for file in result.files.file]
        assert len(page) <= size
        keys, token, pages = keys + page, result.next_token or "", pages + 1
    expected = list(VIDEOS) if sort else sorted(VIDEOS)
    assert keys == (expected[::-1] if order == "desc" else expected)
    assert pages == -(-len(VIDEOS) // size)


def test_a_page_has_at_most_100_objects(cloud: Oss, client: oss.Client) -> None:
    ask(client, "open_meta_query")
    for number in range(101):
        cloud.storage.put_object(BUCKET, f"{number:03}", b"v", {})
    for asked in (None, 0, 100, 80_369):
        result = query_of(client, EVERYTHING, max_results=asked)
        assert len(result.files.file) == 100
        assert result.next_token


def test_aggregations(library: oss.Client) -> None:
    asked = [("Size", "sum"), ("Size", "max"), ("Size", "min"), ("Size", "average"), ("Filename", "count")]
    asked += [("OSSStorageClass", "distinct"), ("OSSTaggingCount", "group")]
    result = query_of(library, EVERYTHING, aggregations=aggregations(*asked))
    answers = result.aggregations.aggregations
    assert [(one.field, one.operation) for one in answers] == asked
    assert [one.value for one in answers[:6]] == [15, 5, 1, 3, 5, 1]
    groups = [(group.value, group.count) for group in answers[6].groups.groups]
    assert groups == [("2", 3), ("1", 1), ("0", 1)]
    assert result.files is None


@pytest.mark.parametrize(
    "query",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"Operation": "and", "SubQueries": []}',
        '{"Operation": "xor", "SubQueries": [{}]}',
        json.dumps(field("Colour", "eq", "red")),
        json.dumps(field("OSSTagging.", "eq", "red")),
        json.dumps(field("OSSTagging.a", "match", "red")),
        json.dumps(field("Size", "eq", "large")),
        json.dumps(field("Size", "prefix", "1")),
        json.dumps(field("FileModifiedTime", "gt", "2026-01-01T00:00:00")),
        json.dumps({"Field": "Size", "Operation": "eq", "Value": 1}),
        "[" * 100_000,
    ],
)
def test_a_query_that_is_refused(library: oss.Client, query: str) -> None:
    error = refusal(query_of, library, query)
    assert (error.status_code, error.code) == (400, "InvalidArgument")
    assert "<ArgumentName>Query</ArgumentName>" in error.snapshot.decode()


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"sort": "OSSTagging.imm_content"}, "Sort"),
        ({"order": "up", "sort": "Size"}, "Order"),
        ({"next_token": "bm8="}, "NextToken"),
        (
            {"next_token": base64.b64encode(b'["Size", "large", "a.mp4"]').decode(), "sort": "Size"},
            "NextToken",
        ),
        ({"next_token": "視"}, "NextToken"),
        ({"aggregations": aggregations(("Filename", "sum"))}, "Aggregation"),
    ],
)
def test_what_cannot_be_asked(library: oss.Client, options: dict[str, Any], argument: str) -> None:
    error = refusal(query_of, library, EVERYTHING, **options)
    assert (error.status_code, error.code) == (400, "InvalidArgument")
    assert f"<ArgumentName>{argument}</ArgumentName>" in error.snapshot.decode()


@pytest.mark.parametrize("body", [b"", b"<Other/>", b"<MetaQuery>"])
def test_a_document_that_is_refused(cloud: Oss, library: oss.Client, body: bytes) -> None:
    assert cloud.refused("POST", query="metaQuery&comp=query", body=body) == "MalformedXML"


def test_an_index_is_opened_prepared_and_closed(cloud: Oss, client: oss.Client) -> None:
    def status() -> oss.MetaQueryStatus:
        return ask(client, "get_meta_query_status").meta_query_status

    for call in (status, lambda: query_of(client, EVERYTHING)):
        error = refusal(call)
        assert (error.status_code, error.code) == (400, "MetaQueryNotExist")
    ask(client, "open_meta_query")
    cloud.clock.advance(10)
    ready = status()
    assert (ready.state, ready.phase, ready.meta_query_mode) == ("Running", "IncrementalScanning", "basic")
    error = refusal(ask, client, "open_meta_query")
    assert (error.status_code, error.code) == (400, "MetaQueryAlreadyExist")
    for _ in range(2):
        assert ask(client, "close_meta_query").status_code == 200
    assert refusal(status).code == "MetaQueryNotExist"


def test_what_is_left_out_is_said(cloud: Oss, client: oss.Client) -> None:
    request = oss.OpenMetaQueryRequest(bucket=BUCKET, mode="semantic")
    assert refusal(client.open_meta_query, request).status_code == 501
    assert cloud.call("POST", query="metaQuery&comp=other").status == 501


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["Field", "Operation", "Value", "SubQueries"]) | st.text(), inner
            )
        ),
    )
)
def test_any_json_is_a_condition_or_is_refused(query: object) -> None:
    try:
        read_condition(json.dumps(query))
    except OssError as error:
        assert (error.status, error.code) == (400, "InvalidArgument")
