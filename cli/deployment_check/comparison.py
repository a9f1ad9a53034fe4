"""Where two renderings of the same file differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A path, and what stands there in one rendering and in the other; None where nothing does."""

    where: str
    ours: Any
    theirs: Any


def differences(ours: Any, theirs: Any, where: str) -> Iterator[Difference]:
    """Every place where two values differ. A key without a value counts as absent."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif _comparable(ours) != _comparable(theirs):
        yield Difference(where, ours, theirs)


def _comparable(value: Any) -> Any:
    # JSON has one kind of number, and Python takes true for 1.
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number", float(value)
    return type(value).__name__, value
