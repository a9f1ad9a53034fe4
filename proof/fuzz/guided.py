"""The search by what the code reaches: libFuzzer, through atheris, for the promises that are about bytes.

A process for each, since the engine ends its own where it finds something: ``python -m proof.fuzz.guided
PROMISE [options and directories of libFuzzer]``, https://llvm.org/docs/LibFuzzer.html.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from proof.fuzz.bounds import SECONDS_OF_A_SEARCH, bounded
from proof.fuzz.inputs import CORPUS, Bytes

ROOT = Path(__file__).parent.parent.parent
# What counts as reached.
INSTRUMENTED = ["imm_label_tags", "proof.fuzz.tag_sets"]
# The bounds of each input interrupt what takes too long; this ends what cannot be interrupted.
HANG_SECONDS = 60


class Search(NamedTuple):
    """What a search came to: how many inputs were tried, and how many are kept that were not before.

    ``broken`` is what libFuzzer said of an input that breaks the promise, with the file that has it; else "".
    """

    inputs: int
    kept: int
    broken: str


def search(
    name: str, data: Bytes, *, seconds: float, seed: int, findings: Path, corpus: Path = CORPUS
) -> Search:
    """Search for bytes that break a promise, beginning with those that are kept; keeps what reaches more."""
    kept = corpus / name
    for folder in (kept, findings):
        folder.mkdir(parents=True, exist_ok=True)
    before = len(list(kept.iterdir()))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        found, wholes, words = (Path(temporary) / part for part in ("found", "wholes", "words"))
        found.mkdir()
        wholes.mkdir()
        for number, whole in enumerate(data.wholes):
            (wholes / str(number)).write_bytes(whole)
        words.write_text("".join(f'"{_escaped(piece)}"\n' for piece in data.pieces))
        options = (
            f"-max_total_time={max(1, round(seconds))}",
            f"-seed={seed}",
            f"-artifact_prefix={findings}/",
        )
        status, said = _engine(name, [*options, f"-dict={words}", found, kept, wholes])
        tried = re.search(r"^Done (\d+) runs", said, re.MULTILINE)
        if status or tried is None:
            return Search(0, 0, said[-6000:] or f"exit status {status}")
        _engine(name, ["-merge=1", kept, found, wholes])
    return Search(int(tried[1]), len(list(kept.iterdir())) - before, "")


def _escaped(piece: bytes) -> str:
    return "".join(rf"\x{byte:02x}" for byte in piece)


def _engine(name: str, arguments: Iterable[str | Path]) -> tuple[int, str]:
    """Run libFuzzer; returns its exit status and what it said."""
    limits = (f"-timeout={HANG_SECONDS}", "-rss_limit_mb=2048", "-max_len=8192", "-verbosity=1")
    command = [sys.executable, "-m", "proof.fuzz.guided", name, *limits, *map(str, arguments)]
    finished = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    return finished.returncode, finished.stdout


def main(name: str, arguments: list[str]) -> None:
    """Be the process that libFuzzer runs in; ends it, with 0 where no promise was broken."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED):
        promises = importlib.import_module("proof.fuzz.promises")
    promise = promises.PROMISES[name]

    def check(data: bytes) -> None:
        bounded(lambda: promise.check(data), SECONDS_OF_A_SEARCH)

    # libFuzzer begins others of itself to merge, in a shell, by its own name.
    itself = f"{sys.executable} -m proof.fuzz.guided {name}"
    atheris.Setup([itself, *arguments], check)
    with suppress(SystemExit):
        atheris.Fuzz()
    sys.stdout.flush()
    # The engine's native part does not always survive the interpreter's end, which would look like a finding.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
