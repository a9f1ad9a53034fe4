"""``python -m benchmarks``."""

from __future__ import annotations

from benchmarks.command import main
from terminal.process import run

run(lambda: main(prog_name="python -m benchmarks"))
