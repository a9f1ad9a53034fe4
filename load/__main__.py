"""``python -m load``."""

from __future__ import annotations

from load.command import main

main(prog_name="python -m load")
