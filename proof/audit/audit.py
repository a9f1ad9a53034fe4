"""Are the lock files whole, and is any locked version known to be vulnerable: ``make audit``.

    .venv/bin/python -m proof.audit

Every version that a lock file names is asked about, for whatever Python and system it is locked. pip-audit,
in .venv-audit, asks for PyPI's advisories and, about what these do not know, for OSV's. Exit status:

    0   every version was asked about, and of none a vulnerability is known
    1   of some a vulnerability is known, or a lock file leaves open what is installed
    2   pip-audit could not be installed
    3   no vulnerability is known, but not every version could be asked about: that is no pass
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from layers.errors import RequirementNotLocked
from layers.lock import entries
from proof.audit.advisories import Findings, Pin, PipAudit, ask_all, own_environment, prepare

ROOT = Path(__file__).resolve().parent.parent.parent
# It locks nothing: it takes a requirement away from another lock file.
OVERRIDES = "requirements/overrides.txt"

SOUND, FAULTY, MISSING, UNKNOWN = range(4)


def main(root: Path, environments: Any) -> int:
    """Check the lock files and ask about what they hold; returns the exit status.

    ``environments`` is the module that knows which interpreters there are and how environments are made.
    """
    locks = lock_files(root)
    pins, faults = read_locks(root, locks)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    try:
        program = prepare(root, environments)
    except environments.Missing as missing:
        print(f"error: {missing}", file=sys.stderr)
        print("NOT AUDITED: pip-audit could not be installed, so nothing was asked.", file=sys.stderr)
        return FAULTY if faults else MISSING
    hashes = {pin: found for held in pins.values() for pin, found in held.items()}
    findings = ask_all(PipAudit(program, own_environment(os.environ)), hashes)
    print("\n".join(report(pins, findings)), flush=True)
    if faults or any(findings.advisories.values()):
        return FAULTY
    return UNKNOWN if findings.unknown(hashes) else SOUND


def lock_files(root: Path) -> list[Path]:
    """Every lock file of the project."""
    found = [*root.glob("requirements/*.txt"), *root.glob("layers/requirements*.txt")]
    return sorted(path for path in found if path != root / OVERRIDES)


def read_locks(root: Path, locks: Iterable[Path]) -> tuple[dict[str, dict[Pin, str]], list[str]]:
    """The pins of each lock file, each with one of its hashes, and what is wrong with lock files."""
    pins: dict[str, dict[Pin, str]] = {}
    faults = []
    for path in locks:
        held = pins[path.relative_to(root).as_posix()] = {}
        try:
            for requirement, locked in entries(path):
                pin = Pin(canonicalize_name(requirement.name), str(locked.version))
                held[pin] = min(locked.hashes)
        except RequirementNotLocked as fault:
            faults.append(str(fault))
    return pins, faults


def report(pins: Mapping[str, Mapping[Pin, str]], findings: Findings) -> Iterator[str]:
    """The findings as lines for people: lock files, vulnerabilities, and what is not known."""
    rows = [("lock file", "versions", "asked about", "vulnerable")]
    for lock, held in pins.items():
        known = [pin for pin in held if pin in findings.advisories]
        vulnerable = [pin for pin in known if findings.advisories[pin]]
        rows.append((lock, str(len(held)), str(len(known)), str(len(vulnerable)) if known else "not known"))
    yield from _table(rows)
    everything = sorted({pin for held in pins.values() for pin in held})
    vulnerabilities = [
        (
            pin.name,
            pin.version,
            ", ".join(one.ids),
            ", ".join(one.fixed_in) or "none",
            " ".join(_holders(pin, pins)),
        )
        for pin in everything
        for one in findings.advisories.get(pin, ())
    ]
    if vulnerabilities:
        yield from (
            "",
            *_table([("package", "version", "vulnerability", "fixed in", "lock file"), *vulnerabilities]),
        )
    unknown = findings.unknown(everything)
    yield ""
    if unknown:
        yield f"NOT AUDITED: {len(unknown)} of {len(everything)} versions. This is no pass: whether they are"
        yield "vulnerable is not known. Run it again where the advisories can be reached."
        yield from (f"  {reason}" for reason in findings.reasons)
    elif vulnerabilities:
        yield f"All {len(everything)} versions were asked about; what is known of them is above."
    else:
        yield f"All {len(everything)} versions were asked about; no vulnerability is known."


def _holders(pin: Pin, pins: Mapping[str, Mapping[Pin, str]]) -> list[str]:
    return [lock for lock, held in pins.items() if pin in held]


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()
