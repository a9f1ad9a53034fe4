"""The expressions of an ``s.yaml``, resolved as Serverless Devs resolves them.

``${vars.a.b}``, ``${env('X')}``, ``${env('X', 'default')}`` and ``${config('AccountID')}``. A string that
is one expression takes the type of its value; an expression inside other text becomes text. What an
expression gives may hold expressions again, which are resolved once more, and no deeper. An environment
variable that is set but empty counts as unset. All this is the behaviour of the template engine of
Serverless Devs 3 (npm package @serverless-devs/art-template, ``lib/devs-compile.js``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT_VARIABLE = "ALIBABA_CLOUD_ACCOUNT_ID"

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_VARS = re.compile(r"vars((?:\.[A-Za-z_$][A-Za-z0-9_$]*)+)")
_TEXT = r"(?:'[^']*'|\"[^\"]*\")"
_ENV = re.compile(rf"env\(\s*({_TEXT})\s*(?:,\s*({_TEXT})\s*)?\)")
_CONFIG = re.compile(rf"config\(\s*({_TEXT})\s*\)")
_OTHER_TEMPLATE_SYNTAX = ("{{", "<%")


class ExpressionError(Exception):
    """An expression that cannot be resolved."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class VariableUnset(ExpressionError):
    """An environment variable that an expression needs is not set, and it names no default."""


class VarsUnknown(ExpressionError):
    """``vars`` has no such entry."""


class ExpressionUnsupported(ExpressionError):
    """Serverless Devs may know the expression; the local cloud does not, or it is misspelt."""


class Expressions:
    """Resolves the expressions of one file, given its ``vars`` and an environment."""

    def __init__(self, variables: Mapping[str, str], shared: Mapping[str, Any]) -> None:
        self._variables = variables
        self._shared = shared

    def resolve(self, value: Any, where: str) -> Any:
        """The value with every expression in it replaced, at any depth; keys are left as they are."""
        if isinstance(value, dict):
            return {key: self.resolve(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, f"{where}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, str):
            return self._resolve_text(value, where)
        return value

    def _resolve_text(self, text: str, where: str) -> Any:
        value = self._once(text, where)
        if isinstance(value, str) and "${" in value:
            value = self._once(value, where)
            if isinstance(value, str) and "${" in value:
                raise ExpressionUnsupported(
                    where, f"{value!r} still holds an expression; Serverless Devs resolves one level only."
                )
        return value

    def _once(self, text: str, where: str) -> Any:
        for syntax in _OTHER_TEMPLATE_SYNTAX:
            if syntax in text:
                raise ExpressionUnsupported(
                    where, f"{syntax!r} starts a template of Serverless Devs too; write {text!r} without it."
                )
        whole = _EXPRESSION.fullmatch(text)
        if whole is not None:
            return self._value(whole[1], where)
        return _EXPRESSION.sub(lambda match: _as_text(self._value(match[1], where), match[0], where), text)

    def _value(self, expression: str, where: str) -> Any:
        if (match := _VARS.fullmatch(expression)) is not None:
            return self._vars(match[1][1:].split("."), where)
        if (match := _ENV.fullmatch(expression)) is not None:
            return self._env(_unquoted(match[1]), match[2], where)
        if (match := _CONFIG.fullmatch(expression)) is not None:
            return self._config(_unquoted(match[1]), where)
        raise ExpressionUnsupported(
            where,
            f"${{{expression}}} is not an expression that the local cloud resolves. It knows ${{vars.name}}, "
            "${env('NAME')}, ${env('NAME', 'default')} and ${config('AccountID')}; the first closing brace "
            "ends an expression, and there is no space after the opening one.",
        )

    def _vars(self, names: list[str], where: str) -> Any:
        value: Any = self._shared
        for depth, name in enumerate(names, start=1):
            value = value.get(name) if isinstance(value, dict) else None
            if value is None:
                raise VarsUnknown(where, f"vars has no {'.'.join(names[:depth])}; define it under vars.")
        return value

    def _env(self, name: str, default: str | None, where: str) -> str:
        value = self._variables.get(name)
        if value:
            return value
        if default is None:
            raise VariableUnset(
                where, f"the environment variable {name} is not set (or empty) and has no default; set it."
            )
        return _unquoted(default)

    def _config(self, name: str, where: str) -> str:
        if name != "AccountID":
            raise ExpressionUnsupported(where, f"config('{name}') is a secret of `s config`; use env() here.")
        return self._env(ACCOUNT_VARIABLE, None, where)


def _unquoted(text: str) -> str:
    return text[1:-1]


def _as_text(value: Any, expression: str, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise ExpressionUnsupported(where, f"{expression} is no text, it cannot stand inside of one.")
    return str(value)
