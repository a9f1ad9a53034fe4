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

from cli.deployment_check.findings import Severity
from cli.deployment_check.schema_rules import Judged, Place, by_schema, items, refused
from cli.manifest.expressions import Unrendered
from localcloud.fc import schema as local_schema

ENVIRONMENT_BYTES = 4096
# The API's limit; the console and fc3's schema allow 2,592,000.
LONGEST_EVENT_AGE = 604_800

_MODES = ("event-driven", "event-streaming")
_RUNTIMES = ("python3.10", "python3.12")
_ROLE = re.compile(r"(?:acs:ram::\d+:role/)?[A-Za-z0-9._-]+")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DESTINATIONS = {
    "acs:mns:": re.compile(r"acs:mns:[a-z0-9-]+:\d*:/(?:topics|queues)/[A-Za-z0-9-]+/messages"),
    "acs:fc:": re.compile(r"acs:fc:[a-z0-9-]*:\d*:functions/[A-Za-z0-9_-]+(?:/\S+)?"),
}
_DESTINATION_FORMS = (
    "an ARN such as acs:mns:<region>:<account>:/topics/<topic>/messages, …:/queues/<queue>/messages or "
    "acs:fc:<region>:<account>:functions/<function>"
)

# The local Function Compute's schema, of which only these members are judged here: it refuses more than the
# real one does, such as properties that it does not know.
_SCHEMA = Path(local_schema.__file__).with_name("function.schema.json")
_FORMS = frozenset(
    {
        *("functionName", "layers", "handler", "timeout", "triggerName", "sourceArn", "filterTag"),
        *("eventSourceType", "QueueName", "mode", "eventSchema", "errorsTolerance", "PushRetryStrategy"),
        *("Arn", "CountBasedWindow", "TimeBasedWindow"),
    }
)
_NEEDED = frozenset(
    {
        *("sourceArn", "eventSourceParameters", "sourceMNSParameters", "QueueName"),
        *("mode", "PushRetryStrategy"),
    }
)


def refusals(props: Mapping[str, Any], directory: Path) -> Iterator[Judged]:
    """What is refused of single values that the schema accepts; ``directory`` is that of the file."""
    values = _Values(props)
    yield from _forms(props)
    yield from _runtime(values)
    yield from _size(values)
    yield from _code(values, directory)
    yield from _role(values, ("role",))
    yield from _environment(values)
    yield from _hooks(values)
    yield from _asynchronous(values)
    yield from _triggers(values)


class _Values:
    """The props, of which any place may be asked for."""

    def __init__(self, props: Mapping[str, Any]) -> None:
        self._props = props

    def raw(self, *place: str | int) -> Any:
        """What stands at a place, known or not; None where nothing does."""
        value: Any = self._props
        for key in place:
            if isinstance(value, dict) and isinstance(key, str):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def get(self, *place: str | int) -> Any:
        """What stands at a place; None where nothing does, and where it is not known."""
        value = self.raw(*place)
        return None if isinstance(value, Unrendered) else value


def _forms(props: Mapping[str, Any]) -> Iterator[Judged]:
    """Texts of another form, values that are none of those that are known, and what is missing."""
    schema = json.loads(_SCHEMA.read_text("utf-8"))
    # The buckets of OSS triggers have rules of their own.
    triggers = [
        {"triggerName": one.get("triggerName")} if one.get("triggerType") == "oss" else one
        for one in items(props.get("triggers"))
    ]
    for one in by_schema(schema, _given({**props, "triggers": triggers}), known_to="EventBridge"):
        name = next((key for key in reversed(one.place) if isinstance(key, str)), "")
        if name in (_NEEDED if one.missing else _FORMS):
            yield one


def _given(value: Any) -> Any:
    """A value without what is null in it, which is as good as missing."""
    if isinstance(value, dict):
        return {key: _given(one) for key, one in value.items() if one is not None}
    return [_given(one) for one in value] if isinstance(value, list) else value


def _doubted(place: Place, what: str, remedy: str) -> Judged:
    return Judged(place, Severity.WARNING, what, remedy)


def _unjudged(place: Place, why: str) -> Judged:
    return Judged(place, None, why)


def _runtime(values: _Values) -> Iterator[Judged]:
    runtime = values.get("runtime")
    if runtime is not None and runtime.startswith("custom"):
        yield _unjudged(("runtime",), f"what {runtime} runs is not known here.")
    elif runtime is not None and runtime not in _RUNTIMES:
        what = f"the function needs Python 3.10 or 3.12, and is given {runtime}."
        yield refused(("runtime",), what, f"Write {' or '.join(_RUNTIMES)}.")
    if values.get("instanceConcurrency") not in (None, 1) and runtime in _RUNTIMES:
        what = "is documented for custom runtimes only; built-in Python serves one request at a time."
        yield _doubted(("instanceConcurrency",), what, "Remove it.")
    length = len(values.get("description") or "")
    if length > 256:
        what = f"has {length} characters; Function Compute 2.0 took 256."
        yield _doubted(("description",), what, "Shorten it.")


def _size(values: _Values) -> Iterator[Judged]:
    cpu, memory_size = values.get("cpu"), values.get("memorySize")
    if values.raw("cpu") is None and values.raw("memorySize") is not None and memory_size != 512:
        yield _unjudged(("cpu",), "is not set; how Function Compute chooses it is not documented.")
    if cpu is not None and abs(cpu * 20 - round(cpu * 20)) > 1e-9:
        yield refused(("cpu",), f"must be a multiple of 0.05, is {cpu:g}.")
        return
    memory_size = memory_size if values.raw("memorySize") is not None else 512
    if cpu is not None and memory_size is not None and not 1 <= memory_size / 1024 / cpu <= 4:
        what = f"vCPU to GB must be 1:1 to 1:4, is {cpu:g} to {memory_size / 1024:g}."
        yield refused(("cpu",), what, "Give the function 1 to 4 GB for each vCPU.")


def _code(values: _Values, directory: Path) -> Iterator[Judged]:
    code = values.get("code")
    if isinstance(code, dict):
        yield _unjudged(("code",), "a package in OSS is not looked into.")
    if not isinstance(code, str):
        return
    if re.match(r"https?://", code) or code.endswith((".zip", ".jar", ".war")):
        yield _unjudged(("code",), f"the package {code} is not looked into.")
    # Not is_dir(), which raises where a part of the path is too long.
    elif "\0" in code or not os.path.isdir(directory / code):  # noqa: PTH112
        what = f"must be a directory or a package; {directory / code} is none."
        yield refused(("code",), what, "Name the code root.")


def _role(values: _Values, place: Place) -> Iterator[Judged]:
    role = values.get(*place)
    if role == "auto":
        yield refused(place, "`auto` is the name of a role for fc3 0.1.22.", "Name a role, or its ARN.")
    elif role and not _ROLE.fullmatch(role):
        yield refused(place, f"must be a role's name, or its ARN like acs:ram::123:role/name, is {role!r}.")


def _hooks(values: _Values) -> Iterator[Judged]:
    for hook in ("initializer", "preStop"):
        found = values.get("instanceLifecycleConfig", hook)
        if found is not None and found.keys().isdisjoint({"handler", "command"}):
            yield refused(("instanceLifecycleConfig", hook, "handler"), "is missing.", "Add it.")


def _environment(values: _Values) -> Iterator[Judged]:
    environment = values.get("environmentVariables") or {}
    for name in environment:
        place = ("environmentVariables", name)
        if _VARIABLE.fullmatch(name) is None:
            yield refused(place, "a name is a letter, then letters, digits and _.")
        elif name.startswith("FC_"):
            yield refused(place, "names that start with FC_ are the system's.", "Choose a name without FC_.")
    texts = {name: value for name, value in environment.items() if isinstance(value, str)}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in texts.items())
    if size > ENVIRONMENT_BYTES:
        what = f"at most {ENVIRONMENT_BYTES} bytes in all, here are {size}."
        yield refused(("environmentVariables",), what, "Shorten the values.")


def _asynchronous(values: _Values) -> Iterator[Judged]:
    age = values.get("asyncInvokeConfig", "maxAsyncEventAgeInSeconds")
    if age is not None and age > LONGEST_EVENT_AGE:
        yield _doubted(
            ("asyncInvokeConfig", "maxAsyncEventAgeInSeconds"),
            f"{age} is more than the {LONGEST_EVENT_AGE} of the API's page; the console's says 2592000.",
            f"Set it to {LONGEST_EVENT_AGE} or less.",
        )
    qualifier = values.get("asyncInvokeConfig", "qualifier")
    if qualifier not in (None, "LATEST"):
        place = ("asyncInvokeConfig", "qualifier")
        yield _unjudged(place, f"whether the triggers call {qualifier} is not known here.")
    for key in ("onFailure", "onSuccess"):
        yield from _destination(values, ("asyncInvokeConfig", "destinationConfig", key, "destination"))


def _destination(values: _Values, place: Place) -> Iterator[Judged]:
    text = values.get(*place)
    form = next((form for begin, form in _DESTINATIONS.items() if text and text.startswith(begin)), None)
    if form is None and text and text.startswith("acs:"):
        yield _unjudged(place, "only destinations of MNS and Function Compute are looked at.")
    elif text and (form is None or not form.fullmatch(text)):
        yield refused(place, f"must be {_DESTINATION_FORMS}, is {text!r}.", "Write one of these forms.")


def _triggers(values: _Values) -> Iterator[Judged]:
    seen: set[str] = set()
    for index in range(len(values.get("triggers") or [])):
        place: Place = ("triggers", index)
        name = values.get(*place, "triggerName")
        if name in seen:
            yield refused((*place, "triggerName"), f"{name!r} stands twice.", "Choose another name.")
        seen.update([name] if name else [])
        yield from _role(values, (*place, "invocationRole"))
        if values.get(*place, "qualifier") not in (None, "LATEST"):
            yield _unjudged((*place, "qualifier"), "what is deployed here is LATEST.")
        kind = values.get(*place, "triggerType")
        if kind == "eventbridge":
            yield from _bus_trigger(values, (*place, "triggerConfig"))


def _bus_trigger(values: _Values, settings: Place) -> Iterator[Judged]:
    """What of a trigger of EventBridge no schema can say."""
    pattern = values.get(*settings, "eventRuleFilterPattern")
    if pattern is not None and not isinstance(_as_json(pattern), dict):
        yield refused((*settings, "eventRuleFilterPattern"), f"must be a JSON object, is {pattern!r}.")
    asked = values.get(*settings, "eventSinkConfig", "deliveryOption", "mode")
    mode = values.get(*settings, "runOptions", "mode")
    if asked in _MODES and mode in _MODES and asked != mode:
        yield refused((*settings, "runOptions", "mode"), f"is {mode}, but eventSinkConfig says {asked}.")


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
