"""``setup`` and ``doctor`` for ``s.eventbridge.yaml``: what its triggers need, and whether they are there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.ram.policy import Decision, evaluate, parse_policy
from tests.installation.account import BUCKET, PROJECT, Account, deployment, failures, verdicts
from tests.policies.documents import asked_about, unneeded
from tests.user import flat


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("eventbridge")
    deployment(directory)
    return deployment(directory, name="s.eventbridge.yaml")


@pytest.fixture
def account(tmp_path: Path, set_up_state: Path, template: Path) -> Iterator[Account]:
    """An account in which it is set up and deployed."""
    with Account.of(set_up_state, tmp_path, template) as account:
        assert account.setup("--template", str(template), "--yes").exit_code == 0
        yield account


QUEUES = ("imm-label-tags", "imm-label-tags-failed")


def test_the_queues_are_made_found_and_removed(fresh: Account, template: Path) -> None:
    before, options = fresh.inventory(), ("--template", str(template), "--yes")
    made = fresh.setup(*options)

    assert made.exit_code == 0, made.output
    said = flat(made)
    assert "create queue imm-label-tags tag_object reads it: subscribe it to the topic" in said
    assert "create queue imm-label-tags-failed takes what tag_object fails for in a stream" in said
    # Nobody invokes in a role: EventBridge has roles of its own
    assert "invokes tag_object" not in said
    assert "Nothing to do." in fresh.setup(*options).output

    removed = fresh.teardown(*options)
    assert removed.exit_code == 0, removed.output
    assert [fresh.services().messaging.tags_of_queue(name) for name in QUEUES] == [None, None]
    assert fresh.inventory() == before


def test_a_queue_of_somebody_else_stays(fresh: Account, template: Path) -> None:
    fresh.services().messaging.create_queue(QUEUES[0], {"team": "a"})
    fresh.setup("--template", str(template), "--yes")

    result = fresh.teardown("--template", str(template), "--yes")

    assert "left as it is queue imm-label-tags setup did not make it" in flat(result)
    assert fresh.services().messaging.tags_of_queue(QUEUES[0]) == {"team": "a"}


def test_who_may_do_what_the_policies_list_needs_each_permission(
    tmp_path: Path, furnished_state: Path, template: Path
) -> None:
    with Account.of(furnished_state, tmp_path, policies=True) as account:
        documents = {name: account.document(name) for name in ("setup", "setup-eventbridge")}
        keys = account.call(account.access.put_user, "installer", documents).keys
        with asked_about(keys) as asked:
            for command in ("setup", "teardown"):
                media = ("--bucket", BUCKET, "--project", PROJECT) if command == "setup" else ()
                options = ("--template", str(template), "--yes", *media)
                result = account.run_command(command, *options, **account.environment(keys))
                assert result.exit_code == 0, result.output

    document = documents["setup-eventbridge"]
    own = [each for each in asked if evaluate([parse_policy(document)], *each) is Decision.ALLOWED]
    assert unneeded(json.loads(document), own) == set()


def test_its_triggers_are_there_as_they_are_declared(account: Account, template: Path) -> None:
    options = ("--template", str(template), "--bucket", BUCKET, "--project", PROJECT)
    found = verdicts(account.run_command("doctor", "--json", *options))

    names = ("trigger imm-events", "trigger imm-queue", *(f"queue {name}" for name in QUEUES))
    assert [found[name] for name in names] == ["ok"] * 4


def test_a_queue_that_is_not_there(account: Account, template: Path) -> None:
    account.services().messaging.delete_queue("imm-label-tags")

    said, advice = failures(account, "--template", str(template))["queue imm-label-tags"]

    assert said == "There is no queue imm-label-tags in cn-hangzhou."
    assert advice == "Run `imm-label-tags setup --template s.eventbridge.yaml`."


def test_a_trigger_that_is_otherwise(account: Account, tmp_path: Path) -> None:
    deployment(tmp_path)
    other = deployment(tmp_path, ("CountBasedWindow: 16", "CountBasedWindow: 8"), name="s.eventbridge.yaml")

    said, advice = failures(account, "--template", str(other))["trigger imm-queue"]

    assert "its runOptions.batchWindow.CountBasedWindow is 16 and not 8" in said
    assert advice == "Run `s deploy --template s.eventbridge.yaml`."


def test_a_list_in_a_trigger_that_is_otherwise(account: Account, tmp_path: Path) -> None:
    deployment(tmp_path)
    added = ("          runOptions:", "          offsets: [1, 2]\n          runOptions:")
    other = deployment(tmp_path, added, name="s.eventbridge.yaml")

    said, _ = failures(account, "--template", str(other))["trigger imm-queue"]

    assert "its offsets is not set and not 1, 2" in said


def test_a_trigger_that_is_not_there(installed: Account, template: Path) -> None:
    said, _ = failures(installed, "--template", str(template))["trigger imm-events"]

    assert said == "The function has no trigger imm-events."
