"""What Log Service is to have for the functions' logs: ``deploy/observability/``, filled in."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from cli import checkout
from cli.cloud.target import Target
from cli.installation.log_service import Kind
from cli.local_deployment import auto_log
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredFunction

_PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}", re.ASCII)
# The directory of each kind, and the field that has a document's name.
_PLACES = {Kind.SEARCH: ("searches", "savedsearchName"), Kind.ALERT: ("alerts", "name")}


def index() -> dict[str, Any]:
    """The index in which the functions' lines are JSON, as CreateIndex takes it."""
    content: dict[str, Any] = json.loads((checkout.OBSERVABILITY / "index.json").read_text("utf-8"))
    return content


def documents(kind: Kind, target: Target, log: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The saved searches or alerts of a logstore by their names, as Log Service takes them."""
    values = {
        "function": target.function.name,
        "failed_function": target.keeper.name,
        "region": target.region,
        **log,
    }
    directory, name = _PLACES[kind]
    files = sorted((checkout.OBSERVABILITY / directory).glob("*.json"))
    found = (_with_values(json.loads(file.read_text("utf-8")), values) for file in files)
    return {document[name]: document for document in found}


def completed(index: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An index with what is missing of another, and the names of that; what is there stays as it is."""
    whole, added = copy.deepcopy(dict(index)), []
    if not whole.get("line"):
        whole["line"] = wanted["line"]
        added.append("line")
    keys: dict[str, Any] = whole.setdefault("keys", {})
    for name, key in wanted["keys"].items():
        if name not in keys:
            keys[name] = key
            added.append(name)
            continue
        if keys[name].get("type") != "json" or key["type"] != "json":
            continue
        nested = keys[name].setdefault("json_keys", {})
        for inner in key["json_keys"].keys() - nested.keys():
            nested[inner] = key["json_keys"][inner]
            added.append(f"{name}.{inner}")
    return whole, sorted(added)


def unlike(index: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The keys that an index has in another type, so that fields within them cannot be searched by name."""
    keys = index.get("keys") or {}
    return [
        name
        for name, key in wanted["keys"].items()
        if key["type"] == "json" and name in keys and keys[name].get("type") != "json"
    ]


def log_of(function: DeclaredFunction, account_id: str = "") -> dict[str, str] | None:
    """Where a function's log is kept; None where there is none, or where only fc3 knows.

    With an account also where fc3 keeps it for ``logConfig: auto``.
    """
    try:
        log = function.log
        if log.auto and account_id:
            place = auto_log({"region": function.region, "functionName": function.name}, account_id)
            return {"log_project": place["project"], "logstore": place["logstore"]}
    except FieldUnreadable:
        return None
    return {"log_project": log.project, "logstore": log.logstore} if log.project and log.logstore else None


def _with_values(content: Any, values: Mapping[str, str]) -> Any:
    """The same with the placeholders in its texts filled."""
    if isinstance(content, dict):
        return {key: _with_values(value, values) for key, value in content.items()}
    if isinstance(content, list):
        return [_with_values(value, values) for value in content]
    if isinstance(content, str):
        return _PLACEHOLDER.sub(lambda match: values[match[1]], content)
    return content
