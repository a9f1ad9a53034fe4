"""Policy documents with placeholders: filled and checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.installation.templates import PLACEHOLDERS, UnusableTemplate, fill, placeholders
from localcloud.ram.policy import Decision, evaluate, parse_policy
from tests.localcloud.ram_world import allow, document, trust

VALUES = {
    "account": "1234567890123456",
    "region": "cn-hangzhou",
    "bucket": "media",
    "prefix": "videos/",
    "project": "immtest",
    "function": "imm-label-tags",
    "layer": "imm-label-tags",
    "role": "imm-label-tags",
    "trigger_role": "imm-label-tags-trigger",
    "topic": "imm-label-tags",
    "failed_topic": "imm-label-tags-failed",
    "log_project": "functions",
    "logstore": "imm-label-tags",
}
READING = document(allow("oss:GetObject", "acs:oss:*:${account}:${bucket}/${prefix}*"))


def written(directory: Path, text: str, name: str = "function.json") -> Path:
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def test_every_placeholder_is_filled(tmp_path: Path) -> None:
    path = written(tmp_path, READING)

    filled = json.loads(fill(path, VALUES))

    assert filled["Statement"][0]["Resource"] == "acs:oss:*:1234567890123456:media/videos/*"
    assert placeholders(path) == {"account", "bucket", "prefix"}


def test_only_the_values_that_are_needed_are_needed(tmp_path: Path) -> None:
    text = document(allow("imm:GetTask", "acs:imm:*:${account}:project/immtest"))

    assert "acs:imm:*:1:project/immtest" in fill(written(tmp_path, text), {"account": "1", "bucket": "*"})


def test_a_prefix_may_be_empty_and_in_any_language(tmp_path: Path) -> None:
    path = written(tmp_path, READING)

    assert "media/*" in fill(path, {**VALUES, "prefix": ""})
    assert "media/视频 2024/*" in fill(path, {**VALUES, "prefix": "视频 2024/"})


def test_a_trust_policy_is_known_by_its_files_name(tmp_path: Path) -> None:
    text = trust(Service="fc.aliyuncs.com")

    assert fill(written(tmp_path, text, "function-trust.json"), {}) == text
    with pytest.raises(UnusableTemplate, match=r"function\.json: Statement\[0\]"):
        fill(written(tmp_path, text), {})
    with pytest.raises(UnusableTemplate, match=r"other-trust\.json: Statement\[0\]"):
        fill(written(tmp_path, READING, "other-trust.json"), VALUES)


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        (READING, {"account": "1", "bucket": "media"}, "the placeholder prefix has no value"),
        (READING.replace("bucket", "buckets"), VALUES, "there is no placeholder buckets"),
        (READING.replace("${bucket}", "${Bucket}"), VALUES, "begins no placeholder"),
        (READING.replace("${bucket}", "$bucket"), VALUES, "begins no placeholder"),
        (READING.replace("${bucket}", "${bucket"), VALUES, "begins no placeholder"),
        (READING[:-1], VALUES, "not JSON"),
        (READING.replace("GetObject", ""), VALUES, "Statement[0].Action"),
    ],
)
def test_a_document_that_cannot_be_filled_is_refused(
    tmp_path: Path, text: str, values: dict[str, str], problem: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(UnusableTemplate) as caught:
        fill(path, values)

    assert str(caught.value).startswith("function.json: ")
    assert problem in str(caught.value)
    assert caught.value.path == path


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_no_value_widens_a_policy_or_breaks_out_of_its_text(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, document(allow("oss:GetObject", f"acs:oss:*:*:${{{name}}}")))

    for value in ("*", "a*", "?", 'a"', "a\\", "a\nb", "${account}"):
        with pytest.raises(UnusableTemplate, match=f"cannot be the value of the placeholder {name}"):
            fill(path, {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account", ""),
        ("account", "１２３"),
        ("region", "CN"),
        ("bucket", "a/b"),
        ("project", "a/b"),
        ("topic", "a:b"),
    ],
)
def test_names_have_only_the_characters_that_such_names_have(tmp_path: Path, name: str, value: str) -> None:
    text = document(allow("oss:GetObject", f"acs:oss:*:*:${{{name}}}"))

    with pytest.raises(UnusableTemplate):
        fill(written(tmp_path, text), {name: value})


@given(prefix=st.text(max_size=20), key=st.text(max_size=20))
def test_whatever_prefix_can_be_filled_in_allows_the_objects_under_it_only(
    tmp_path_factory: pytest.TempPathFactory, prefix: str, key: str
) -> None:
    # Given a policy for a prefix that is taken
    path = written(tmp_path_factory.getbasetemp(), READING, "prefix.json")
    try:
        policy = parse_policy(fill(path, {**VALUES, "prefix": prefix}))
    except UnusableTemplate:
        return

    # When an object is read
    def allowed(name: str) -> bool:
        resource = f"acs:oss:*:1234567890123456:media/{name}"
        return evaluate([policy], "oss:GetObject", resource, {}) is Decision.ALLOWED

    # Then it may be if its key begins so, and only then
    assert allowed(prefix + key)
    assert allowed(key) == key.startswith(prefix)
