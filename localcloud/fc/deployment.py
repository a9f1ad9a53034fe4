"""Reads an ``s.yaml`` as Serverless Devs reads it, and gives what it declares.

Keys that mean nothing and values that cannot work are refused, also where fc3's own schema lets them
through: otherwise they would only show after the deployment.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from localcloud.fc.declaration import Deployment, FunctionDeclaration
from localcloud.fc.function_props import read_function
from localcloud.fc.section import DeclarationError, Section, ValueMissing, ValueOfWrongType, ValueRefused
from localcloud.fc.template import Expressions

COMPONENT = "fc3"


class DeploymentUnreadable(Exception):
    """The file is not there, or it is not YAML."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} cannot be read: {problem}")


class ComponentUnsupported(DeclarationError):
    """A resource of a component other than fc3."""


def load_deployment(path: Path, variables: Mapping[str, str]) -> Deployment:
    """The functions of an ``s.yaml``; ``variables`` is the environment in which it would be deployed.

    Raises DeploymentUnreadable, ExpressionError or DeclarationError.
    """
    content = _content(path)
    raw_vars = content.get("vars") or {}
    if not isinstance(raw_vars, dict):
        raise ValueOfWrongType("vars", "must be a mapping.")
    shared = Expressions(variables, raw_vars).resolve(raw_vars, "vars")
    expressions = Expressions(variables, shared)
    file = Section(content, "s.yaml")
    resources = file.section("resources")
    if resources is None:
        raise ValueMissing("s.yaml.resources", "is missing: nothing would be deployed.")
    functions: dict[str, FunctionDeclaration] = {}
    for resource, value in resources.items():
        where = f"resources.{resource}"
        function = _resource(resource, Section(value, where), expressions, path.parent)
        if function.name in functions:
            raise ValueRefused(f"{where}.props.functionName", f"{function.name!r} is declared twice.")
        functions[function.name] = function
    return Deployment(path=path, name=str(content.get("name", "")), functions=functions)


class _StrictLoader(yaml.SafeLoader):
    """YAML where a key may stand once only, as in the parser of Serverless Devs."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _content(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            content = yaml.load(file, _StrictLoader)
    except OSError as error:
        raise DeploymentUnreadable(path, f"{error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DeploymentUnreadable(path, f"{error}") from None
    if not isinstance(content, dict):
        raise DeploymentUnreadable(path, "it holds no mapping.")
    return content


def _resource(resource: str, section: Section, expressions: Expressions, base: Path) -> FunctionDeclaration:
    component = expressions.resolve(section.text("component"), section.path("component"))
    if component != COMPONENT:
        raise ComponentUnsupported(
            section.path("component"), f"the local cloud runs {COMPONENT} resources only, not {component!r}."
        )
    props = section.section("props")
    if props is None:
        raise ValueMissing(section.path("props"), "is missing.")
    resolved = expressions.resolve(dict(props.items()), props.where)
    return read_function(resource, Section(resolved, props.where), base)
