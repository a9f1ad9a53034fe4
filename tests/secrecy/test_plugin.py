"""The search for secrets finds them wherever they are written, and does not show them itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.secrecy.exemptions import EXEMPTIONS, Exemption
from tests.secrecy.known import ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN, SIGNATURE, KnownSecrets

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
HIDDEN = "A secret appears where it must not (hidden here): "
PRINTED = f"{ACCESS_KEY_SECRET} in Captured stdout call"

CAUGHT = {
    "test_standard_output": PRINTED,
    "test_standard_error": f"{SECURITY_TOKEN} in Captured stderr call",
    "test_file_descriptor": PRINTED,
    "test_access_key_id": f"{ACCESS_KEY_ID} in Captured stdout call",
    "test_log": f"{ACCESS_KEY_SECRET} in Captured log call",
    "test_capsys": f"{ACCESS_KEY_SECRET} in what a test captured of stdout",
    "test_capfd": f"{SECURITY_TOKEN} in what a test captured of stderr",
    "test_failure_report": f"{ACCESS_KEY_SECRET} in the failure report",
    "test_setup": f"{ACCESS_KEY_SECRET} in Captured stdout setup",
    "test_teardown": f"{ACCESS_KEY_SECRET} in Captured stdout teardown",
    "test_percent_encoded": PRINTED,
    **{f"test_base64[{shift}]": PRINTED for shift in range(3)},
    **{
        f"test_error[{where}]": f"{ACCESS_KEY_SECRET} in the error of tag_object.handler"
        for where in ("message", "cause", "context", "attribute", "nested")
    },
    "test_answer": f"{ACCESS_KEY_ID} in the answer of tag_object.handler",
    "test_function_log": f"{SECURITY_TOKEN} in the log of function index",
    "test_function_answer": f"{ACCESS_KEY_SECRET} in the answer of an invocation",
    "test_failure_record": f"{SECURITY_TOKEN} in the record of an asynchronous invocation",
    "test_stored_document": f"{ACCESS_KEY_SECRET} in the body of PUT /",
    "test_command_output": f"{ACCESS_KEY_SECRET} in the output of command",
    "test_command_error": f"{ACCESS_KEY_SECRET} in the error of command",
    "test_console": f"{ACCESS_KEY_SECRET} in what a console wrote",
    "test_process": f"{ACCESS_KEY_SECRET} in the output of a process",
    "test_signature_of_oss": f"{SIGNATURE} in Captured stdout call",
    "test_signature_of_imm": f"{SIGNATURE} in Captured stdout call",
    "test_presigned_address": f"{SIGNATURE} in Captured stdout call",
    "test_signature_that_is_never_sent": f"{SIGNATURE} in Captured stdout call",
    "test_property": PRINTED,
}


@dataclass(frozen=True)
class Run:
    """A run of pytest: its exit status, all that it wrote, and the report of each test that failed."""

    status: int
    written: str
    failures: Mapping[str, str]
    passed: frozenset[str]
    leaked: frozenset[str]


def run(directory: Path, *arguments: str) -> Run:
    """Run pytest on this project, as its developers do."""
    report, leaked = directory / "report.xml", directory / "leaked"
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments],
        cwd=ROOT,
        env={**os.environ, "SECRECY_LEAKED": str(leaked)},
        capture_output=True,
        text=True,
        check=False,
    )
    failures: dict[str, str] = {}
    passed = set()
    for case in ElementTree.parse(report).iter("testcase"):
        said = "".join(f"{one.get('message')}\n{one.text}" for one in case if one.tag in ("failure", "error"))
        if said:
            failures[case.attrib["name"]] = failures.get(case.attrib["name"], "") + said
        else:
            passed.add(case.attrib["name"])
    written = finished.stdout + finished.stderr + report.read_text("utf-8")
    secrets = frozenset(leaked.read_text().split()) if leaked.exists() else frozenset()
    return Run(finished.returncode, written, failures, frozenset(passed), secrets)


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of tests each of which leaks in its own way, in two workers as `make test` has them."""
    return run(tmp_path_factory.mktemp("leaking"), "-rA", "--numprocesses", "2", str(HERE / "leaks.py"))


def test_every_leak_fails_its_test_and_is_named_by_kind_and_place(leaking: Run) -> None:
    assert leaking.status == pytest.ExitCode.TESTS_FAILED
    assert set(leaking.failures) == set(CAUGHT)
    for name, place in CAUGHT.items():
        assert f"{HIDDEN}{place}" in leaking.failures[name], name


def test_a_test_that_leaks_nothing_passes(leaking: Run) -> None:
    assert "test_clean" in leaking.passed


def test_a_property_test_may_draw_what_stands_in_the_sources(leaking: Run) -> None:
    assert "test_constants_of_our_sources" in leaking.passed


def test_the_report_of_a_leak_shows_no_secret(leaking: Run) -> None:
    assert len(leaking.leaked) > len(CAUGHT) - 5
    assert [secret for secret in leaking.leaked if secret in leaking.written] == []


def test_a_failure_that_shows_a_secret_is_shown_without_it(leaking: Run) -> None:
    assert "== 'another'" in leaking.failures["test_failure_report"]
    assert f"[{ACCESS_KEY_SECRET}]" in leaking.failures["test_failure_report"]


def test_no_id_of_a_test_looks_like_a_secret(request: pytest.FixtureRequest) -> None:
    """An id is printed, by whoever asks for it."""
    known = KnownSecrets()
    assert [item.name for item in request.session.items if known.find(item.nodeid)] == []


# In one process also without capture: there nothing that a test prints is searched, and pytest says so.
@pytest.mark.parametrize("options", [("-s",), ("--numprocesses", "1")], ids=["in one process", "in a worker"])
def test_what_is_written_after_the_last_test_fails_the_session(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    # Given a test that passes, and secrets that are logged and printed after it
    outcome = run(tmp_path, "-p", "tests.secrecy.late_leaks", *options, f"{HERE / 'leaks.py'}::test_clean")

    # Then the session has failed, for both
    assert outcome.passed == {"test_clean"}
    assert outcome.status == pytest.ExitCode.TESTS_FAILED
    assert f"{HIDDEN}{ACCESS_KEY_SECRET} in the log of function late" in outcome.written
    assert f"{HIDDEN}{ACCESS_KEY_SECRET} in what pytest printed: " in outcome.written
    unsearched = "secrecy: with -s, what tests print directly is not searched"
    assert (unsearched in outcome.written) == ("-s" in options)


def test_an_exemption_is_for_one_place_of_one_test_and_may_be_for_one_secret() -> None:
    exemption = Exemption("tests/a.py::test_serve_*", "the output of serve", frozenset({"known"}), "why")
    assert exemption.covers("tests/a.py::test_serve_prints", "the output of serve", "known")
    assert not exemption.covers("tests/a.py::test_invoke", "the output of serve", "known")
    assert not exemption.covers("tests/a.py::test_serve_prints", "the failure report", "known")
    assert not exemption.covers("tests/a.py::test_serve_prints", "the output of serve", "another")


def test_an_exemption_may_be_for_what_hypothesis_draws() -> None:
    exemption = Exemption("*", "*", frozenset({"known"}), "why", drawn=True)
    assert exemption.covers("tests/a.py::test_a", "anywhere", "known", draws=True)
    assert not exemption.covers("tests/a.py::test_a", "anywhere", "another", draws=True)
    assert not exemption.covers("tests/a.py::test_a", "anywhere", "known", draws=False)


def test_every_exemption_names_tests_that_there_are_and_a_reason() -> None:
    for exemption in EXEMPTIONS:
        path, _, name = exemption.test.partition("::")
        assert exemption.drawn or f"def {name.removesuffix('*')}" in (ROOT / path).read_text("utf-8")
        assert exemption.reason
