"""The expressions of an ``s.yaml``, rendered as Serverless Devs renders them.

``${vars.a.b}``, ``${this.props.a}``, ``${resources.b.props.a}``, and the functions env, str, config,
secret, path, file, json, yaml and regex, with members of what they give: ``${json(file('./a.json')).b}``. A
string that is one expression takes the type of its value; an expression inside other text becomes text.
What an expression gives may hold expressions again, which are rendered once more. An environment variable
that is set but empty counts as unset. All this is the behaviour of the template engine of Serverless Devs 3
(npm package @serverless-devs/art-template, ``lib/devs-compile.js``), tried with @serverless-devs/s 3.1.10.

What cannot be rendered here is no error by itself: Unrendered stands in its place and says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.manifest.yaml_text import read_yaml

ACCOUNT_VARIABLE = "ALIBABA_CLOUD_ACCOUNT_ID"

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_PATH = re.compile(r"(vars|this|that|resources|components)((?:\.[\w$-]+)+)", re.ASCII)
_CALL = re.compile(r"(\w+)\(", re.ASCII)
_TEXT = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_MEMBERS = re.compile(r"(?:\.[A-Za-z_$][\w$]*|\[\d+\])*", re.ASCII)
_END, _COMMA = re.compile(r"\s*\)"), re.compile(r"\s*,")
_MEMBER = re.compile(r"\.([A-Za-z_$][\w$]*)|\[(\d+)\]", re.ASCII)
# What is known only when the other resource is deployed.
_LATER = re.compile(r"resources\.[^.]+\.(?:info|output)\..+|components\..+")
_OTHER_TEMPLATE = "<%"
_PREVIEWED = "deploy"


@dataclass(frozen=True)
class Unrendered:
    """What stands where an expression could not be rendered: its place, the text as written, and why.

    ``refused`` says that Serverless Devs is known to refuse the file for it.
    """

    where: str
    text: str
    why: str
    refused: bool = False


class _NoValue(Exception):
    """An expression whose value is not known here, and why; ``refused`` where Serverless Devs refuses it.

    ``unrendered`` is what it leads to where that could not be rendered.
    """

    def __init__(self, why: str, *, refused: bool = False, unrendered: Unrendered | None = None) -> None:
        super().__init__(why)
        self.refused = refused
        self.unrendered = unrendered


class Expressions:
    """Renders the expressions of one file, given its ``vars``, its resources and an environment.

    ``directory`` is that of the file; ``this`` is the resource in which the expressions stand. Where
    ``again`` is set, what is rendered here is rendered once more where it is used.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        shared: Mapping[str, Any],
        *,
        directory: Path = Path(),
        resources: Mapping[str, Any] | None = None,
        this: Mapping[str, Any] | None = None,
        again: bool = False,
    ) -> None:
        self._again = again
        self._variables = variables
        self._directory = directory
        self._scope = {"vars": shared, "resources": resources or {}, "that": this or {}}
        self._functions: Mapping[str, Callable[..., Any]] = {
            "env": self._env,
            "str": _known_to_s("str"),
            "config": self._config,
            "secret": _known_to_s("secret"),
            "path": self._path,
            "file": self._file,
            "json": _json,
            "yaml": _yaml,
            "regex": _regex,
        }

    def render(self, value: Any, where: str) -> Any:
        """The value with every expression in it replaced, at any depth; keys are left as they are."""
        if isinstance(value, dict):
            return {key: self.render(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.render(item, f"{where}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, str):
            return self._render_text(value, where)
        return value

    def _render_text(self, text: str, where: str) -> Any:
        if _OTHER_TEMPLATE in text:
            return Unrendered(where, text, f"{_OTHER_TEMPLATE} begins a program of Serverless Devs")
        try:
            value = self._once(text)
            value = self._once(value) if isinstance(value, str) else value
        except _NoValue as none:
            return none.unrendered or Unrendered(where, text, str(none), none.refused)
        if isinstance(value, str) and not self._again and _EXPRESSION.search(value):
            return Unrendered(where, text, f"{value!r} holds an expression still, and it is rendered no more")
        return value

    def _once(self, text: str) -> Any:
        whole = _EXPRESSION.fullmatch(text)
        if whole is not None:
            return _known(self._value(whole[1]))
        return _EXPRESSION.sub(lambda match: _as_text(_known(self._value(match[1]))), text)

    def _value(self, expression: str) -> Any:
        if (match := _PATH.fullmatch(expression)) is not None:
            return self._member(match[1], match[2][1:].split("."), expression)
        value, end = self._evaluated(expression, 0)
        if end != len(expression):
            raise _NoValue(f"${{{expression}}} is not known here")
        return value

    def _evaluated(self, text: str, at: int) -> tuple[Any, int]:
        """The value of a text in quotes, a path or a call with its members, and where it ends."""
        at += len(text[at:]) - len(text[at:].lstrip())
        if (quoted := _TEXT.match(text, at)) is not None:
            return quoted[1] if quoted[1] is not None else quoted[2], quoted.end()
        if (match := _PATH.match(text, at)) is not None and text[match.end() :].lstrip()[:1] in (
            ",",
            ")",
            "",
        ):
            return self._member(match[1], match[2][1:].split("."), match[0]), match.end()
        call = _CALL.match(text, at)
        if call is None or call[1] not in self._functions:
            raise _NoValue(f"${{{text}}} is not known here")
        arguments, end = self._arguments(text, call.end())
        try:
            value = self._functions[call[1]](*arguments)
        except TypeError:
            raise _NoValue(f"{call[1]}() is not known with these arguments") from None
        members = _MEMBERS.match(text, end)
        assert members is not None, "it matches nothing, too"
        for member in _MEMBER.finditer(members[0]):
            value = _item(value, member[1] if member[1] is not None else int(member[2]), text)
        return value, members.end()

    def _arguments(self, text: str, at: int) -> tuple[list[Any], int]:
        arguments: list[Any] = []
        while not (end := _END.match(text, at)):
            value, at = self._evaluated(text, at)
            arguments.append(value)
            if (comma := _COMMA.match(text, at)) is not None:
                at = comma.end()
            elif not _END.match(text, at):
                raise _NoValue(f"${{{text}}} is not known here")
        return arguments, end.end()

    def _member(self, root: str, names: list[str], expression: str) -> Any:
        if _LATER.fullmatch(expression):
            raise _NoValue(f"${{{expression}}} is known when the other resource is deployed")
        value: Any = self._scope["that" if root == "this" else root]
        for depth, name in enumerate(names, start=1):
            value = _known(value.get(name) if isinstance(value, dict) else None)
            if value is None:
                raise _NoValue(f"{root} has no {'.'.join(names[:depth])}", refused=True)
        return value

    def _env(self, name: str, default: Any = None) -> Any:
        if value := self._variables.get(name):
            return value
        if default is None:
            raise _NoValue(
                f"the environment variable {name} is not set (or empty) and has no default", refused=True
            )
        return default

    def _config(self, name: str) -> str:
        if name == "AccountID" and (account := self._variables.get(ACCOUNT_VARIABLE)):
            return account
        raise _NoValue(f"config('{name}') is known to `s config` only")

    def _path(self, name: str) -> str:
        path = self._directory.absolute() / name
        try:
            there = path.exists()
        except (OSError, ValueError):
            there = False
        if not there:
            raise _NoValue(f"path('{name}') is not there", refused=True)
        return str(path)

    def _file(self, name: str) -> str:
        try:
            return (self._directory / name).read_text("utf-8", "replace")
        except (OSError, ValueError):
            raise _NoValue(f"file('{name}') cannot be read", refused=True) from None


def unrendered(value: Any) -> Iterator[Unrendered]:
    """Everything in a value that could not be rendered."""
    if isinstance(value, Unrendered):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from unrendered(item)
    elif isinstance(value, list):
        for item in value:
            yield from unrendered(item)


def _known(value: Any) -> Any:
    if isinstance(value, Unrendered):
        raise _NoValue(value.why, unrendered=value)
    return value


def _known_to_s(function: str) -> Callable[[str], Any]:
    def ask(name: str) -> Any:
        raise _NoValue(f"{function}('{name}') is known to `s` only")

    return ask


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _NoValue("json() is given something that is not JSON", refused=True) from None


def _yaml(text: Any) -> Any:
    try:
        return read_yaml(text)
    except yaml.YAMLError:
        raise _NoValue("yaml() is given something that is no YAML", refused=True) from None


def _regex(pattern: str) -> bool:
    """Whether the command, here ``deploy``, matches; Python's expressions are enough like JavaScript's."""
    try:
        return re.search(pattern, _PREVIEWED) is not None
    except (re.error, RecursionError):
        raise _NoValue(f"regex('{pattern}') is not known here") from None


def _item(value: Any, key: str | int, expression: str) -> Any:
    try:
        return value[key]
    except (LookupError, TypeError):
        raise _NoValue(f"${{{expression}}} is not known here") from None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, list):
        return ",".join("" if item is None else _as_text(item) for item in value)
    return str(value)
