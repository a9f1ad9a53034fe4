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
from jsonschema.validators import extend

from cli.deployment_check.findings import Finding, NotChecked, error
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
# Their keys are the user's.
_FREE = {"environmentVariables", "annotations", "supplement"}


# Where a value stands in the props of a function: its keys and indexes, from the outermost on.
Place = tuple["str | int", ...]


class Refusal(NamedTuple):
    """A finding, and the place of the value that is not to be trusted any more."""

    place: Place
    finding: Finding


def refusals(props: Mapping[str, Any], where: str) -> Iterator[Refusal]:
    """Values of another type, outside of their range, or missing."""
    for problem in sorted(_validator(None).iter_errors(props), key=lambda one: list(map(str, one.path))):
        yield from _refused(problem, (), where)
    for index, trigger in enumerate(_items(props.get("triggers"))):
        definition = _definition(trigger)
        settings = trigger.get("triggerConfig") if definition else None
        if definition and settings is not None:
            for problem in _validator(definition).iter_errors(settings):
                yield from _refused(problem, ("triggers", index, "triggerConfig"), where)


def unknown(props: Mapping[str, Any], where: str) -> Iterator[Refusal | NotChecked]:
    """Properties that stand where the schema has none of that name."""
    yield from _unknown(props, _schema(), (), where)


def _refused(problem: ValidationError, above: Place, where: str) -> Iterator[Refusal]:
    place: Place = (*above, *problem.absolute_path)
    if problem.validator in ("anyOf", "if") and problem.context:
        # The alternatives are the word `auto` and what can be written out.
        written = [one for one in problem.context if one.schema_path[0] == 0]
        if "triggerConfig" not in place or problem.validator == "if":
            for one in written:
                yield from _refused(one, above, where)
        elif not isinstance(problem.instance, dict):
            yield Refusal(place, error(told(where, place), "must be a mapping.", "Correct it."))
        return
    if problem.validator == "required":
        for key in problem.validator_value:
            if key not in problem.instance and key not in _NEEDED_IN_VAIN:
                missing = (*place, key)
                yield Refusal(missing, error(told(where, missing), "is missing.", "Add it."))
        return
    what, remedy = _said(problem)
    yield Refusal(place, error(told(where, place), what, remedy))


def _said(problem: ValidationError) -> tuple[str, str]:
    value, limit = problem.instance, problem.validator_value
    limits = problem.schema
    if problem.validator == "type":
        hint = "; ${env(…)} always gives text" if isinstance(value, str) and limit != "string" else ""
        hint = "; put it in quotes" if limit == "string" else hint
        return f"must be {_TYPES[limit]}, is {_shown(value)}{hint}.", "Correct it."
    if problem.validator == "enum":
        choices = ", ".join(str(choice) for choice in sorted(limit, key=str))
        meant = nearest(str(value), [str(choice) for choice in limit])
        known = f"{meant} is spelt like it" if meant and isinstance(value, str) else choices
        return f"{value!r} is none of the values that fc3 knows.", f"Known: {known}."
    if problem.validator in ("minimum", "maximum"):
        return f"must be {limits.get('minimum')} to {limits.get('maximum')}, is {value}.", "Correct it."
    if problem.validator == "multipleOf":
        return f"must be a multiple of {limit}, is {value}.", "Correct it."
    return f"{problem.message}.", "Correct it."


def _unknown(
    value: Any, schema: Mapping[str, Any], place: Place, where: str
) -> Iterator[Refusal | NotChecked]:
    for key in value if isinstance(value, dict) else ():
        known = schema.get("properties", {})
        here = (*place, key)
        if key in known:
            if key not in _FREE:
                yield from _below(value[key], known[key], here, where)
        elif known:
            yield _judged(key, known, here, where)


def _below(value: Any, schema: Mapping[str, Any], place: Place, where: str) -> Iterator[Refusal | NotChecked]:
    schema = _resolved(schema)
    if place == ("triggers",):
        for index, item in enumerate(_items(value)):
            yield from _trigger(item, (*place, index), where)
    elif schema.get("type") == "array":
        for index, item in enumerate(_items(value)):
            yield from _unknown(item, _resolved(schema["items"]), (*place, index), where)
    else:
        yield from _unknown(value, schema, place, where)


def _trigger(value: Mapping[str, Any], place: Place, where: str) -> Iterator[Refusal | NotChecked]:
    yield from _unknown({**value, "triggerConfig": None}, _schema()["definitions"]["ITrigger"], place, where)
    definition = _definition(value)
    if definition is not None:
        settings = value.get("triggerConfig")
        here = (*place, "triggerConfig")
        yield from _unknown(settings, _schema()["definitions"][definition], here, where)


def _judged(key: str, known: Mapping[str, Any], place: Place, where: str) -> Refusal | NotChecked:
    elsewhere = _homes().get(key, ())
    path = told(where, place)
    if elsewhere:
        homes = " or ".join(elsewhere)
        what = f"fc3 knows no such property here, and ignores it; {key} belongs under {homes}."
        return Refusal(place, error(path, what, "Move it there, or remove it."))
    if (like := alike(key, known)) is not None:
        what = f"fc3 knows no such property here, and ignores it; {like} is spelt like it."
        return Refusal(place, error(path, what, "Correct its name, or remove it."))
    names = ", ".join(sorted(known)) if len(known) <= 10 else ""
    also = f" It knows {names}." if names else ""
    return NotChecked(path, f"fc3 0.1.22 knows no such property here.{also}")


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
    content: Mapping[str, Any] = json.loads(_SCHEMA.read_text("utf-8"))
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
def _validator(definition: str | None) -> Any:
    """A validator to which everything that is not known is right."""

    def lenient(check: Callable[..., Any]) -> Callable[..., Any]:
        def checked(validator: Any, limit: Any, instance: Any, schema: Any) -> Any:
            return () if isinstance(instance, Unrendered) else check(validator, limit, instance, schema) or ()

        return checked

    kinds = extend(
        Draft7Validator, {name: lenient(check) for name, check in Draft7Validator.VALIDATORS.items()}
    )
    schema = dict(_schema())
    if definition is not None:
        schema = {"$ref": f"#/definitions/{definition}", "definitions": schema["definitions"]}
    return kinds(schema)


def _definition(trigger: Mapping[str, Any]) -> str | None:
    kind = trigger.get("triggerType")
    return _TRIGGERS.get(kind) if isinstance(kind, str) else None


def _items(value: Any) -> list[Any]:
    return [one if isinstance(one, dict) else {} for one in value] if isinstance(value, list) else []


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)


def told(where: str, place: Place) -> str:
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
