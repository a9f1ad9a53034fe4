"""A copy of what is deployed, to be broken in one place: the files as JSON, which is YAML too."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cli.deployment_check.check import check
from cli.deployment_check.findings import Finding, Report
from cli.deployment_check.subject import Surroundings
from cli.manifest.file import read_manifest

ROOT = Path(__file__).parent.parent.parent
PROPS = "resources.tag_object.props"
KEEPER_PROPS = "resources.keep_failed.props"
SUBMITTER_PROPS = "resources.submit_video.props"
FUNCTIONS = ("tag_object", "keep_failed", "submit_video")
RUNTIMES = ("python3.10", "python3.12")

Mutation = Callable[[Any], None]


class Checkout:
    """A directory with a deployment file, the code and a small built layer for each runtime."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.layers = directory / "layers" / "build"
        for name in ("functions", "deploy"):
            (directory / name).symlink_to(ROOT / name)
        for runtime in RUNTIMES:
            self.build(f"{runtime}.zip", "python/imm.py", "python/oss.py", "python/oss.cpython-3.so")
            self.build(f"code-{runtime}.zip", *(f"{name}.py" for name in FUNCTIONS))

    def build(self, name: str, *entries: str) -> Path:
        """Put an archive where `make layer` leaves it."""
        self.layers.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(self.layers / name, "w") as archive:
            for entry in entries:
                archive.writestr(entry, "")
        return self.layers / name

    def write(self, content: Any, name: str = "s.yaml") -> Path:
        """Write a deployment file."""
        path = self.directory / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def check(
        self, *paths: Path, variables: Mapping[str, str] | None = None, deploying: bool = False
    ) -> Report:
        """Check files of this directory, by default without any Serverless Devs."""
        return check(paths, variables or {}, Surroundings(self.layers, deploying))

    def findings(
        self, mutation: Mutation, original: str = "s.yaml", *, deploying: bool = False, **variables: str
    ) -> list[Finding]:
        """What is found in a deployed file after something in it was changed."""
        content = good(original)
        mutation(content)
        (file,) = self.check(self.write(content), variables=variables, deploying=deploying).files
        return list(file.findings)


def good(name: str = "s.yaml") -> Any:
    """What a deployed file says, together with what it extends."""
    content = json.loads(json.dumps(read_manifest(ROOT / name, {}, dotenv=False).content))
    content.pop("extend", None)
    for variable in ("topic", "trigger_role") if name == "s.eventbridge.yaml" else ():
        # Only the triggers that this file replaces use it.
        del content["vars"][variable]
    return content


def put(path: str, value: Any, props: str = PROPS) -> Mutation:
    """Set one value of the props of a function, by default of the one that tags."""

    def mutate(content: Any) -> None:
        container, key = _locate(content, path, props)
        container[key] = value

    return mutate


def drop(path: str, props: str = PROPS) -> Mutation:
    """Remove one value of the props of a function."""

    def mutate(content: Any) -> None:
        container, key = _locate(content, path, props)
        del container[key]

    return mutate


def both(*mutations: Mutation) -> Mutation:
    """One mutation after the other."""

    def mutate(content: Any) -> None:
        for mutation in mutations:
            mutation(content)

    return mutate


def top(key: str, value: Any) -> Mutation:
    """Set one value at the top of the file; None removes it."""

    def mutate(content: Any) -> None:
        content[key] = value
        if value is None:
            del content[key]

    return mutate


def _locate(content: Any, path: str, props: str) -> tuple[Any, Any]:
    steps: list[Any] = [
        int(step[1:-1]) if step.startswith("[") else step
        for step in re.findall(r"\[\d+\]|[^.\[\]]+", f"{props}.{path}" if path else props)
    ]
    for step in steps[:-1]:
        content = content[step]
    return content, steps[-1]
