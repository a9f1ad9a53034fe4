"""Reads the triggers through which EventBridge calls a function: a rule, or a stream of a queue's messages.

Sources: fc3's ``docs/zh/yaml/triggers.md`` and ``src/schema.json``, and the help pages
``developer-reference/api-fc-2023-03-30-struct-…``: runoptions, batchwindow, sourcemnsparameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.fc.declaration import EventBridgeTrigger, MnsQueueSource
from localcloud.fc.section import Section, ValueMissing, ValueRefused

SOURCES = frozenset({"DTS", "Default", "Kafka", "MNS", "RabbitMQ", "RocketMQ"})
MODES = frozenset({"event-driven", "event-streaming"})

_QUEUE = r"[A-Za-z0-9][A-Za-z0-9-]{0,119}"
_SOURCE = r"acs:eventbridge:[a-z0-9-]+:\d+:(?:eventbus/[^/]+/rule/[^/]+|eventstreaming/[^/]+)"
_DEAD_LETTERS = r"acs:(?:mns|mq|alikafka|eventbridge):[a-z0-9-]+:\d+:\S+"


def read_event_bridge_trigger(section: Section, settings: Section, function: str) -> EventBridgeTrigger:
    """A trigger of the type ``eventbridge``; ``settings`` is its triggerConfig."""
    if "sourceArn" in section:
        section.text("sourceArn", _SOURCE, "an event rule or event stream that exists already")
    settings.only(
        {"asyncInvocationType", "eventRuleFilterPattern", "eventSinkConfig", "eventSourceConfig"}
        | {"runOptions", "triggerEnable"}
    )
    if "asyncInvocationType" not in settings:
        raise ValueMissing(settings.path("asyncInvocationType"), "is missing.")
    source = _needed(settings, "eventSourceConfig")
    source.only({"eventSourceParameters", "eventSourceType"})
    source_type = source.one_of("eventSourceType", SOURCES)
    delivery = _delivery(settings)
    options = settings.section("runOptions")
    return EventBridgeTrigger(
        function=function,
        name=section.text("triggerName"),
        enabled=settings.flag("triggerEnable", True),
        asynchronous=settings.flag("asyncInvocationType", False),
        filter_pattern=_pattern(settings),
        source_type=source_type,
        queue=_queue(source) if source_type == "MNS" else None,
        event_schema=delivery.one_of("eventSchema", {"CloudEvents", "RawData"})
        if delivery is not None and "eventSchema" in delivery
        else "CloudEvents",
        mode=_mode(delivery, options),
        **_run_options(options),
    )


def _needed(section: Section, key: str) -> Section:
    found = section.section(key)
    if found is None:
        raise ValueMissing(section.path(key), "is missing.")
    return found


def _pattern(settings: Section) -> Mapping[str, Any]:
    text = settings.text("eventRuleFilterPattern")
    try:
        pattern = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueRefused(settings.path("eventRuleFilterPattern"), f"is not JSON: {error}.") from None
    if not isinstance(pattern, dict):
        raise ValueRefused(settings.path("eventRuleFilterPattern"), f"must be a JSON object, is {text}.")
    return pattern


def _queue(source: Section) -> MnsQueueSource:
    parameters = _needed(source, "eventSourceParameters")
    parameters.only({"sourceMNSParameters"})
    queue = _needed(parameters, "sourceMNSParameters")
    queue.only({"IsBase64Decode", "QueueName", "RegionId"})
    return MnsQueueSource(
        name=queue.text("QueueName", _QUEUE, "1 to 120 letters, digits and -, not starting with -"),
        region=queue.text("RegionId") if "RegionId" in queue else None,
        base64_decode=queue.flag("IsBase64Decode", True),
    )


def _delivery(settings: Section) -> Section | None:
    sink = settings.section("eventSinkConfig")
    if sink is None:
        return None
    sink.only({"deliveryOption"})
    delivery = _needed(sink, "deliveryOption")
    delivery.only({"concurrency", "eventSchema", "mode"})
    return delivery


def _mode(delivery: Section | None, options: Section | None) -> str:
    asked = delivery.one_of("mode", MODES) if delivery is not None and "mode" in delivery else None
    if options is None:
        return asked or "event-driven"
    mode = options.one_of("mode", MODES)
    if asked is not None and asked != mode:
        raise ValueRefused(options.path("mode"), f"is {mode}, but eventSinkConfig says {asked}.")
    return mode


def _run_options(options: Section | None) -> dict[str, Any]:
    if options is None:
        return {}
    options.only(
        {"batchWindow", "deadLetterQueue", "errorsTolerance", "maximumTasks", "mode", "retryStrategy"}
    )
    read: dict[str, Any] = {}
    if "errorsTolerance" in options:
        read["errors_tolerance"] = options.one_of("errorsTolerance", {"ALL", "NONE"})
    if (retry := options.section("retryStrategy")) is not None:
        retry.only({"MaximumEventAgeInSeconds", "MaximumRetryAttempts", "PushRetryStrategy"})
        read["push_retry_strategy"] = retry.one_of(
            "PushRetryStrategy", {"BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"}
        )
    if (letters := options.section("deadLetterQueue")) is not None:
        letters.only({"Arn"})
        read["dead_letter_queue"] = letters.text(
            "Arn", _DEAD_LETTERS, "an ARN like acs:mns:cn-hangzhou:123:/queues/name"
        )
    if (window := options.section("batchWindow")) is not None:
        window.only({"CountBasedWindow", "TimeBasedWindow"})
        read["batch_messages"] = window.whole("CountBasedWindow", 1, 10_000)
        read["batch_seconds"] = window.whole("TimeBasedWindow", 0, 15)
    return read
