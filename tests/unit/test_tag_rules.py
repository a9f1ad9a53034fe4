"""Which tags a user's own rules give a video."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from imm_label_tags.results.labels import Label
from imm_label_tags.results.outcome import DropReason, Status
from imm_label_tags.tags.rules import TagRules
from tests.unit.test_tag_plan import (
    PROVENANCE,
    TASK,
    foreign,
    labels_found,
    plan_tags,
    rule_files,
    scheme,
    tag_sets,
)

CONTENT = {
    "content": {"advert": ["广告", "促销"], "sports": {"labels": ["球类运动"], "minimum": 0.8}, "other": "*"}
}


def rules(content: object = CONTENT) -> TagRules:
    return TagRules.read(content, "imm")


def applied(*labels: Label, content: object = CONTENT, minimum: float = 0.5) -> list[tuple[str, str]]:
    return list(rules(content).apply(labels, minimum))


def test_a_tag_gets_the_first_value_of_which_a_label_was_found() -> None:
    # Given labels that two values of one tag name
    found = (Label("促销", 0.6), Label("球类运动", 0.99))

    # Then the file's order decides, not the confidence
    assert applied(*found) == [("content", "advert")]
    assert applied(found[1]) == [("content", "sports")]


@pytest.mark.parametrize(
    "label",
    [
        Label("广告", 0.9),
        Label("海报", 0.9, parent="广告"),
        Label("海报", 0.9, alias="广告"),
        Label("海报", 0.9, alias="招贴，广告"),
        Label(" 广告 ", 0.9),
    ],
    ids=["name", "parent", "alias", "one of several aliases", "with white space"],
)
def test_a_label_counts_under_its_name_its_aliases_and_its_parent(label: Label) -> None:
    assert applied(label) == [("content", "advert")]


def test_capitals_and_width_make_no_difference() -> None:
    content = {"place": {"bar": ["ktv 包厢"]}}
    assert applied(Label("ＫＴＶ　包厢", 0.9), content=content) == [("place", "bar")]


def test_a_value_has_a_minimum_of_its_own_or_the_functions() -> None:
    assert applied(Label("广告", 0.49)) == [("content", "other")]
    assert applied(Label("广告", 0.5)) == [("content", "advert")]
    assert applied(Label("球类运动", 0.79)) == [("content", "other")]
    assert applied(Label("广告", 0.3), minimum=0.2) == [("content", "advert")]


def test_everything_matches_an_asterisk_and_without_one_there_may_be_no_tag() -> None:
    assert applied() == [("content", "other")]
    assert applied(content={"content": {"advert": ["广告"]}}) == []


def test_rule_tags_stand_before_label_tags_in_the_order_of_the_file() -> None:
    # Given rules for two tags, and an object with one of its own
    content = {"rating": {"all": "*"}, **CONTENT}

    # When labels are planned
    plan = plan_tags({"team": "a"}, TASK, (Label("广告", 0.9),), scheme(rules=rules(content)))

    # Then what others wrote comes first, then provenance, rules and labels
    assert list(plan.tags.items()) == [
        ("team", "a"),
        ("imm", PROVENANCE),
        ("imm_rating", "all"),
        ("imm_content", "advert"),
        ("imm_guang-gao", "0.90"),
    ]


def test_a_label_never_takes_a_key_that_a_rule_has_even_where_the_rule_does_not_match() -> None:
    content = {"guang-gao": {"no": ["nothing that was found"]}}
    plan = plan_tags({}, TASK, (Label("广告", 0.9),), scheme(rules=rules(content)))
    assert plan.tags == {"imm": PROVENANCE}
    assert [(drop.label, drop.reason) for drop in plan.dropped] == [("广告", DropReason.COLLISION)]


def test_rule_tags_are_not_counted_by_the_limit_of_labels() -> None:
    found = tuple(Label(name, 0.9) for name in "abc")
    plan = plan_tags({}, TASK, found, scheme(limit=2, rules=rules()))
    assert list(plan.tags) == ["imm", "imm_content", "imm_a", "imm_b"]
    none = plan_tags({}, TASK, found, scheme(limit=0, rules=rules()))
    assert none.tags == {"imm": PROVENANCE, "imm_content": "other"}


@pytest.mark.parametrize(("others", "kept"), [(8, ["imm", "imm_content"]), (9, ["imm_content"])])
def test_where_room_is_short_the_rule_gets_it(others: int, kept: list[str]) -> None:
    plan = plan_tags(foreign(others), TASK, (Label("a", 1.0),), scheme(rules=rules()))
    assert [key for key in plan.tags if key.startswith("imm")] == kept
    assert [(drop.label, drop.reason.value) for drop in plan.dropped] == [("a", "limit")]


def test_a_rule_without_room_is_named_among_what_was_dropped() -> None:
    content = {"rating": {"all": "*"}, **CONTENT}
    plan = plan_tags(foreign(9), TASK, (), scheme(rules=rules(content)))
    assert [(drop.label, drop.reason.value) for drop in plan.dropped] == [("content=other", "limit")]


def test_a_changed_rule_file_converges_with_the_next_notification() -> None:
    # Given tags that were written under one file
    before = plan_tags({"team": "a"}, TASK, (Label("广告", 0.9),), scheme(rules=rules())).tags

    # When the task is delivered again under another
    content = {"kind": {"commercial": ["广告"]}}
    plan = plan_tags(before, TASK, (Label("广告", 0.9),), scheme(rules=rules(content)))

    # Then the tags are those of the new file
    assert plan.status is Status.TAGGED
    assert [key for key in plan.tags if key.startswith("imm_")] == ["imm_kind", "imm_guang-gao"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "a JSON object such as"),
        ({}, "a JSON object such as"),
        ({"": {"a": "*"}}, "names of tags"),
        ({" a": {"a": "*"}}, "names of tags"),
        ({"内容": {"a": "*"}}, "names of tags"),
        ({"x" * 125: {"a": "*"}}, "at most 128 characters"),
        ({"content": []}, "for each tag an object"),
        ({"content": {}}, "for each tag an object"),
        ({"content": {"广告": "*"}}, "values of at most 256"),
        ({"content": {"x" * 257: "*"}}, "values of at most 256"),
        ({"content": {"a": "广告"}}, "a list of labels"),
        ({"content": {"a": []}}, "a list of labels"),
        ({"content": {"a": [1]}}, "a list of labels"),
        ({"content": {"a": {}}}, "a list of labels"),
        ({"content": {"a": {"labels": "*"}}}, "a list of labels"),
        ({"content": {"a": [" "]}}, "labels that are not empty"),
        ({"content": {"a": ["*"]}}, '"*" alone'),
        ({"content": {"a": {"labels": ["b"], "min": 1}}}, "no other fields"),
        ({"content": {"a": {"labels": ["b"], "minimum": 1.1}}}, "from 0 to 1"),
        ({"content": {"a": {"labels": ["b"], "minimum": None}}}, "from 0 to 1"),
        ({"content": {"a": {"labels": ["b"], "minimum": True}}}, "from 0 to 1"),
        ({"content": {"a": "*", "b": ["c"]}}, "the last value"),
    ],
)
def test_a_file_that_cannot_be_meant_so_says_what_is_allowed_where(content: Any, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        rules(content)
    assert said in str(caught.value)


# Properties


@given(tag_sets, labels_found, rule_files)
def test_a_rule_tag_never_loses_its_place_to_a_label(
    current: dict[str, str], labels: tuple[Any, ...], content: dict[str, Any]
) -> None:
    read = rules(content)
    plan = plan_tags(current, TASK, labels, scheme(rules=read))
    if plan.status in (Status.TAGGED, Status.UNCHANGED):
        wanted = {f"imm_{name}": value for name, value in read.apply(labels, 0.5)}
        has = {key: value for key, value in plan.tags.items() if key in wanted}
        label_keys = [key for key in plan.tags if key.startswith("imm_") and key not in wanted]
        assert all(wanted[key] == value for key, value in has.items())
        assert not label_keys or has == wanted
