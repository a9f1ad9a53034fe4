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
from proof.page import with_blocks

RESULTS = Path("proof", "benchmarks", "results", "latest.json")
PICTURE = Path("docs", "performance.svg")
BLOCKS: Mapping[Path, Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    Path("README.md"): {"summary": tables.summary_table},
    Path("docs", "PERFORMANCE.md"): {
        "conditions": tables.conditions,
        "targets": tables.target_table,
        "figures": tables.runtime_tables,
        "floor": tables.floor_sentence,
        "imports": tables.import_table,
    },
}


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
    texts = {PICTURE: chart.picture(document)}
    for path, blocks in BLOCKS.items():
        made = {f"benchmarks: {name}": f"\n{block(document)}\n" for name, block in blocks.items()}
        texts[path] = with_blocks((root / path).read_text("utf-8"), made)
    return texts


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
