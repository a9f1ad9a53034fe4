"""A run over several targets: each in a process of its own, and what all of them found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from proof.fuzz import corpus
from proof.fuzz.guided import Report
from proof.fuzz.reach import Reach
from proof.fuzz.targets import Target, load

ROOT = corpus.ROOT.parent.parent
FINDINGS = corpus.ROOT / "findings"

# The watchdog interrupts what takes too long; this ends what cannot be interrupted.
HANG_SECONDS = 30
MOST_MEGABYTES = 2048

_COVERAGE = re.compile(r"cov: (\d+)")


@dataclass(frozen=True)
class Search:
    """What one target's search came to. ``edges`` is libFuzzer's count of covered branches.

    ``status`` is the engine's exit status: anything but 0 is a broken promise. ``finding`` is the file with
    the input that did it, where the engine could write it; ``said`` is what the engine said of that.
    """

    target: str
    executions: int
    edges: int
    lines: tuple[int, int]
    slowest_seconds: float
    slowest: bytes
    new_files: int
    kept_files: int
    status: int
    finding: Path | None
    said: str


def search(name: str, executions: int, seed: int) -> Search:
    """Search one target with so many executions, beginning with its kept inputs; keeps what is new."""
    target = load(name)
    kept = corpus.inputs(corpus.directory(name))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        work = Path(temporary)
        (work / "found").mkdir()
        _seed(work / "kept", [*kept, *target.seeds])
        (work / "words").write_text(_dictionary(target))
        status, said = _engine(name, executions, seed, work)
        report = _report(work / "report.json")
        # An engine that ends early has not shown anything.
        status = status or int(report.executions < executions)
        found = corpus.inputs(work / "found")
        finding = _finding(name, work) if status else None
    chosen = corpus.chosen(target, kept, [*target.seeds, *found]) if status == 0 else kept
    new_files = corpus.replace(name, chosen)
    covered = [int(count) for count in _COVERAGE.findall(said)]
    return Search(
        target=name,
        executions=report.executions,
        edges=max(covered, default=0),
        lines=Reach(target).lines(chosen),
        slowest_seconds=report.slowest_seconds,
        slowest=bytes.fromhex(report.slowest),
        new_files=new_files,
        kept_files=len(corpus.inputs(corpus.directory(name))),
        status=status,
        finding=finding,
        said=said if status else "",
    )


def _engine(name: str, executions: int, seed: int, work: Path) -> tuple[int, str]:
    options = [
        f"-seed={seed}",
        f"-artifact_prefix={work}/finding-",
        f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={MOST_MEGABYTES}",
        f"-max_len={corpus.MOST_BYTES}",
        # Many reports of inputs that got smaller by a byte tell nobody anything.
        "-verbosity=1",
        "-print_final_stats=0",
    ]
    paths = [str(ROOT), str(ROOT / "functions"), os.environ.get("PYTHONPATH", "")]
    if (work / "words").stat().st_size:
        options.append(f"-dict={work / 'words'}")
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "proof.fuzz.guided",
            name,
            str(executions),
            str(work / "report.json"),
            *options,
            str(work / "found"),
            str(work / "kept"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return finished.returncode, finished.stdout


def _seed(folder: Path, inputs: list[bytes]) -> None:
    folder.mkdir()
    for data in inputs:
        (folder / corpus.file_name(data)).write_bytes(data)


def _dictionary(target: Target) -> str:
    """A target's words in libFuzzer's form."""
    words = ("".join(rf"\x{byte:02x}" for byte in word) for word in target.words)
    return "".join(f'"{word}"\n' for word in words)


def _report(path: Path) -> Report:
    # A process that was ended from outside has written none.
    return Report(**json.loads(path.read_text())) if path.exists() else Report(0, 0.0, "")


def _finding(name: str, work: Path) -> Path | None:
    """The input at which the engine ended, moved to where findings are kept."""
    for path in work.glob("finding-*"):
        folder = FINDINGS / name
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / corpus.file_name(path.read_bytes())
        target.write_bytes(path.read_bytes())
        return target
    return None
