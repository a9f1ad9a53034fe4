"""What fc3's schema lets through although Function Compute refuses it, or fc3 cannot use it.

Sources: the help pages developer-reference/api-fc-2023-03-30-struct-createfunctioninput and
functioncompute/fc/product-overview/limits-of-usage (names, sizes, layers, variables, hooks), fc3 0.1.22
``src/base.ts`` (roles), its ``docs/zh/yaml/triggers.md`` and EventBridge's documentation (triggers).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cli.deployment_check.findings import NotChecked, error, warning
from cli.deployment_check.schema_rules import Place, Refusal, told
from cli.manifest.expressions import Unrendered

LAYERS = 5
ENVIRONMENT_BYTES = 4096
# The API's limit; the console and fc3's schema allow 2,592,000.
LONGEST_EVENT_AGE = 604_800
LONGEST_HOOKS = {"initializer": 300, "preStop": 90}

_RUNTIMES = ("python3.10", "python3.12")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TRIGGER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_HANDLER = re.compile(r"[^\s.][^\s]*\.[A-Za-z_][A-Za-z0-9_]*")
_ROLE = re.compile(r"acs:ram::\d+:role/[A-Za-z0-9._-]+|[A-Za-z0-9._-]+")
_LAYER = re.compile(r"acs:fc:[a-z0-9-]+:(?:\d+|official):layers/[A-Za-z0-9_-]+/versions/\d+")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TOPIC = re.compile(r"acs:mns:[a-z0-9-]+:\d+:/topics/[A-Za-z0-9][A-Za-z0-9-]{0,254}")
_DESTINATIONS = (
    ("acs:mns:", re.compile(r"acs:mns:[a-z0-9-]+:\d*:/(?:topics|queues)/[A-Za-z0-9-]+/messages")),
    ("acs:fc:", re.compile(r"acs:fc:[a-z0-9-]*:\d*:functions/[A-Za-z0-9_-]+(?:/\S+)?")),
)
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")
_BUS_SOURCE = re.compile(r"acs:eventbridge:[a-z0-9-]+:\d+:(?:eventbus/[^/]+/rule/[^/]+|eventstreaming/[^/]+)")
_DEAD_LETTERS = re.compile(r"acs:(?:mns|mq|alikafka|eventbridge):[a-z0-9-]+:\d+:\S+")
_SOURCE_TYPES = ("DTS", "Default", "Kafka", "MNS", "RabbitMQ", "RocketMQ")
_MODES = ("event-driven", "event-streaming")

Found = Iterator["Refusal | NotChecked"]


def refusals(props: Mapping[str, Any], where: str, directory: Path) -> Found:
    """What is refused of single values that the schema accepts; ``directory`` is that of the file."""
    values = _Values(props, where)
    yield from values.matching(
        ("functionName",), _FUNCTION, "1 to 64 letters, digits, _ and -, not 1st - or digit"
    )
    yield from _runtime(values)
    yield from _size(values)
    yield from _code(values, directory)
    yield from _role(values, ("role",))
    yield from _layers(values)
    yield from _environment(values)
    yield from _hooks(values)
    yield from _asynchronous(values)
    yield from _triggers(values)


class _Values:
    def __init__(self, props: Mapping[str, Any], where: str) -> None:
        self._props = props
        self._where = where

    def get(self, *place: str | int) -> Any:
        """What stands at a place; None where nothing does, and where it is not known."""
        value: Any = self._props
        for key in place:
            if isinstance(value, dict) and isinstance(key, str):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return None if isinstance(value, Unrendered) else value

    def has(self, *place: str) -> bool:
        """Whether anything stands at a place, known or not."""
        above = self.get(*place[:-1])
        return isinstance(above, dict) and above.get(place[-1]) is not None

    def lacks(self, *place: str | int) -> bool:
        """Whether a mapping is known and has nothing at a place."""
        above = self.get(*place[:-1])
        return isinstance(above, dict) and above.get(str(place[-1])) is None

    def refused(self, place: Place, what: str, remedy: str = "Correct it.") -> Refusal:
        """The refusal of what stands at a place."""
        return Refusal(place, error(told(self._where, place), what, remedy))

    def doubted(self, place: Place, what: str, remedy: str) -> Refusal:
        """A warning about what stands at a place."""
        return Refusal(place, warning(told(self._where, place), what, remedy))

    def unknown(self, place: Place, why: str) -> NotChecked:
        """Something at a place that cannot be judged."""
        return NotChecked(told(self._where, place), why)

    def matching(
        self, place: Place, pattern: re.Pattern[str], meaning: str, remedy: str = "Correct it."
    ) -> Found:
        """A refusal where a text is of another form."""
        text = self.get(*place)
        if isinstance(text, str) and not pattern.fullmatch(text):
            yield self.refused(place, f"must be {meaning}, is {text!r}.", remedy)


def _runtime(values: _Values) -> Found:
    runtime = values.get("runtime")
    if runtime is not None and runtime.startswith("custom"):
        yield values.unknown(("runtime",), f"what {runtime} runs is not known here.")
    elif runtime is not None and runtime not in _RUNTIMES:
        what = f"the function needs Python 3.10 or 3.12, and is given {runtime}."
        yield values.refused(("runtime",), what, f"Write {' or '.join(_RUNTIMES)}.")
    if values.get("instanceConcurrency") not in (None, 1) and runtime in _RUNTIMES:
        yield values.doubted(
            ("instanceConcurrency",),
            "is documented for custom runtimes only; built-in Python serves one request at a time.",
            "Remove it.",
        )
    text = values.get("description") or ""
    if len(text) > 256:
        yield values.doubted(
            ("description",), f"has {len(text)} characters; Function Compute 2.0 took 256.", "Shorten it."
        )


def _size(values: _Values) -> Found:
    cpu, memory_size = values.get("cpu"), values.get("memorySize")
    if not values.has("cpu") and values.has("memorySize") and memory_size != 512:
        yield values.unknown(("cpu",), "is not set; how Function Compute chooses it is not documented.")
    if cpu is not None and abs(cpu * 20 - round(cpu * 20)) > 1e-9:
        yield values.refused(("cpu",), f"must be a multiple of 0.05, is {cpu:g}.")
        return
    memory_size = memory_size if values.has("memorySize") else 512
    if cpu is not None and memory_size is not None and not 1 <= memory_size / 1024 / cpu <= 4:
        what = f"vCPU to GB must be 1:1 to 1:4, is {cpu:g} to {memory_size / 1024:g}."
        yield values.refused(("cpu",), what, "Give the function 1 to 4 GB for each vCPU.")


def _code(values: _Values, directory: Path) -> Found:
    code = values.get("code")
    if isinstance(code, dict):
        yield values.unknown(("code",), "a package in OSS is not looked into.")
    if not isinstance(code, str):
        return
    if re.match(r"https?://", code) or code.endswith((".zip", ".jar", ".war")):
        yield values.unknown(("code",), f"the package {code} is not looked into.")
        return
    # Not is_dir(), which raises where a part of the path is too long.
    if "\0" in code or not os.path.isdir(directory / code):  # noqa: PTH112
        yield values.refused(
            ("code",), f"must be a directory or a package; {directory / code} is none.", "Name the code root."
        )


def _role(values: _Values, place: Place) -> Found:
    role = values.get(*place)
    if role == "auto":
        what = "`auto` is the name of a role for fc3 0.1.22."
        yield values.refused(place, what, "Name a role, or its ARN.")
    elif role and not _ROLE.fullmatch(role):
        yield values.refused(
            place, f"must be a role's name, or its ARN like acs:ram::123:role/name, is {role!r}."
        )


def _layers(values: _Values) -> Found:
    layers = values.get("layers") or []
    if len(layers) > LAYERS:
        what = f"at most {LAYERS} layers, here are {len(layers)}."
        yield values.refused(("layers",), what, "Put what is needed into one layer.")
    meaning = "a layer version like acs:fc:cn-hangzhou:123:layers/name/versions/1"
    for index in range(len(layers)):
        yield from values.matching(("layers", index), _LAYER, meaning, "Write the ARN of a layer version.")


def _environment(values: _Values) -> Found:
    environment = values.get("environmentVariables") or {}
    for name in environment:
        place = ("environmentVariables", name)
        if _VARIABLE.fullmatch(name) is None:
            yield values.refused(place, "a name is a letter, then letters, digits and _.")
        elif name.startswith("FC_"):
            what = "names that start with FC_ are the system's."
            yield values.refused(place, what, "Choose a name without FC_.")
    texts = {name: value for name, value in environment.items() if isinstance(value, str)}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in texts.items())
    if size > ENVIRONMENT_BYTES:
        what = f"at most {ENVIRONMENT_BYTES} bytes in all, here are {size}."
        yield values.refused(("environmentVariables",), what, "Shorten the values.")


def _hooks(values: _Values) -> Found:
    for hook, longest in LONGEST_HOOKS.items():
        place: Place = ("instanceLifecycleConfig", hook)
        if values.get(*place) is None:
            continue
        if not any(values.has("instanceLifecycleConfig", hook, key) for key in ("handler", "command")):
            yield values.refused((*place, "handler"), "is missing.", "Add it.")
        meaning = "a module and a function with a dot between them, like index.initialize"
        yield from values.matching((*place, "handler"), _HANDLER, meaning)
        timeout = values.get(*place, "timeout")
        if timeout is not None and timeout > longest:
            yield values.refused((*place, "timeout"), f"must be 1 to {longest}, is {timeout}.")


def _asynchronous(values: _Values) -> Found:
    age = values.get("asyncInvokeConfig", "maxAsyncEventAgeInSeconds")
    if age is not None and age > LONGEST_EVENT_AGE:
        yield values.doubted(
            ("asyncInvokeConfig", "maxAsyncEventAgeInSeconds"),
            f"{age} is more than the {LONGEST_EVENT_AGE} of the API's page; the console's says 2592000.",
            f"Set it to {LONGEST_EVENT_AGE} or less.",
        )
    qualifier = values.get("asyncInvokeConfig", "qualifier")
    if qualifier not in (None, "LATEST"):
        place: Place = ("asyncInvokeConfig", "qualifier")
        yield values.unknown(place, f"whether the triggers call {qualifier} is not known here.")
    for key in ("onFailure", "onSuccess"):
        yield from _destination(values, ("asyncInvokeConfig", "destinationConfig", key, "destination"))


def _destination(values: _Values, place: Place) -> Found:
    text = values.get(*place)
    if not text:
        return
    for prefix, pattern in _DESTINATIONS:
        if text.startswith(prefix):
            yield from values.matching(place, pattern, _DESTINATION_FORMS, "Write one of these forms.")
            return
    if text.startswith("acs:"):
        yield values.unknown(place, "only destinations of MNS and Function Compute are looked at.")
    else:
        yield values.refused(
            place, f"must be {_DESTINATION_FORMS}, is {text!r}.", "Write one of these forms."
        )


_DESTINATION_FORMS = (
    "an ARN such as acs:mns:<region>:<account>:/topics/<topic>/messages, …:/queues/<queue>/messages or "
    "acs:fc:<region>:<account>:functions/<function>"
)


def _triggers(values: _Values) -> Found:
    seen: set[str] = set()
    for index in range(len(values.get("triggers") or [])):
        place: Place = ("triggers", index)
        meaning = "1 to 128 letters, digits, _ and -, not starting with a digit or -"
        yield from values.matching((*place, "triggerName"), _TRIGGER, meaning)
        name = values.get(*place, "triggerName")
        if name in seen:
            yield values.refused((*place, "triggerName"), f"{name!r} stands twice.", "Choose another name.")
        seen.update([name] if name else [])
        yield from _role(values, (*place, "invocationRole"))
        if values.get(*place, "qualifier") not in (None, "LATEST"):
            yield values.unknown((*place, "qualifier"), "what is deployed here is LATEST.")
        kind = values.get(*place, "triggerType")
        if kind == "mns_topic":
            yield from _topic_trigger(values, place)
        elif kind == "eventbridge":
            yield from _bus_trigger(values, place)


def _topic_trigger(values: _Values, place: Place) -> Found:
    if values.lacks(*place, "sourceArn"):
        yield values.refused((*place, "sourceArn"), "is missing.", "Name the topic.")
    meaning = "a topic like acs:mns:cn-hangzhou:123:/topics/name"
    yield from values.matching((*place, "sourceArn"), _TOPIC, meaning)
    settings = (*place, "triggerConfig")
    tag = values.get(*settings, "filterTag") or ""
    if len(tag) > 16:
        yield values.refused(
            (*settings, "filterTag"), f"must be at most 16 characters, is {tag!r}.", "Shorten it."
        )


def _bus_trigger(values: _Values, place: Place) -> Found:
    meaning = "an event rule or event stream that exists already"
    yield from values.matching((*place, "sourceArn"), _BUS_SOURCE, meaning)
    settings = (*place, "triggerConfig")
    pattern = values.get(*settings, "eventRuleFilterPattern")
    if pattern is not None and not isinstance(_as_json(pattern), dict):
        yield values.refused((*settings, "eventRuleFilterPattern"), f"must be a JSON object, is {pattern!r}.")
    source: Place = (*settings, "eventSourceConfig")
    if values.lacks(*source, "eventSourceType"):
        yield values.refused((*source, "eventSourceType"), "is missing.", "Write Default or MNS.")
    yield from _choice(values, (*source, "eventSourceType"), _SOURCE_TYPES)
    if values.get(*source, "eventSourceType") == "MNS":
        queue: Place = (*source, "eventSourceParameters", "sourceMNSParameters")
        if values.lacks(*source, "eventSourceParameters") or values.lacks(*queue, "QueueName"):
            yield values.refused((*queue, "QueueName"), "is missing.", "Name the queue.")
        meaning = "1 to 120 letters, digits and -, not starting with -"
        yield from values.matching((*queue, "QueueName"), _QUEUE, meaning)
    yield from _choice(values, (*settings, "eventSinkConfig", "deliveryOption", "mode"), _MODES)
    schema: Place = (*settings, "eventSinkConfig", "deliveryOption", "eventSchema")
    yield from _choice(values, schema, ("CloudEvents", "RawData"))
    yield from _run_options(values, settings)


def _run_options(values: _Values, settings: Place) -> Found:
    options: Place = (*settings, "runOptions")
    mode = values.get(*options, "mode")
    if values.lacks(*options, "mode"):
        yield values.refused((*options, "mode"), "is missing.", f"Write {' or '.join(_MODES)}.")
    yield from _choice(values, (*options, "mode"), _MODES)
    asked = values.get(*settings, "eventSinkConfig", "deliveryOption", "mode")
    if asked in _MODES and mode in _MODES and asked != mode:
        yield values.refused((*options, "mode"), f"is {mode}, but eventSinkConfig says {asked}.")
    yield from _choice(values, (*options, "errorsTolerance"), ("ALL", "NONE"))
    retry: Place = (*options, "retryStrategy")
    if values.lacks(*retry, "PushRetryStrategy"):
        yield values.refused((*retry, "PushRetryStrategy"), "is missing.", "Add it.")
    strategies = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")
    yield from _choice(values, (*retry, "PushRetryStrategy"), strategies)
    meaning = "an ARN like acs:mns:cn-hangzhou:123:/queues/name"
    yield from values.matching((*options, "deadLetterQueue", "Arn"), _DEAD_LETTERS, meaning)
    for key, lowest, highest in (("CountBasedWindow", 1, 10_000), ("TimeBasedWindow", 0, 15)):
        place = (*options, "batchWindow", key)
        count = values.get(*place)
        if count is not None and (not isinstance(count, int) or not lowest <= count <= highest):
            yield values.refused(place, f"must be {lowest} to {highest}, is {count!r}.")


def _choice(values: _Values, place: Place, allowed: tuple[str, ...]) -> Found:
    value = values.get(*place)
    if value is not None and value not in allowed:
        yield values.refused(place, f"{value!r} is unknown.", f"Known: {', '.join(allowed)}.")


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
