"""A pytest plugin: no key, token or signature that a test used appears in anything that was written.

Heard are: every test's captured output and log, its failure report, the logs and answers of functions in the
local cloud, the records of asynchronous ones, the bodies of requests to it (documents that are stored,
messages that are published), the errors and answers of the functions in this process, the output of commands
and processes, and all that pytest prints.
A find fails the test, or the session, and names the place; the secret itself is taken out of the report.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import pytest
from hypothesis import is_hypothesis_test

from tests.secrecy.exemptions import EXEMPTIONS
from tests.secrecy.known import KnownSecrets
from tests.secrecy.taps import Taps

_NAME = "secrecy"
_OF_PYTEST = "what pytest printed"
_HIDDEN = "A secret appears where it must not (hidden here): "

Texts = Iterable[tuple[str, str]]


def pytest_configure(config: pytest.Config) -> None:
    """Listen from now on."""
    watch = SecretWatch(config)
    config.pluginmanager.register(watch, _NAME)
    role = OfWorker if hasattr(config, "workeroutput") else OfSession
    config.pluginmanager.register(role(config, watch), f"{_NAME} of this process")


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

    def search(self, test: str, texts: Texts, *, draws: bool = False) -> list[str]:
        """A line for each place that holds a secret of a kind and is not exempt."""
        leaks: dict[str, str] = {}
        for place, text in texts:
            for found in self.known.find(text):
                secret = text[found.start : found.end]
                if not any(each.covers(test, place, secret, draws=draws) for each in EXEMPTIONS):
                    where = f"{_HIDDEN}{found.kind} in {self.known.redact(place)}: "
                    leaks.setdefault(where, self.known.excerpt(text, found))
        return [where + excerpt for where, excerpt in leaks.items()]

    def drain(self) -> list[tuple[str, str]]:
        """What has been heard since the last time."""
        heard = self._heard[:]
        del self._heard[: len(heard)]
        return heard

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
        self._judge(report, item.nodeid, self.drain(), draws=draws)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Search what a module wrote when it was imported."""
        report = yield
        self._told = set()
        self._judge(report, collector.nodeid, self.drain())
        return report

    def _judge(
        self,
        report: pytest.TestReport | pytest.CollectReport,
        test: str,
        heard: Texts,
        *,
        draws: bool = False,
    ) -> None:
        """Fail a report where there is a secret, and take secrets out of it."""
        failure = report.longreprtext if report.failed else ""
        texts = [*heard, *report.sections, ("the failure report", failure)]
        leaks = self.search(test, texts, draws=draws)
        new = [leak for leak in leaks if leak not in self._told]
        self._told.update(new)
        if not leaks:
            return
        redact = self.known.redact
        report.sections = [(name, redact(text)) for name, text in report.sections]
        if new or failure:
            report.outcome = "failed"
            report.longrepr = "\n".join([*new, *([redact(failure)] if failure else [])])


class OfSession:
    """Searches all that pytest prints; fails the session at its end."""

    def __init__(self, config: pytest.Config, watch: SecretWatch) -> None:
        self._config = config
        self._watch = watch
        self._printed: list[str] = []
        self._of_workers: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Hear pytest itself."""
        if not self._config.pluginmanager.has_plugin("terminalreporter"):
            return
        writer: Any = self._config.get_terminal_writer()
        write = writer.write

        def overheard(text: str, **options: Any) -> None:
            self._printed.append(text)
            write(text, **options)

        writer.write = overheard

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Search what no test was told of, and all that pytest printed."""
        yield
        texts = [*self._watch.drain(), (_OF_PYTEST, "".join(self._printed))]
        leaks = [*self._of_workers, *self._watch.search("", texts)]
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if leaks and reporter is not None:
            for leak in leaks:
                reporter.write_line(leak, red=True)
        if leaks:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Know what a worker of pytest-xdist knew, and what it found."""
        told = getattr(node, "workeroutput", {}).get(_NAME)
        if told is None:
            return
        for kind, secret in told["secrets"]:
            self._watch.known.add(kind, secret)
        self._of_workers += told["leaks"]


class OfWorker:
    """Tells the session of a worker's secrets, so that its output can be searched for them."""

    def __init__(self, config: pytest.Config, watch: SecretWatch) -> None:
        self._config: Any = config
        self._watch = watch

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Hand over what is known, and what no test was told of."""
        leaks = self._watch.search("", self._watch.drain())
        self._config.workeroutput[_NAME] = {"secrets": self._watch.known.all(), "leaks": leaks}
