"""The rehearsal tells what does not end as it should; that it ends well is in test_deployable.py."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

import keep_failed
import tag_object
from cli.checkout import ROOT
from layers import rehearsal
from layers.rehearsal import USUAL, Answer, imm_error

FUNCTIONS = ROOT / "functions"


def rehearse(monkeypatch: pytest.MonkeyPatch, **answers: Answer) -> int:
    """Rehearse here, with other answers than the usual ones; returns the exit status."""
    for name in (*rehearsal.ENVIRONMENT, "IMM_ENDPOINT", "OSS_ENDPOINT"):
        # Set here, they are as before when the test has ended.
        monkeypatch.setenv(name, "")
    for module in (keep_failed, tag_object):
        monkeypatch.setattr(module._function, "instance", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    usual: Mapping[str, Answer] = {**USUAL, **answers}
    monkeypatch.setattr(rehearsal, "USUAL", usual)
    return rehearsal.main(str(FUNCTIONS), str(FUNCTIONS))


def test_scenes_that_end_otherwise_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given an object without tags of others; when IMM knows no labels, then nothing ends as it should."""
    empty = Answer(
        200, USUAL["GetVideoLabelClassificationResult"].body.replace("LabelName", "Name"), "a/json"
    )
    assert rehearse(monkeypatch, GetVideoLabelClassificationResult=empty) == 1
    said = capsys.readouterr().err
    assert said.startswith("a notification ended as {")


def test_warnings_of_the_function_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Above all the one that the SDKs had to be imported whole."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert rehearse(monkeypatch) == 1
    assert capsys.readouterr().err.startswith("The variable HTTP_PROXY is not obeyed")


def test_an_error_in_place_of_an_end_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = rehearsal.Scene("GetTask", imm_error(403, "NoPermission"), "tagged")
    monkeypatch.setattr(rehearsal, "SCENES", (scene,))
    assert rehearse(monkeypatch) == 1
    said = capsys.readouterr().err
    assert said.startswith("HTTP 403 to GetTask should end as tagged, but ended as AccessDenied: IMM GetTask")
