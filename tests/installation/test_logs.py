"""Log project, logstore, index, saved searches and alerts: made, left as they are, removed."""

from __future__ import annotations

from typing import Any

from cli.installation import marks
from localcloud.sls.store import ALERT, INDEX, LOGSTORE, PROJECT, SEARCH
from tests.installation.account import LOG_PROJECT, Account
from tests.installation.account import LOGSTORE as STORE
from tests.user import flat


def there(account: Account) -> dict[str, list[str]]:
    store = account.logs.store
    kinds = (PROJECT, LOGSTORE, INDEX, SEARCH, ALERT)
    return {kind: account.call(store.names, LOG_PROJECT, kind) for kind in kinds}


def change(account: Account, kind: str, name: str, **content: Any) -> None:
    kept = account.call(account.logs.store.find, LOG_PROJECT, kind, name) or {}
    account.call(account.logs.store.keep, LOG_PROJECT, kind, name, {**kept, **content})


def test_setup_shows_what_it_makes_and_makes_it(fresh: Account) -> None:
    shown = fresh.setup("--dry-run")
    assert "the functions' logs" in flat(shown)
    assert there(fresh)[PROJECT] == []

    assert fresh.setup("--yes").exit_code == 0

    made = there(fresh)
    assert (made[PROJECT], made[LOGSTORE], made[INDEX]) == ([LOG_PROJECT], [STORE], [STORE])
    assert "imm-label-tags-failed-by-error" in made[SEARCH]
    assert len(made[SEARCH]) == 4
    assert made[ALERT] == []
    # Nothing is done twice
    assert "Nothing to do." in flat(fresh.setup("--yes"))


def test_alerts_are_made_where_they_are_asked_for(fresh: Account) -> None:
    assert fresh.setup("--alerts", "--yes").exit_code == 0
    assert there(fresh)[ALERT] == ["imm-label-tags-event-kept", "imm-label-tags-keep-failed-fails"]
    assert "Nothing to do." in flat(fresh.setup("--alerts", "--yes"))


def test_what_somebody_else_has_made_is_left_as_it_is(fresh: Account) -> None:
    # Given a project of the user's, whose index has a field of hers and lacks ours
    index = {"keys": {"mine": {"type": "text"}}, "line": {"token": [" "], "caseSensitive": True}}
    fresh.call(fresh.logs.have, LOG_PROJECT, STORE, index)
    # When setup is done
    assert fresh.setup("--yes").exit_code == 0
    # Then her index has her field and the full-text index as before, and our fields
    found = fresh.call(fresh.logs.store.get, LOG_PROJECT, INDEX, STORE)["index"]
    assert found["keys"]["mine"]["type"] == "text"
    assert found["line"] == index["line"]
    assert found["keys"]["message"]["json_keys"]["status"]["type"] == "text"
    # And teardown leaves the project, without a look at what else is in it
    fresh.break_call("ListLogStores")
    result = fresh.teardown("--yes")
    assert result.exit_code == 0, result.output
    assert there(fresh)[PROJECT] == [LOG_PROJECT]


def test_lines_that_are_indexed_as_plain_text_are_told(fresh: Account) -> None:
    index = {"keys": {"message": {"type": "text", "token": [" "]}}, "line": {"token": [" "]}}
    fresh.call(fresh.logs.have, LOG_PROJECT, STORE, index)
    assert "message as plain text: change that to JSON in the console" in flat(fresh.setup("--yes"))
    found = fresh.call(fresh.logs.store.get, LOG_PROJECT, INDEX, STORE)["index"]
    assert found["keys"]["message"]["type"] == "text"


def test_teardown_removes_the_project_that_setup_made_unless_it_has_other_logs(fresh: Account) -> None:
    assert fresh.setup("--yes").exit_code == 0
    change(fresh, LOGSTORE, "of-somebody", logstoreName="of-somebody")
    assert fresh.teardown("--yes").exit_code == 0
    assert there(fresh)[LOGSTORE] == [STORE, "of-somebody"]
    fresh.call(fresh.logs.store.remove, LOG_PROJECT, LOGSTORE, "of-somebody")

    result = fresh.teardown("--yes")

    assert f"removed log project {LOG_PROJECT}" in flat(result)
    assert there(fresh)[PROJECT] == []
    assert "Nothing to do." in flat(fresh.teardown("--yes"))


def test_the_mark_is_a_description_that_log_service_takes() -> None:
    assert len(marks.LOG_DESCRIPTION) <= 64
