"""Reads an ``s.yaml`` as Serverless Devs reads it, and gives what it declares.

Keys that mean nothing and values that cannot work are refused, also where fc3's own schema lets them
through: otherwise they would only show after the deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localcloud.fc.declaration import Deployment, FunctionDeclaration
from localcloud.fc.function_props import read_function
from localcloud.fc.section import DeclarationError, Section, ValueMissing, ValueOfWrongType, ValueRefused
from terminal.manifest.document import DeploymentUnreadable as DeploymentUnreadable
from terminal.manifest.document import read_template
from terminal.manifest.expressions import Expressions

COMPONENT = "fc3"


class ComponentUnsupported(DeclarationError):
    """A resource of a component other than fc3."""


def load_deployment(path: Path, variables: Mapping[str, str]) -> Deployment:
    """The functions of an ``s.yaml``; ``variables`` is the environment in which it would be deployed.

    Raises DeploymentUnreadable, ExpressionError or DeclarationError.
    """
    content = dict(read_template(path).content)
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
