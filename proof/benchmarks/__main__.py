"""``python -m proof.benchmarks``."""

from __future__ import annotations

from cli.process import run
from proof.benchmarks.command import main

run(lambda: main(prog_name="python -m proof.benchmarks"))
