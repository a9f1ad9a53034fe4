"""What surrounds the props in the file: its edition, whose keys deploy it, and what runs before and after.

Tried with @serverless-devs/s 3.1.10: it takes keys that it does not know, and does nothing with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cli.deployment_check.findings import Finding, NotChecked, error, warning
from cli.deployment_check.spelling import alike
from cli.manifest.expressions import Unrendered

EDITION = "3.0.0"

_FILE_KEYS = ("access", "actions", "edition", "extend", "flow", "name", "resources", "vars")
_RESOURCE_KEYS = ("access", "actions", "component", "props")
# The commands of fc3 0.1.22 that change something.
_COMMANDS = ("build", "deploy", "invoke", "local", "remove")
_HOOKS = tuple(
    f"{when}-{command}" for when in ("pre", "success", "fail", "complete") for command in _COMMANDS
)
_ACTION_KEYS = ("allow_failure", "args", "component", "path", "plugin", "run")
_KINDS = ("run", "plugin", "component")

Found = Iterator["Finding | NotChecked"]


def head(content: Mapping[str, Any]) -> Found:
    """The keys at the top."""
    yield from _unknown(content, _FILE_KEYS, "")
    edition = content.get("edition")
    if edition is None:
        yield error("edition", "is missing: Serverless Devs would not read the file.", f"Write {EDITION}.")
    elif edition != EDITION:
        yield error("edition", f"Serverless Devs does not read an edition {edition!r}.", f"Write {EDITION}.")
    yield from _access("access", content.get("access"))


def resource(value: Mapping[str, Any], where: str) -> Found:
    """The keys of a resource, apart from its props."""
    yield from _unknown(value, _RESOURCE_KEYS, where)
    yield from _access(f"{where}.access", value.get("access"))


def actions(value: Any, where: str, directory: Path) -> Found:
    """What runs before and after: an action that is misspelt is one that never runs."""
    if value is None or isinstance(value, Unrendered):
        return
    if not isinstance(value, dict):
        yield error(where, "must be a mapping of hooks.", "Write pre-deploy, and a list below it.")
        return
    yield from _unknown([hook for hook in value if "${" not in hook], _HOOKS, where)
    for hook, items in value.items():
        here = f"{where}.{hook}"
        if not isinstance(items, list):
            yield error(here, "must be a list.", "Begin each action with a dash.")
            continue
        for index, item in enumerate(items):
            yield from _action(item, f"{here}[{index}]", directory)


def _action(item: Any, where: str, directory: Path) -> Found:
    if not isinstance(item, dict):
        yield error(where, "must be a mapping.", "Write run: and a command.")
        return
    yield from _unknown(item, _ACTION_KEYS, where)
    kinds = [kind for kind in _KINDS if isinstance(item.get(kind), (str, Unrendered)) and item[kind]]
    if len(kinds) != 1:
        yield error(where, "must have one of run, plugin and component, as text.", "Write one of them.")
        return
    path = item.get("path", ".") if kinds == ["run"] else item.get("plugin", ".")
    if isinstance(path, Unrendered) or (kinds == ["plugin"] and not path.startswith(".")):
        return
    if not isinstance(path, str) or not _exists(directory, path):
        yield error(
            f"{where}.{'path' if kinds == ['run'] else 'plugin'}",
            f"{path} is not there.",
            f"Name a path below {directory}.",
        )


def _exists(directory: Path, path: str) -> bool:
    try:
        return (directory / path).exists()
    except (OSError, ValueError):
        return False


def _access(where: str, value: Any) -> Found:
    if value is not None and (not isinstance(value, str) or "${" in value or not value.strip()):
        yield warning(
            where,
            "is no plain name of an access: Serverless Devs 3.1.10 resolves no expression here.",
            "Write default, or another alias of `s config`; `s deploy --access` overrides it.",
        )


def _unknown(keys: Iterable[str], known: tuple[str, ...], where: str) -> Found:
    for key in keys:
        if key in known:
            continue
        path = f"{where}.{key}" if where else key
        if (like := alike(key, known)) is not None:
            yield error(
                path,
                f"Serverless Devs knows no such key here, and ignores it; {like} is spelt like it.",
                "Correct its name, or remove it.",
            )
        else:
            yield NotChecked(path, "Serverless Devs is not known to do anything with such a key here.")
