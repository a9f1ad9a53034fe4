"""What an input reaches in a target's modules: which line followed which, and about how often."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from proof.fuzz.targets import Target

_OPTIMIZED = 1  # inspect.CO_OPTIMIZED: the code of a function, not of a module or a class

Line = tuple[str, int]


class Reach:
    """Measures one input after the other."""

    def __init__(self, target: Target) -> None:
        self._run = target.run
        self._files = {_file(module) for module in target.modules}
        self._counts: Counter[tuple[str, int, int]] = Counter()

    def of(self, data: bytes) -> frozenset[object]:
        """What an input reaches; two inputs that reach the same have equal sets."""
        self._counts = Counter()
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            self._run(data)
        finally:
            sys.settrace(before)
        # Twice is another thing than once, and a hundred times than ten, but not eleven times.
        return frozenset((arc, count.bit_length()) for arc, count in self._counts.items())

    def lines(self, data: list[bytes]) -> tuple[int, int]:
        """How many of the lines of the target's functions inputs reach, and how many there are."""
        reached: set[Line] = set()
        for content in data:
            self.of(content)
            reached.update((file, line) for file, _, line in self._counts)
        there = {line for file in self._files for line in _lines(file)}
        return len(reached & there), len(there)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if file not in self._files:
            return None
        previous = frame.f_lineno

        def follow(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal previous
            if event == "line":
                self._counts[file, previous, frame.f_lineno] += 1
                previous = frame.f_lineno
            return follow

        return follow


def _file(module: str) -> str:
    return str(importlib.import_module(module).__file__)


def _lines(file: str) -> set[Line]:
    found: set[Line] = set()
    pending = [compile(Path(file).read_text("utf-8"), file, "exec", dont_inherit=True)]
    while pending:
        code = pending.pop()
        pending.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
        if code.co_flags & _OPTIMIZED:
            lines = {line for _, _, line in code.co_lines() if line is not None}
            found.update((file, line) for line in lines - {code.co_firstlineno})
    return found
