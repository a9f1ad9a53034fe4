"""EventBridge triggers that would call the function with something else, not at all, or lose what fails.

Sources: fc3's ``docs/zh/yaml/triggers.md``; help pages functioncompute/fc/mns-queue-triggers,
…/advanced-features-of-triggers, eventbridge/user-guide/imm-events.
"""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.fc.declaration import EventBridgeTrigger
from terminal.deployment_check.findings import Finding, error, warning
from terminal.deployment_check.subject import Rule, Subject, below

SOURCE = "acs.imm"
EVENT_TYPE = "imm:Task:VideoLabelClassification"


def source(subject: Subject) -> Iterator[Finding]:
    """Only EventBridge's own events and MNS queues bring notifications of IMM."""
    for trigger, where in _triggers(subject):
        if trigger.source_type not in ("Default", "MNS"):
            yield error(
                f"{where}.eventSourceConfig.eventSourceType",
                f"{trigger.source_type} brings no notification of IMM.",
                "Write Default (IMM's events) or MNS (a queue).",
            )
        if not trigger.enabled:
            yield warning(f"{where}.triggerEnable", "the trigger is switched off.", "Write true.")


def rule(subject: Subject) -> Iterator[Finding]:
    """A rule on Alibaba Cloud's events has to let IMM's pass, one a call, with retries and a destination."""
    for trigger, where in _triggers(subject):
        if trigger.source_type != "Default":
            continue
        pattern = f"{where}.eventRuleFilterPattern"
        wanted = f'Write {{"source":["{SOURCE}"],"type":["{EVENT_TYPE}"]}}.'
        if trigger.filter_pattern.get("source") != [SOURCE]:
            yield error(pattern, f"`source` must be exactly {SOURCE}, whose events these are.", wanted)
        types = trigger.filter_pattern.get("type")
        if not isinstance(types, list) or EVENT_TYPE not in types:
            yield error(pattern, f"`type` does not let {EVENT_TYPE} pass: nothing would arrive.", wanted)
        elif types != [EVENT_TYPE]:
            yield warning(pattern, "events of other types are ignored, each in a paid invocation.", wanted)
        unknown = sorted(set(trigger.filter_pattern) - {"source", "type"})
        if unknown:
            yield error(pattern, f"nothing is known of {', '.join(unknown)} in IMM's events.", wanted)
        if trigger.mode != "event-driven":
            yield error(
                f"{where}.runOptions.mode",
                "events of Alibaba Cloud's services come one a call.",
                "Write event-driven, or remove runOptions.",
            )
        if not trigger.asynchronous:
            yield error(
                f"{where}.asyncInvocationType",
                "called synchronously, a failing event has neither Function Compute's retries nor its "
                "failure destination.",
                "Write true.",
            )


def queue(subject: Subject) -> Iterator[Finding]:
    """A queue has to be in the function's region; event by event it needs the pattern of its own bus."""
    for trigger, where in _triggers(subject):
        if trigger.queue is None:
            continue
        region = trigger.queue.region
        if region is not None and region != subject.declared.region and subject.sound("region"):
            yield error(
                f"{where}.eventSourceConfig.eventSourceParameters.sourceMNSParameters.RegionId",
                f"{region} is not the function's region, {subject.declared.region}.",
                "The queue must be in the same region.",
            )
        own = [f"MNS-{subject.declared.name}-{trigger.name}"]
        if trigger.mode == "event-driven" and trigger.filter_pattern != {"source": own}:
            yield error(
                f"{where}.eventRuleFilterPattern",
                "event by event, the bus of the trigger carries one source only.",
                f'Write {{"source":["{own[0]}"]}}.',
            )
        if trigger.mode == "event-driven" and not trigger.asynchronous:
            yield error(
                f"{where}.asyncInvocationType",
                "called synchronously, a failing event has neither Function Compute's retries nor its "
                "failure destination.",
                "Write true.",
            )


def stream(subject: Subject) -> Iterator[Finding]:
    """A stream of batches has to be waited for, go on after a failure, and keep what failed."""
    for trigger, where in _triggers(subject):
        if trigger.mode != "event-streaming" or trigger.queue is None:
            continue
        if trigger.filter_pattern != {}:
            yield error(f"{where}.eventRuleFilterPattern", "a stream hands on every message.", "Write '{}'.")
        if trigger.asynchronous:
            yield error(
                f"{where}.asyncInvocationType",
                "a batch may be larger than the 128 KB of an asynchronous call.",
                "Write false; the stream has retries and a dead-letter queue of its own.",
            )
        if trigger.event_schema != "CloudEvents":
            yield error(
                f"{where}.eventSinkConfig.deliveryOption.eventSchema",
                "without the CloudEvents envelope the function cannot tell what it gets.",
                "Write CloudEvents.",
            )
        yield from _what_fails(trigger, f"{where}.runOptions")


def _what_fails(trigger: EventBridgeTrigger, options: str) -> Iterator[Finding]:
    if trigger.errors_tolerance == "NONE":
        yield error(
            f"{options}.errorsTolerance",
            "NONE, the default: a batch that cannot succeed would stop the stream.",
            "Write ALL, with a deadLetterQueue.",
        )
    if trigger.push_retry_strategy is None:
        yield error(
            f"{options}.retryStrategy",
            "is missing: how often a batch is tried again has to be said.",
            "Add it, with PushRetryStrategy.",
        )
    if trigger.dead_letter_queue is None:
        yield error(
            f"{options}.deadLetterQueue",
            "is missing: what fails to the end would be discarded.",
            "Add it, with the Arn of an MNS queue.",
        )
    elif trigger.queue is not None and trigger.dead_letter_queue.endswith(f"/queues/{trigger.queue.name}"):
        yield error(
            f"{options}.deadLetterQueue.Arn",
            f"{trigger.queue.name} feeds this trigger: a failed batch would come back for ever.",
            "Name a queue of its own.",
        )


def _triggers(subject: Subject) -> Iterator[tuple[EventBridgeTrigger, str]]:
    for trigger in subject.declared.event_bridge_triggers:
        where = subject.trigger_path(trigger.name)
        if not any(below(spoilt, where) for spoilt in subject.spoilt):
            yield trigger, f"{where}.triggerConfig"


RULES: tuple[Rule, ...] = (source, rule, queue, stream)
