"""The commands that work on the account take every file that `s` takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import checkout
from tests.deployment_check.checkout import Checkout, good
from tests.deployment_check.tolerated import TOLERATED
from tests.installation.account import Account
from tests.user import flat


@pytest.fixture(scope="module")
def account(furnished_state: Path) -> Iterator[Account]:
    """An account that the commands only look at."""
    with Account(furnished_state) as account:
        yield account


@pytest.mark.parametrize("kind", TOLERATED)
def test_what_serverless_devs_deploys_is_worked_on(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # Given a file that is unlike the project's own in one thing
    content = good()
    TOLERATED[kind](content)
    monkeypatch.setattr(checkout, "DEPLOYMENT", Checkout(tmp_path).write(content))

    # When the commands that change nothing are run on it
    setup = account.setup("--dry-run")
    doctor = account.doctor()
    listed = account.run_command("failed", "list")

    # Then each does its work; that nothing is deployed is what the doctor has to say
    assert setup.exit_code == 0, setup.output
    assert "create" in setup.output
    assert doctor.exit_code == 1, doctor.output
    assert "is not deployed" in flat(doctor)
    assert listed.exit_code == 0, listed.output
