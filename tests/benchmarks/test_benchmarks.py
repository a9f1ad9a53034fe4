"""The benchmark measures what it says, and its page shows what was measured; no figure is judged here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.checkout import ROOT
from cli.problems import Problem
from layers.target import Host
from proof.benchmarks import __main__ as command
from proof.benchmarks import document, measurements, subjects
from proof.benchmarks.__main__ import main, measure
from proof.benchmarks.cost import dollars, smallest_memory
from proof.benchmarks.document import Target
from proof.benchmarks.figures import critical_path, spread
from proof.benchmarks.function_process import CallFailed
from proof.benchmarks.measurements import Bench
from proof.benchmarks.region import (
    CHINESE,
    ENGLISH,
    OWN_TAGS,
    Region,
    ServerCertificate,
    batch,
    running_region,
)
from proof.benchmarks.subjects import Runtime, prepare, unprotect

VALUES = ["0.95", "0.94", "0.93", "0.92", "0.91", "0.90"]
RUNTIME = f"python{Host.running().version}"


# The page


def test_the_documents_show_the_results_that_are_kept() -> None:
    for path, text in document.rendered(document.read_results(ROOT), ROOT).items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path}: run `python -m proof.benchmarks --render`"


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (Target("a", 0.40, 0.40), "reached"),
        (Target("a", 0.41, 0.40), "**MISSED**"),
        (Target("a", 0.34, 0.40, 0.33), "reached, goal MISSED"),
        (Target("a", 0.33, 0.40, 0.33), "goal reached"),
        (Target("a", 8.0, 8, at_least=True), "reached"),
        (Target("a", 7.9, 8, at_least=True), "**MISSED**"),
    ],
)
def test_a_target_is_a_limit_from_the_right_side(target: Target, verdict: str) -> None:
    assert target.verdict == verdict


def test_the_price_is_that_of_the_readme() -> None:
    # 1,000 notifications of 0.3 s with half a vCPU and 512 MB: 7.5 + 150 + 22.5 CU at USD 0.000020.
    assert 1000 * dollars(0.3, 0.5, 512) == pytest.approx(180 * 0.000020)
    assert [smallest_memory(resident) for resident in (10, 102.4, 102.5)] == [128, 128, 192]


def test_import_times_are_added_up_by_package() -> None:
    output = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1500 |       1500 |   requests.api\n"
        "import time:       500 |       2000 | requests\n"
        "import time:      1000 |       1000 |     json.decoder\n"
        "import time:      3000 |       3000 | imm_label_tags.log\n"
        "a line of the function's own\n"
    )
    assert measurements.import_times(output) == {
        "own code": 3.0,
        "requests": 2.0,
        "standard library": 1.0,
    }


def test_a_spread_is_the_median_between_the_quartiles_in_four_digits() -> None:
    found = spread([5.0, 1.0, 2.0, 4.0, 3.0])
    assert found == {"median": 3.0, "lower_quartile": 2.0, "upper_quartile": 4.0, "samples": 5}
    assert spread([1234.56])["median"] == 1235.0


@pytest.mark.parametrize(
    ("calls", "rounds"),
    [
        ([], 0),
        ([(0.0, 1.0), (1.0, 2.0), (2.5, 3.0)], 3),
        ([(0.0, 1.0), (0.1, 1.2), (1.3, 2.0), (1.4, 2.5), (2.6, 3.0)], 3),
        ([(0.0, 5.0), (1.0, 2.0), (3.0, 4.0)], 2),
    ],
)
def test_calls_that_overlap_are_one_round_trip(calls: list[tuple[float, float]], rounds: int) -> None:
    assert critical_path(calls) == rounds


# A run


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"MANY": 3, "BATCH": 3, "REFERENCE_BATCH": 2, "_WARM_UP": 1, "_WARM_NOTIFICATIONS": 2}
    for name, size in sizes.items():
        monkeypatch.setattr(measurements, name, size)


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, runtime: Runtime, region: Region, tmp_path: Path, few: None
) -> None:
    """The command measures what is prepared here, and writes into a checkout of the test's own."""

    @contextmanager
    def running(_: Path) -> Iterator[Region]:
        yield region

    monkeypatch.setattr(subjects, "build_parts", lambda _: tmp_path)
    monkeypatch.setattr(subjects, "prepare", lambda *_: runtime)
    monkeypatch.setattr(command, "running_region", running)
    monkeypatch.setattr(command, "SMALLEST_RUNS", 1)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    for path in (*document.BLOCKS, document.RESULTS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text("utf-8"))


def test_a_whole_run_verifies_what_it_measures_and_writes_results_and_documents(
    here: None, tmp_path: Path
) -> None:
    outcome = CliRunner().invoke(main, ["--runs", "2", "--python", RUNTIME.removeprefix("python")])
    assert outcome.exit_code == 0, outcome.output
    results = json.loads((tmp_path / document.RESULTS).read_text())
    measured = results["runtimes"][RUNTIME]
    # With a delay the shape of the calls does not depend on the machine.
    assert measured["warm"]["calls"] == {"function": 5, "unchanged": 4, "reference": 4}
    assert measured["warm"]["round_trips"]["reference"] == 4
    assert measured["batch"]["notifications"] == {"function": 3, "reference": 2}
    assert measured["imports"]["function"].keys() >= {"standard library", "own code", "requests"}
    assert "alibabacloud_imm20200930" in measured["imports"]["reference"]
    for path, text in document.rendered(results, ROOT).items():
        assert (tmp_path / path).read_text("utf-8") == text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert lines
    assert all("nan" not in line for line in lines)


def test_a_part_of_a_run_is_shown_and_writes_nothing(here: None, tmp_path: Path) -> None:
    before = (tmp_path / document.RESULTS).read_text()
    outcome = CliRunner().invoke(main, ["--runs", "2", "--python", "3.12", "--only", "memory"])
    assert outcome.exit_code == 0, outcome.output
    assert '"notifications": 3' in outcome.output
    assert (tmp_path / document.RESULTS).read_text() == before


def test_every_runtime_with_an_interpreter_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noted(runtime: str, *_: object) -> dict[str, Any]:
        asked.append(runtime)
        return {}

    monkeypatch.setattr(command, "measure", noted)
    monkeypatch.setattr(command, "find_interpreter", lambda version, _: version == "3.10" or None)
    assert CliRunner().invoke(main, ["--only", "cold"]).exit_code == 0
    assert asked == ["python3.10"]
    monkeypatch.setattr(command, "find_interpreter", lambda *_: None)
    assert "no interpreter of any of python3.12, python3.10" in CliRunner().invoke(main, []).output


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    outcome = CliRunner().invoke(main, [])
    assert outcome.exit_code == 2
    assert "needs Linux" in outcome.output


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [("LABEL_LIMIT", "1", "function left the tags"), ("ALLOWED_OBJECTS", "elsewhere/*", "not_allowed")],
)
def test_a_function_that_does_something_else_is_not_measured(
    bench: Bench, variable: str, value: str, said: str
) -> None:
    declared = replace(bench.declared, environment={**bench.declared.environment, variable: value})
    with pytest.raises(CallFailed, match=said):
        measurements.cold(replace(bench, declared=declared))


def test_each_run_begins_with_another_subject(bench: Bench) -> None:
    turns = replace(bench, runs=3).turns(("one", "two"))
    assert list(turns) == ["one", "two", "two", "one", "one", "two"]


# The subjects


def test_the_reference_adds_labels_keeps_the_tags_of_others_and_writes_ten_at_most(
    bench: Bench, region: Region
) -> None:
    english, chinese = (
        region.task(key, labels) for key, labels in zip(region.upload(2), (ENGLISH, CHINESE), strict=True)
    )
    many = region.task(region.upload()[0], [*ENGLISH, "lamp", "sofa", "carpet", "cat"])
    with bench.process("reference") as process:
        process.initialize()
        # One alone, and one in a list.
        for event in (many.event, english.event, batch([chinese])):
            assert process.invoke(event) == "OK"
        with pytest.raises(CallFailed, match=r"reference: [^$]*JSONDecodeError"):
            process.invoke(b"no JSON")
    labels = {f"imm_{name}": value for name, value in zip(ENGLISH, VALUES, strict=True)}
    assert region.tags(english.key) == {**OWN_TAGS, **labels}
    tags = region.tags(chinese.key)
    assert list(tags.values()) == [*OWN_TAGS.values(), *VALUES]
    assert "imm_5qSF5a2Q" in tags, "椅子 in base64"
    assert len(region.tags(many.key)) == 10
    assert region.tags(many.key).items() >= OWN_TAGS.items()


@pytest.mark.parametrize(("name", "calls"), [("function", 5), ("bare", 5), ("floor", 3)])
def test_a_subject_makes_as_many_calls_as_it_is_said_to(
    bench: Bench, region: Region, name: str, calls: int
) -> None:
    event = measurements._event(name, bench.task("ascii"))
    with bench.process(name) as process:
        process.initialize()
        region.forget_calls()
        process.invoke(event)
        assert len(region.calls()) == calls


def test_a_process_that_ends_says_what_it_wrote(bench: Bench) -> None:
    with pytest.raises(CallFailed, match="floor ended"), bench.process("floor", ("--no-such-option",)):
        pass


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What ``layers.build`` leaves, as far as it is looked at."""
    for layer in (RUNTIME, f"{RUNTIME}-complete"):
        bundle = tmp_path / "built" / layer / "python" / "certifi" / "cacert.pem"
        bundle.parent.mkdir(parents=True)
        bundle.write_text("known\n")
    (tmp_path / "built" / f"code-{RUNTIME}").mkdir()
    (tmp_path / "built" / f"code-{RUNTIME}" / "tag_object.py").write_text("answer = 42\n")
    for part, size in ((RUNTIME, 1), (f"{RUNTIME}-complete", 2), (f"code-{RUNTIME}", 3)):
        (tmp_path / "built" / f"{part}.zip").write_bytes(b"x" * size)
    (tmp_path / "place").mkdir()
    return tmp_path / "built"


def test_subjects_are_copies_that_cannot_be_changed(built: Path, certificate: ServerCertificate) -> None:
    place = built.parent / "place"
    prepared = prepare(RUNTIME, built, place, certificate.authority)
    assert set(prepared.subjects) == {"function", "reference", "bare", "floor"}
    assert (prepared.layer_bytes, prepared.code_bytes) == ({"function": 1, "reference": 2}, 3)
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


def test_what_cannot_be_measured_is_named(built: Path, certificate: ServerCertificate) -> None:
    def refusal(runtime: str) -> str:
        with pytest.raises(Problem) as raised:
            prepare(runtime, built, built.parent / "place", certificate.authority)
        return str(raised.value)

    assert "no interpreter for python3.0" in refusal("python3.0")
    (built / f"code-{RUNTIME}" / "tag_object.py").write_text("def\n")
    assert "does not compile" in refusal(RUNTIME)
    unprotect(built.parent / "place")
    (built / RUNTIME).rename(built / "elsewhere")
    assert f"{RUNTIME} is missing" in refusal(RUNTIME)


def test_what_is_not_built_is_not_measured() -> None:
    with pytest.raises(Problem, match=r"-m layers.build --runtime python3.0 failed"):
        measure("python3.0", 2, ("cold",))


def test_a_cloud_that_does_not_start_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"), running_region(tmp_path / "missing.pem"):
        pass
