"""What the environment variables may say, and how a bad value is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

import tag_object
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.labels import Label
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.instance import CODE_ROOT
from imm_label_tags.tagging.settings import Settings, StaleObjects, read_settings
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.romanisation import romanise


def read(**variables: str) -> Settings:
    return read_settings(variables, Path())


def rendered(template: str) -> str:
    label = Label("椅子", 0.945, 2, 0.877, parent="家具", alias="座椅", language="zh-Hans")
    return read(TAG_VALUE=template).tag_value.render(label, Naming(LabelNames.PINYIN, {}, romanise))


def test_without_variables_every_setting_has_its_default() -> None:
    settings = read()
    assert settings.namespace == "imm"
    assert settings.minimum_confidence == 0.5
    assert settings.label_limit == 9
    assert settings.label_names is LabelNames.PINYIN
    assert settings.lexicon == {}
    assert settings.allowed_objects is None
    assert settings.stale_objects is StaleObjects.SKIP
    assert settings.imm_endpoint is None
    assert settings.oss_endpoint is None
    assert settings.log_level == "INFO"


def test_an_empty_variable_counts_as_unset() -> None:
    names = (
        "TAG_NAMESPACE",
        "TAG_VALUE",
        "LABEL_MIN_CONFIDENCE",
        "LABEL_LIMIT",
        "LABEL_NAMES",
        "LABEL_LEXICON",
        "ALLOWED_OBJECTS",
        "STALE_OBJECTS",
        "IMM_ENDPOINT",
        "OSS_ENDPOINT",
        "LOG_LEVEL",
    )
    assert read(**dict.fromkeys(names, " ")).namespace == "imm"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TAG_NAMESPACE", "imm_x"),
        ("TAG_NAMESPACE", "x" * 33),
        ("TAG_NAMESPACE", "标签"),
        ("TAG_VALUE", "{score}"),
        ("TAG_VALUE", "{confidence"),
        ("TAG_VALUE", "confidence}"),
        ("TAG_VALUE", "{{confidence}}"),
        ("TAG_VALUE", "a,b"),
        ("TAG_VALUE", "x" * 257),
        ("LABEL_MIN_CONFIDENCE", "1.01"),
        ("LABEL_MIN_CONFIDENCE", "-0.1"),
        ("LABEL_MIN_CONFIDENCE", "nan"),
        ("LABEL_MIN_CONFIDENCE", "half"),
        ("LABEL_LIMIT", "11"),
        ("LABEL_LIMIT", "-1"),
        ("LABEL_LIMIT", "2.5"),
        ("LABEL_NAMES", "chinese"),
        ("LABEL_LEXICON", "no-such-file.json"),
        ("ALLOWED_OBJECTS", "media"),
        ("ALLOWED_OBJECTS", "oss://media/videos/*"),
        ("ALLOWED_OBJECTS", "media/*,/videos/*"),
        ("STALE_OBJECTS", "delete"),
        ("IMM_ENDPOINT", "ftp://imm"),
        ("IMM_ENDPOINT", "imm.cn-hangzhou.aliyuncs.com/path"),
        ("OSS_ENDPOINT", "http://user:secret@host"),
        ("OSS_ENDPOINT", "a b"),
        ("LOG_LEVEL", "verbose"),
    ],
)
def test_a_bad_value_is_refused_with_the_variable_the_value_and_what_is_allowed(
    variable: str, value: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read(**{variable: value})
    message = str(caught.value)
    assert variable in message
    assert value in message
    assert "must be" in message


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{confidence}", "0.94"),
        ("{level}", "2"),
        ("{label}", "yi-zi"),
        ("{parent}/{label}", "jia-ju/yi-zi"),
        ("{alias}", "zuo-yi"),
        ("{language}", "zh-hans"),
        ("{label_base64}", "5qSF5a2Q"),
        ("v1 c={confidence}", "v1 c=0.94"),
        ("seen", "seen"),
    ],
)
def test_a_tag_value_is_literal_text_with_fields(template: str, value: str) -> None:
    assert rendered(template) == value


def test_fields_that_imm_leaves_out_are_empty() -> None:
    template = read(TAG_VALUE="{level}:{parent}:{alias}:{language}").tag_value
    assert template.render(Label("a", 1.0), Naming(LabelNames.PINYIN, {}, romanise)) == ":::"


def test_the_code_root_is_where_the_entry_modules_are() -> None:
    assert Path(tag_object.__file__).parent == CODE_ROOT


def test_the_lexicon_is_read_from_the_code_root(tmp_path: Path) -> None:
    (tmp_path / "lexicon.json").write_text('{"椅子": "chair"}', "utf-8")
    assert read_settings({"LABEL_LEXICON": "lexicon.json"}, tmp_path).lexicon == {"椅子": "chair"}


@pytest.mark.parametrize("text", ["[]", "{", '{"椅子": 1}', '{"椅子": ""}', '{"椅子": "椅"}', "[" * 100000])
def test_a_lexicon_that_is_no_object_of_legal_names_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lexicon.json").write_text(text, "utf-8")
    with pytest.raises(InvalidSetting, match="LABEL_LEXICON"):
        read_settings({"LABEL_LEXICON": "lexicon.json"}, tmp_path)


@pytest.mark.parametrize(
    ("patterns", "object_", "allowed"),
    [
        ("media/*", "oss://media/a.mp4", True),
        ("media/*", "oss://media2/a.mp4", False),
        ("media/videos/*", "oss://media/videos/x/a.mp4", True),
        ("media/videos/*", "oss://media/videos", False),
        ("media/videos/", "oss://media/videos/x/a.mp4", True),
        ("media/videos/", "oss://media/videos2/a.mp4", False),
        ("media/", "oss://media/a.mp4", True),
        ("m*/", "oss://media/a.mp4", False),
        ("media/a.mp4", "oss://media/a.mp4", True),
        ("media/a.mp4", "oss://media/aXmp4", False),
        ("media/[ab].mp4", "oss://media/a.mp4", False),
        ("x/*, media/*.mp4 ,", "oss://media/v/a.mp4", True),
        ("media/*", "oss://media/a\u2028b", True),
    ],
)
def test_allowed_objects_are_patterns_of_bucket_and_key(patterns: str, object_: str, allowed: bool) -> None:
    settings = read(ALLOWED_OBJECTS=patterns)
    assert settings.allowed_objects is not None
    assert settings.allowed_objects.match(TargetObject.from_uri(object_)) is allowed


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", "https://oss-cn-hangzhou.aliyuncs.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("HTTPS://example.com/", "https://example.com"),
    ],
)
def test_an_endpoint_is_a_host_or_a_url(text: str, url: str) -> None:
    endpoint = read(OSS_ENDPOINT=text).oss_endpoint
    assert endpoint is not None
    assert endpoint.url == url
