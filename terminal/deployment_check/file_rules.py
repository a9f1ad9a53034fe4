"""What surrounds the props in the file: its edition, whose keys deploy it, and what runs before and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcloud.fc.section import KeyUnknown, Section
from terminal.deployment_check.findings import Finding, error
from terminal.deployment_check.refusals import refused

EDITION = "3.0.0"

_FILE_KEYS = {"access", "actions", "edition", "extend", "name", "resources", "vars"}
_RESOURCE_KEYS = {"access", "actions", "component", "props"}
# The commands of fc3 0.1.22 that change something. A hook of any other name would never run.
_COMMANDS = ("build", "deploy", "invoke", "local", "remove")
_HOOKS = {f"{when}-{command}" for when in ("pre", "success", "fail", "complete") for command in _COMMANDS}
_ACTION_KEYS = {"allow_failure", "args", "component", "path", "plugin", "run"}
_KINDS = ("run", "plugin", "component")


def head(file: Section) -> Iterator[Finding]:
    """The keys at the top."""
    for key, value in file.items():
        yield from _unknown(file.path(key)[1:], key, _FILE_KEYS)
        if key == "edition" and value != EDITION:
            yield error("edition", f"must be {EDITION}, is {value!r}.", f"Write {EDITION}.")
    for key, why in (
        ("edition", "Serverless Devs would not read the file"),
        ("name", "Serverless Devs shows it"),
        ("access", "it names the keys that deploy"),
    ):
        if key not in file:
            yield error(key, f"is missing: {why}.", "Add it.")
    yield from _access(file.path("access")[1:], dict(file.items()).get("access"))


def resource(section: Section) -> Iterator[Finding]:
    """The keys of a resource, apart from its props."""
    for key, value in section.items():
        yield from _unknown(section.path(key), key, _RESOURCE_KEYS)
        if key == "access":
            yield from _access(section.path(key), value)


def actions(value: Any, where: str, directory: Path) -> Iterator[Finding]:
    """What runs before and after: an action that is misspelt is one that never runs."""
    if value is None:
        return
    if not isinstance(value, dict):
        yield error(where, "must be a mapping of hooks.", "Write pre-deploy, and a list below it.")
        return
    for hook, items in value.items():
        here = f"{where}.{hook}"
        yield from _unknown(here, hook, _HOOKS)
        if not isinstance(items, list):
            yield error(here, "must be a list.", "Begin each action with a dash.")
            continue
        for index, item in enumerate(items):
            yield from _action(item, f"{here}[{index}]", directory)


def _action(item: Any, where: str, directory: Path) -> Iterator[Finding]:
    if not isinstance(item, dict):
        yield error(where, "must be a mapping.", "Write run: and a command.")
        return
    for key in item:
        yield from _unknown(f"{where}.{key}", key, _ACTION_KEYS)
    kinds = [kind for kind in _KINDS if isinstance(item.get(kind), str) and item[kind]]
    if len(kinds) != 1:
        yield error(where, "must have one of run, plugin and component, as text.", "Write one of them.")
        return
    path = item.get("path", ".") if kinds == ["run"] else item.get("plugin", ".")
    if kinds == ["plugin"] and not path.startswith("."):
        return
    if not isinstance(path, str) or "\0" in path or not (directory / path).exists():
        yield error(
            f"{where}.{'path' if kinds == ['run'] else 'plugin'}",
            f"{path} is not there.",
            f"Name a path below {directory}.",
        )


def _access(where: str, value: Any) -> Iterator[Finding]:
    if value is not None and (not isinstance(value, str) or "${" in value or not value.strip()):
        yield error(
            where,
            "must be the plain name of an access: Serverless Devs resolves no expression here.",
            "Write default, or another alias of `s config`; `s deploy --access` overrides it.",
        )


def _unknown(where: str, key: str, known: set[str]) -> Iterator[Finding]:
    if key not in known:
        yield refused(KeyUnknown(where, key, sorted(known)))
