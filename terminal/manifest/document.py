"""The file that Serverless Devs deploys from, with the one that it may extend, and no expression resolved.

``extend`` names another file: mappings are merged at any depth, every other value replaces the one there
(the npm package extend2, as Serverless Devs 3 uses it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from terminal.manifest.yaml_text import read_yaml


class DeploymentUnreadable(Exception):
    """The file is not there, or it is not YAML."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} cannot be read: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True)
class TemplateFile:
    """What a file says: ``content`` together with what it extends, ``parts`` each file for itself."""

    path: Path
    content: Mapping[str, Any]
    parts: tuple[Mapping[str, Any], ...]


def read_template(path: Path) -> TemplateFile:
    """Read a file and the one that it extends.

    Raises DeploymentUnreadable.
    """
    content = _content(path)
    extended = content.get("extend")
    if extended is None:
        return TemplateFile(path, content, (content,))
    if not isinstance(extended, str):
        raise DeploymentUnreadable(path, "`extend` must name another file.")
    base = _content(path.parent / extended)
    if "extend" in base:
        raise DeploymentUnreadable(path, f"{extended}, which it extends, extends another file itself.")
    return TemplateFile(path, _merged(base, content), (base, content))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentUnreadable(path, f"{error.strerror}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise DeploymentUnreadable(path, f"{error}") from None
    if not isinstance(content, dict):
        raise DeploymentUnreadable(path, "it holds no mapping.")
    return content


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = _merged(below, value)
        elif value is not None:
            merged[key] = value
    return merged
