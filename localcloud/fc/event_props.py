"""Reads how events reach a function and what becomes of those that fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from localcloud.fc.declaration import (
    AsyncInvokeDeclaration,
    MnsTopicTrigger,
    OssTrigger,
    Source,
    TriggerDeclaration,
)
from localcloud.fc.event_bridge_props import read_event_bridge_trigger
from localcloud.fc.section import Section, ValueMissing, ValueRefused

# fc3's schema says 18,000 for a configuration that leaves the age out; without any, the API keeps a day.
CONFIGURED_EVENT_AGE = 18_000
# The API's limit; the console and fc3's schema allow 2,592,000.
LONGEST_EVENT_AGE = 604_800

_MNS_DESTINATION = r"acs:mns:[a-z0-9-]+:\d*:/(?:topics|queues)/[A-Za-z0-9-]+/messages"
_FC_DESTINATION = r"acs:fc:[a-z0-9-]*:\d*:functions/[A-Za-z0-9_-]+(?:/LATEST)?"
_TOPIC = re.compile(r"acs:mns:([a-z0-9-]+):(\d+):/topics/([A-Za-z0-9][A-Za-z0-9-]{0,254})")
_BUCKET = re.compile(r"acs:oss:([a-z0-9-]+):(\d+):([a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
_OSS_EVENT = r"oss:Object[A-Za-z]+:(?:[A-Za-z]+|\*)"
_TRIGGER_TYPES = frozenset(
    {"cdn_events", "eventbridge", "http", "log", "mns_topic", "oss", "tablestore", "timer"}
)


def read_description(section: Section) -> str:
    """A description; the help pages name no limit, this one is that of Function Compute 2.0."""
    if "description" not in section:
        return ""
    return section.text("description", r"(?s:.{0,256})", "at most 256 characters")


def read_async_invoke(props: Section) -> AsyncInvokeDeclaration:
    """What happens to asynchronous events."""
    section = props.section("asyncInvokeConfig")
    if section is None:
        return AsyncInvokeDeclaration()
    section.only(
        {"asyncTask", "destinationConfig", "maxAsyncEventAgeInSeconds", "maxAsyncRetryAttempts", "qualifier"}
    )
    age, attempts = CONFIGURED_EVENT_AGE, 3
    if "maxAsyncEventAgeInSeconds" in section:
        age = section.whole("maxAsyncEventAgeInSeconds", 1, LONGEST_EVENT_AGE)
    if "maxAsyncRetryAttempts" in section:
        attempts = section.whole("maxAsyncRetryAttempts", 0, 8)
    if "qualifier" in section:
        section.one_of("qualifier", {"LATEST"})
    if section.flag("asyncTask", False):
        raise ValueRefused(section.path("asyncTask"), "the local cloud keeps no asynchronous tasks.")
    destinations = section.section("destinationConfig")
    if destinations is not None:
        destinations.only({"onFailure", "onSuccess"})
    return AsyncInvokeDeclaration(
        max_retry_attempts=attempts,
        max_event_age_seconds=age,
        on_success=_destination(destinations, "onSuccess"),
        on_failure=_destination(destinations, "onFailure"),
    )


def _destination(destinations: Section | None, key: str) -> str | None:
    section = destinations.section(key) if destinations is not None else None
    if section is None:
        return None
    section.only({"destination"})
    return section.text(
        "destination",
        f"{_MNS_DESTINATION}|{_FC_DESTINATION}",
        "acs:mns:<region>:<account>:/topics/<topic>/messages, …:/queues/<queue>/messages or "
        "acs:fc:<region>:<account>:functions/<function>",
    )


def read_triggers(props: Section, function: str) -> tuple[TriggerDeclaration, ...]:
    """Every trigger, as it is written and as it is meant."""
    triggers: dict[str, TriggerDeclaration] = {}
    for section in props.sections("triggers"):
        section.only(
            {"triggerName", "triggerType", "triggerConfig", "sourceArn", "invocationRole", "qualifier"}
            | {"description"}
        )
        name = section.text(
            "triggerName",
            r"[A-Za-z_][A-Za-z0-9_-]{0,127}",
            "1 to 128 letters, digits, _ and -, not starting with a digit or -",
        )
        if name in triggers:
            raise ValueRefused(section.path("triggerName"), f"{name!r} is declared twice.")
        description = read_description(section)
        settings = section.section("triggerConfig")
        if settings is None:
            raise ValueMissing(section.path("triggerConfig"), "is missing.")
        kind = section.one_of("triggerType", _TRIGGER_TYPES)
        read = _READERS.get(kind)
        triggers[name] = TriggerDeclaration(
            name=name,
            type=kind,
            source_arn=section.text("sourceArn") if "sourceArn" in section else None,
            qualifier=section.one_of("qualifier", {"LATEST"}) if "qualifier" in section else "LATEST",
            invocation_role=section.role("invocationRole"),
            settings=dict(settings.items()),
            description=description,
            source=None if read is None else read(section, settings, function),
        )
    return tuple(triggers.values())


def _mns_topic_trigger(section: Section, settings: Section, function: str) -> MnsTopicTrigger:
    arn = section.text("sourceArn", _TOPIC.pattern, "a topic like acs:mns:cn-hangzhou:123:/topics/name")
    topic = _TOPIC.fullmatch(arn)
    assert topic is not None, "checked above"
    settings.only({"notifyContentFormat", "notifyStrategy", "filterTag"})
    return MnsTopicTrigger(
        function=function,
        name=section.text("triggerName"),
        region=topic[1],
        account_id=topic[2],
        topic=topic[3],
        notify_content_format=settings.one_of("notifyContentFormat", {"JSON", "STREAM"}),
        notify_strategy=settings.one_of("notifyStrategy", {"BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"}),
        filter_tag=settings.text("filterTag", r".{0,16}", "at most 16 characters")
        if "filterTag" in settings
        else "",
    )


def _oss_trigger(section: Section, settings: Section, function: str) -> OssTrigger:
    arn = section.text("sourceArn", _BUCKET.pattern, "a bucket like acs:oss:cn-hangzhou:123:media")
    bucket = _BUCKET.fullmatch(arn)
    assert bucket is not None, "checked above"
    settings.only({"events", "filter"})
    if "events" not in settings:
        raise ValueMissing(settings.path("events"), "is missing.")
    found = settings.section("filter")
    if found is not None:
        found.only({"key"})
    key = found.section("key") if found is not None else None
    if key is not None:
        key.only({"prefix", "suffix"})
    return OssTrigger(
        function=function,
        name=section.text("triggerName"),
        region=bucket[1],
        account_id=bucket[2],
        bucket=bucket[3],
        events=settings.texts("events", _OSS_EVENT, "events such as oss:ObjectCreated:PutObject"),
        prefix=key.text("prefix") if key is not None and "prefix" in key else "",
        suffix=key.text("suffix") if key is not None and "suffix" in key else "",
    )


_READERS: Mapping[str, Callable[[Section, Section, str], Source]] = {
    "mns_topic": _mns_topic_trigger,
    "oss": _oss_trigger,
    "eventbridge": read_event_bridge_trigger,
}
