"""Triggers of EventBridge that would bring something else, not at all, or lose what fails.

A pattern names fields; the values of a field are a list, of which one has to match: a text as it is, or an
operator such as ``{"prefix": "imm:"}``.

Sources: fc3's ``docs/zh/yaml/triggers.md``; help pages functioncompute/fc/mns-queue-triggers,
…/advanced-features-of-triggers, eventbridge/user-guide/imm-events, …/event-patterns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cli.deployment_check.findings import Finding, NotChecked, error, warning
from cli.deployment_check.subject import Kind, Subject
from cli.manifest.fields import Fields
from cli.manifest.function import DeclaredTrigger
from imm_label_tags.events.wrappings import SOURCE as NOTIFICATIONS
from imm_label_tags.results.target import TargetObject
from imm_label_tags.submission.upload_event import SOURCE as UPLOADS


def passes(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool | None:
    """Whether an event with some known fields passes; None where that cannot be said."""
    verdicts = [_field_passes(pattern[name], value) for name, value in event.items() if name in pattern]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _field_passes(wanted: Any, value: Any) -> bool | None:
    if isinstance(wanted, dict) and isinstance(value, Mapping):
        return passes(wanted, value)
    if not isinstance(wanted, list) or isinstance(value, Mapping):
        return None
    verdicts = [_matches(one, value) for one in wanted]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _matches(wanted: Any, value: str) -> bool | None:
    if isinstance(wanted, str):
        return wanted == value
    if not isinstance(wanted, dict) or len(wanted) != 1:
        return None
    ((operator, operand),) = wanted.items()
    if operator == "anything-but":
        return _unlike(operand, value)
    if operator == "exists" and isinstance(operand, bool):
        return operand
    if operator in ("prefix", "suffix") and isinstance(operand, str):
        return value.startswith(operand) if operator == "prefix" else value.endswith(operand)
    return None


def _unlike(operand: Any, value: str) -> bool | None:
    """``anything-but``: of a text, of several, or of another operator."""
    matched = _field_passes(operand if isinstance(operand, list) else [operand], value)
    return None if matched is None else not matched


EVENT_TYPE = "imm:Task:VideoLabelClassification"
UPLOAD_TYPE = "oss:ObjectCreated:PutObject"


class _Wanted(NamedTuple):
    """What a function is there for, and a type of the same source that it ignores."""

    source: str
    type: str
    other_type: str
    source_types: tuple[str, ...]


_WANTED = {
    Kind.TAGS: _Wanted(NOTIFICATIONS, EVENT_TYPE, "imm:Task:MediaConvert", ("Default", "MNS")),
    Kind.SUBMITS: _Wanted(UPLOADS, UPLOAD_TYPE, "oss:ObjectRemoved:DeleteObject", ("Default",)),
}


def sample_upload(target: TargetObject) -> Mapping[str, Any]:
    """What is known of the event with which EventBridge tells of an upload."""
    oss = {"bucket": {"name": target.bucket}, "object": {"key": target.key}}
    return {"source": UPLOADS, "type": UPLOAD_TYPE, "data": {"oss": oss}}


class BusTrigger:
    """A rule or a stream of EventBridge; ``where`` is the path of its settings.

    Every field is read when it is asked for. Raises FieldUnreadable.
    """

    def __init__(self, trigger: DeclaredTrigger) -> None:
        self.name = trigger.name
        self.settings = trigger.settings
        self.where = self.settings.where

    @property
    def source_type(self) -> str:
        """Default for events of Alibaba Cloud's services, MNS for a queue, or another message service."""
        source = self.settings.fields("eventSourceConfig")
        return source.text("eventSourceType", "") if source is not None else ""

    @property
    def queue(self) -> Fields | None:
        """The MNS queue that it reads, if it reads one."""
        return self.settings.fields("eventSourceConfig", "eventSourceParameters", "sourceMNSParameters")

    @property
    def options(self) -> Fields | None:
        """What is said of a stream."""
        return self.settings.fields("runOptions")

    @property
    def delivery(self) -> Fields | None:
        """How events are delivered."""
        return self.settings.fields("eventSinkConfig", "deliveryOption")

    @property
    def pattern(self) -> Mapping[str, Any]:
        """What an event must be like to pass."""
        pattern: Mapping[str, Any] = json.loads(self.settings.text("eventRuleFilterPattern"))
        return pattern

    @property
    def asynchronous(self) -> bool:
        """Whether Function Compute retries, and not EventBridge."""
        return self.settings.flag("asyncInvocationType", False)

    @property
    def mode(self) -> str:
        """``event-driven`` (one event a call) or ``event-streaming`` (a list of them)."""
        options, delivery = self.options, self.delivery
        if options is not None:
            return options.text("mode")
        return delivery.text("mode", "event-driven") if delivery is not None else "event-driven"

    @property
    def batch_messages(self) -> int:
        """The most messages of a batch."""
        window = self.settings.fields("runOptions", "batchWindow")
        return int(window.number("CountBasedWindow", 1)) if window is not None else 1


def bus_triggers(subject: Subject) -> Iterator[BusTrigger]:
    """The triggers of the type ``eventbridge``."""
    for trigger in subject.declared.triggers:
        if trigger.type == "eventbridge":
            yield BusTrigger(trigger)


def source(subject: Subject) -> Iterator[Finding]:
    """Only EventBridge's own events bring uploads, and these and MNS queues notifications of IMM."""
    wanted = _WANTED[subject.kind]
    for trigger in bus_triggers(subject):
        if trigger.source_type not in ("", *wanted.source_types):
            what = "upload" if subject.kind is Kind.SUBMITS else "notification of IMM"
            yield error(
                f"{trigger.where}.eventSourceConfig.eventSourceType",
                f"{trigger.source_type} brings no {what}.",
                f"Write {' or '.join(wanted.source_types)}.",
            )
        if not trigger.settings.flag("triggerEnable", True):
            yield warning(f"{trigger.where}.triggerEnable", "the trigger is switched off.", "Write true.")


def pattern(subject: Subject) -> Iterator[Finding | NotChecked]:
    """A rule on Alibaba Cloud's events has to let those pass that the function is there for."""
    wanted = _WANTED[subject.kind]
    known = {"source": wanted.source, "type": wanted.type}
    for trigger in bus_triggers(subject):
        if trigger.source_type != "Default":
            continue
        where = f"{trigger.where}.eventRuleFilterPattern"
        example = f'For example {{"source":["{wanted.source}"],"type":["{wanted.type}"]}}.'
        verdict = passes(trigger.pattern, known)
        if verdict is False:
            yield error(where, f"no {wanted.type} of {wanted.source} passes: nothing would arrive.", example)
        elif verdict is None:
            yield NotChecked(where, "it has an operator that is not known here.")
        elif passes(trigger.pattern, {**known, "type": wanted.other_type}):
            yield warning(where, "events of other types are ignored, each in a paid invocation.", example)
        unknown = sorted(set(trigger.pattern) - set(known))
        if unknown and verdict is not False:
            yield NotChecked(
                where, f"what events of {wanted.source} have in {', '.join(unknown)} is not known here."
            )


def rule(subject: Subject) -> Iterator[Finding]:
    """Alibaba Cloud's events come one a call, and have to have retries and a destination."""
    for trigger in bus_triggers(subject):
        if trigger.source_type == "Default" and trigger.mode != "event-driven":
            yield error(
                f"{trigger.where}.runOptions.mode",
                "events of Alibaba Cloud's services come one a call.",
                "Write event-driven, or remove runOptions.",
            )
        single = trigger.mode == "event-driven" or trigger.source_type == "Default"
        if trigger.source_type in ("Default", "MNS") and single and not trigger.asynchronous:
            yield error(
                f"{trigger.where}.asyncInvocationType",
                "called synchronously, a failing event has neither Function Compute's retries nor its "
                "failure destination.",
                "Write true.",
            )


def queue(subject: Subject) -> Iterator[Finding]:
    """A queue has to be in the function's region; event by event it needs a pattern of its own bus."""
    for trigger in bus_triggers(subject):
        if trigger.source_type != "MNS" or trigger.queue is None:
            continue
        region = trigger.queue.text("RegionId", "")
        if region and region != subject.declared.region:
            yield error(
                f"{trigger.queue.where}.RegionId",
                f"{region} is not the function's region, {subject.declared.region}.",
                "The queue must be in the same region.",
            )
        own = f"MNS-{subject.declared.name}-{trigger.name}"
        if trigger.mode == "event-driven" and passes(trigger.pattern, {"source": own}) is False:
            yield error(
                f"{trigger.where}.eventRuleFilterPattern",
                f"event by event, the bus of the trigger carries the source {own} only.",
                f'For example {{"source":["{own}"]}}.',
            )


def stream(subject: Subject) -> Iterator[Finding]:
    """A stream of batches has to be waited for, go on after a failure, and keep what failed."""
    for trigger in bus_triggers(subject):
        if trigger.mode != "event-streaming" or trigger.source_type != "MNS":
            continue
        if trigger.pattern != {}:
            yield warning(
                f"{trigger.where}.eventRuleFilterPattern",
                "what does not pass never reaches the function, and leaves no trace.",
                "Write '{}', unless that is meant.",
            )
        if trigger.asynchronous:
            yield error(
                f"{trigger.where}.asyncInvocationType",
                "a batch may be larger than the 128 KB of an asynchronous call.",
                "Write false; the stream has retries and a dead-letter queue of its own.",
            )
        if trigger.delivery is not None and trigger.delivery.text("eventSchema", "CloudEvents") == "RawData":
            yield warning(
                f"{trigger.where}.eventSinkConfig.deliveryOption.eventSchema",
                "without the CloudEvents envelope the function may not tell what it gets.",
                "Write CloudEvents.",
            )
        yield from _what_fails(trigger)


def _what_fails(trigger: BusTrigger) -> Iterator[Finding]:
    where, options = f"{trigger.where}.runOptions", trigger.options
    letters = trigger.settings.fields("runOptions", "deadLetterQueue")
    dead = letters.text("Arn", "") if letters is not None else ""
    if options is None or options.text("errorsTolerance", "NONE") == "NONE":
        yield error(
            f"{where}.errorsTolerance",
            "NONE, the default: a batch that cannot succeed would stop the stream.",
            "Write ALL, with a deadLetterQueue.",
        )
    if options is None or "retryStrategy" not in options:
        yield error(
            f"{where}.retryStrategy",
            "is missing: how often a batch is tried again has to be said.",
            "Add it, with PushRetryStrategy.",
        )
    if not dead:
        yield error(
            f"{where}.deadLetterQueue",
            "is missing: what exhausts its retries would be discarded.",
            "Add it, with the Arn of an MNS queue.",
        )
    elif trigger.queue is not None and dead.endswith(f"/queues/{trigger.queue.text('QueueName')}"):
        yield error(
            f"{where}.deadLetterQueue.Arn",
            f"{trigger.queue.text('QueueName')} feeds this trigger: a failed batch would come back for ever.",
            "Name a queue of its own.",
        )
