"""Blocks of a document that a program writes, between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.

cogapp, which does this too, runs code that stands in the document; these blocks show what a run has measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

PERFORMANCE = Path(__file__).parent.parent / "docs" / "PERFORMANCE.md"


def with_blocks(document: str, blocks: Mapping[str, str]) -> str:
    """The document with other blocks between their marks. Raises KeyError where they lack."""
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", document, re.DOTALL)
        if found is None:
            raise KeyError(name)
        document = document[: found.start()] + begin + block + end + document[found.end() :]
    return document


def write_blocks(path: Path, blocks: Mapping[str, str]) -> None:
    """Put other blocks into a document. Raises KeyError where their marks lack."""
    path.write_text(with_blocks(path.read_text("utf-8"), blocks), "utf-8")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    names = list(head)
    lines = [names, ["---" for _ in names], *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
