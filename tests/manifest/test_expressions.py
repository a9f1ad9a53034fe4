"""Expressions in s.yaml, as Serverless Devs 3 resolves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.manifest.expressions import Expressions, Unrendered

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


RESOURCES = {"b": {"props": {"name": "bee", "list": [1, {"z": 5}], "region": "${vars.region}"}}}
FILES = Path(__file__).parent / "files"


def resolve(value: Any) -> Any:
    this = {"name": "a", "props": {"name": "${resources.b.props.name}-a", "nothing": None}}
    expressions = Expressions(VARIABLES, VARS, directory=FILES, resources=RESOURCES, this=this)
    return expressions.render(value, "props")


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
        ("${this.name}", "a"),
        ("${this.props.name}", "bee-a"),
        ("${resources.b.props.list}", [1, {"z": 5}]),
        ("${resources.b.props.region}", "cn-hangzhou"),
        ("${env('UNSET', vars.region)}", "cn-hangzhou"),
        ("${path('./a.json')}", str(FILES / "a.json")),
        ("${file('./a.txt')}", "hello cn-hangzhou\n"),
        ("${json(file('./a.json'))}", {"a": {"b": 5}}),
        ("${json(file('./a.json')).a.b}", 5),
        ("${yaml(file('./a.json')).a}", {"b": 5}),
        ("${regex('deploy|local')}", True),
        ("pre-${regex('build')}", "pre-false"),
        ("{{vars.region}}", "{{vars.region}}"),
        ("x${vars.nested}", "x[object Object]"),
        ("x${vars.nested.list}", "x1,two"),
    ],
)
def test_expressions_are_replaced(text: str, value: Any) -> None:
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
    unset = resolve("${env('EMPTY')}")
    assert (unset.refused, unset.where) == (True, "props")


def test_mappings_and_lists_are_resolved_at_any_depth_and_other_values_are_left() -> None:
    value = {"a": ["${vars.region}", 1, None, {"b": "${env('TOPIC')}"}], "${vars.region}": False}
    assert resolve(value) == {"a": ["cn-hangzhou", 1, None, {"b": "videos"}], "${vars.region}": False}


def test_what_an_expression_gives_is_resolved_once_more() -> None:
    assert resolve("${vars.later}") == "videos"
    assert resolve("${env('HOLDS')}") == "a-cn-hangzhou"


def test_and_no_deeper_but_vars_are_rendered_before() -> None:
    assert "is rendered no more" in resolve("${vars.deep}").why
    shared = Expressions(VARIABLES, VARS, again=True).render(VARS, "vars")
    assert Expressions(VARIABLES, shared).render("${vars.deep}", "props") == "videos"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("${env('UNSET')}", "UNSET is not set"),
        ("${vars.missing}", "vars has no missing"),
        ("${vars.region.more}", "vars has no region.more"),
        ("${vars.nothing}", "vars has no nothing"),
        ("${this.props.nothing}", "this has no props.nothing"),
        ("${resources.c.props.x}", "resources has no c"),
        ("${path('./nowhere')}", "is not there"),
        ("${file('./nowhere')}", "cannot be read"),
        ("${json('x')}", "not JSON"),
        ("a ${json(file('./a.txt'))}", "not JSON"),
    ],
)
def test_what_serverless_devs_refuses(text: str, why: str) -> None:
    found = resolve({"key": ["", text]})["key"][1]
    assert isinstance(found, Unrendered)
    assert (found.where, found.text, found.refused) == ("props.key[1]", text, True)
    assert why in found.why


@pytest.mark.parametrize(
    "text",
    [
        *("${resources.a.output.b}", "${resources.b.info.x}", "${components.a.output.b}"),
        *("${vars['region']}", "${ vars.region }", "${env(TOPIC)}", "${env('UNSET', '{confidence}')}"),
        *("${}", "${config('AccessKeySecret')}", "${secret('x')}", "${unknown('x')}", "${vars.a + 1}"),
        *(
            "<%= vars.region %>",
            "${vars.region.toUpperCase()}",
            "${str('x')}",
            "${env.init('x')}",
        ),
        *("${regex('(')}", "${env()}", "${json(file('./a.json')).c}", "pre ${unknown('x')} post"),
    ],
)
def test_what_is_not_known_here_is_no_error(text: str) -> None:
    found = resolve({"key": text})["key"]
    assert isinstance(found, Unrendered)
    assert (found.where, found.text, found.refused) == ("props.key", text, False)


def test_what_leads_to_something_unknown_is_told_where_it_begins() -> None:
    shared = Expressions({}, {}, again=True).render({"account": "${unknown('x')}"}, "vars")
    found = Expressions({}, shared).render("acs:ram::${vars.account}:role/x", "props.role")
    assert (found.where, found.text) == ("vars.account", "${unknown('x')}")


@given(text=st.text(alphabet="${}()'\"., abvrsenv[0]\\<%=", max_size=40))
def test_any_text_is_rendered_or_told(text: str) -> None:
    found = Expressions({"a": "b"}, {"a": "b"}).render(text, "props")
    assert found is not None
    if "${" not in text and "<%" not in text:
        assert found == text
