"""Compiles sources to ``.pyc`` files; run by an interpreter of the version that they are for, by path.

    python3.12 -S -s -B layers/bytecode.py DIRECTORY MOUNTED_AT < paths

Reads the paths, relative to the directory, as a JSON array from standard input, and writes those that do
not compile with the reason, as a JSON object, to standard output. The hash in the ``.pyc`` is not checked on
import (PEP 552), so it holds whatever time stamps unpacking gives the sources; tracebacks name the place
where the runtime mounts them. Uses the standard library alone.
"""

from __future__ import annotations

import json
import py_compile
import sys
from collections.abc import Iterable
from importlib.util import cache_from_source
from pathlib import Path


def compile_sources(directory: Path, mounted_at: str, paths: Iterable[str]) -> dict[str, str]:
    """Write a ``.pyc`` beside each source, in the order given; returns what does not compile, and why."""
    failed = {}
    for path in paths:
        source = directory / path
        try:
            py_compile.compile(
                str(source),
                cfile=cache_from_source(str(source), optimization=""),
                dfile=f"{mounted_at}/{path}",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (py_compile.PyCompileError, ValueError) as error:
            failed[path] = str(error).strip()
    return failed


if __name__ == "__main__":
    json.dump(compile_sources(Path(sys.argv[1]), sys.argv[2], json.load(sys.stdin)), sys.stdout)
