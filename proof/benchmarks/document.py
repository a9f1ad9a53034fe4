"""The results of a run: where they are kept, and the tables that the documents show of them."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from proof.benchmarks.cost import costs
from proof.benchmarks.figures import ratio
from proof.benchmarks.subjects import BARE, FLOOR, FUNCTION, REFERENCE
from proof.page import table, with_blocks

RESULTS = Path("proof", "benchmarks", "results", "latest.json")
ROUND_TRIPS, ROUND_TRIPS_UNCHANGED = 3, 2

_SPELT = {"ascii": "ASCII", "chinese": "Chinese"}
_PHASES = {
    "start": "interpreter and runtime",
    "initialize": "imports and initializer",
    "first": "first notification",
}

Measured = Mapping[str, Any]


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
        "runtimes": dict(runtimes),
    }


def as_text(document: Measured) -> str:
    """Results as JSON."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def read_results(root: Path) -> dict[str, Any]:
    """The results that are kept in a checkout."""
    document: dict[str, Any] = json.loads((root / RESULTS).read_text("utf-8"))
    return document


def rendered(document: Measured, root: Path) -> dict[Path, str]:
    """Every document that shows results, as it should be, by its path in the checkout ``root``."""
    texts = {}
    for path, blocks in BLOCKS.items():
        made = {f"benchmarks: {name}": f"\n{block(document)}\n" for name, block in blocks.items()}
        texts[path] = with_blocks((root / path).read_text("utf-8"), made)
    return texts


class Target(NamedTuple):
    """A figure with its limit and perhaps a further goal: the most that it may be, or else the least."""

    name: str
    value: float
    limit: float
    goal: float | None = None
    at_least: bool = False
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Whether the limit is kept and the goal reached."""
        if not self._keeps(self.limit):
            return "**MISSED**"
        if self.goal is None:
            return "reached"
        return "goal reached" if self._keeps(self.goal) else "reached, goal MISSED"

    @property
    def asked(self) -> str:
        """The limit, and in brackets the goal."""
        goal = "" if self.goal is None else f" ({self.goal:g})"
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}{goal}"

    def _keeps(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit


def targets(measured: Measured) -> Iterator[Target]:
    """What the function is to reach on a runtime, and what was measured there."""
    cold, memory, warm = measured["cold"], measured["memory"], measured["warm"]
    for kind, limit, goal in (("ascii", 0.40, 0.33), ("chinese", 0.45, 0.36)):
        start, figures = f"cold start, {_SPELT[kind]} labels", cold[kind]
        yield Target(f"{start}, CPU time", ratio(figures["cpu_milliseconds"]), limit, 0.30)
        yield Target(f"{start}, wall time", ratio(figures["wall_milliseconds"]), limit, goal)
    cpu = cold["ascii"]["cpu_milliseconds"]
    yield Target("the same CPU time, ASCII labels, to the floor's", ratio(cpu, FLOOR), 1.15)
    for kind, spelt in _SPELT.items():
        resident = cold[kind]["resident_megabytes"]
        yield Target(f"resident memory after it, {spelt} labels", ratio(resident), 0.65, 0.55)
    many = f"resident memory after {memory['notifications']:,} notifications"
    yield Target(many, ratio(memory["resident_megabytes"]), 0.65, 0.55)
    yield Target("layer, zip file", ratio(measured["sizes"]["layer_bytes"]), 0.50, 0.35)
    for name, wall, trips in (
        ("warm notification", warm["wall_milliseconds"][FUNCTION], ROUND_TRIPS),
        ("one with nothing to change", warm["unchanged_wall_milliseconds"], ROUND_TRIPS_UNCHANGED),
    ):
        waited = trips * warm["answer_milliseconds"]["median"]
        yield Target(f"{name} over {trips} round trips", wall["median"] / waited, 1.10)
    own = warm["own_cpu_milliseconds"]["median"]
    yield Target("own CPU time of a warm notification", own, 1.0, 0.5, unit=" ms")
    yield Target("rate in a batch", ratio(measured["batch"]["a_second"]), 8, 12, at_least=True)


def target_table(document: Measured) -> str:
    """Every target, and what was reached on each runtime."""
    runtimes = document["runtimes"]
    rows = [
        [row[0].name, row[0].asked, *(f"{one.value:.2f}{one.unit}, {one.verdict}" for one in row)]
        for row in zip(*map(targets, runtimes.values()), strict=True)
    ]
    return _table(["ratio to the reference, unless a unit stands there", "target (goal)", *runtimes], rows)


def _conditions(document: Measured) -> str:
    about = document["measured"]
    versions = ", ".join(
        f"{name} ({measured['interpreter']})" for name, measured in document["runtimes"].items()
    )
    return (
        f"Measured on {about['date']}: {versions}; {about['runs']} runs; {about['transport']}; "
        f"{about['processors']} processors ({about['processor']}), {about['system']}; the machine's load was "
        f"{about['load']:g}. Figures are medians, with the quartiles in brackets.\n"
    )


def _summary(document: Measured) -> str:
    """The few figures that a reader wants first, of the first runtime."""
    measured = next(iter(document["runtimes"].values()))
    cold, warm = measured["cold"], measured["warm"]
    rows = [
        *(
            _row(f"cold start, {_SPELT[kind]} labels, CPU time", cold[kind]["cpu_milliseconds"])
            for kind in cold
        ),
        _row("resident memory after it, Chinese labels", cold["chinese"]["resident_megabytes"], _megabytes),
        _row("layer, zip file", measured["sizes"]["layer_bytes"], _zip_size),
        _row("warm notification, 20 ms a call", warm["wall_milliseconds"]),
        _row("notifications a second in a batch, 20 ms a call", measured["batch"]["a_second"], _value),
    ]
    return _table(["", "this function", "reference", "ratio"], rows)


def _figures(document: Measured) -> str:
    """All figures, by runtime."""
    parts = []
    for name, measured in document["runtimes"].items():
        parts += [f"### {name}\n", _cold_table(measured), _rest_table(measured), _cost_table(measured)]
    return "\n".join(parts)


def _cold_table(measured: Measured) -> str:
    rows: list[list[str]] = []
    for kind, figures in measured["cold"].items():
        labels = f"{_SPELT[kind]} labels"
        rows.append(_row(f"cold start, {labels}, CPU time", figures["cpu_milliseconds"], further=FLOOR))
        for phase, said in _PHASES.items():
            phases = {name: each[phase] for name, each in figures["phases_cpu_milliseconds"].items()}
            rows.append(_row(f"of that, {said}", phases, further=FLOOR))
        resident = figures["resident_megabytes"]
        rows += [
            _row(f"cold start, {labels}, wall time", figures["wall_milliseconds"], further=FLOOR),
            _row(f"resident memory after it, {labels}", resident, _megabytes, FLOOR),
            _row(f"modules imported, {labels}", figures["modules"], _count, FLOOR),
        ]
    return _table(["", "this function", "reference", "ratio", "floor"], rows)


def _rest_table(measured: Measured) -> str:
    warm, batch, memory = measured["warm"], measured["batch"], measured["memory"]
    delay = f"{warm['delay_milliseconds']:g} ms"
    many = f"resident memory after {memory['notifications']:,} notifications"
    unchanged = warm["unchanged_wall_milliseconds"]
    rows = [
        _row(many, memory["resident_megabytes"], _megabytes),
        _row("layer, zip file", measured["sizes"]["layer_bytes"], _zip_size),
        ["code, zip file", _zip_size(measured["sizes"]["code_bytes"])],
        _row("warm notification, CPU time", warm["cpu_milliseconds"], further=BARE),
        ["of that, above the bare SDK calls", _milliseconds(warm["own_cpu_milliseconds"])],
        _row(f"warm notification, {delay} a call", warm["wall_milliseconds"]),
        [f"warm notification with nothing to change, {delay} a call", _milliseconds(unchanged)],
        _row("remote calls of a notification", warm["calls"], _count),
        _row("of those, one after the other", warm["round_trips"], _count),
        ["remote calls with nothing to change", str(warm["calls"]["unchanged"])],
        ["of those, one after the other", str(warm["round_trips"]["unchanged"])],
        [
            f"a remote call with its {delay}, at the local cloud",
            _milliseconds(warm["answer_milliseconds"]),
        ],
        _row(f"notifications a second in a batch, {delay} a call", batch["a_second"], _value),
        _row("CPU time of a notification in a batch", batch["cpu_milliseconds"]),
    ]
    return _table(["", "this function", "reference", "ratio", "bare SDK calls"], rows)


def _cost_table(measured: Measured) -> str:
    rows = [_row(name, figures, _dollars) for name, figures in costs(measured)]
    return _table(["a million notifications, USD", "this function", "reference", "ratio"], rows)


def _imports(document: Measured) -> str:
    """What the function imports in a cold start, in milliseconds, by package."""
    columns = {
        f"{name}, {subject}": measured["imports"][subject]
        for name, measured in document["runtimes"].items()
        for subject in (FUNCTION, REFERENCE)
    }
    first = next(iter(columns.values()))
    rows = [
        [package, *(f"{times.get(package, 0):.1f}" for times in columns.values())]
        for package in sorted(first, key=lambda one: -first[one])
        if first[package] >= 1
    ]
    rows.append(["everything", *(f"{sum(times.values()):.1f}" for times in columns.values())])
    return _table(["package (ms)", *columns], rows)


BLOCKS: Mapping[Path, Mapping[str, Callable[[Measured], str]]] = {
    Path("README.md"): {"summary": _summary},
    Path("docs", "PERFORMANCE.md"): {
        "conditions": _conditions,
        "targets": target_table,
        "figures": _figures,
        "imports": _imports,
    },
}


def _value(figure: Mapping[str, float], unit: str = "") -> str:
    middle, low, high = (_short(figure[name]) for name in ("median", "lower_quartile", "upper_quartile"))
    return f"{middle}{unit}" if low == high else f"{middle}{unit} ({low} to {high})"


_milliseconds = partial(_value, unit=" ms")
_megabytes = partial(_value, unit=" MB")
_count = "{:,}".format


def _dollars(figure: float) -> str:
    return f"{figure:.2f}" if isinstance(figure, float) else str(figure)


def _zip_size(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _row(
    name: str, figures: Measured, shown: Callable[[Any], str] = _milliseconds, further: str = ""
) -> list[str]:
    """The function's figure and the reference's, their ratio, and the figure of a further subject if any."""
    cells = [name, shown(figures[FUNCTION]), shown(figures[REFERENCE]), f"{ratio(figures):.2f}"]
    return [*cells, shown(figures[further])] if further in figures else cells


def _short(number: float) -> str:
    return (
        f"{number:.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows that lack cells get empty ones."""
    return table(heads, ([*row, *[""] * (len(heads) - len(row))] for row in rows))


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()
