"""Deployment files as Serverless Devs reads them: YAML 1.2, `extend`, `.env`."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli.deployment_check.spelling import nearest
from cli.local_deployment import load_deployment
from cli.manifest.dotenv import with_dotenv
from cli.manifest.fields import FieldUnreadable
from cli.manifest.file import ManifestUnreadable, read_manifest
from cli.manifest.function import DeclaredFunction
from cli.manifest.yaml_text import read_yaml

# YAML; what is compared with Serverless Devs' own rendering is in tests/deployment_check/renderings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("True", True),
        ("~", None),
        ("''", ""),
        ("012", 12),
        ("0o14", 12),
        ("-0x1F", -31),
        ("1_000", 1000),
        ("1_", "1_"),
        ("1e3", 1000),
        ("2.50", 2.5),
        ("-.inf", -math.inf),
        ("12:30", "12:30"),
        ("2024-01-02", {}),
        ("9007199254740993", 9007199254740992),
        ("9" * 400, math.inf),
        (r'"\ud83d\ude00 \ud83d."', "😀 \ufffd."),
        ("{1: a, true: b, ~: c}", {"1": "a", "true": "b", "null": "c"}),
    ],
)
def test_values(text: str, value: Any) -> None:
    read = read_yaml(f"key: {text}")["key"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\t1\t# one\n\t# two\nb: {c:\t2,\n\td: 3}", {"a": 1, "b": {"c": 2, "d": 3}}),
        ("a: &公共.1 {b: 1}\nc: *公共.1", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: |\n  1", {"a": "1\n"}),
    ],
    ids=["tabs", "anchors", "a last line without its end"],
)
def test_structure(text: str, value: Any) -> None:
    assert read_yaml(text) == value


def test_no_number() -> None:
    assert math.isnan(read_yaml(".nan"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", "'a' stands twice"),
        ("1: x\n'1': y", "'1' stands twice"),
        ("? [a]\n: b", "must be a word"),
        ("a: &a [*a]", "contains itself"),
        ("a: &a {b: *a}", "contains itself"),
        ("[" * 5000, "nested too deeply"),
        ("a: !!int x", "invalid literal"),
        ("a: !!set {x}", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: [", "expected"),
        ("a:\n\tb: 1", "tabs do not indent"),
        ("a: & b", "an anchor has no name"),
    ],
)
def test_what_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(yaml.YAMLError, match=words):
        read_yaml(text)


# extend


def write(directory: Path, **files: Any) -> Path:
    for name, content in files.items():
        (directory / f"{name}.yaml").write_text(json.dumps(content))
    return directory / "s.yaml"


def test_a_file_that_extends_another(tmp_path: Path) -> None:
    base = {"name": "base", "vars": {"a": 1, "b": {"c": 2}}, "list": [1, 2], "kept": True}
    over = {"extend": "./base.yaml", "name": "over", "vars": {"b": {"d": 3}}, "list": [9], "kept": None}
    file = read_manifest(write(tmp_path, base=base, s=over), {})
    assert file.content == {
        "extend": "./base.yaml",
        "name": "over",
        "vars": {"a": 1, "b": {"c": 2, "d": 3}},
        "list": [9],
        "kept": True,
    }


def test_each_part_has_the_line_on_which_it_stands(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("vars:\n  a: 1\n  b:\n    - c: 1\n    - c: 2\n      d: 3\nname: x\n")
    path = tmp_path / "s.yaml"
    path.write_text("extend: base.yaml\nvars:\n  b:\n    - &one\n      c: 5\n    - *one\n")
    file = read_manifest(path, {})
    assert {
        where: file.line(where) for where in ("name", "vars.a", "vars.b", "vars.b[0].c", "vars.b[1]")
    } == {
        "name": "base.yaml:7",
        "vars.a": "base.yaml:2",
        "vars.b": "s.yaml:3",
        "vars.b[0].c": "s.yaml:5",
        "vars.b[1]": "s.yaml:4",
    }
    # What is not there belongs to what it is missing from, and is never another file's list.
    assert (file.line("vars.b[0].d"), file.line("vars.none.x")) == ("s.yaml:4", "s.yaml:2")
    assert file.line("resources") is None


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"s": {"extend": "./base.yaml"}}, r"base\.yaml cannot be read: No such file"),
        ({"s": {"extend": 5}}, "must name another file"),
        ({"s": {"extend": "./a\0.yaml"}}, "null"),
        (
            {"s": {"extend": "./base.yaml"}, "base": {"extend": "./other.yaml"}},
            "which it extends, extends another file itself",
        ),
    ],
)
def test_what_cannot_be_extended(tmp_path: Path, files: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestUnreadable, match=words):
        read_manifest(write(tmp_path, **files), {})


def test_the_projects_alternative_triggers_are_the_same_function() -> None:
    root = Path(__file__).parents[2]
    deployed = load_deployment(root / "s.yaml", {}).resources
    others = load_deployment(root / "s.eventbridge.yaml", {}).resources
    assert others["keep_failed"] == deployed["keep_failed"]
    function, other = deployed["tag_object"], others["tag_object"]
    assert (other.name, other.timeout, other.environment) == (
        function.name,
        function.timeout,
        function.environment,
    )
    assert other.mns_topic_triggers == ()
    rule, stream = other.event_bridge_triggers
    assert (rule.name, rule.source_type, rule.mode, rule.asynchronous) == (
        "imm-events",
        "Default",
        "event-driven",
        True,
    )
    assert rule.filter_pattern == {"source": ["acs.imm"], "type": ["imm:Task:VideoLabelClassification"]}
    assert stream.queue is not None
    assert (stream.queue.name, stream.queue.region, stream.queue.base64_decode) == (
        "imm-label-tags",
        "cn-hangzhou",
        False,
    )
    assert (stream.mode, stream.event_schema, stream.asynchronous) == (
        "event-streaming",
        "CloudEvents",
        False,
    )
    assert (stream.errors_tolerance, stream.push_retry_strategy) == ("ALL", "BACKOFF_RETRY")
    assert (stream.batch_messages, stream.batch_seconds) == (16, 3)
    assert stream.dead_letter_queue == ("acs:mns:cn-hangzhou:1234567890123456:/queues/imm-label-tags-failed")


# Functions


def test_each_field_is_read_when_it_is_asked_for_and_names_its_place_where_it_cannot_be() -> None:
    props = {"handler": 5, "triggers": [{"triggerType": "oss", "sourceArn": "acs:oss:cn-hangzhou:1:a/b"}]}
    function = DeclaredFunction("a", props, "resources.a.props", Path())
    assert function.role == ""
    (trigger,) = function.triggers
    assert (trigger.type, trigger.invocation_role) == ("oss", "")
    for read, said in (
        (lambda: function.name, "resources.a.props.functionName is missing."),
        (lambda: function.handler, "resources.a.props.handler must be text."),
        (lambda: trigger.name, "resources.a.props.triggers[0].triggerName is missing."),
        (lambda: trigger.bucket, "resources.a.props.triggers[0].sourceArn is no ARN of a bucket."),
    ):
        with pytest.raises(FieldUnreadable, match=f"^{re.escape(said)}$"):
            read()


# .env


DOTENV = [
    ("A=1", "A", "1"),
    ("A=1\nA=2", "A", "2"),
    ("B = two words  ", "B", "two words"),
    ("C='x # y' # comment", "C", "x # y"),
    ('D="q"', "D", "q"),
    ("export E=5 # five", "E", "5"),
    ("F=", "F", ""),
    ("G=a=b", "G", "a=b"),
    ("H=x#y", "H", "x"),
    ("K: v", "K", "v"),
    ("\ufeffL=first", "L", "first"),
    ("dotted.na-me=1", "dotted.na-me", "1"),
    ('M="line 1\nline 2"', "M", "line 1\nline 2"),
    (r'N="a\nb"', "N", "a\nb"),
    (r"N='a\nb'", "N", r"a\nb"),
    ("O=`back 'ticks'`", "O", "back 'ticks'"),
    ("P=x\nQ=a$P-${P}b", "Q", "ax-xb"),
    ("R='$P'\nP=x", "R", "x"),
    (r"S=\$P", "S", "$P"),
    ("T=${NONE:-other}x", "T", "otherx"),
    ("U=$NONE", "U", ""),
    ("V=$Z", "V", "z"),
    ("Z=other", "Z", "z"),
    ("no assignment\n-x\nW=1", "W", "1"),
    ("A=1\r\nX=2\r\n", "X", "2"),
]


@pytest.mark.parametrize(("text", "name", "value"), DOTENV)
def test_a_dotenv_file_is_read_as_dotenv_and_dotenv_expand_read_it(
    tmp_path: Path, text: str, name: str, value: str
) -> None:
    (tmp_path / ".env").write_bytes(text.encode())
    assert with_dotenv({"Z": "z"}, tmp_path)[name] == value


def test_one_beside_the_code_comes_first(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / ".env").write_text("A=code\n")
    (tmp_path / ".env").write_text("A=file\nB=file\n")
    props = {"code": "./code", "a": "${env('A')}", "b": "${env('B')}"}
    path = write(tmp_path, s={"resources": {"x": {"props": props}}})
    (resource,) = read_manifest(path, {}).resources
    assert (resource.props["a"], resource.props["b"]) == ("code", "file")
    (alone,) = read_manifest(path, {"A": "1", "B": "2"}, dotenv=False).resources
    assert (alone.props["a"], alone.props["b"]) == ("1", "2")


@given(text=st.text(alphabet="AB=$\\'\"`#\n {}:-x", max_size=40))
def test_any_dotenv_file_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    directory = tmp_path_factory.mktemp("any")
    (directory / ".env").write_text(text)
    assert with_dotenv({"KEPT": "1"}, directory)["KEPT"] == "1"


def test_without_a_dotenv_file(tmp_path: Path) -> None:
    assert with_dotenv({"A": "1"}, tmp_path) == {"A": "1"}


# Spelling


@pytest.mark.parametrize(
    ("name", "meant"),
    [("memSize", "memorySize"), ("MEMORYSIZE", "memorySize"), ("onFailed", "onFailure"), ("x", None)],
)
def test_the_nearest_name(name: str, meant: str | None) -> None:
    assert nearest(name, ["onFailure", "memorySize", "timeout"]) == meant
