"""The search itself: it finds what is broken, stays within its bounds, and keeps what is worth keeping."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from proof.fuzz import corpus, environment, guided, session, undirected
from proof.fuzz.__main__ import main
from proof.fuzz.choices import Choices
from proof.fuzz.promises import BrokenPromise, require_message
from proof.fuzz.reach import Reach
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


def test_where_the_system_shows_no_status_the_peak_is_that_of_the_whole_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proof.fuzz.watchdog._STATUS", tmp_path / "nothing")
    monkeypatch.setattr("proof.fuzz.watchdog._CLEAR", tmp_path / "nowhere" / "nothing")
    with pytest.raises(BrokenPromise, match="MiB of memory"):
        Watchdog(megabytes=-1).run(lambda data: None, b"")


def test_what_a_target_raises_is_raised() -> None:
    def broken(data: bytes) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Watchdog().run(broken, b"")


# What targets are given


def test_the_same_bytes_are_the_same_choices_and_used_up_ones_are_zero() -> None:
    def read_all(data: bytes) -> list[object]:
        choices = Choices(data)
        return [
            choices.byte(),
            choices.number(2),
            choices.below(10),
            choices.flag(),
            choices.pick("abc"),
            *(choices.text() for _ in range(6)),
            choices.rest(),
            choices.exhausted,
        ]

    data = bytes(range(1, 200))
    assert read_all(data) == read_all(data)
    assert read_all(data)[:5] == [1, 0x0203, 4, True, "a"]
    assert read_all(b"") == [0, 0, 0, False, "a", "", "", "", "", "", "", b"", True]


def test_texts_are_of_every_kind_and_bounded() -> None:
    texts = [Choices(bytes([head, *range(250)])).text() for head in range(256)]
    assert max(map(len, texts)) > 500
    assert max(map(len, texts)) <= 2000
    assert any(not text.isascii() for text in texts)
    assert any(not text.isprintable() for text in texts)


@pytest.mark.parametrize("message", ["", "a\nb", "x" * 500])
def test_a_message_that_is_empty_long_or_of_several_lines_breaks_a_promise(message: str) -> None:
    with pytest.raises(BrokenPromise, match="short"):
        require_message(message, "A refusal is short")


# The independent reading of XML


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("<a/>", ""),
        ("<a></a >", ""),
        ("<a>b</a>", "b"),
        ("<a b='c' d = \"e\">f<!-- g --><?h i?><![CDATA[<j>]]>k</a>", "f<j>k"),
        ("<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#0000067;</a>", "<>&\"'ABC"),
        ("<a>b\r\nc\rd&#13;</a>", "b\nc\nd\r"),
        ("\ufeff<?xml version='1.0'?>\n<!-- b --><?c?>\n<a>d</a>\n<!-- e -->", "d"),
        ('<?xml version="1.0" encoding="UTF-8" standalone="yes" ?><a>b</a>', "b"),
        ("<a>]] ></a>", "]] >"),
    ],
)
def test_a_document_is_read(document: str, text: str) -> None:
    assert read(document.encode()).text == text


@pytest.mark.parametrize(
    "document",
    [
        "",
        " ",
        "a",
        "<a>",
        "<a><b></a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>b",
        "<a b/>",
        "<a b=c/>",
        "<a b='c/>",
        "<a b='<'/>",
        "<a b='&c;'/>",
        "<a b='c'd='e'/>",
        "<a b='c' b='d'/>",
        "<1/>",
        "<a:b:c/>",
        "<a>&</a>",
        "<a>&b;</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#x110000;</a>",
        "<a>&#99999999999;</a>",
        "<a>]]></a>",
        "<a><![CDATA[</a>",
        "<![CDATA[a]]>",
        "<a><!-- b -- c --></a>",
        "<a><!-- b ---></a>",
        "<a><!--></a>",
        "<a><?xml b?></a>",
        "<a><? b?></a>",
        "<a><?b:c?></a>",
        "<a><?b",
        "<a><?b+?></a>",
        "<a",
        "<a ",
        "<a>b",
        "<!DOCTYPE a><a/>",
        "<a>\x00</a>",
        "<a>\x0b</a>",
        "<a>\uffff</a>",
        " <?xml version='1.0'?><a/>",
    ],
)
def test_what_is_no_xml_is_not_read(document: str) -> None:
    with pytest.raises(NotXml):
        read(document.encode())


def test_what_is_no_utf8_is_not_read() -> None:
    with pytest.raises(NotXml, match="UTF-8"):
        read(b"<a>\xff</a>")


@pytest.mark.parametrize(
    "inside",
    [
        "<Tug/>",
        "<Tag/>",
        "<Tag><Key>a</Key></Tag>",
        "<Tag><Key>a</Key><Key>b</Key></Tag>",
        "<Tag><Key>a</Key><Value><b/></Value></Tag>",
    ],
)
def test_xml_that_holds_other_things_than_tags_is_no_tag_set(inside: str) -> None:
    with pytest.raises(NotTags):
        read_tags(f"<Tagging><TagSet>{inside}</TagSet></Tagging>".encode())


@pytest.mark.parametrize(
    "document",
    [
        "<Tagging/>",
        "<Other><TagSet/></Other>",
        "<Tagging xmlns='x'><TagSet/></Tagging>",
        "<Tagging><TagSet xmlns='x'/></Tagging>",
    ],
)
def test_xml_of_another_kind_is_no_tag_set(document: str) -> None:
    with pytest.raises(NotTags):
        read_tags(document.encode())


def test_a_document_in_no_namespace_is_a_tag_set() -> None:
    assert read_tags(b"<Tagging xmlns='' xmlns:a='b'><TagSet/></Tagging>") == []


# What an input reaches, and which inputs are kept


def test_inputs_that_reach_nothing_of_their_own_are_not_kept() -> None:
    target = load("task")
    first = b"2021-12-24T03:00:38Z"
    chosen = corpus.chosen(target, [first], [first, b"2022-12-24T03:00:38Z", b"oss://media/a.mp4", b""])
    assert chosen[0] == first
    assert b"oss://media/a.mp4" in chosen
    assert b"2022-12-24T03:00:38Z" not in chosen


def test_inputs_that_are_too_large_are_not_kept() -> None:
    assert corpus.chosen(load("task"), [], [b"x" * (corpus.MOST_BYTES + 1)]) == []


def test_the_lines_that_inputs_reach_are_counted() -> None:
    reach = Reach(load("task"))
    few, there = reach.lines([b"2021-12-24T03:00:38Z"])
    many, _ = reach.lines([b"2021-12-24T03:00:38Z", b'{"uri": "oss://media/a.mp4"}'])
    assert 0 < few < many <= there


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
def test_executions_are_divided_by_the_targets_shares(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, int] = {}

    def search(name: str, executions: int, seed: int) -> session.Search:
        asked[name] = executions
        return session.Search(name, executions, 1, (1, 2), 0.0, b"", 0, 0, 0, None, "")

    monkeypatch.setattr(session, "search", search)
    assert main(["run", "--executions", "1000000"]) == 0
    assert list(asked) == list(NAMES)
    assert 1_000_000 <= sum(asked.values()) < 1_000_100
    assert asked["log"] < asked["address"] < asked["notification"]
    assert f"{sum(asked.values())} executions in" in capsys.readouterr().out


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


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("breaks", [False, True])
def test_the_process_of_a_target_writes_its_report(
    kept: Path, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    # Given the process's own code, in this process
    ended: list[int] = []

    def end(status: int) -> None:
        ended.append(status)
        raise SystemExit(status)

    monkeypatch.setattr("os._exit", end)
    target = load("task")
    if breaks:
        monkeypatch.setattr("proof.fuzz.targets.task.parse_time", lambda text: 1)
    report, found = kept / "report.json", kept / "found"
    found.mkdir()
    (kept / "given").mkdir()
    (kept / "given" / "a").write_bytes(b"2021-12-24T03:00:38Z")

    # When it runs
    with suppress(SystemExit):
        guided.main(["task", "5", str(report), f"-artifact_prefix={kept}/", str(found), str(kept / "given")])

    # Then it says how far it got
    assert ended[0] == (77 if breaks else 0)
    said = json.loads(report.read_text())
    assert said["executions"] == (1 if breaks else 5)
    assert bool(said["slowest"]) is not breaks
    assert target is load("task")


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


def test_made_up_inputs_begin_with_kept_ones() -> None:
    assert undirected._replaced(b"abcdef", 1, 2, b"X") == b"aXdef"
    assert undirected._replaced(b"abc", 7, 2, b"X") == b"abcX"


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


# The environment of the engine


class Missing(Exception):
    pass


class Environments:
    """What makes environments, without making any."""

    Missing = Missing

    def __init__(self, fails: bool = False) -> None:
        self.done: list[str] = []
        self._fails = fails

    def primary_interpreter(self) -> SimpleNamespace:
        return SimpleNamespace(version="3.12", path=sys.executable)

    def renew(
        self, folder: Path, interpreter: object, files: tuple[str, ...], fill: Callable[[Path], None]
    ) -> None:
        if self._fails:
            raise Missing("`venv` failed, see above.")
        folder.mkdir()
        self.files = files
        fill(folder / "bin" / "python")

    def install(self, python: Path, *arguments: str) -> None:
        assert "--require-hashes" in arguments
        self.done.extend(argument for argument in arguments if argument.endswith(".txt"))


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Decides whether pip finds a wheel."""

    def decide(status: int) -> None:
        finished: subprocess.CompletedProcess[str] = subprocess.CompletedProcess([], status)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: finished)

    return decide


def test_the_environment_is_made_of_locked_requirements_and_of_nothing_else(
    tmp_path: Path, wheel: Callable[[int], None]
) -> None:
    wheel(0)
    environments = Environments()
    assert environment.main(tmp_path / ".venv-fuzz", environments) == 0
    locks = ("requirements/build.txt", "layers/requirements.txt", "requirements/fuzz.txt")
    assert (tuple(environments.done), environments.files) == (locks, locks)


def test_a_python_without_a_release_of_the_engine_is_told_what_does_without_it(
    tmp_path: Path, wheel: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    wheel(1)
    assert environment.main(tmp_path / ".venv-fuzz", Environments()) == 2
    assert environment.INSTEAD in capsys.readouterr().out


def test_an_environment_that_cannot_be_made_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert environment.main(tmp_path / ".venv-fuzz", Environments(fails=True)) == 2
    assert "see above" in capsys.readouterr().err


def test_the_engine_is_locked_with_hashes_and_no_address() -> None:
    text = (ROOT / "requirements" / "fuzz.txt").read_text()
    assert "atheris==" in text
    assert "--hash=sha256:" in text
    assert "//" not in text
