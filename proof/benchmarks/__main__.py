"""``python -m proof.benchmarks``: measures the function, and makes the tables of the documents."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from cli.checkout import DEPLOYMENT, FAILED_EVENTS, ROOT, TAGGING
from cli.local_deployment import load_deployment
from cli.problems import Problem
from cli.process import run
from layers.interpreters import find_interpreter
from layers.target import RUNTIMES
from localcloud.fc.declaration import FunctionDeclaration
from proof.benchmarks import document, measurements, subjects
from proof.benchmarks.measurements import Bench
from proof.benchmarks.region import make_certificate, running_region

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
    "--only",
    multiple=True,
    type=click.Choice(list(PARTS)),
    help="Repeatable; shows the figures, and writes none. By default everything.",
)
@click.option("--render", is_flag=True, help="Measure nothing; make the documents of the last results.")
def main(runs: int, versions: tuple[str, ...], only: tuple[str, ...], render: bool) -> None:
    """Measure the function against a handler made of the SDKs' documentation samples."""
    if not render:
        if sys.platform != "linux":
            raise Problem("Processes are measured through /proc: this needs Linux.")
        runtimes = [f"python{version}" for version in versions] or _runtimes_here()
        found = {runtime: measure(runtime, runs, only or tuple(PARTS)) for runtime in runtimes}
        results = document.results(found, runs)
        if only:
            click.echo(document.as_text(results))
            return
        click.echo(document.target_table(results))
        (ROOT / document.RESULTS).write_text(document.as_text(results), "utf-8")
    for path, text in document.rendered(document.read_results(ROOT), ROOT).items():
        (ROOT / path).write_text(text, "utf-8")


def measure(runtime: str, runs: int, parts: tuple[str, ...]) -> dict[str, Any]:
    """Everything that is asked for, on one runtime. Raises Problem."""
    built, declared = subjects.build_parts(runtime), declaration()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        directory = Path(folder)
        certificate = make_certificate(directory)
        place = directory / "subjects"
        place.mkdir()
        try:
            prepared = subjects.prepare(runtime, built, place, certificate.authority)
            with running_region(certificate.server) as region:
                bench = Bench(prepared, region, declared, runs, lambda text: _tell(runtime, text))
                figures = {part: PARTS[part](bench) for part in parts}
        finally:
            subjects.unprotect(place)
    sizes = {"layer_bytes": dict(prepared.layer_bytes), "code_bytes": prepared.code_bytes}
    size = {"vcpu": declared.cpu, "memory_megabytes": declared.memory_size}
    return {"interpreter": prepared.version, "size": size, "sizes": sizes, **figures}


def declaration() -> FunctionDeclaration:
    """The function as ``s.yaml`` declares it, with every setting at its default."""
    return load_deployment(DEPLOYMENT, {"FAILED_EVENTS": FAILED_EVENTS}).resources[TAGGING]


def _tell(runtime: str, text: str) -> None:
    click.echo(f"{runtime}: {text}", err=True)


def _runtimes_here() -> list[str]:
    found = [name for name, target in RUNTIMES.items() if find_interpreter(target.version, os.environ)]
    if not found:
        raise Problem(f"There is no interpreter of any of {', '.join(RUNTIMES)} here.")
    return found


if __name__ == "__main__":
    run(lambda: main(prog_name="python -m proof.benchmarks"))
