"""Resolves the expressions of a file one by one, so that each that cannot be resolved becomes a finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from terminal.deployment_check.findings import Finding, error
from terminal.deployment_check.spelling import nearest
from terminal.manifest.document import TemplateFile
from terminal.manifest.expressions import ExpressionError, Expressions, VariableUnset, VarsUnknown

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_VARS = re.compile(r"\bvars((?:\.[A-Za-z_$][A-Za-z0-9_$]*)+)")


class Resolution:
    """The resolved ``vars`` of a file, and what turned out to be wrong with them."""

    def __init__(self, file: TemplateFile, variables: Mapping[str, str]) -> None:
        self.findings: list[Finding] = []
        raw = file.content.get("vars")
        if raw is not None and not isinstance(raw, dict):
            self.findings.append(error("vars", "must be a mapping.", "Write name: value, one a line."))
        self._raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self._readable = raw is None or isinstance(raw, dict)
        self._broken: set[str] = set()
        self._expressions = Expressions(variables, self._raw)
        shared = self.resolve(self._raw, "vars", self._break)
        self._expressions = Expressions(variables, shared)
        self.findings += _unused(file, self._raw)

    def resolve(self, value: Any, where: str, on_failure: Callable[[str], object]) -> Any:
        """A copy of a value with its expressions replaced. ``on_failure`` is told where one could not be.

        It stays as it is there.
        """
        if isinstance(value, dict):
            return {key: self.resolve(item, f"{where}.{key}", on_failure) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, f"{where}[{index}]", on_failure) for index, item in enumerate(value)]
        try:
            return self._expressions.resolve(value, where)
        except ExpressionError as problem:
            # What uses a variable that is reported already is not a problem of its own.
            used = _used(value)
            if not self._broken.intersection(used) and (self._readable or not used):
                self.findings.append(error(where, problem.problem, self._remedy(problem, value)))
            on_failure(where)
            return value

    def _break(self, where: str) -> None:
        self._broken.add(where.partition(".")[2])

    def _remedy(self, problem: ExpressionError, text: str) -> str:
        if isinstance(problem, VarsUnknown):
            unknown = [name for name in _used(text) if name not in self._raw]
            meant = nearest(unknown[0], self._raw) if unknown else None
            return f"Write ${{vars.{meant}}}, or define it." if meant else "Define it, or use another."
        if isinstance(problem, VariableUnset):
            return "Export it, put it into .env, or give it a default."
        return "Use one of these."


def _unused(file: TemplateFile, raw: Mapping[str, Any]) -> Iterator[Finding]:
    used = {name for part in file.parts for text in _texts(part) for name in _used(text)}
    for name in _leaves(raw):
        if not any(f"{name}.".startswith(f"{one}.") for one in used):
            yield error(f"vars.{name}", "nothing uses it.", f"Use it as ${{vars.{name}}}, or remove it.")


def _used(text: str) -> list[str]:
    return [name[1:] for inside in _EXPRESSION.findall(text) for name in _VARS.findall(inside)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _leaves(value: Mapping[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from (f"{key}.{name}" for name in _leaves(item))
        else:
            yield key
