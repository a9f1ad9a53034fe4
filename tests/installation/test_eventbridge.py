"""``setup`` and ``doctor`` for ``s.eventbridge.yaml``: what its triggers need, and whether they are there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation.account import BUCKET, PROJECT, Account, deployment, failures, flat, verdicts


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("eventbridge")
    deployment(directory)
    return deployment(directory, name="s.eventbridge.yaml")


@pytest.fixture
def account(tmp_path: Path, set_up_state: Path, template: Path) -> Iterator[Account]:
    """An account in which it is deployed."""
    with Account(shutil.copytree(set_up_state, tmp_path / "state"), template) as account:
        yield account


def test_setup_names_the_queues_that_it_does_not_make(fresh: Account, template: Path) -> None:
    result = fresh.setup("--template", str(template), "--yes")

    assert result.exit_code == 0, result.output
    said = flat(result)
    assert "not made here queue imm-label-tags tag_object reads it: subscribe it to the topic" in said
    assert "not made here queue imm-label-tags-failed takes what tag_object fails for in a stream" in said
    # Nobody invokes in a role: EventBridge has roles of its own
    assert "invokes tag_object" not in said


def test_its_triggers_are_there_as_they_are_declared(account: Account, template: Path) -> None:
    options = ("--template", str(template), "--bucket", BUCKET, "--project", PROJECT)
    found = verdicts(account.run_command("doctor", "--json", *options))

    assert found["trigger imm-events"] == found["trigger imm-queue"] == "ok"


def test_a_trigger_that_is_otherwise(account: Account, tmp_path: Path) -> None:
    deployment(tmp_path)
    other = deployment(tmp_path, ("CountBasedWindow: 16", "CountBasedWindow: 8"), name="s.eventbridge.yaml")

    said, advice = failures(account, "--template", str(other))["trigger imm-queue"]

    assert "its runOptions.batchWindow.CountBasedWindow is 16 and not 8" in said
    assert advice == "Run `s deploy --template s.eventbridge.yaml`."


def test_a_trigger_that_is_not_there(installed: Account, template: Path) -> None:
    said, _ = failures(installed, "--template", str(template))["trigger imm-events"]

    assert said == "The function has no trigger imm-events."
