"""A copy of what is deployed, to be broken in one place: the files as JSON, which is YAML too."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cli.deployment_check.check import check
from cli.deployment_check.findings import Finding, Report, Severity
from cli.deployment_check.subject import Surroundings
from cli.manifest.file import read_manifest

ROOT = Path(__file__).parent.parent.parent
PROPS = "resources.tag_object.props"
KEEPER_PROPS = "resources.keep_failed.props"
SUBMITTER_PROPS = "resources.submit_video.props"
FUNCTIONS = ("tag_object", "keep_failed", "submit_video")
RUNTIMES = ("python3.10", "python3.12")

Mutation = Callable[[Any], None]
# In place of a value that is to be missing.
GONE: Any = object()


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
    return json.loads(_good(name))


@cache
def _good(name: str) -> str:
    content = json.loads(json.dumps(read_manifest(ROOT / name, {}, dotenv=False).content))
    content.pop("extend", None)
    for variable in ("topic", "trigger_role") if name == "s.eventbridge.yaml" else ():
        # Only the triggers that this file replaces use it.
        del content["vars"][variable]
    return json.dumps(content)


def put(path: str, value: Any, props: str = PROPS) -> Mutation:
    """Set one value of the props of a function, by default of the one that tags; GONE removes it.

    With empty ``props`` the path begins at the top of the file. A list may get one more item.
    """

    def mutate(content: Any) -> None:
        *steps, last = (
            int(step[1:-1]) if step.startswith("[") else step
            for step in re.findall(r"\[\d+\]|[^.\[\]]+", f"{props}.{path}")
        )
        for step in steps:
            content = content[step]
        if value is GONE:
            del content[last]
        elif isinstance(content, list) and last == len(content):
            content.append(value)
        else:
            content[last] = value

    return mutate


def drop(path: str, props: str = PROPS) -> Mutation:
    """Remove one value of the props of a function."""
    return put(path, GONE, props)


def both(*mutations: Mutation) -> Mutation:
    """One mutation after the other."""

    def mutate(content: Any) -> None:
        for mutation in mutations:
            mutation(content)

    return mutate


class Broken(NamedTuple):
    """A fault of a function: what changes its props, the place at which that is told, and words of it."""

    change: Callable[[str], Mutation]
    where: str
    words: str


def bad(path: str, value: Any, words: str, where: str = "") -> Broken:
    """A bad value, which is told at its own path or at another; GONE, where one is missing."""
    return Broken(lambda props: put(path, value, props), where or path, words)


def done(mutation: Mutation, where: str, words: str) -> Broken:
    """A fault of several values."""
    return Broken(lambda props: mutation, where, words)


def unchanged(content: Any) -> None:
    """No mutation."""


def assert_only(findings: list[Finding], severity: Severity, where: str, words: str) -> None:
    """There is one finding, at a path and with some words in it."""
    (finding,) = findings
    assert (finding.severity, finding.where) == (severity, where)
    assert words in f"{finding.what} {finding.remedy}"
