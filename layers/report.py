"""What has been built: as JSON for other programs, as text for people."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000
# alibabacloud.com/help/en/functioncompute/fc/product-overview/limits-of-usage. Whether a layer has a limit of
# its own, whether MB are 10^6 bytes, and whether the 100 MB of a call are counted before or after base64 is
# not said there: the smaller is assumed.
API_LIMIT = 100 * MEGABYTE
REGION_LIMIT = 100 * MEGABYTE
MAIN_REGION_LIMIT = 500 * MEGABYTE


@dataclass(frozen=True)
class PackageRow:
    """One package of the layer; sizes are unpacked."""

    name: str
    version: str
    licence: str
    licence_text: bool
    bytes: int
    bytecode_bytes: int


@dataclass(frozen=True)
class ZipFile:
    """The file that is uploaded."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Report:
    """All that is known of a layer or a code package; ``inputs`` is a digest over all that decides on it.

    ``compiler`` is the version of the interpreter that compiled, None where there was none and so no
    ``.pyc``; ``zip`` is None for what is not deployed. ``left_out`` are the locked packages that the function
    never imports. ``materials_sha256`` is that of the bill of materials, None for what has none.
    """

    name: str
    kind: str
    target: str
    inputs: str
    compiler: str | None
    sources: int
    bytecode: int
    not_compiled: dict[str, str]
    unpacked_bytes: int
    bytecode_bytes: int
    contents_sha256: str
    zip: ZipFile | None
    newest_glibc: str | None
    newest_glibc_in: str | None
    system_libraries: tuple[str, ...]
    left_out: tuple[str, ...]
    packages: tuple[PackageRow, ...]
    materials_sha256: str | None = None

    def to_json(self) -> str:
        """The report, with the limits that it is measured against."""
        return (
            json.dumps({**dataclasses.asdict(self), "limits": limits(self)}, indent=2, sort_keys=True) + "\n"
        )


def limits(report: Report) -> dict[str, dict[str, int]]:
    """Function Compute's limits: which size counts, and how much it may be."""
    if report.zip is None:
        return {}
    return {
        "API as base64": {"bytes": (report.zip.bytes + 2) // 3 * 4, "limit": API_LIMIT},
        "most regions": {"bytes": report.zip.bytes, "limit": REGION_LIMIT},
        "main regions": {"bytes": report.zip.bytes, "limit": MAIN_REGION_LIMIT},
    }


def read_report(path: Path) -> Report | None:
    """The report of an earlier build; None where there is none that this version understands."""
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        del values["limits"]
        values["packages"] = tuple(PackageRow(**row) for row in values["packages"])
        values["system_libraries"] = tuple(values["system_libraries"])
        values["left_out"] = tuple(values["left_out"])
        values["zip"] = ZipFile(**values["zip"]) if values["zip"] else None
        return Report(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def text(report: Report, place: str) -> str:
    """The report for people."""
    lines = [f"{place}: the {report.kind} for {report.target}", ""]
    if report.packages:
        lines += [*_table(report), ""]
    lines.append(f"  unpacked  {_mb(report.unpacked_bytes)}, of which .pyc {_mb(report.bytecode_bytes)}")
    if report.zip is not None:
        lines += [f"  zip       {_mb(report.zip.bytes)}, sha256 {report.zip.sha256}", *_limits(report)]
    if report.materials_sha256 is not None:
        lines.append(f"  sbom      {report.name}.cdx.json, sha256 {report.materials_sha256}")
    if report.newest_glibc is not None:
        lines.append(f"  glibc     {report.newest_glibc} is the newest needed, by {report.newest_glibc_in}")
    if report.system_libraries:
        lines.append(f"  needs     {' '.join(report.system_libraries)}")
    return "\n".join([*lines, *_bytecode(report), ""])


def _table(report: Report) -> list[str]:
    rows = [("package", "version", "licence", "kB", "of it .pyc")]
    rows += [
        (one.name, one.version, one.licence, _kb(one.bytes), _kb(one.bytecode_bytes))
        for one in report.packages
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(["", *map(str.ljust, row[:3], widths[:3]), *map(str.rjust, row[3:], widths[3:])])
        for row in rows
    ]
    without = [one.name for one in report.packages if not one.licence_text]
    if without:
        lines += _paragraph(f"These bring no text of their licence: {', '.join(without)}.")
    if report.left_out:
        lines += _paragraph(f"Left out, as the function never imports them: {', '.join(report.left_out)}.")
    return lines


def _paragraph(text: str) -> list[str]:
    lines = textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return ["", *lines]


def _limits(report: Report) -> list[str]:
    lines = []
    for where, sizes in limits(report).items():
        size, limit = sizes["bytes"], sizes["limit"]
        exceeded = "  TOO LARGE" if size > limit else ""
        lines.append(f"            {size / limit:4.0%} of {limit // MEGABYTE} MB ({where}){exceeded}")
    if report.packages:
        lines.append("            These are a code package's limits; none is documented for a layer.")
    return lines


def _bytecode(report: Report) -> list[str]:
    if report.compiler is None:
        return [
            f"  .pyc      NONE! There is no released CPython here to compile for {report.target}.",
            "            Every cold start will compile what it imports, and take two to four times as long.",
            "            Install that version of Python and build again before you deploy.",
        ]
    lines = [
        f"  .pyc      {report.bytecode} for {report.sources} sources, unchecked-hash, "
        f"compiled by CPython {report.compiler}"
    ]
    lines += [
        f"            not compiled: {path}: {_last_line(why)}" for path, why in report.not_compiled.items()
    ]
    return lines


def _last_line(message: str) -> str:
    return message.splitlines()[-1] if message else ""


def _mb(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


def _kb(size: int) -> str:
    return f"{size / 1000:,.0f}"
