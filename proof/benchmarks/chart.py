"""The most important figures of a run as a picture (SVG), to be read on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from proof.benchmarks.region import LABELS
from proof.benchmarks.subjects import FLOOR, FUNCTION, REFERENCE
from proof.benchmarks.targets import SPELT

_WIDTH = 780
_LEFT = 270
_BARS = 370
_ROW = 46
_TOP = 70
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.small { font-size: 11px; fill: #57606a }
.title { font-size: 16px; font-weight: 600 }
.right { text-anchor: end }
.function { fill: #0969da }
.reference { fill: #afb8c1 }
.floor { stroke: #cf222e; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .function { fill: #4493f8 }
  .reference { fill: #656c76 }
  .floor { stroke: #f85149 }
}
"""


@dataclass(frozen=True)
class Row:
    """One figure: the function's, the reference's, and the floor where there is one."""

    name: str
    function: float
    reference: float
    unit: str
    floor: float | None = None


def picture(document: Mapping[str, Any]) -> str:
    """Pairs of bars, each pair on a scale of its own, for the first runtime; shorter bars are better."""
    runtime, measured = next(iter(document["runtimes"].items()))
    about = document["measured"]
    title = "This function and the reference handler"
    subtitle = f"{runtime}, {about['date']}, medians of {about['runs']} runs; less is better everywhere"
    rows = list(_rows(measured))
    height = _TOP + _ROW * len(rows) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="10" y="24">{escape(title)}</text>',
        f'<text class="small" x="10" y="44">{escape(subtitle)}</text>',
        f'<text class="small right" x="{_WIDTH - 12}" y="{_TOP - 10}">ratio</text>',
        *_legend(),
    ]
    for number, row in enumerate(rows):
        parts += _bars(row, _TOP + _ROW * number)
    return "\n".join([*parts, "</svg>", ""])


def _rows(measured: Mapping[str, Any]) -> Iterable[Row]:
    cold = measured["cold"]
    for kind in LABELS:
        cpu = cold[kind]["cpu_milliseconds"]
        yield Row(
            f"cold start, {SPELT[kind]} labels (CPU)",
            cpu[FUNCTION]["median"],
            cpu[REFERENCE]["median"],
            "ms",
            cpu[FLOOR]["median"] if FLOOR in cpu else None,
        )
    memory = measured["memory"]
    resident = memory["resident_megabytes"]
    yield Row(
        f"memory after {memory['notifications']:,} notifications",
        resident[FUNCTION]["median"],
        resident[REFERENCE]["median"],
        "MB",
    )
    layer = measured["sizes"]["layer_bytes"]
    yield Row("layer, zip file", layer[FUNCTION] / 1e6, layer[REFERENCE] / 1e6, "MB")
    warm = measured["warm"]
    wall, delay = warm["wall_milliseconds"], f"{warm['delay_milliseconds']:g} ms a call"
    yield Row(f"warm notification, {delay}", wall[FUNCTION]["median"], wall[REFERENCE]["median"], "ms")
    batch = measured["batch"]
    size, rate = batch["notifications"][FUNCTION], batch["a_second"]
    yield Row(
        f"batch of {size}, {delay}",
        size / rate[FUNCTION]["median"],
        size / rate[REFERENCE]["median"],
        "s",
    )


def _legend() -> list[str]:
    parts = []
    for number, (kind, said) in enumerate((("function", "this function"), ("reference", "reference"))):
        x = _LEFT + 110 * number + 200
        parts += [
            f'<rect class="{kind}" x="{x}" y="14" width="12" height="12" rx="2"/>',
            f'<text class="small" x="{x + 18}" y="24">{said}</text>',
        ]
    x = _LEFT + 400
    return [
        *parts,
        f'<line class="floor" x1="{x}" y1="14" x2="{x}" y2="26"/>',
        f'<text class="small" x="{x + 8}" y="24">floor</text>',
    ]


def _bars(row: Row, top: int) -> list[str]:
    scale = _BARS / max(row.function, row.reference)
    parts = [f'<text class="right" x="{_LEFT - 12}" y="{top + 20}">{escape(row.name)}</text>']
    for kind, value, y in (("function", row.function, top), ("reference", row.reference, top + 17)):
        width = max(value * scale, 1)
        parts += [
            f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="14" rx="2"/>',
            f'<text class="small" x="{_LEFT + width + 6:.1f}" y="{y + 11}">{_said(value)} {row.unit}</text>',
        ]
    if row.floor is not None:
        x = _LEFT + row.floor * scale
        parts.append(f'<line class="floor" x1="{x:.1f}" y1="{top - 3}" x2="{x:.1f}" y2="{top + 17}"/>')
    ratio = f"{row.function / row.reference:.2f}"
    return [*parts, f'<text class="right" x="{_WIDTH - 12}" y="{top + 20}">{ratio}</text>']


def _said(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
