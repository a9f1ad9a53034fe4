"""The engine behind ``make fuzz``: atheris, guided by the coverage of the target's modules.

A process for each target, since the engine ends its process where it finds something:
``python -m proof.fuzz.guided TARGET EXECUTIONS REPORT_FILE [options and directories of libFuzzer]``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from proof.fuzz.watchdog import Watchdog

# What counts as coverage: the function's own code, and the independent reader that knows more of XML than
# the parser in C lets anybody see.
INSTRUMENTED = ["imm_label_tags", "proof.fuzz.xml_reading"]


@dataclass(frozen=True)
class Report:
    """What a process says of its search; ``slowest`` is the slowest input, in hexadecimal digits."""

    executions: int
    slowest_seconds: float
    slowest: str


class _Tally:
    """Counts executions and remembers the slowest input; rewritten to a file now and then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._watchdog = Watchdog()
        self._executions = 0
        self._slowest = (0.0, b"")

    def run(self, target: Any, data: bytes) -> None:
        self._executions += 1
        spent = self._watchdog.run(target, data)
        if spent > self._slowest[0]:
            self._slowest = (spent, data)

    def write(self) -> None:
        seconds, data = self._slowest
        self._path.write_text(json.dumps(asdict(Report(self._executions, seconds, data.hex()))))


def main(arguments: list[str]) -> None:
    """Search for bytes that break a target's promises; ends the process, with 0 where there were none."""
    name, executions, report = arguments[:3]
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED):
        target = importlib.import_module("proof.fuzz.targets").load(name)
    tally = _Tally(Path(report))

    def execute(data: bytes) -> None:
        try:
            tally.run(target.run, data)
        except BaseException:
            tally.write()
            raise

    atheris.Setup([sys.argv[0], f"-atheris_runs={executions}", *arguments[3:]], execute)
    # So it ends once it has run as many inputs as it was to.
    with suppress(SystemExit):
        atheris.Fuzz()
    tally.write()
    sys.stdout.flush()
    # The engine's native part does not always survive the interpreter's end, which would look like a finding.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
