"""``deploy/observability/``: the index, the saved searches and the alerts, on real lines of the functions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli import checkout
from cli.cloud.target import read_target
from cli.installation import observability
from cli.installation.log_service import Kind
from cli.installation.observability import completed, unlike
from tests.cli.logs.conftest import World
from tests.installation.account import LOG_PROJECT, LOGSTORE, deployment

PLACE = {"log_project": LOG_PROJECT, "logstore": LOGSTORE}
SEARCHES = sorted(path.stem for path in (checkout.OBSERVABILITY / "searches").glob("*.json"))
ALERTS = sorted(path.stem for path in (checkout.OBSERVABILITY / "alerts").glob("*.json"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every document by the name of its file."""
    target = read_target(deployment(tmp_path_factory.mktemp("declared")), {}, dotenv=False)
    searches = zip(SEARCHES, observability.documents(Kind.SEARCH, target, PLACE).values(), strict=True)
    alerts = zip(ALERTS, observability.documents(Kind.ALERT, target, PLACE).values(), strict=True)
    return {**dict(searches), **dict(alerts)}


@pytest.mark.parametrize("name", SEARCHES)
def test_every_field_of_a_saved_search_is_in_lines_of_ours(
    world: World, filled: dict[str, Any], name: str
) -> None:
    rows = world.found(filled[name]["searchQuery"])

    assert rows
    columns = {column for row in rows for column in row}
    known = {column for row in rows for column, value in row.items() if value != "null"}
    # A field that no line has any more would be null in all of them.
    assert known == columns


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_for_what_has_happened(world: World, filled: dict[str, Any], name: str) -> None:
    configuration = filled[name]["configuration"]
    (query,) = configuration["queryList"]
    (severity,) = configuration["severityConfigurations"]

    assert (query["project"], query["store"]) == (LOG_PROJECT, LOGSTORE)
    assert severity["evalCondition"]["condition"] == "n > 0"
    assert int(world.found(query["query"])[0]["n"]) > 0


def test_every_field_that_is_indexed_is_in_lines_of_ours(world: World) -> None:
    keys = observability.index()["keys"]
    found = set()
    for log in world.found("*"):
        found |= {key for key in keys if key in log}
        try:
            document = json.loads(log.get("message", ""))
        except ValueError:
            continue
        for name, value in document.items():
            nested = value if isinstance(value, dict) else {}
            found |= {f"message.{name}", *(f"message.{name}.{inner}" for inner in nested)}

    wanted = {f"message.{name}" for name in keys["message"]["json_keys"]} | keys.keys()
    assert wanted - found == set()


def test_of_an_index_that_is_there_only_what_is_missing_is_added() -> None:
    wanted = observability.index()
    mine: dict[str, Any] = {
        "keys": {
            "mine": {"type": "text", "doc_value": True},
            "message": {"type": "json", "json_keys": {"status": {"type": "text", "alias": "how"}}},
        },
        "line": {"token": [" "], "caseSensitive": True},
    }
    whole, added = completed(mine, wanted)

    assert whole["line"] == mine["line"]
    assert whole["keys"]["mine"] == mine["keys"]["mine"]
    assert whole["keys"]["message"]["json_keys"]["status"] == {"type": "text", "alias": "how"}
    assert "message.error" in added
    assert "message.status" not in added
    assert completed(whole, wanted) == (whole, [])
    assert unlike({"keys": {"message": {"type": "text"}}}, wanted) == ["message"]
