"""What fc3's own schema refuses of a function's props, and properties that it does not know.

``fc3.schema.json`` is ``src/schema.json`` of the component fc3 0.1.22 (devsapp/fc3, MIT): what `s verify`
goes by. It lets every unknown property through, and fc3 then ignores it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend, validator_for

from cli.deployment_check.findings import Severity
from cli.deployment_check.spelling import alike, nearest
from cli.manifest.expressions import Unrendered

_SCHEMA = Path(__file__).parent / "fc3.schema.json"
_TRIGGERS = {
    "cdn_events": "ICdnTriggerConfig",
    "eventbridge": "IEventBridge",
    "http": "IHttpTriggerConfig",
    "log": "ILogTriggerConfig",
    "mns_topic": "IMnsTriggerConfig",
    "oss": "IOssTriggerConfig",
    "timer": "ITimerTriggerConfig",
}
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}
# fc3 deploys rules of EventBridge without these.
_NEEDED_IN_VAIN = {"eventSinkConfig", "eventSourceParameters", "runOptions", "triggerEnable"}
# Of more values than these, only the one is told that is spelt like what was written.
_MOST_TOLD = 6
# Their keys are the user's.
_FREE = {"environmentVariables", "annotations", "supplement"}


# Where a value stands in the props of a function: its keys and indexes, from the outermost on.
Place = tuple["str | int", ...]


class Judged(NamedTuple):
    """What is said of the value at a place, or that one is missing there.

    Without a severity, it is why the value cannot be judged here.
    """

    place: Place
    severity: Severity | None
    what: str
    remedy: str = ""
    missing: bool = False


def refused(place: Place, what: str, remedy: str = "Correct it.") -> Judged:
    """What is known to be refused, or ignored."""
    return Judged(place, Severity.ERROR, what, remedy)


def refusals(props: Mapping[str, Any]) -> Iterator[Judged]:
    """Values of another type, outside of their range, or missing."""
    yield from by_schema(_schema(), props, known_to="fc3")
    for index, trigger in enumerate(items(props.get("triggers"))):
        definition = _definition(trigger)
        settings = trigger.get("triggerConfig") if definition else None
        if definition and settings is not None:
            schema = {"$ref": f"#/definitions/{definition}", "definitions": _schema()["definitions"]}
            yield from by_schema(schema, settings, ("triggers", index, "triggerConfig"), known_to="fc3")


def by_schema(schema: Mapping[str, Any], value: Any, above: Place = (), *, known_to: str) -> Iterator[Judged]:
    """What a schema refuses of a value that stands at a place; what is not known is right to it.

    ``known_to`` says whose schema it is.
    """
    validator = _lenient(validator_for(schema, Draft7Validator))(schema)
    for problem in sorted(validator.iter_errors(value), key=lambda one: list(map(str, one.path))):
        yield from _refused(problem, above, known_to)


def unknown(props: Mapping[str, Any]) -> Iterator[Judged]:
    """Properties that stand where the schema has none of that name."""
    yield from _unknown(props, _schema(), ())


def _refused(problem: ValidationError, above: Place, known_to: str) -> Iterator[Judged]:
    place: Place = (*above, *problem.absolute_path)
    if problem.validator in ("anyOf", "if") and problem.context:
        # The alternatives are the word `auto` and what can be written out.
        written = [one for one in problem.context if one.schema_path[0] == 0]
        if "triggerConfig" not in place or problem.validator == "if":
            for one in written:
                yield from _refused(one, above, known_to)
        elif not isinstance(problem.instance, dict):
            yield refused(place, "must be a mapping.")
    elif problem.validator == "required":
        for key in problem.validator_value:
            if key not in problem.instance:
                yield refused((*place, key), "is missing.", "Add it.")._replace(missing=True)
    else:
        yield refused(place, *_said(problem, known_to))


def _said(problem: ValidationError, known_to: str) -> tuple[str, str]:
    value, limit = problem.instance, problem.validator_value
    limits = problem.schema
    remedy = "Correct it."
    if problem.validator == "type":
        hint = "; ${env(…)} always gives text" if isinstance(value, str) and limit != "string" else ""
        hint = "; put it in quotes" if limit == "string" and isinstance(value, (int, float)) else hint
        return f"must be {_TYPES[limit]}, is {_shown(value)}{hint}.", remedy
    if problem.validator == "enum":
        choices = sorted(map(str, limit))
        meant = nearest(str(value), choices) if len(choices) > _MOST_TOLD else None
        known = f"{meant} is spelt like it" if meant else ", ".join(choices)
        return f"{value!r} is none of the values that {known_to} knows.", f"Known: {known}."
    if problem.validator in ("minimum", "maximum"):
        return f"must be {limits.get('minimum')} to {limits.get('maximum')}, is {value}.", remedy
    if problem.validator == "multipleOf":
        return f"must be a multiple of {limit}, is {value}.", remedy
    if problem.validator == "pattern":
        return f"must be {limits['description']}, is {value!r}.", remedy
    if problem.validator == "maxLength":
        return f"must be at most {limit} characters, is {value!r}.", "Shorten it."
    if problem.validator == "maxItems":
        return f"may have at most {limit}, has {len(value)}.", "Remove some."
    return f"{problem.message}.", remedy


def _unknown(value: Any, schema: Mapping[str, Any], place: Place) -> Iterator[Judged]:
    for key in value if isinstance(value, dict) else ():
        known = schema.get("properties", {})
        if key in known:
            if key not in _FREE:
                yield from _below(value[key], known[key], (*place, key))
        elif known:
            yield _judged(key, known, (*place, key))


def _below(value: Any, schema: Mapping[str, Any], place: Place) -> Iterator[Judged]:
    schema = _resolved(schema)
    if place == ("triggers",):
        for index, item in enumerate(items(value)):
            yield from _trigger(item, (*place, index))
    elif schema.get("type") == "array":
        for index, item in enumerate(items(value)):
            yield from _unknown(item, _resolved(schema["items"]), (*place, index))
    else:
        yield from _unknown(value, schema, place)


def _trigger(value: Mapping[str, Any], place: Place) -> Iterator[Judged]:
    definitions, definition = _schema()["definitions"], _definition(value)
    yield from _unknown({**value, "triggerConfig": None}, definitions["ITrigger"], place)
    if definition is not None:
        yield from _unknown(value.get("triggerConfig"), definitions[definition], (*place, "triggerConfig"))


def _judged(key: str, known: Mapping[str, Any], place: Place) -> Judged:
    ignored = "fc3 knows no such property here, and ignores it;"
    if elsewhere := _homes().get(key):
        what = f"{ignored} {key} belongs under {' or '.join(elsewhere)}."
        return refused(place, what, "Move it there, or remove it.")
    if (like := alike(key, known)) is not None:
        return refused(place, f"{ignored} {like} is spelt like it.", "Correct its name, or remove it.")
    also = f" It knows {', '.join(sorted(known))}." if len(known) <= 10 else ""
    return Judged(place, None, f"fc3 0.1.22 knows no such property here.{also}")


@cache
def _homes() -> Mapping[str, tuple[str, ...]]:
    """Where the schema has a property deeper in the props, by its name; left out where in many places."""
    found: dict[str, list[str]] = {}

    def walk(schema: Mapping[str, Any], path: str) -> None:
        for name, below in _resolved(schema).get("properties", {}).items():
            if path:
                found.setdefault(name, []).append(path)
            if name != "triggers":
                inner = _resolved(below)
                inner = _resolved(inner["items"]) if inner.get("type") == "array" else inner
                walk(inner, f"{path}.{name}" if path else name)

    walk(_schema(), "")
    return {name: tuple(paths) for name, paths in found.items() if len(paths) <= 2}


@cache
def _schema() -> Mapping[str, Any]:
    content: dict[str, Any] = json.loads(_SCHEMA.read_text("utf-8"))
    bus = content["definitions"]["IEventBridge"]
    for part in (bus, bus["properties"]["eventSourceConfig"]):
        part["required"] = [name for name in part["required"] if name not in _NEEDED_IN_VAIN]
    return content


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the schema; of alternatives, what is not just the word `auto`."""
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = _schema()["definitions"][schema["$ref"].rpartition("/")[2]]
        else:
            schema = schema["anyOf"][0]
    return schema


@cache
def _lenient(draft: Any) -> Any:
    """A validator to which everything that is not known is right."""

    def lenient(check: Callable[..., Any]) -> Callable[..., Any]:
        def checked(validator: Any, limit: Any, instance: Any, schema: Any) -> Any:
            return () if isinstance(instance, Unrendered) else check(validator, limit, instance, schema) or ()

        return checked

    def conditional(validator: Any, condition: Any, instance: Any, schema: Any) -> Any:
        """Nothing where it depends on what is not known whether the condition holds."""
        known = validator.evolve(schema=condition).is_valid(instance) == draft(condition).is_valid(instance)
        return draft.VALIDATORS["if"](validator, condition, instance, schema) if known else ()

    checks = {name: lenient(check) for name, check in draft.VALIDATORS.items()}
    return extend(draft, {**checks, "if": lenient(conditional)})


def _definition(trigger: Mapping[str, Any]) -> str | None:
    kind = trigger.get("triggerType")
    return _TRIGGERS.get(kind) if isinstance(kind, str) else None


def items(value: Any) -> list[Any]:
    """The mappings of a list, an empty one in the place of what is none."""
    return [one if isinstance(one, dict) else {} for one in value] if isinstance(value, list) else []


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)


def path(where: str, place: Place) -> str:
    """A place as a path in the file; ``where`` is the path of the props."""
    return where + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)


def with_value(value: Any, place: Place, put: Any) -> Any:
    """A copy of a value in which something else stands at a place; as it is where there is no such place."""
    if not place:
        return put
    key, rest = place[0], place[1:]
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [with_value(item, rest, put) if index == key else item for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {**value, key: with_value(value.get(str(key)), rest, put)}
    return value
