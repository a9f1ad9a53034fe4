"""What is known of versions of packages: advisories, asked for through pip-audit in .venv-audit."""

from __future__ import annotations

import json
import subprocess
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

LOCK = "requirements/audit.txt"
SERVICES = {"pypi": "PyPI", "osv": "OSV"}
SECONDS = 30


class Pin(NamedTuple):
    """A version of a package, by its canonical name."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Advisory(NamedTuple):
    """A vulnerability that is known: its ids, and the versions that do not have it."""

    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]


class NoAnswer(Exception):
    """pip-audit could not ask a service; the message is its last words."""


@dataclass
class Findings:
    """What is known of the pins that have been asked about, and why it is not of the others."""

    advisories: dict[Pin, tuple[Advisory, ...]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def unknown(self, pins: Iterable[Pin]) -> list[Pin]:
        """Those of the pins of which nothing is known."""
        return [pin for pin in pins if pin not in self.advisories]


@dataclass(frozen=True)
class PipAudit:
    """The program, and the environment that it is started in."""

    program: Path
    environment: Mapping[str, str]

    def ask(
        self, service: str, pins: Sequence[Pin], hashes: Mapping[Pin, str]
    ) -> dict[Pin, tuple[Advisory, ...]]:
        """What a service knows of pins with different names; those that it does not know are left out.

        Raises NoAnswer.
        """
        with tempfile.TemporaryDirectory() as directory:
            requirements = Path(directory, "requirements.txt")
            lines = [f"{pin.name}=={pin.version} --hash=sha256:{hashes[pin]}\n" for pin in pins]
            requirements.write_text("".join(lines), "utf-8")
            finished = subprocess.run(
                [
                    *(str(self.program), "--requirement", str(requirements), "--require-hashes"),
                    *("--disable-pip", "--vulnerability-service", service, "--timeout", str(SECONDS)),
                    *("--format", "json", "--progress-spinner", "off", "--cache-dir", directory),
                ],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        # Its exit status does not tell: 0 also where it was told nothing, 1 also where it reached nobody.
        try:
            answer = json.loads(finished.stdout)["dependencies"]
            return dict(_known(answer, {pin.name: pin for pin in pins}))
        except (ValueError, KeyError, TypeError):
            raise NoAnswer(_last_line(finished.stderr)) from None


def prepare(root: Path, environments: Any) -> Path:
    """Create or renew .venv-audit unless it is as its lock file wants it; returns pip-audit's path.

    Raises ``environments.Missing``.
    """
    folder = root / ".venv-audit"

    def fill(python: Path) -> None:
        environments.install(python, "-r", LOCK, "--require-hashes", "--only-binary", ":all:")

    environments.renew(folder, environments.primary_interpreter(), (LOCK,), fill)
    return folder / "bin" / "pip-audit"


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, less pip-audit's own settings, which could change what it prints and where."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("PIP_AUDIT_") or name == "PIP_AUDIT_OSV_URL"
    }


def ask_all(program: PipAudit, hashes: Mapping[Pin, str]) -> Findings:
    """Ask one service after the other about what is not known yet."""
    findings = Findings()
    for service, name in SERVICES.items():
        try:
            for batch in _batches(findings.unknown(hashes)):
                findings.advisories.update(program.ask(service, batch, hashes))
        except NoAnswer as failure:
            findings.reasons.append(f"{name} gave no answer: {failure}")
            continue
        if rest := findings.unknown(hashes):
            findings.reasons.append(
                f"{name} does not know {len(rest)} of them; a mirror may lack advisories."
            )
    return findings


def _known(
    answer: Iterable[Mapping[str, Any]], pins: Mapping[str, Pin]
) -> Iterator[tuple[Pin, tuple[Advisory, ...]]]:
    for one in answer:
        if "skip_reason" in one:
            continue
        pin = pins[canonicalize_name(one["name"])]
        yield (
            pin,
            tuple(
                Advisory((found["id"], *found["aliases"]), tuple(found["fix_versions"]))
                for found in one["vulns"]
            ),
        )


def _batches(pins: Sequence[Pin]) -> Iterator[list[Pin]]:
    """The pins in lists that name no package twice, as pip-audit wants them."""
    rest = list(pins)
    while rest:
        batch = {pin.name: pin for pin in reversed(rest)}
        yield list(batch.values())
        rest = [pin for pin in rest if batch[pin.name] != pin]


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return textwrap.shorten(lines[-1], 200) if lines else "pip-audit said nothing"
