"""A pytest plugin that leaks where no test is under way; ``test_plugin`` sees it caught."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.fc.logs import LogBook

LEAKED = Path(os.environ["SECRECY_LEAKED"])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Log a key once the last test has ended, in the process that ran it."""
    if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
        accounts = Accounts("1", Identity("", ""), Clock())
        keys = accounts.issue_role_keys("anybody")
        LogBook(Clock()).add("late", "c-1", None, keys.access_key_secret)
        with LEAKED.open("a") as file:
            file.write(f"{keys.access_key_secret}\n")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a key that a test (of another process, perhaps) has used."""
    for secret in LEAKED.read_text().splitlines():
        terminalreporter.write_line(f"said {secret}")
