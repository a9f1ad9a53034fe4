"""Expressions in s.yaml, as Serverless Devs 3 resolves them."""

from __future__ import annotations

from typing import Any

import pytest

from terminal.manifest.expressions import (
    ExpressionError,
    Expressions,
    ExpressionUnsupported,
    VariableUnset,
    VarsUnknown,
)

VARS = {
    "region": "cn-hangzhou",
    "timeout": 60,
    "cpu": 0.5,
    "enabled": True,
    "disabled": False,
    "empty": "",
    "nothing": None,
    "nested": {"name": "inner", "list": [1, "two"]},
    "later": "${env('TOPIC', 'labels')}",
    "deep": "${vars.later}",
}
VARIABLES = {"TOPIC": "videos", "EMPTY": "", "ALIBABA_CLOUD_ACCOUNT_ID": "123", "HOLDS": "a-${vars.region}"}


def resolve(value: Any) -> Any:
    return Expressions(VARIABLES, VARS).resolve(value, "props")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("text with { braces }", "text with { braces }"),
        ("${vars.region}", "cn-hangzhou"),
        ("${vars.nested.name}", "inner"),
        ("a ${vars.region} b ${vars.nested.name}", "a cn-hangzhou b inner"),
        ("${env('TOPIC')}", "videos"),
        ('${env("TOPIC")}', "videos"),
        ("${env( 'TOPIC' , 'labels' )}", "videos"),
        ("${env('UNSET', 'labels')}", "labels"),
        ("${env('UNSET', '')}", ""),
        ("${env('UNSET', \"it's\")}", "it's"),
        ("${env('UNSET', '')}${env('UNSET', '')}", ""),
        ("${config('AccountID')}", "123"),
    ],
)
def test_expressions_are_replaced(text: str, value: str) -> None:
    assert resolve(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${vars.timeout}", 60),
        ("${vars.cpu}", 0.5),
        ("${vars.enabled}", True),
        ("${vars.disabled}", False),
        ("${vars.nested}", {"name": "inner", "list": [1, "two"]}),
        ("${vars.empty}", ""),
    ],
)
def test_a_string_that_is_one_expression_takes_the_type_of_its_value(text: str, value: Any) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("x${vars.timeout}", "x60"), ("x${vars.enabled}", "xtrue"), ("x${vars.disabled}", "xfalse")],
)
def test_an_expression_inside_other_text_becomes_text(text: str, value: str) -> None:
    assert resolve(text) == value


def test_an_environment_variable_that_is_set_but_empty_counts_as_unset() -> None:
    assert resolve("${env('EMPTY', 'default')}") == "default"
    with pytest.raises(VariableUnset, match="EMPTY"):
        resolve("${env('EMPTY')}")


def test_mappings_and_lists_are_resolved_at_any_depth_and_other_values_are_left() -> None:
    value = {"a": ["${vars.region}", 1, None, {"b": "${env('TOPIC')}"}], "${vars.region}": False}
    assert resolve(value) == {"a": ["cn-hangzhou", 1, None, {"b": "videos"}], "${vars.region}": False}


def test_what_an_expression_gives_is_resolved_once_more() -> None:
    assert resolve("${vars.later}") == "videos"
    assert resolve("${env('HOLDS')}") == "a-cn-hangzhou"


def test_and_no_deeper() -> None:
    with pytest.raises(ExpressionUnsupported, match="one level only"):
        resolve("${vars.deep}")


def test_a_variable_without_a_default_must_be_set() -> None:
    with pytest.raises(VariableUnset, match=r"props\.list\[1\]: .*UNSET is not set"):
        resolve({"list": ["", "${env('UNSET')}"]})


@pytest.mark.parametrize("text", ["${vars.missing}", "${vars.region.more}", "${vars.nothing}"])
def test_vars_must_exist(text: str) -> None:
    with pytest.raises(VarsUnknown, match="define it under vars"):
        resolve(text)


@pytest.mark.parametrize(
    "text",
    [
        "${this.props.name}",
        "${resources.a.output.b}",
        "${file('./x')}",
        "${vars['region']}",
        "${ vars.region }",
        "${env(TOPIC)}",
        "${env('UNSET', '{confidence}')}",
        "${}",
        "${config('AccessKeySecret')}",
        "{{vars.region}}",
        "<%= vars.region %>",
    ],
)
def test_other_expressions_are_refused_by_name_and_place(text: str) -> None:
    with pytest.raises(ExpressionUnsupported) as refused:
        resolve({"key": text})
    assert isinstance(refused.value, ExpressionError)
    assert refused.value.where == "props.key"


def test_the_account_of_config_must_be_known() -> None:
    with pytest.raises(VariableUnset, match="ALIBABA_CLOUD_ACCOUNT_ID"):
        Expressions({}, {}).resolve("${config('AccountID')}", "props")
