"""The figures of a run as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any

from proof.benchmarks.cost import LEAST_MEGABYTES, STEP_MEGABYTES
from proof.benchmarks.subjects import BARE, FLOOR, FUNCTION, REFERENCE
from proof.benchmarks.targets import SPELT, Target, targets
from proof.page import table

Measured = Mapping[str, Any]


def conditions(document: Measured) -> str:
    """When, where and how often was measured."""
    about = document["measured"]
    versions = ", ".join(
        f"{name} ({measured['interpreter']})" for name, measured in document["runtimes"].items()
    )
    return (
        f"Measured on {about['date']}: {versions}; {about['runs']} runs; {about['transport']}; "
        f"{about['processors']} processors ({about['processor']}), {about['system']}; the machine's load was "
        f"{about['load']:g}. Figures are medians, with the quartiles in brackets.\n"
    )


def target_table(document: Measured) -> str:
    """Every target, and what was reached on each runtime."""
    runtimes = document["runtimes"]
    columns = [list(targets(measured)) for measured in runtimes.values()]
    rows = [
        [row[0].name, _limits(row[0]), *(_reached(target) for target in row)]
        for row in zip(*columns, strict=True)
    ]
    return _table(
        ["ratio to the reference, unless a unit stands there", "target (further goal)", *runtimes], rows
    )


def summary_table(document: Measured) -> str:
    """The few figures that a reader wants first, of the first runtime."""
    measured = next(iter(document["runtimes"].values()))
    cold, warm = measured["cold"], measured["warm"]
    rows = [
        *(
            _compared(f"cold start, {SPELT[kind]} labels, CPU time", cold[kind]["cpu_milliseconds"], "ms")
            for kind in cold
        ),
        _compared("resident memory after it, Chinese labels", cold["chinese"]["resident_megabytes"], "MB"),
        _sizes("layer, zip file", measured["sizes"]["layer_bytes"]),
        _compared("warm notification, 20 ms a call", warm["wall_milliseconds"], "ms"),
        _compared("notifications a second in a batch, 20 ms a call", measured["batch"]["a_second"], ""),
    ]
    return _table(["", "this function", "reference", "ratio"], rows)


def runtime_tables(document: Measured) -> str:
    """All figures, by runtime."""
    parts = []
    for name, measured in document["runtimes"].items():
        parts += [f"### {name}\n", _cold_table(measured), _rest_table(measured), _cost_table(measured)]
    return "\n".join(parts)


def floor_sentence(document: Measured) -> str:
    """How far a cold start is from what cannot be avoided."""
    parts = []
    for name, measured in document["runtimes"].items():
        cpu = measured["cold"]["ascii"]["cpu_milliseconds"]
        ours, floor = cpu[FUNCTION]["median"], cpu[FLOOR]["median"]
        parts.append(
            f"{name}: {ours:.0f} ms of CPU time, of which {floor:.0f} ms ({floor / ours:.0%}) are the floor"
        )
    return "; ".join(parts) + ".\n"


def import_table(document: Measured) -> str:
    """What the function imports in a cold start, in milliseconds, by package."""
    columns = {name: measured["imports"] for name, measured in document["runtimes"].items()}
    first = next(iter(columns.values()))
    rows = []
    for package in sorted(first[FUNCTION], key=lambda one: -first[FUNCTION][one]):
        if first[FUNCTION][package] >= 1:
            cells = [
                f"{imports[subject].get(package, 0):.1f}"
                for imports in columns.values()
                for subject in (FUNCTION, REFERENCE)
            ]
            rows.append([package, *cells])
    totals = [
        f"{fsum(imports[subject].values()):.1f}"
        for imports in columns.values()
        for subject in (FUNCTION, REFERENCE)
    ]
    rows.append(["everything", *totals])
    heads = [f"{name}, {who}" for name in columns for who in ("function", "reference")]
    return _table(["package (ms)", *heads], rows)


def _cold_table(measured: Measured) -> str:
    rows: list[list[str]] = []
    for kind, figures in measured["cold"].items():
        labels = f"{SPELT[kind]} labels"
        rows.append(_compared(f"cold start, {labels}, CPU time", figures["cpu_milliseconds"], "ms", FLOOR))
        for phase, said in _PHASES.items():
            phases = {name: each[phase] for name, each in figures["phases_cpu_milliseconds"].items()}
            rows.append(_compared(f"of that, {said}", phases, "ms", FLOOR))
        rows += [
            _compared(f"cold start, {labels}, wall time", figures["wall_milliseconds"], "ms", FLOOR),
            _compared(f"resident memory after it, {labels}", figures["resident_megabytes"], "MB", FLOOR),
            _counted(f"modules imported, {labels}", figures["modules"], FLOOR),
        ]
    return _table(["", "this function", "reference", "ratio", "floor"], rows)


_PHASES = {
    "start": "interpreter and runtime",
    "initialize": "imports and initializer",
    "first": "first notification",
}


def _rest_table(measured: Measured) -> str:
    warm, batch, memory = measured["warm"], measured["batch"], measured["memory"]
    delay = f"{warm['delay_milliseconds']:g} ms a call"
    unchanged = f"with nothing to change, {delay}"
    rows = [
        _compared(
            f"resident memory after {memory['notifications']:,} notifications",
            memory["resident_megabytes"],
            "MB",
        ),
        _sizes("layer, zip file", measured["sizes"]["layer_bytes"]),
        ["code, zip file", f"{measured['sizes']['code_bytes'] / 1e6:.2f} MB"],
        _compared("warm notification, CPU time", warm["cpu_milliseconds"], "ms", BARE),
        ["of that, above the bare SDK calls", _value(warm["own_cpu_milliseconds"], "ms")],
        _compared(f"warm notification, {delay}", warm["wall_milliseconds"], "ms"),
        [f"warm notification {unchanged}", _value(warm["unchanged_wall_milliseconds"], "ms")],
        _counted("remote calls of a notification", warm["calls"]),
        _counted("of those, one after the other", warm["round_trips"]),
        ["remote calls with nothing to change", str(warm["calls"]["unchanged"])],
        ["of those, one after the other", str(warm["round_trips"]["unchanged"])],
        [
            f"a remote call with its {warm['delay_milliseconds']:g} ms, at the local cloud",
            _value(warm["answer_milliseconds"], "ms"),
        ],
        _compared(f"notifications a second in a batch, {delay}", batch["a_second"], ""),
        _compared("CPU time of a notification in a batch", batch["cpu_milliseconds"], "ms"),
    ]
    return _table(["", "this function", "reference", "ratio", "bare SDK calls"], rows)


def _cost_table(measured: Measured) -> str:
    cost = measured["cost"]
    size = f"{cost['size']['vcpu']:g} vCPU, {cost['size']['memory_megabytes']} MB"
    rows = [
        [f"{said}, {size}", *(f"{cost[name][kind]:.2f}" for name in (FUNCTION, REFERENCE)), _of(cost, kind)]
        for kind, said in (("warm", "all warm"), ("cold", "each after a cold start"))
    ]
    rows.append(
        [
            f"smallest memory size, a quarter to spare (MB: {LEAST_MEGABYTES} and steps of {STEP_MEGABYTES})",
            *(str(cost[name]["smallest_memory_megabytes"]) for name in (FUNCTION, REFERENCE)),
            _of(cost, "smallest_memory_megabytes"),
        ]
    )
    return _table(["a million notifications, USD", "this function", "reference", "ratio"], rows)


def _of(cost: Measured, key: str) -> str:
    return f"{cost[FUNCTION][key] / cost[REFERENCE][key]:.2f}"


def _limits(target: Target) -> str:
    sign = "≥" if target.at_least else "≤"
    further = f" ({target.stretch:g})" if target.stretch is not None else ""
    return f"{sign} {target.limit:g}{target.unit}{further}"


def _reached(target: Target) -> str:
    verdict = "further goal met" if target.stretch_met else "met" if target.met else "**missed**"
    return f"{target.value:.2f}{target.unit}, {verdict}"


def _compared(name: str, figures: Measured, unit: str, further: str | None = None) -> list[str]:
    cells = [name, _value(figures[FUNCTION], unit), _value(figures[REFERENCE], unit)]
    ratio = figures.get("ratio", figures[FUNCTION]["median"] / figures[REFERENCE]["median"])
    cells.append(f"{ratio:.2f}")
    if further is not None:
        cells.append(_value(figures[further], unit) if further in figures else "")
    return cells


def _counted(name: str, figures: Measured, further: str | None = None) -> list[str]:
    ours, theirs = figures[FUNCTION], figures[REFERENCE]
    cells = [name, f"{ours:,}", f"{theirs:,}", f"{ours / theirs:.2f}"]
    if further is not None:
        cells.append(f"{figures[further]:,}" if further in figures else "")
    return cells


def _sizes(name: str, figures: Measured) -> list[str]:
    ours, theirs = figures[FUNCTION], figures[REFERENCE]
    return [name, *(f"{size / 1e6:.2f} MB" for size in (ours, theirs)), f"{ours / theirs:.2f}"]


def _value(figure: Mapping[str, float], unit: str) -> str:
    middle, low, high = (_short(figure[name]) for name in ("median", "lower_quartile", "upper_quartile"))
    space = f" {unit}" if unit else ""
    return f"{middle}{space}" if low == high else f"{middle}{space} ({low} to {high})"


def _short(number: float) -> str:
    return (
        f"{number:.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows that lack cells get empty ones."""
    return table(heads, ([*row, *[""] * (len(heads) - len(row))] for row in rows))
