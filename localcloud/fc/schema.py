"""Checks props against ``function.schema.json``, in the words of whoever has to correct them.

A member without a value counts as absent. Every error names the path of the value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.fc.declaration import (
    DeclarationError,
    KeyUnknown,
    ValueMissing,
    ValueOfWrongType,
    ValueRefused,
)

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


def checked(props: Any, where: str) -> dict[str, Any]:
    """Props that a function can have, without members that are absent; raises DeclarationError."""
    errors = list(_validator().iter_errors(props))
    if errors:
        # A key that is not known often is a misspelt one that is missing.
        first = min(errors, key=lambda error: error.validator != "additionalProperties")
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first.path)
        raise _told(first, where + path)
    return {name: _present(value) for name, value in props.items() if value is not None}


def mapping(value: Any, where: str) -> dict[str, Any]:
    """A mapping; raises ValueOfWrongType."""
    if not isinstance(value, dict):
        raise ValueOfWrongType(where, f"must be a mapping, is {_shown(value)}.")
    return value


@cache
def _validator() -> Any:
    # Most commands read no function; the import takes them a tenth of a second.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    schema = json.loads(Path(__file__).with_name("function.schema.json").read_text("utf-8"))
    whole = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    rules = {"properties": _properties, "required": _required}
    return extend(Draft202012Validator, rules, type_checker=whole)(schema)


def _properties(validator: Any, properties: Mapping[str, Any], instance: Any, _: Any) -> Iterator[Any]:
    for name, schema in properties.items() if isinstance(instance, dict) else ():
        if instance.get(name) is not None:
            yield from validator.descend(instance[name], schema, path=name, schema_path=name)


def _required(_: Any, names: list[str], instance: Any, __: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    for name in names if isinstance(instance, dict) else ():
        if instance.get(name) is None:
            yield ValidationError(f"{name} is missing", path=[name])


def _told(error: ValidationError, where: str) -> DeclarationError:
    schema, value, rule = error.schema, error.instance, error.validator
    if rule == "required":
        return ValueMissing(where, "is missing.")
    if rule == "additionalProperties":
        known = sorted(schema["properties"])
        key = next(name for name in value if name not in schema["properties"])
        return KeyUnknown(f"{where}.{key}", f"unknown key; known here: {', '.join(known)}.")
    if rule == "type":
        # The variables of s.yaml often are what should be a number.
        hint = (
            "; ${env(…)} always gives text" if isinstance(value, str) and schema["type"] == "integer" else ""
        )
        return ValueOfWrongType(where, f"must be {_KINDS[schema['type']]}, is {_shown(value)}{hint}.")
    if "description" in schema:
        return ValueRefused(where, f"must be {schema['description']}, is {value!r}.")
    if rule == "enum":
        allowed = ", ".join(map(str, schema["enum"]))
        return ValueRefused(where, f"must be one of {allowed}; is {value!r}.")
    if rule in ("minimum", "maximum"):
        return ValueRefused(where, f"must be {schema['minimum']} to {schema['maximum']}, is {value}.")
    if rule == "maxItems":
        return ValueRefused(where, f"at most {schema['maxItems']} entries, here are {len(value)}.")
    if rule == "maxLength":
        return ValueRefused(where, f"must be at most {schema['maxLength']} characters, is {value!r}.")
    return ValueRefused(where, f"must be a multiple of {schema['multipleOf']}, is {value}.")


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _present(item) for name, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value


def _shown(value: Any) -> str:
    kinds = {bool: "true/false", int: "a number", float: "a number", str: "the text", list: "a list"}
    kind = kinds.get(type(value), "a mapping" if isinstance(value, dict) else "nothing")
    return f"{kind} {value!r}" if isinstance(value, (bool, int, float, str)) else kind
