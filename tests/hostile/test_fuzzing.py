"""The search itself: it finds what is broken, stays within its bounds, and keeps what is worth keeping."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proof.fuzz import corpus, session
from proof.fuzz.__main__ import main
from proof.fuzz.promises import BrokenPromise
from proof.fuzz.targets import NAMES, Target, load
from proof.fuzz.watchdog import Watchdog
from proof.fuzz.xml_reading import NotTags, NotXml, read, read_tags

ROOT = Path(__file__).parent.parent.parent
ENGINE = Path(__file__).parent / "engine.py"


# The watchdog


def test_an_input_that_never_ends_is_interrupted() -> None:
    def forever(data: bytes) -> None:
        while True:
            pass

    with pytest.raises(BrokenPromise, match=r"more than 0\.05 s"):
        Watchdog(seconds=0.05).run(forever, b"")


def test_an_input_that_swallows_the_interruption_is_found_all_the_same() -> None:
    def stubborn(data: bytes) -> None:
        try:
            while True:
                pass
        except AssertionError:
            pass

    with pytest.raises(BrokenPromise, match="0 bytes took"):
        Watchdog(seconds=0.05).run(stubborn, b"")


def test_an_input_that_takes_much_memory_is_found() -> None:
    def large(data: bytes) -> None:
        assert len(b"x" * 64_000_000) == 64_000_000

    # In a new process, whose peak is its own also where the system cannot have it begin anew
    program = "from proof.fuzz.watchdog import Watchdog\nWatchdog(megabytes=8).run({}, b'')\n"
    for body, status in (("lambda data: bytes(1024)", 0), ("lambda data: bytearray(b'x') * 64_000_000", 1)):
        finished = subprocess.run(
            [sys.executable, "-c", program.format(body)], cwd=ROOT, capture_output=True, text=True
        )
        assert finished.returncode == status
        assert ("MiB of memory" in finished.stderr) is bool(status)
    Watchdog(megabytes=1000).run(large, b"")


# The independent reading of XML

PIECES = (
    *(
        "<a>",
        "</a>",
        "<a/>",
        "<b c='d'>",
        "</b>",
        "<b c='<'/>",
        "<b c='&e;'/>",
        "<b c='d'e='f'/>",
        "<b c='d' c='e'/>",
    ),
    *(
        "<!-- f -->",
        "<!-- f -- -->",
        "<!-->",
        "<![CDATA[",
        "]]>",
        "<?g h?>",
        "<?xml version='1.0'?>",
        "<?xml h?>",
        "<?",
    ),
    *("&lt;", "&#65;", "&#x42;", "&#0;", "&#xD800;", "&#x110000;", "&#99999999999;", "&", "&h;"),
    *(
        "\r\n",
        "\r",
        "\x00",
        "\x0b",
        "\uffff",
        "\ufeff",
        " ",
        "i",
        " c='d'",
        ' c = "d"',
        " c=d",
        "<",
        ">",
        "'",
        "<1/>",
    ),
)


@settings(max_examples=300)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=8), inside=st.booleans())
def test_it_reads_what_expat_reads_and_nothing_else(pieces: list[str], inside: bool) -> None:
    text = "".join(pieces)
    document = (f"<a>{text}</a>" if inside else text).encode()
    try:
        expected = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        with pytest.raises(NotXml):
            read(document)
    else:
        assert len(expected) or read(document).text == (expected.text or "")


@pytest.mark.parametrize(
    "document",
    [
        "<Tagging><TagSet><Tug/></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key><Key>b</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key><Value><b/></Value></Tag></TagSet></Tagging>",
        "<Tagging/>",
        "<Other><TagSet/></Other>",
        "<Tagging xmlns='x'><TagSet/></Tagging>",
        "<Tagging><TagSet xmlns='x'/></Tagging>",
    ],
)
def test_xml_that_holds_other_things_than_tags_is_no_tag_set(document: str) -> None:
    with pytest.raises(NotTags):
        read_tags(document.encode())


# A session, with a stand-in for the engine


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for kept inputs and findings."""
    monkeypatch.setattr(corpus, "CORPUS", tmp_path / "corpus")
    monkeypatch.setattr(session, "FINDINGS", tmp_path / "findings")
    monkeypatch.setattr("proof.fuzz.__main__._relative", lambda path: path)
    return tmp_path


@pytest.fixture
def engine(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in under the name of the real one, in this process and in others."""
    (kept / "modules").mkdir()
    shutil.copy(ENGINE, kept / "modules" / "atheris.py")
    monkeypatch.syspath_prepend(str(kept / "modules"))
    monkeypatch.setenv("PYTHONPATH", str(kept / "modules"))


@pytest.mark.usefixtures("engine")
def test_a_run_reports_and_keeps_what_is_new(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "task", "--executions", "20", "--seed", "1"]) == 0
    said = capsys.readouterr().out
    assert "20 executions over 1 targets with atheris, seed 1." in said
    assert "20 executions    20 edges" in said
    assert "0 broken promises" in said
    files = list((kept / "corpus" / "task").iterdir())
    assert f"{len(files)} files kept, {len(files)} of them new" in said

    # A second run begins with them
    assert main(["run", "task", "--executions", "20"]) == 0
    assert f"{len(files)} files kept, 0 of them new" in capsys.readouterr().out
    assert main(["replay", "task"]) == 0
    assert f"{len(files)} inputs" in capsys.readouterr().out


@pytest.mark.usefixtures("engine")
def test_a_broken_promise_is_saved_and_shown_and_ends_the_run_with_1(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENGINE_BREAKS", "1")
    assert main(["run", "task", "naming", "--executions", "40"]) == 1
    said = capsys.readouterr().out
    (finding,) = (kept / "findings" / "task").iterdir()
    assert f"BROKEN PROMISE of task: {finding}" in said
    assert "BrokenPromise: None is the time" in said
    assert "1 broken promises" in said
    # The other target was searched all the same
    assert "naming               20 executions" in said
    # and the finding can be replayed: it is one no longer
    monkeypatch.delenv("ENGINE_BREAKS")
    assert main(["replay", "task", "--input", str(finding)]) == 0
    assert "1 inputs" in capsys.readouterr().out


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("how", "status"), [("ENGINE_DIES", -9), ("ENGINE_ENDS_EARLY", 1)])
def test_an_engine_that_does_not_run_everything_is_no_success(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str, status: int
) -> None:
    monkeypatch.setenv(how, "1")
    assert main(["run", "task", "--executions", "1"]) == 1
    assert f"BROKEN PROMISE of task: no input (exit status {status})" in capsys.readouterr().out


def test_inputs_that_others_make_needless_are_dropped(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.replace("task", [b"2021-12-24T03:00:38Z", b"2022-12-24T03:00:38Z", b"oss://media/a.mp4"])
    assert main(["reduce", "task"]) == 0
    assert "2 of 3 files kept" in capsys.readouterr().out
    assert len(list((kept / "corpus" / "task").iterdir())) == 2


def test_without_the_engine_the_run_says_what_does_without_it(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["run", "--executions", "1"]) == 2
    assert "--engine hypothesis" in capsys.readouterr().err


def test_hypothesis_searches_without_the_engine(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "task", "log", "--executions", "90", "--engine", "hypothesis", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert "task                 80 executions" in said
    assert "log                  10 executions" in said


def test_hypothesis_shows_the_smallest_input_that_breaks_a_promise(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("proof.fuzz.targets.task.parse_time", lambda text: None)
    assert main(["run", "task", "--executions", "300", "--engine", "hypothesis", "--seed", "3"]) == 1
    assert "BROKEN PROMISE of task: BrokenPromise: None is the time" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["run", "tusk"], ["replay", "--input", "x"], ["replay", "task", "log", "--input", "x"]]
)
def test_a_command_that_cannot_be_meant_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="error: "):
        main(arguments)


@pytest.mark.parametrize("name", NAMES)
def test_every_target_says_what_it_promises_and_survives_no_bytes_at_all(name: str) -> None:
    target = load(name)
    assert isinstance(target, Target)
    assert "Promise" in (target.run.__doc__ or "")
    target.run(b"")


# The command, in an environment that knows nothing of this project


def test_the_command_finds_the_function_by_itself() -> None:
    """Given packages alone, as in .venv-fuzz; then targets import the function all the same."""
    run = subprocess.run(
        [sys.executable, "-S", "-m", "proof.fuzz", "replay", "address"],
        cwd=ROOT,
        env={"PYTHONPATH": sysconfig.get_path("purelib")},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("address ")
