"""The command line ``python -m proof.benchmarks``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from cli.checkout import ROOT
from cli.problems import Problem
from layers.interpreters import find_interpreter
from layers.target import RUNTIMES
from proof.benchmarks import document, measurements, subjects, tables
from proof.benchmarks.cost import Size, cost
from proof.benchmarks.measurements import Bench
from proof.benchmarks.region import Region, make_certificate

PARTS: Mapping[str, Callable[[Bench], dict[str, Any]]] = {
    "cold": measurements.cold,
    "memory": measurements.memory,
    "warm": measurements.warm,
    "batch": measurements.large_batch,
    "imports": measurements.imports,
}
SMALLEST_RUNS = 2


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--runs", default=20, type=click.IntRange(SMALLEST_RUNS), help="How often each is measured.")
@click.option(
    "--python",
    "versions",
    multiple=True,
    type=click.Choice([name.removeprefix("python") for name in RUNTIMES]),
    help="Repeatable; by default each runtime of which there is an interpreter.",
)
@click.option(
    "--only", multiple=True, type=click.Choice(list(PARTS)), help="Repeatable; by default everything."
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="A file for the figures."
)
@click.option(
    "--output",
    default=ROOT,
    show_default="this checkout",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where results and documents are written, once everything has been measured.",
)
@click.option("--built", type=click.Path(exists=True, path_type=Path), help="Measure what was built there.")
@click.option("--render", is_flag=True, help="Measure nothing; make the documents of the last results.")
def main(
    runs: int,
    versions: tuple[str, ...],
    only: tuple[str, ...],
    json_file: Path | None,
    output: Path,
    built: Path | None,
    render: bool,
) -> None:
    """Measure the function against a handler made of the SDKs' documentation samples."""
    if render:
        _publish(document.read_results(ROOT), output)
        return
    if sys.platform != "linux":
        raise Problem("Processes are measured through /proc: this needs Linux.")
    runtimes = [f"python{version}" for version in versions] or _runtimes_here()
    found = {runtime: measure(runtime, runs, only or tuple(PARTS), built) for runtime in runtimes}
    results = document.results(found, runs)
    if json_file is not None:
        document.write_results(results, json_file)
    if only:
        for runtime, measured in found.items():
            click.echo(f"{runtime}: {document.as_text(measured)}")
        return
    click.echo(tables.target_table(results))
    document.write_results(results, output / document.RESULTS)
    _publish(results, output)


def measure(runtime: str, runs: int, parts: tuple[str, ...], built: Path | None) -> dict[str, Any]:
    """Everything that is asked for, on one runtime. Raises Problem."""
    declared = subjects.declaration()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        directory = Path(folder)
        certificate = make_certificate(directory)
        place = directory / "subjects"
        place.mkdir()
        try:
            prepared = subjects.prepare(
                runtime, built or subjects.build_parts(runtime), place, certificate.authority
            )
            with Region(certificate.server) as region:
                bench = Bench(prepared, region, declared, runs, partial(_tell, runtime))
                figures = {part: PARTS[part](bench) for part in parts}
        finally:
            subjects.unprotect(place)
    measured: dict[str, Any] = {
        "interpreter": prepared.interpreter.version,
        "sizes": measurements.sizes(prepared),
        **figures,
    }
    if set(parts) == set(PARTS):
        measured["cost"] = cost(measured, Size(declared.cpu, declared.memory_size))
    return measured


def _tell(runtime: str, text: str) -> None:
    click.echo(f"{runtime}: {text}", err=True)


def _runtimes_here() -> list[str]:
    found = [name for name, target in RUNTIMES.items() if find_interpreter(target.version, os.environ)]
    if not found:
        raise Problem(f"There is no interpreter of any of {', '.join(RUNTIMES)} here.")
    return found


def _publish(results: Mapping[str, Any], output: Path) -> None:
    for path in document.write_documents(results, ROOT, output):
        click.echo(f"written: {path}", err=True)
