"""What there is to see of one video: its labels as tags or not, and its tag set before and after.

It is planned by the function's own code with the settings that are deployed, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.narration import utc
from cli.show.answer import Answer, Clip
from imm_label_tags.results.labels import Label, distinct
from imm_label_tags.results.outcome import Dropped, DropReason, Status
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import FAILED, SUCCEEDED
from imm_label_tags.tagging.settings import Settings, StaleObjects
from imm_label_tags.tags.charset import MAX_TAGS
from imm_label_tags.tags.plan import TagPlan, TagScheme, by_rank
from imm_label_tags.tags.provenance import Provenance
from imm_label_tags.tags.rules import Match, confidences_of

RUNNING = "running"
NO_TASK = "no_task"
_WRITTEN = (Status.TAGGED.value, Status.UNCHANGED.value)


@dataclass(frozen=True)
class ObjectState:
    """An object as OSS has it now: its tags in order, and its Last-Modified."""

    tags: Mapping[str, str]
    written: datetime


@dataclass(frozen=True)
class LabelRow:
    """One label: the tag that it would be, and whether it is one (``tag``) or why not (``reason``).

    ``rank`` counts from 0; labels that IMM ranks equally have the same.
    """

    label: Label
    rank: int
    key: str
    value: str
    clips: tuple[Clip, ...]
    tag: str | None
    reason: DropReason | None


@dataclass(frozen=True)
class View:
    """One video.

    ``status`` is the outcome that a notification of the task would have now, ``running`` or ``no_task``.
    ``before`` is None where the object's tags were not read, and ``object`` where nobody names one. ``rows``
    are in the order in which labels claim their tags; ``dropped`` has rules too. ``spelt`` says that raw
    names are asked for, and that the tags keep to OSS's documented alphabet all the same: see ``view_of``.
    """

    answer: Answer
    object: TargetObject | None
    status: str
    before: Mapping[str, str] | None
    after: Mapping[str, str]
    rows: tuple[LabelRow, ...]
    dropped: tuple[Dropped, ...]
    scheme: TagScheme
    spelt: bool

    @property
    def start(self) -> str:
        """When the task began, in UTC; empty where IMM does not tell."""
        return utc(self.answer.start)

    def document(self) -> dict[str, Any]:
        """The view for other programs, in JSON."""
        return {
            "object": self.object.uri if self.object else None,
            "project_name": self.answer.project or None,
            "task_id": self.answer.task_id,
            "start_time": self.start or None,
            "status": self.status,
            "before": None if self.before is None else dict(self.before),
            "tags": dict(self.after),
            "labels": [
                {
                    "label": row.label.name,
                    "alias": row.label.alias,
                    "parent": row.label.parent,
                    "level": row.label.level,
                    "confidence": row.label.confidence,
                    "clips": [list(clip) for clip in row.clips],
                    "tag": row.tag,
                    "reason": None if row.reason is None else row.reason.value,
                }
                for row in self.rows
            ],
        }

    def page(self) -> dict[str, Any]:
        """What the page needs in order to draw the view, and to plan with other settings as Python does."""
        foreign = _foreign(self.scheme, self.before or {})
        return {
            "object": self.object.uri if self.object else "",
            "task": self.answer.task_id,
            "start": self.start,
            "status": self.status,
            "message": ": ".join(filter(None, (self.answer.code, self.answer.message))),
            "spelt": self.spelt,
            "namespace": self.scheme.namespace,
            "provenance": self.after.get(self.scheme.namespace),
            "room": MAX_TAGS - len(foreign),
            "minimum": self.scheme.minimum_confidence,
            "limit": self.scheme.label_limit,
            "before": None if self.before is None else _pairs(self.before),
            "foreign": _pairs(foreign),
            **self._rules(),
            "labels": [_page_label(row) for row in self.rows],
        }

    def _rules(self) -> dict[str, Any]:
        """The rules, and with which confidence each of the names that they ask for was found."""
        found = confidences_of(self.answer.labels)
        rules = [
            {
                "key": self.scheme.key(rule.name, rule.name),
                "values": [{"value": value, "match": _page_match(match)} for value, match in rule.values],
            }
            for rule in self.scheme.rules.rules
        ]
        matches = (match for rule in self.scheme.rules.rules for _, match in rule.values)
        asked = {name for match in matches for name in match.labels or ()}
        return {
            "rules": rules,
            "found": [[name, found[name]] for name in sorted(asked) if name in found],
        }


def view_of(
    answer: Answer,
    target: TargetObject | None,
    state: ObjectState | None,
    settings: Settings,
    *,
    gone: bool = False,
    beyond_ascii: bool | None = None,
) -> View:
    """Plan what the function would do for a task's result.

    Without a ``state`` the object counts as one without tags that the task is about, unless it is ``gone``.
    ``beyond_ascii`` says whether OSS takes tags outside its documented alphabet, where that is known; else it
    does if the object has one. Only a write would tell of other objects.
    """
    scheme = raw = settings.scheme()
    if not (_is_beyond_ascii(state) if beyond_ascii is None else beyond_ascii):
        scheme = raw.in_documented_alphabet() or raw
    before = None if state is None else state.tags
    status, plan = _planned(answer, target, state, settings, scheme)
    if gone and status in (*_WRITTEN, Status.STALE.value):
        status, plan = Status.OBJECT_GONE.value, None
    after = plan.tags if plan is not None else dict(before or {})
    names = {label.name for label in answer.labels}
    return View(
        answer=answer,
        object=target,
        status=status,
        before=before,
        after=after,
        rows=tuple(_rows(answer, scheme, after, plan)),
        dropped=plan.dropped if plan is not None else (),
        scheme=scheme,
        spelt=plan is not None and any(raw.naming.write(name) != scheme.naming.write(name) for name in names),
    )


def _is_beyond_ascii(state: ObjectState | None) -> bool:
    return state is not None and not all(f"{key}{value}".isascii() for key, value in state.tags.items())


def _planned(
    answer: Answer,
    target: TargetObject | None,
    state: ObjectState | None,
    settings: Settings,
    scheme: TagScheme,
) -> tuple[str, TagPlan | None]:
    """The outcome, and the plan where the function would come to make one."""
    if not answer.task_id:
        return NO_TASK, None
    if answer.status == FAILED:
        return Status.TASK_FAILED.value, None
    if answer.status != SUCCEEDED or answer.start is None:
        return RUNNING, None
    allowed = settings.allowed_objects
    if target is not None and allowed is not None and not allowed.match(target):
        return Status.NOT_ALLOWED.value, None
    if state is not None and state.written > answer.start and settings.stale_objects is StaleObjects.SKIP:
        return Status.STALE.value, None
    task = Provenance.of_task(answer.start, answer.task_id)
    plan = scheme.plan({} if state is None else state.tags, task, answer.labels)
    return plan.status.value, plan if plan.status.value in _WRITTEN else None


def _rows(
    answer: Answer, scheme: TagScheme, after: Mapping[str, str], plan: TagPlan | None
) -> Iterable[LabelRow]:
    taken = scheme.rule_keys()
    # Claims are met in order, and those of rules come first: a rule's may be called like a label.
    reasons = {drop.label: drop.reason for drop in plan.dropped} if plan is not None else {}
    for rank, equals in enumerate(by_rank(distinct(answer.labels))):
        for key, label in scheme.label_keys(equals):
            got = key in after and key not in taken
            taken.add(key)
            yield LabelRow(
                label=label,
                rank=rank,
                key=key,
                value=scheme.value.render(label, scheme.naming),
                clips=answer.clips.get(label.name, ()),
                tag=key if got else None,
                reason=None if got else reasons.get(label.name),
            )


def _foreign(scheme: TagScheme, tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not scheme.owns(key)}


def _page_label(row: LabelRow) -> dict[str, Any]:
    label = row.label
    return {
        "name": label.name,
        "alias": label.alias,
        "parent": label.parent,
        "level": label.level,
        "confidence": label.confidence,
        "rank": row.rank,
        "key": row.key,
        "value": row.value,
        "clips": [list(clip) for clip in row.clips],
    }


def _page_match(match: Match) -> dict[str, Any] | None:
    if match.labels is None:
        return None
    return {"labels": sorted(match.labels), "minimum": match.minimum}


def _pairs(tags: Mapping[str, str]) -> list[list[str]]:
    return [[key, value] for key, value in tags.items()]
