"""A program in a fresh interpreter, which has imported nothing and finds nothing but what it is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def printed_by(program: str, *arguments: str, path: tuple[Path, ...]) -> str:
    """What a program prints that has only these places to import from, beside the standard library."""
    finished = subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
