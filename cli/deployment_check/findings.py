"""What a check says: findings, what was looked at, and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Severity(str, Enum):
    """An error is known to fail or to lose events; a warning is likely to, and for someone to decide."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """Something wrong: ``where`` is its path in the file, ``what`` and ``remedy`` are sentences."""

    severity: Severity
    where: str
    what: str
    remedy: str


@dataclass(frozen=True)
class NotChecked:
    """Something that cannot be judged here: its path in the file, and why in a sentence."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True)
class FileReport:
    """What was found in one file; ``lines`` has where, as in ``s.yaml:12``, by the findings' ``where``."""

    path: Path
    findings: tuple[Finding, ...]
    lines: Mapping[str, str | None]


@dataclass(frozen=True)
class Report:
    """What was found in all files; ``checked`` and ``unchecked`` are sentences."""

    files: tuple[FileReport, ...]
    checked: tuple[str, ...]
    unchecked: tuple[str, ...]

    def count(self, severity: Severity) -> int:
        """How many findings have a severity."""
        return sum(finding.severity is severity for file in self.files for finding in file.findings)


def error(where: str, what: str, remedy: str) -> Finding:
    """A finding that keeps the file from being deployed."""
    return Finding(Severity.ERROR, where, what, remedy)


def warning(where: str, what: str, remedy: str) -> Finding:
    """A finding for someone to decide."""
    return Finding(Severity.WARNING, where, what, remedy)
