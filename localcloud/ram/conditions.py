"""The Condition element of a statement: its operators, its keys, and whether a request fulfils it.

Sources: alibabacloud.com/help, RAM "Conditional operators" and "Policy elements", OSS "Authorization syntax
and elements". Only the keys that the services of the local cloud give are known, and acs:SourceVpc, which
bucket policies have to name beside acs:SourceIp.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from localcloud.ram.document import MalformedPolicy, read_values, wildcard

# What a request says of itself: condition keys with their values.
Context = Mapping[str, str]
NO_CONTEXT: Context = MappingProxyType({})

_Compare = Callable[[Any, Any], bool]


class _Kind(NamedTuple):
    """What an operator compares: its name in errors, and how a text is read (raises ValueError)."""

    name: str
    read: Callable[[str], Any]


class _Operator(NamedTuple):
    kind: _Kind
    compare: _Compare
    negated: bool = False


def _date(text: str) -> datetime:
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _like(given: str, pattern: str) -> bool:
    return wildcard(pattern).fullmatch(given) is not None


def _within(given: Any, block: Any) -> bool:
    return bool(given.version == block.version and given.subnet_of(block))


def _same_ignoring_case(given: str, text: str) -> bool:
    return given.lower() == text.lower()


_TEXT = _Kind("a text", str)
_NUMBER = _Kind("a number", float)
_DATE = _Kind("a time of ISO 8601 with its zone, like 2026-01-01T00:00:00Z", _date)
_BOOLEAN = _Kind("true or false", _boolean)
_ADDRESS = _Kind("an IP address or a CIDR block", ipaddress.ip_network)
_ORDER: Mapping[str, tuple[_Compare, bool]] = {
    "Equals": (operator.eq, False),
    "NotEquals": (operator.eq, True),
    "LessThan": (operator.lt, False),
    "LessThanEquals": (operator.le, False),
    "GreaterThan": (operator.gt, False),
    "GreaterThanEquals": (operator.ge, False),
}
_OPERATORS: Mapping[str, _Operator] = {
    "StringEquals": _Operator(_TEXT, operator.eq),
    "StringNotEquals": _Operator(_TEXT, operator.eq, negated=True),
    "StringEqualsIgnoreCase": _Operator(_TEXT, _same_ignoring_case),
    "StringNotEqualsIgnoreCase": _Operator(_TEXT, _same_ignoring_case, negated=True),
    "StringLike": _Operator(_TEXT, _like),
    "StringNotLike": _Operator(_TEXT, _like, negated=True),
    **{f"Numeric{name}": _Operator(_NUMBER, *order) for name, order in _ORDER.items()},
    **{f"Date{name}": _Operator(_DATE, *order) for name, order in _ORDER.items()},
    "Bool": _Operator(_BOOLEAN, operator.eq),
    "IpAddress": _Operator(_ADDRESS, _within),
    "NotIpAddress": _Operator(_ADDRESS, _within, negated=True),
}

SOURCE_IP = "acs:SourceIp"
SOURCE_VPC = "acs:SourceVpc"
SECURE_TRANSPORT = "acs:SecureTransport"
CURRENT_TIME = "acs:CurrentTime"
SERVICE = "acs:Service"
EXTERNAL_ID = "sts:ExternalId"
PREFIX = "oss:Prefix"
DELIMITER = "oss:Delimiter"
EXISTING_TAG = "oss:ExistingObjectTag/"
REQUEST_TAG = "oss:RequestObjectTag/"

_KEYS: Mapping[str, tuple[_Kind, ...]] = {
    SOURCE_IP: (_ADDRESS,),
    SOURCE_VPC: (_TEXT,),
    SECURE_TRANSPORT: (_BOOLEAN,),
    CURRENT_TIME: (_DATE,),
    SERVICE: (_TEXT,),
    EXTERNAL_ID: (_TEXT,),
    PREFIX: (_TEXT,),
    DELIMITER: (_TEXT,),
}
_TAG_KINDS = (_TEXT, _NUMBER)


@dataclass(frozen=True)
class Condition:
    """One operator on one key; of several values one has to match, or none where the operator says Not."""

    operator: str
    key: str
    values: tuple[Any, ...]

    def holds(self, context: Context, *, in_denial: bool) -> bool:
        """Whether a request fulfils the condition.

        What RAM makes of a key that the request does not have (or whose value is no number where one is
        asked for) is not documented. Here it matches nothing: a condition with Not then holds for a Deny,
        but an Allow is not built on it.
        """
        rule = _OPERATORS[self.operator]
        try:
            given = rule.kind.read(context[self.key])
        except (KeyError, ValueError):
            return rule.negated and in_denial
        return any(rule.compare(given, value) for value in self.values) != rule.negated


def read_conditions(statement: Mapping[str, Any], place: str) -> tuple[Condition, ...]:
    """The conditions of a statement, all of which have to hold; raises MalformedPolicy."""
    if "Condition" not in statement:
        return ()
    place, conditions = f"{place}.Condition", []
    for name, keys in _members(statement["Condition"], place):
        where = f"{place}.{name}"
        if name not in _OPERATORS:
            raise MalformedPolicy(place, f"there is no operator {name}; there are {', '.join(_OPERATORS)}")
        kind = _OPERATORS[name].kind
        for key, value in _members(keys, where):
            _check_key(key, name, kind, where)
            values = tuple(_value(kind, item, at) for at, item in read_values(value, f"{where}.{key}"))
            conditions.append(Condition(name, key, values))
    return tuple(conditions)


def _members(value: object, place: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise MalformedPolicy(place, "it must be an object with one or more members")
    return list(value.items())


def _check_key(key: str, name: str, kind: _Kind, place: str) -> None:
    is_tag = any(key.startswith(prefix) and key != prefix for prefix in (EXISTING_TAG, REQUEST_TAG))
    kinds = _TAG_KINDS if is_tag else _KEYS.get(key)
    if kinds is None:
        known = ", ".join([*_KEYS, f"{EXISTING_TAG}<key>", f"{REQUEST_TAG}<key>"])
        raise MalformedPolicy(place, f"there is no key {key} here; there are {known}")
    if kind not in kinds:
        wanted = ", ".join(other for other, rule in _OPERATORS.items() if rule.kind in kinds)
        raise MalformedPolicy(place, f"{name} does not fit {key}; what fits is {wanted}")


def _value(kind: _Kind, value: object, place: str) -> Any:
    if isinstance(value, bool) and kind is _BOOLEAN:
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and kind is _NUMBER:
        return float(value)
    try:
        if isinstance(value, str):
            return kind.read(value)
    except ValueError:
        pass
    raise MalformedPolicy(place, f"it must be {kind.name}")
