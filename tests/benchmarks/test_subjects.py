"""What is measured does what it is said to do, and lies where it cannot be changed."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.checkout import ROOT
from cli.problems import Problem
from layers.target import Host
from proof.benchmarks import cloud_process
from proof.benchmarks.function_process import CallFailed
from proof.benchmarks.measurements import Bench
from proof.benchmarks.region import CHINESE, ENGLISH, OWN_TAGS, Region, ServerCertificate, batch
from proof.benchmarks.subjects import build_parts, prepare, unprotect

VALUES = ["0.95", "0.94", "0.93", "0.92", "0.91", "0.90"]


def test_the_reference_adds_labels_keeps_the_tags_of_others_and_writes_ten_at_most(
    bench: Bench, region: Region
) -> None:
    english, chinese = (
        region.task(key, labels) for key, labels in zip(region.upload(2), (ENGLISH, CHINESE), strict=True)
    )

    many = region.task(region.upload()[0], [*ENGLISH, "lamp", "sofa", "carpet", "cat"])

    with bench.process("reference") as process:
        process.initialize()
        assert process.invoke(many.event) == "OK"
        # One alone, and one in a list.
        assert process.invoke(english.event) == "OK"
        assert process.invoke(batch([chinese])) == "OK"

    labels = {f"imm_{name}": value for name, value in zip(ENGLISH, VALUES, strict=True)}
    assert region.tags(english.key) == {**OWN_TAGS, **labels}
    tags = region.tags(chinese.key)
    assert list(tags.values()) == [*OWN_TAGS.values(), *VALUES]
    assert "imm_5qSF5a2Q" in tags, "椅子 in base64"
    assert len(region.tags(many.key)) == 10
    assert region.tags(many.key).items() >= OWN_TAGS.items()


def test_the_bare_calls_are_as_many_as_the_functions(bench: Bench, region: Region) -> None:
    counts = {}
    for name in ("function", "bare"):
        task = bench.task("ascii")
        event = task.event
        if name == "bare":
            order = {
                "project": "benchmark",
                "bucket": "benchmark-videos",
                "key": task.key,
                "task_id": task.task_id,
                "tags": OWN_TAGS,
            }
            event = json.dumps(order).encode()
        with bench.process(name) as process:
            process.initialize()
            region.forget_calls()
            process.invoke(event)
            counts[name] = len(region.calls())
    assert counts["bare"] == counts["function"] == 5


def test_the_floor_makes_as_many_round_trips_as_the_function(bench: Bench, region: Region) -> None:
    with bench.process("floor") as process:
        process.initialize()
        region.forget_calls()
        assert process.invoke(b"{}") == "OK"
        assert len(region.calls()) == 3


def test_a_call_that_fails_says_why(bench: Bench) -> None:
    with bench.process("reference") as process:
        process.initialize()
        with pytest.raises(CallFailed, match=r"reference: [^$]*JSONDecodeError"):
            process.invoke(b"no JSON")


def test_a_process_that_ends_says_what_it_wrote(bench: Bench) -> None:
    with pytest.raises(CallFailed, match="floor ended"), bench.process("floor", ("--no-such-option",)):
        pass


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What ``layers.build`` leaves, as far as it is looked at."""
    runtime = f"python{Host.running().version}"
    for layer in (runtime, f"{runtime}-complete"):
        bundle = tmp_path / "built" / layer / "python" / "certifi" / "cacert.pem"
        bundle.parent.mkdir(parents=True)
        bundle.write_text("known\n")
    (tmp_path / "built" / f"code-{runtime}").mkdir()
    (tmp_path / "built" / f"code-{runtime}" / "tag_object.py").write_text("answer = 42\n")
    for part, size in ((runtime, 1), (f"{runtime}-complete", 2), (f"code-{runtime}", 3)):
        (tmp_path / "built" / f"{part}.zip").write_bytes(b"x" * size)
    return tmp_path / "built"


def test_subjects_are_copies_that_cannot_be_changed(
    built: Path, tmp_path: Path, certificate: ServerCertificate
) -> None:
    runtime = f"python{Host.running().version}"
    place = tmp_path / "place"
    place.mkdir()

    prepared = prepare(runtime, built, place, certificate.authority)

    assert set(prepared.subjects) == {"function", "reference", "bare", "floor"}
    assert (prepared.sizes.layer, prepared.sizes.complete_layer, prepared.sizes.code) == (1, 2, 3)
    for subject in prepared.subjects.values():
        files = [path for folder in (subject.code, subject.layer) for path in folder.rglob("*")]
        assert files
        assert not [path for path in files if path.stat().st_mode & 0o222]
        # Byte code beside each source, as it is deployed.
        assert len(list(subject.code.rglob("*.py"))) == len(list(subject.code.rglob("*.pyc"))) == 2
        bundle = (subject.layer / "python" / "certifi" / "cacert.pem").read_text()
        assert bundle == "known\n" + certificate.authority.read_text()
    unprotect(place)
    assert not [path for path in place.rglob("*") if path.is_dir() and not os.access(path, os.W_OK)]


def test_a_layer_that_is_not_built_is_named(
    built: Path, tmp_path: Path, certificate: ServerCertificate
) -> None:
    runtime = f"python{Host.running().version}"
    place = tmp_path / "place"
    place.mkdir()
    (built / f"{runtime}-complete").rename(built / "elsewhere")
    with pytest.raises(Problem, match=f"{runtime}-complete is missing"):
        prepare(runtime, built, place, certificate.authority)


def test_code_that_does_not_compile_is_not_measured(
    built: Path, tmp_path: Path, certificate: ServerCertificate
) -> None:
    runtime = f"python{Host.running().version}"
    place = tmp_path / "place"
    place.mkdir()
    (built / f"code-{runtime}" / "tag_object.py").write_text("def\n")
    with pytest.raises(Problem, match="does not compile"):
        prepare(runtime, built, place, certificate.authority)
    unprotect(place)


def test_a_runtime_without_an_interpreter_is_named(
    built: Path, tmp_path: Path, certificate: ServerCertificate
) -> None:
    with pytest.raises(Problem, match=r"no interpreter for python3\.0"):
        prepare("python3.0", built, tmp_path, certificate.authority)


def test_what_is_deployed_is_built_and_so_is_the_complete_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> SimpleNamespace:
        commands.append(command[1:])
        return SimpleNamespace(returncode=len(commands) - 1)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(Problem, match="--complete --part layer failed"):
        build_parts("python3.12")
    build = ["-m", "layers.build", "--runtime", "python3.12"]
    assert commands == [build, [*build, "--complete", "--part", "layer"]]

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    assert build_parts("python3.12") == ROOT / "layers" / "build"


def test_a_cloud_that_does_not_start_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"), Region(tmp_path / "missing.pem"):
        pass


def test_the_cloud_ends_with_its_input(
    certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    cloud_process.main(str(certificate.server))
    places = json.loads(capsys.readouterr().out)
    assert {name: place.partition(":")[0] for name, place in places.items()} == {
        "oss": "https",
        "imm": "https",
        "control": "http",
        "plain_oss": "http",
    }
