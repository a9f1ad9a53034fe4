"""The search for secrets finds them in every channel, and does not show them itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.secrecy.exemptions import EXEMPTIONS
from tests.secrecy.known import ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN, SIGNATURE, KnownSecrets

ROOT = Path(__file__).parent.parent.parent
HIDDEN = "A secret appears where it must not (hidden here): "
CAUGHT = {
    "test_output": f"{ACCESS_KEY_SECRET} in Captured stdout call",
    "test_property": f"{ACCESS_KEY_SECRET} in Captured stdout call",
    "test_log": f"{ACCESS_KEY_ID} in Captured log call",
    "test_captured": f"{SECURITY_TOKEN} in what a test captured of stderr",
    "test_failure_report": f"{ACCESS_KEY_SECRET} in the failure report",
    "test_teardown": f"{ACCESS_KEY_SECRET} in Captured stdout teardown",
    "test_function[True]": f"{ACCESS_KEY_ID} in the error of tag_object.handler",
    "test_function[False]": f"{ACCESS_KEY_ID} in the answer of tag_object.handler",
    "test_function_log": f"{SECURITY_TOKEN} in the log of function index",
    "test_function_answer": f"{ACCESS_KEY_SECRET} in the answer of an invocation",
    "test_failure_record": f"{SECURITY_TOKEN} in the record of an asynchronous invocation",
    "test_stored_document": f"{ACCESS_KEY_SECRET} in the body of PUT /",
    "test_command[output]": f"{ACCESS_KEY_SECRET} in the output of command",
    "test_command[error]": f"{ACCESS_KEY_SECRET} in the error of command",
    "test_process": f"{ACCESS_KEY_SECRET} in the output of a process",
    "test_presigned_address": f"{SIGNATURE} in Captured stdout call",
    "test_signed_header": f"{SIGNATURE} in Captured stdout call",
}


def test_every_leak_fails_its_test_is_named_by_kind_and_place_and_not_shown(tmp_path: Path) -> None:
    # Given a run of tests each of which leaks in its own way, or not at all
    report, leaked = tmp_path / "report.xml", tmp_path / "leaked"
    options = ("-p", "no:cacheprovider", f"--junitxml={report}", "-rA", "--numprocesses", "0")
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(Path(__file__).with_name("leaks.py"))],
        cwd=ROOT,
        env={**os.environ, "SECRECY_LEAKED": str(leaked)},
        capture_output=True,
        text=True,
        check=False,
    )

    # Then those that leak fail, and no others
    said: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        faults = [one for one in case if one.tag in ("failure", "error")]
        text = "".join(f"{one.get('message')}\n{one.text}" for one in faults)
        said[case.attrib["name"]] = said.get(case.attrib["name"], "") + text
    assert {name for name, text in said.items() if text} == set(CAUGHT)
    assert "test_clean" in said
    for name, place in CAUGHT.items():
        assert f"{HIDDEN}{place}" in said[name], name
    assert f"[{ACCESS_KEY_SECRET}]" in said["test_failure_report"]

    # And none of their secrets is in what pytest wrote
    secrets = set(leaked.read_text().split())
    assert len(secrets) >= len(CAUGHT)
    written = finished.stdout + finished.stderr + report.read_text("utf-8")
    assert [secret for secret in secrets if secret in written] == []


def test_no_id_of_a_test_looks_like_a_secret(request: pytest.FixtureRequest) -> None:
    """An id is printed, by whoever asks for it."""
    known = KnownSecrets()
    assert [item.name for item in request.session.items if known.find(item.nodeid)] == []


def test_every_exemption_names_tests_that_there_are_and_a_reason() -> None:
    for exemption in EXEMPTIONS:
        path, _, name = exemption.test.partition("::")
        assert exemption.drawn or f"def {name.removesuffix('*')}" in (ROOT / path).read_text("utf-8")
        assert exemption.reason
