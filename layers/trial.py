"""Tries the function with a layer before anybody deploys it: every call of the SDKs that it makes."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from layers import rehearsal
from layers.errors import DoesNotRun
from layers.interpreters import Interpreter

# What only this project's function has, and only a layer for it.
_FUNCTION = Path("imm_label_tags", "tagging", "instance.py")
_SDKS = ("alibabacloud_imm20200930", "alibabacloud_oss_v2")
_SECONDS = 300


@dataclass(frozen=True)
class Trial:
    """The function's code, and an interpreter of the version that it will run on."""

    interpreter: Interpreter
    code: Path

    def run(self, layer: Path, name: str) -> None:
        """Run the function in a fresh interpreter, which has this layer and nothing else.

        Does nothing where code or layer are not those of this project's function. Raises DoesNotRun.
        """
        if not (self.code / _FUNCTION).is_file() or not any((layer / one).is_dir() for one in _SDKS):
            return
        try:
            finished = subprocess.run(
                [
                    self.interpreter.path,
                    "-I",
                    "-S",
                    "-B",
                    "-W",
                    "ignore",
                    rehearsal.__file__,
                    self.code,
                    layer,
                ],
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DoesNotRun(name, f"It was not done after {_SECONDS} seconds.") from None
        if finished.returncode != 0:
            raise DoesNotRun(name, finished.stderr)
