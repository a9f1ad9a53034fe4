"""A pytest plugin: no key, token or signature that a test used appears in anything that was written.

Heard are: every test's captured output and log, its failure report, the logs and answers of functions in the
local cloud, the records of asynchronous ones, the bodies of requests to it (documents that are stored,
messages that are published), the errors and answers of the functions in this process, and the output of
commands and processes.
A find fails the test and names the place; the secret itself is taken out of the report.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import is_hypothesis_test

from tests.secrecy.exemptions import EXEMPTIONS
from tests.secrecy.known import KnownSecrets
from tests.secrecy.taps import Taps

_NAME = "secrecy"
_HIDDEN = "A secret appears where it must not (hidden here): "


def pytest_configure(config: pytest.Config) -> None:
    """Listen from now on."""
    config.pluginmanager.register(SecretWatch(config), _NAME)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Listen no more."""
    watch = config.pluginmanager.unregister(name=_NAME)
    if isinstance(watch, SecretWatch):
        watch.close()


class SecretWatch:
    """Hears what is written, and searches it after each phase of each test."""

    def __init__(self, config: pytest.Config) -> None:
        self.known = KnownSecrets()
        self._captures = config.getoption("capture") != "no"
        self._heard: list[tuple[str, str]] = []
        self._told: set[str] = set()
        self._taps = Taps(self.known, lambda place, text: self._heard.append((place, text)))

    def close(self) -> None:
        """Stop listening."""
        self._taps.close()

    def pytest_report_header(self) -> str | None:
        """Say what is not searched."""
        return None if self._captures else "secrecy: with -s, what tests print directly is not searched"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Search what a phase of a test has left."""
        report = yield
        if call.when == "setup":
            self._told = set()
        # At the end of a phase and no sooner: a signature may be written before its request makes it known.
        draws = is_hypothesis_test(getattr(item, "obj", None))
        self._judge(report, item.nodeid, draws=draws)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Search what a module wrote when it was imported."""
        report = yield
        self._told = set()
        self._judge(report, collector.nodeid)
        return report

    def _judge(
        self, report: pytest.TestReport | pytest.CollectReport, test: str, *, draws: bool = False
    ) -> None:
        """Fail a report where there is a secret, and take secrets out of it."""
        failure = report.longreprtext if report.failed else ""
        heard = self._heard[:]
        del self._heard[: len(heard)]
        leaks: dict[str, str] = {}
        for place, text in [*heard, *report.sections, ("the failure report", failure)]:
            for found in self.known.find(text):
                secret = text[found.start : found.end]
                if not any(each.covers(test, place, secret, draws=draws) for each in EXEMPTIONS):
                    where = f"{_HIDDEN}{found.kind} in {self.known.redact(place)}: "
                    leaks.setdefault(where, where + self.known.excerpt(text, found))
        new = [leak for leak in leaks.values() if leak not in self._told]
        self._told.update(new)
        if not leaks:
            return
        redact = self.known.redact
        report.sections = [(name, redact(text)) for name, text in report.sections]
        if new or failure:
            report.outcome = "failed"
            report.longrepr = "\n".join([*new, *([redact(failure)] if failure else [])])
