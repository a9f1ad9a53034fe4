"""The file that Serverless Devs deploys from, with the one that it may extend, rendered.

``extend`` names another file: mappings are merged at any depth, every other value replaces the one there
(the npm package extend2, as Serverless Devs 3 uses it); a file that is extended must not extend another one
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.manifest.dotenv import with_dotenv
from cli.manifest.expressions import Expressions
from cli.manifest.yaml_text import lines_of, read_yaml

COMPONENT = "fc3"


class ManifestUnreadable(Exception):
    """The file is not there, or it is not YAML, or not what Serverless Devs takes for its own."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} cannot be read: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True)
class Resource:
    """One resource as it is rendered; ``props`` is whatever stands there, and ``actions`` likewise."""

    name: str
    where: str
    component: Any
    props: Any
    actions: Any


@dataclass(frozen=True)
class Manifest:
    """A file: ``content`` as it is written, together with what it extends, and its parts rendered.

    Whatever could not be rendered is an Unrendered. ``variables`` is the environment with its ``.env`` files.
    ``lines`` has where each part of the content stands, as in ``s.yaml:12``, by its path.
    """

    path: Path
    content: Mapping[str, Any]
    variables: Mapping[str, str]
    shared: Mapping[str, Any]
    actions: Any
    resources: tuple[Resource, ...]
    lines: Mapping[str, str]

    def line(self, where: str) -> str | None:
        """Where a part stands, or else what it is missing from; None for what is not of the file."""
        while where and where not in self.lines:
            where = where[: max(where.rfind("."), where.rfind("["), 0)]
        return self.lines.get(where)


def read_manifest(path: Path, environment: Mapping[str, str], *, dotenv: bool = True) -> Manifest:
    """Read a file and the one that it extends, in the environment in which it would be deployed.

    Without ``dotenv`` the environment is taken as it is. Raises ManifestUnreadable.
    """
    content, lines = _merged_content(path)
    raw = content.get("resources")
    resources: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    directories = (*_code_roots(resources, path.parent), path.parent) if dotenv else ()
    variables = with_dotenv(environment, *directories)
    shared = content.get("vars")
    raw_vars = shared if isinstance(shared, dict) else {}
    rendered = Expressions(variables, raw_vars, directory=path.parent, again=True).render(raw_vars, "vars")

    def expressions(this: Mapping[str, Any]) -> Expressions:
        return Expressions(variables, rendered, directory=path.parent, resources=resources, this=this)

    return Manifest(
        path=path,
        content=content,
        variables=variables,
        shared=rendered,
        actions=expressions({}).render(content.get("actions"), "actions"),
        resources=tuple(
            _resource(name, value, expressions({"name": name, **value}))
            for name, value in resources.items()
            if isinstance(value, dict)
        ),
        lines=lines,
    )


def _resource(name: str, value: Mapping[str, Any], expressions: Expressions) -> Resource:
    where = f"resources.{name}"
    return Resource(
        name=name,
        where=where,
        component=expressions.render(value.get("component"), f"{where}.component"),
        props=expressions.render(value.get("props"), f"{where}.props"),
        actions=expressions.render(value.get("actions"), f"{where}.actions"),
    )


def _code_roots(resources: Mapping[str, Any], directory: Path) -> list[Path]:
    """Where Serverless Devs looks for ``.env`` files before it looks beside the template."""
    props = [value.get("props") for value in resources.values() if isinstance(value, dict)]
    codes = [each.get("code") for each in props if isinstance(each, dict)]
    return [directory / code for code in codes if isinstance(code, str) and code]


def _merged_content(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    content, lines = _content(path)
    extended = content.get("extend")
    if extended is None:
        return content, lines
    if not isinstance(extended, str):
        raise ManifestUnreadable(path, "`extend` must name another file.")
    base, base_lines = _content(path.parent / extended)
    if "extend" in base:
        raise ManifestUnreadable(path, f"{extended}, which it extends, extends another file itself.")
    # A list takes the place of the whole other.
    lists = tuple({f"{where.partition('[')[0]}[" for where in lines if "[" in where})
    kept = {where: line for where, line in base_lines.items() if not where.startswith(lists)}
    return _merged(base, content), kept | lines


def _content(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What a file says, and where."""
    try:
        text = path.read_text(encoding="utf-8")
        content = read_yaml(text)
    except OSError as error:
        raise ManifestUnreadable(path, f"{error.strerror}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ManifestUnreadable(path, f"{error}") from None
    if not isinstance(content, dict):
        raise ManifestUnreadable(path, "it holds no mapping.")
    return content, {where: f"{path.name}:{line}" for where, line in lines_of(text).items()}


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _merged(below, value)
        elif value is not None:
            merged[key] = value
    return merged
