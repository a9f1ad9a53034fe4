"""The results of a run, where they are kept, and the documents that are made of them."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cli.problems import Problem
from proof.benchmarks import chart, tables
from proof.benchmarks.cost import LIST

RESULTS = Path("proof", "benchmarks", "results", "latest.json")
PERFORMANCE = Path("docs", "PERFORMANCE.md")
README = Path("README.md")
PICTURES: Mapping[Path, Callable[[Mapping[str, Any]], str]] = {
    Path("docs", "performance.svg"): chart.overview,
    Path("docs", "performance-imports.svg"): chart.imports,
}
PARTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "conditions": tables.conditions,
    "summary": tables.summary_table,
    "targets": tables.target_table,
    "figures": tables.runtime_tables,
    "floor": tables.floor_sentence,
    "imports": tables.import_table,
}
_PART = re.compile(r"(<!-- benchmarks: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def results(runtimes: Mapping[str, Any], runs: int) -> dict[str, Any]:
    """What was measured, with all that a reader needs to judge it."""
    return {
        "measured": {
            "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
            "runs": runs,
            "transport": "HTTPS to a local cloud in a process of its own",
            "processors": os.cpu_count(),
            "processor": _processor(),
            "system": f"{platform.system()} {platform.machine()}",
            "load": round(os.getloadavg()[0], 1),
        },
        "prices": asdict(LIST),
        "runtimes": dict(runtimes),
    }


def read_results(root: Path) -> dict[str, Any]:
    """The results that are kept in a checkout; raises Problem."""
    path = root / RESULTS
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}. Run `make bench`.") from None
    return document


def write_results(document: Mapping[str, Any], path: Path) -> None:
    """Keep results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_text(document), "utf-8")


def as_text(document: Mapping[str, Any]) -> str:
    """Results as JSON."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def rendered(document: Mapping[str, Any], root: Path) -> dict[Path, str]:
    """Every document that shows results, as it should be, by its path in the checkout ``root``."""
    texts = {path: picture(document) for path, picture in PICTURES.items()}
    for path in (PERFORMANCE, README):
        texts[path] = fill((root / path).read_text("utf-8"), document)
    return texts


def fill(text: str, document: Mapping[str, Any]) -> str:
    """A Markdown text with the parts between its marks made anew; raises Problem for an unknown mark."""

    def part(match: re.Match[str]) -> str:
        if match[2] not in PARTS:
            raise Problem(f"There is no part {match[2]!r} to fill in; there are {', '.join(PARTS)}.")
        return f"{match[1]}\n{PARTS[match[2]](document)}\n{match[3]}"

    return _PART.sub(part, text)


def write_documents(document: Mapping[str, Any], root: Path, output: Path) -> list[Path]:
    """Write the documents of a checkout to ``output``; returns those that have changed."""
    changed = []
    for path, text in rendered(document, root).items():
        place = output / path
        if not place.exists() or place.read_text("utf-8") != text:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")
            changed.append(place)
    return changed


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()
