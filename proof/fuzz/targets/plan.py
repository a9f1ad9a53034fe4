"""Any tags and any labels: a plan that keeps what is foreign, fits, and once carried out changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from imm_label_tags.results.labels import Label
from imm_label_tags.results.outcome import Status
from imm_label_tags.tags.charset import is_legal
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.plan import TagPlan, TagScheme, TagSet
from imm_label_tags.tags.provenance import Provenance
from imm_label_tags.tags.romanisation import romanise
from imm_label_tags.tags.rules import NO_RULES, TagRules
from imm_label_tags.tags.value_template import ValueTemplate
from proof.fuzz.choices import Choices
from proof.fuzz.promises import require
from proof.fuzz.targets.target import Target

_START = datetime(2021, 12, 24, 3, 0, 38, 892462, tzinfo=timezone.utc)
_VALUES = (
    "",
    "0.95",
    "2021-12-24T03:00:38.892Z/task-1",
    "2030-01-01T00:00:00.000Z/task-9",
    "9999-99-99T00:00:00.000Z/x",
    "0001-01-01T00:00:00.000Z/x",
)
_RULES = (
    NO_RULES,
    TagRules.read(
        {"content": {"home": ["家具"], "": {"labels": ["椅子"], "minimum": 0.9}, "other": "*"}}, "imm"
    ),
    TagRules.read({name: {"all": "*"} for name in "abcdefghijkl"}, "imm"),
)
_TEMPLATES = (
    "{confidence}",
    "{level}/{label}",
    "{label_base64}",
    "{parent}:{alias} {language}",
    "x" * 256,
    "",
)

# The dictionary of pronunciations takes a third of a second to load, which no input is to answer for.
romanise("椅子")


def run(data: bytes) -> None:
    """Plan the tags of an object.

    Promises: foreign tags keep their order and their values; at most ten tags, ours legal; nothing changes
    where the plan says so; the same labels in another order, and the plan itself once carried out, change
    nothing.
    """
    choices = Choices(data)
    scheme = TagScheme(
        choices.pick(("imm", "a.b-c", "x" * 32)),
        ValueTemplate(choices.pick(_TEMPLATES)),
        Naming(choices.pick((LabelNames.PINYIN, LabelNames.BASE64)), {}, romanise),
        choices.byte() / 255,
        choices.below(11),
        choices.pick(_RULES),
    )
    task = Provenance.of_task(
        _START + timedelta(milliseconds=choices.number(4) - 2**31), choices.text() or "task-1"
    )
    current = _tags(choices, scheme)
    labels = tuple(_label(choices) for _ in range(choices.below(24)))
    plan = scheme.plan(current, task, labels)
    _check(plan, current, scheme)
    require(plan == scheme.plan(current, task, labels[::-1]), "The order of labels does not matter")
    if plan.status in (Status.TAGGED, Status.UNCHANGED):
        again = scheme.plan(plan.tags, task, labels)
        require(again.status is Status.UNCHANGED, f"A plan that was carried out changes nothing: {again!a}")
        require((again.tags, again.dropped) == (plan.tags, plan.dropped), "and says the same again")


def _tags(choices: Choices, scheme: TagScheme) -> dict[str, str]:
    tags: dict[str, str] = {}
    for _ in range(choices.below(13)):
        kind = choices.below(4)
        key = {0: scheme.namespace, 1: f"{scheme.namespace}_{choices.text()}"}.get(kind, choices.text())
        tags[key or "team"] = choices.text() if choices.flag() else choices.pick(_VALUES)
    return tags


def _label(choices: Choices) -> Label:
    return Label(
        name=choices.text() or "椅子",
        confidence=choices.below(5) / 4,
        level=choices.below(4),
        centric_score=choices.below(3) / 2,
        parent=choices.pick(("", "家具", "x" * 300)),
    )


def _check(plan: TagPlan, current: TagSet, scheme: TagScheme) -> None:
    foreign = [(key, value) for key, value in current.items() if not scheme.owns(key)]
    kept = [(key, value) for key, value in plan.tags.items() if not scheme.owns(key)]
    require(kept == foreign, f"Foreign tags stay as they are: {kept!a} is not {foreign!a}")
    if plan.status is Status.TAGGED:
        require(plan.tags != current, "What is written changes something")
        require(len(plan.tags) <= 10, f"At most ten tags: {len(plan.tags)}")
    else:
        require(dict(plan.tags) == dict(current), f"{plan.status.value} changes nothing")
    if plan.status in (Status.TAGGED, Status.UNCHANGED):
        for key, value in plan.tags.items():
            if scheme.owns(key):
                require(is_legal(key) and 1 <= len(key.encode()) <= 128, f"A legal key: {key!a}")
                require(is_legal(value) and len(value.encode()) <= 256, f"A legal value: {value!a}")


TARGET = Target(
    run,
    modules=(
        "imm_label_tags.tags.plan",
        "imm_label_tags.tags.provenance",
        "imm_label_tags.tags.charset",
        "imm_label_tags.results.labels",
        "imm_label_tags.tags.rules",
    ),
)
