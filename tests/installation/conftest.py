"""Accounts in the states that an installation goes through."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import checkout
from tests.installation.account import Account, deployment

Deployed = Callable[..., Account]


@pytest.fixture(autouse=True)
def endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """No endpoint of the developer's own reaches a test."""
    for name in ("RAM", "STS", "MNS", "FC", "IMM", "OSS", "SLS"):
        monkeypatch.delenv(f"{name}_ENDPOINT", raising=False)


@pytest.fixture(scope="session", autouse=True)
def declaration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A copy of ``s.yaml`` is installed: beside the real one there may be a developer's ``.env``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path_factory.mktemp("declared")))
        yield


@pytest.fixture(scope="session")
def furnished_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of an account in which nothing of ours is; made once and copied for each test."""
    state = tmp_path_factory.mktemp("furnished") / "state"
    with Account(state) as account:
        account.furnish()
    return state


@pytest.fixture(scope="session")
def set_up_state(furnished_state: Path) -> Path:
    """The state of an account in which setup is done."""
    state = furnished_state.parent / "set-up"
    shutil.copytree(furnished_state, state)
    with Account(state) as account:
        assert account.setup("--yes").exit_code == 0
    return state


@pytest.fixture
def fresh(tmp_path: Path, furnished_state: Path) -> Iterator[Account]:
    """An account in which nothing of ours is."""
    with Account.of(furnished_state, tmp_path) as account:
        yield account


@pytest.fixture
def installed(deployed: Deployed) -> Iterator[Account]:
    """An account in which setup and the deployment are done."""
    with deployed(checkout.DEPLOYMENT) as account:
        yield account


@pytest.fixture
def deployed(tmp_path: Path, set_up_state: Path) -> Deployed:
    """Deploys what a file declares into an account that was set up for the project's ``s.yaml``."""

    def deploy(path: Path, **options: Any) -> Account:
        return Account.of(set_up_state, tmp_path, path, **options)

    return deploy
