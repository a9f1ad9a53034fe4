"""``python -m load``."""

from __future__ import annotations

from load.command import main
from terminal.process import run

run(lambda: main(prog_name="python -m load"))
