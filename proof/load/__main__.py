"""``python -m proof.load``."""

from __future__ import annotations

from cli.process import run
from proof.load.command import main

run(lambda: main(prog_name="python -m proof.load"))
