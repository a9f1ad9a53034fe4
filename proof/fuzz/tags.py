"""What is written: names and values of tags from any label, spelling, and plans that keep what is foreign."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from imm_label_tags.results.labels import Label
from imm_label_tags.results.outcome import Status
from imm_label_tags.tags.charset import is_legal
from imm_label_tags.tags.naming import LabelNames, Naming, encode
from imm_label_tags.tags.plan import TagPlan, TagScheme
from imm_label_tags.tags.pronunciation import Pronunciations
from imm_label_tags.tags.provenance import Provenance
from imm_label_tags.tags.romanisation import romanise
from imm_label_tags.tags.rules import NO_RULES, TagRules
from imm_label_tags.tags.value_template import ValueTemplate
from layers.pronunciations import Data, pypinyin_data, table
from proof.fuzz.inputs import TEXTS, words

_NAMESPACES = st.sampled_from(("imm", "a.b-c", "X" * 32))
_FIELDS = words("{confidence} {level} {label} {parent} {alias} {language} {label_base64} x/")
_TEMPLATES = (st.lists(st.sampled_from([*_FIELDS, " "]), max_size=5).map("".join) | st.just("x" * 256)).map(
    ValueTemplate
)
_LABELS = st.builds(
    Label,
    name=TEXTS,
    confidence=st.floats(0, 1),
    level=st.integers(0, 4),
    centric_score=st.sampled_from((0.0, 0.5, 1.0)),
    parent=TEXTS | st.sampled_from(("家具", "x" * 300)),
    alias=TEXTS,
    language=TEXTS,
)


class NamedLabel(NamedTuple):
    """A label, and how it is to be written."""

    label: Label
    mode: LabelNames
    lexicon: Mapping[str, str]
    template: ValueTemplate
    namespace: str


NAMED_LABELS = st.builds(
    NamedLabel,
    _LABELS,
    st.sampled_from(LabelNames),
    st.dictionaries(TEXTS, st.just("Dining Chair"), max_size=1),
    _TEMPLATES,
    _NAMESPACES,
)


def check_names(given: NamedLabel) -> None:
    """Write a label.

    A name is not empty, legal and without white space, and always the same; keys and values fit; a name of
    ``raw`` can be sent.
    """
    label, mode, lexicon, template, namespace = given
    naming = Naming(mode, lexicon, romanise)
    name = naming.write(label.name)
    assert naming.write(label.name) == name, "A name is always the same"
    assert name or not label.name, "No label has an empty name"
    assert not any(character.isspace() for character in name)
    key = TagScheme(namespace, template, naming, 0.5, 9).key(name, label.name)
    value = template.render(label, naming)
    assert key.startswith(f"{namespace}_") and len(key.encode()) <= 128, f"A key that fits: {key!a}"
    assert len(value.encode()) <= 256, f"A value that fits: {value!a}"
    if mode is LabelNames.RAW:
        assert all(is_legal(character) or ord(character) > 127 for character in name), (
            f"What OSS takes: {name!a}"
        )
        assert name.encode() or not name, "A name that can be sent"
    else:
        assert is_legal(name) and is_legal(key) and is_legal(value), f"Legal text: {key!a} {value!a}"
    assert base64.b64decode(encode(label.name)).decode("utf-8", "surrogatepass") == label.name


@cache
def _data() -> Data:
    return pypinyin_data()


@cache
def _phrases() -> tuple[str, ...]:
    return tuple(sorted(_data().phrases))


@cache
def _pronunciations() -> Pronunciations:
    """The table that a layer would have; it stays mapped when its file is gone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pronunciations.bin"
        path.write_bytes(table(_data()))
        return Pronunciations(path)


_PHRASES = st.integers(0, 1_000_000).map(lambda number: _phrases()[number % len(_phrases())])
_PIECES_OF_PHRASES = st.builds(
    lambda phrase, start, end: phrase[start : len(phrase) - end], _PHRASES, *[st.integers(0, 2)] * 2
)
_CHARACTERS = st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF) | st.characters(
    min_codepoint=0x20000, max_codepoint=0x323AF
)
SPELLINGS = st.lists(_PHRASES | _PIECES_OF_PHRASES | _CHARACTERS | TEXTS, min_size=1, max_size=8).map("".join)


def check_spelling(text: str) -> None:
    """Any text is spelt by the layer's table as pypinyin spells it, syllable by syllable."""
    spelt, expected = _pronunciations().syllables(text), lazy_pinyin(text)
    assert spelt == expected, f"{text!a} is {expected!a}, not {spelt!a}"


# Plans


_START = datetime(2021, 12, 24, 3, 0, 38, 892462, tzinfo=timezone.utc)
_VALUES = st.sampled_from(
    (
        "",
        "0.95",
        "2021-12-24T03:00:38.892Z/task-1",
        "2030-01-01T00:00:00.000Z/task-9",
        "9999-99-99T00:00:00.000Z/x",
        "0001-01-01T00:00:00.000Z/x",
    )
)
_RULES = (
    NO_RULES,
    TagRules.read(
        {"content": {"home": ["家具"], "": {"labels": ["椅子"], "minimum": 0.9}, "other": "*"}}, "imm"
    ),
    TagRules.read({name: {"all": "*"} for name in "abcdefghijkl"}, "imm"),
)
_SCHEMES = st.builds(
    lambda namespace, template, mode, minimum, limit, rules: TagScheme(
        namespace, template, Naming(mode, {}, romanise), minimum, limit, rules
    ),
    _NAMESPACES,
    _TEMPLATES,
    st.sampled_from((LabelNames.PINYIN, LabelNames.BASE64)),
    st.floats(0, 1),
    st.integers(0, 10),
    st.sampled_from(_RULES),
)
_TASKS = st.builds(
    Provenance.of_task,
    st.integers(-(2**31), 2**31).map(lambda milliseconds: _START + timedelta(milliseconds=milliseconds)),
    TEXTS.filter(bool),
)


class Planned(NamedTuple):
    """What a plan is made of."""

    scheme: TagScheme
    current: dict[str, str]
    task: Provenance
    labels: tuple[Label, ...]


@st.composite
def plans(draw: st.DrawFn) -> Planned:
    """Any tags on an object, and any labels of a task; some of the tags are ours."""
    scheme = draw(_SCHEMES)
    ours = TEXTS.map(lambda text: f"{scheme.namespace}_{text}")
    keys = st.just(scheme.namespace) | ours | TEXTS.filter(bool)
    current = draw(st.dictionaries(keys, _VALUES | TEXTS, max_size=12))
    named = _LABELS | st.builds(
        Label, name=st.sampled_from(("椅子", "家具", "椅 子")), confidence=st.just(0.75)
    )
    labels = draw(st.lists(named.filter(lambda label: bool(label.name)), max_size=23))
    return Planned(scheme, current, draw(_TASKS), tuple(labels))


def check_plan(given: Planned) -> None:
    """Plan the tags of an object.

    Foreign tags keep their order and their values; at most ten tags, ours legal; nothing changes where the
    plan says so; the same labels in another order, and the plan itself once carried out, change nothing.
    """
    scheme, current, task, labels = given
    plan = scheme.plan(current, task, labels)
    _check_tags(plan, current, scheme)
    assert plan == scheme.plan(current, task, labels[::-1]), "The order of labels does not matter"
    if plan.status in (Status.TAGGED, Status.UNCHANGED):
        again = scheme.plan(plan.tags, task, labels)
        assert again.status is Status.UNCHANGED, f"A plan that was carried out changes nothing: {again!a}"
        assert (again.tags, again.dropped) == (plan.tags, plan.dropped)


def _check_tags(plan: TagPlan, current: Mapping[str, str], scheme: TagScheme) -> None:
    foreign = [(key, value) for key, value in current.items() if not scheme.owns(key)]
    kept = [(key, value) for key, value in plan.tags.items() if not scheme.owns(key)]
    assert kept == foreign, f"Foreign tags stay as they are: {kept!a} is not {foreign!a}"
    if plan.status is Status.TAGGED:
        assert plan.tags != current and len(plan.tags) <= 10
    else:
        assert dict(plan.tags) == dict(current), f"{plan.status.value} changes nothing"
    if plan.status in (Status.TAGGED, Status.UNCHANGED):
        for key, value in plan.tags.items():
            if scheme.owns(key):
                assert is_legal(key) and 1 <= len(key.encode()) <= 128, f"A legal key: {key!a}"
                assert is_legal(value) and len(value.encode()) <= 256, f"A legal value: {value!a}"
