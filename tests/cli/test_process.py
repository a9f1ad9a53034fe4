"""The command on machines that are not as its author's: one clear line, and never a traceback."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.process import ESCAPE, EndedBySignal, EndOnSignal, what_failed
from tests.command_process import command_line, environment, run_command, started

ROOT = Path(__file__).parent.parent.parent
DEAD_PROXY = dict.fromkeys(
    ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
)
REAL_KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-of-a-user",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "of-a-user",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "of-a-user",
    "OSS_ENDPOINT": "https://192.0.2.1",
    "IMM_ENDPOINT": "192.0.2.1",
    "MNS_ENDPOINT": "https://192.0.2.1",
    "FC_ENDPOINT": "https://192.0.2.1",
}
MACHINES = {
    "a container without HOME and TMPDIR that shows ASCII": {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    "a developer's, in Canada": {
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "2",
        "TZ": "America/St_Johns",
        "COLUMNS": "60",
    },
    "one with a dead proxy and real keys": {**DEAD_PROXY, **REAL_KEYS, "DEBUG": "sdk"},
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_demo_is_verified_on_every_machine(machine: str) -> None:
    finished = run_command("demo", env=environment(**MACHINES[machine]))
    assert finished.returncode == 0, finished.stderr.decode()
    assert finished.stderr == b""
    assert b"Every step was verified." in finished.stdout
    # 宜家.mp4
    assert (rb"videos/\u5b9c\u5bb6.mp4" in finished.stdout) == ("ASCII" in machine)


@pytest.mark.parametrize("text", ["宜家 é", "\U0001f3a5", "\ud800"])
def test_an_escaped_document_is_the_same_document(text: str) -> None:
    document = json.dumps({text: text}, ensure_ascii=False)
    assert json.loads(document.encode("ascii", ESCAPE)) == {text: text}


def test_escaping_is_for_writing_only() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", ESCAPE)


@pytest.mark.parametrize("command", [("demo",), ("check-deploy",), ("--help",), ("failed", "--help")])
def test_a_reader_that_has_seen_enough_is_no_error(command: tuple[str, ...]) -> None:
    reader = [sys.executable, "-c", "import sys; sys.stdin.readline()"]
    with (
        subprocess.Popen(
            command_line(*command), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as writer,
        subprocess.Popen(reader, stdin=writer.stdout),
    ):
        assert writer.stdout is not None
        writer.stdout.close()
        _, errors = writer.communicate()
    assert errors == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda one: one.name)
def test_a_demo_that_is_ended_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    # Given a demo whose function runs
    with started("demo", env=environment(TMPDIR=str(tmp_path))) as process:
        assert process.stdout is not None
        while "the function ran" not in (line := process.stdout.readline()):
            assert line
        assert list(tmp_path.iterdir())
        # When it is ended
        process.send_signal(number)
        _, errors = process.communicate()
    # Then one line says so, and no file is left
    assert errors.strip() == ("Interrupted." if number is signal.SIGINT else f"Ended by {number.name}.")
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_so_is_one_that_has_hardly_begun() -> None:
    # Given Ctrl-C while the command's modules are being imported
    press = "import os, signal, threading; import cli.process as p; run = p.run\n"
    press += "p.run = lambda command: run(lambda: (os.kill(os.getpid(), signal.SIGINT), command()))"
    with started("demo", env=environment(), before=press) as process:
        output, errors = process.communicate()
    assert (process.returncode, output, errors.strip()) == (130, "", "Interrupted.")


def test_one_request_that_comes_twice_does_not_end_the_cleaning_up() -> None:
    end = EndOnSignal()
    with pytest.raises(EndedBySignal) as caught:
        end(signal.SIGTERM, None)
    end(signal.SIGTERM, None)
    assert caught.value.status == 143


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "/a/b"), "/a/b: No such file or directory."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (OSError("The path can't be read."), "The path can't be read."),
    ],
)
def test_what_the_system_refuses_is_said_with_the_file_that_it_is_about(error: OSError, said: str) -> None:
    assert what_failed(error) == said


def test_a_machine_that_is_in_the_way_is_told_in_one_line(tmp_path: Path) -> None:
    # Given a place for the state in which nothing can be made
    (tmp_path / "file").touch()
    finished = run_command(
        "serve", "--port", "0", "--directory", str(tmp_path / "file" / "state"), env=environment()
    )
    assert finished.returncode == 2
    (line,) = finished.stderr.decode().splitlines()
    assert "Not a directory" in line


def test_a_path_that_the_locale_cannot_show_is_told_in_one_line(tmp_path: Path) -> None:
    # Given a checkout in a directory with a Chinese name, and an environment that insists on ASCII
    checkout = tmp_path / "视频 库"
    shutil.copytree(ROOT / "cli", checkout / "cli")
    code = "import sys; sys.path.insert(0, sys.argv.pop()); from cli.process import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", code, str(checkout)],
        env=environment(LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0"),
        capture_output=True,
        check=False,
    )
    # Then the command says what to set
    assert finished.returncode == 2
    (line,) = finished.stderr.decode().splitlines()
    assert "Set LC_ALL=C.UTF-8" in line
