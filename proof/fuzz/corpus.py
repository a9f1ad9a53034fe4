"""The inputs that are kept: a few small files for each target, which every run begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from proof.fuzz.reach import Reach
from proof.fuzz.targets import Target

ROOT = Path(__file__).parent
CORPUS = ROOT / "corpus"

MOST_FILES = 60
MOST_BYTES = 8192


def directory(target: str) -> Path:
    """Where the inputs of a target are kept."""
    return CORPUS / target


def inputs(path: Path) -> list[bytes]:
    """The contents of all files below a directory, the smallest first; none where there is no directory."""
    contents = {file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return sorted(contents, key=lambda data: (len(data), data))


def file_name(data: bytes) -> str:
    """The name of the file that an input is kept in."""
    return hashlib.sha256(data).hexdigest()[:16]


def chosen(target: Target, kept: Iterable[bytes], found: Iterable[bytes]) -> list[bytes]:
    """The inputs to keep: each reaches what those before it do not, those that are kept already first."""
    measured: Mapping[bytes, frozenset[object]] = {}
    reach = Reach(target)
    reached: set[object] = set()
    chosen: list[bytes] = []
    for group in (list(kept), list(found)):
        measured = {data: reach.of(data) for data in group if len(data) <= MOST_BYTES}
        while measured and len(chosen) < MOST_FILES:
            best = max(measured, key=lambda data: (len(measured[data] - reached), -len(data), data))
            if not measured[best] - reached:
                break
            chosen.append(best)
            reached |= measured[best]
            measured = {data: arcs for data, arcs in measured.items() if arcs - reached}
    return chosen


def replace(name: str, data: Iterable[bytes]) -> int:
    """Keep these inputs of a target and no others; returns how many were not kept before."""
    folder = directory(name)
    folder.mkdir(parents=True, exist_ok=True)
    before = {path.name for path in folder.iterdir()}
    wanted = {file_name(content): content for content in data}
    for file in before - wanted.keys():
        (folder / file).unlink()
    for file in wanted.keys() - before:
        (folder / file).write_bytes(wanted[file])
    return len(wanted.keys() - before)
