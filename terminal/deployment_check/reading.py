"""Reads the props of a function to the end, and tells everything that is wrong with them on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.function_props import read_function
from localcloud.fc.section import DeclarationError, Section
from terminal.deployment_check.findings import Finding
from terminal.deployment_check.mending import Mender
from terminal.deployment_check.refusals import refused
from terminal.deployment_check.resolution import Resolution


@dataclass(frozen=True)
class ReadProps:
    """The resolved props of a function and what they declare, None where that cannot be made out.

    At the paths in ``spoilt`` both have something harmless in place of what was refused.
    """

    props: Mapping[str, Any]
    declared: FunctionDeclaration | None
    spoilt: frozenset[str]
    findings: tuple[Finding, ...]


def read_props(
    resource: str, raw: Mapping[str, Any], where: str, base: Path, resolution: Resolution
) -> ReadProps:
    """Read the props of a resource. What cannot be resolved is among the findings of the resolution."""
    failed: list[str] = []
    props: dict[str, Any] = resolution.resolve(dict(raw), where, failed.append)
    mender = Mender(props, where)
    for path in failed:
        mender.mend(path)
    findings: list[Finding] = []
    declared: FunctionDeclaration | None = None
    while declared is None:
        try:
            declared = read_function(resource, Section(props, where), base)
        except DeclarationError as problem:
            if problem.where not in mender.mended:
                findings.append(refused(problem))
            if not mender.mend(problem.where):
                break
    return ReadProps(props, declared, frozenset(mender.mended), tuple(findings))
