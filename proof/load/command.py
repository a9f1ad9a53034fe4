"""The command line ``python -m proof.load``."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cli.problems import Problem
from imm_label_tags.environment import shut_out
from proof.load import large_batch, large_result, promises, report, uploads
from proof.load.flood import flood
from proof.load.plan import FloodPlan
from proof.load.progress import Progress
from proof.load.promises import Promise
from proof.load.publishing import Standstill
from proof.load.uploads import UploadPlan
from proof.page import PERFORMANCE, write_blocks

FLOOD, LABELS, BATCH, UPLOADS = "flood", "labels", "batch", "uploads"
# Each delivery of an upload's event is up to so many seconds late.
SPREAD_SECONDS = 30.0


class Run:
    """The parts of a load test that have been carried out."""

    def __init__(self, write: Any) -> None:
        self._write = write
        self.promises: list[Promise] = []
        self.document: dict[str, Any] = {}

    def add(self, name: str, result: Any, lines: Iterable[str], found: list[Promise]) -> None:
        """Show a part, and remember it."""
        self.promises += found
        self.document[name] = {**report.plain(result), "promises": report.plain(found)}
        for line in (*lines, *report.promise_lines(found)):
            self._write(line)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--notifications", default=20_000, type=click.IntRange(1), help="Deliveries, with duplicates.")
@click.option("--objects", default=2_000, type=click.IntRange(2), help="Objects that the tasks are about.")
@click.option("--instances", default=12, type=click.IntRange(1, 64), help="Instances at the same time.")
@click.option("--faults", default=0.05, type=click.FloatRange(0, 0.5), help="Share of calls that go wrong.")
@click.option(
    "--duplicates",
    default=0.1,
    type=click.FloatRange(0, 1),
    help="Share of notifications that come twice.",
)
@click.option("--kills", default=30, type=click.IntRange(0), help="Instances killed at their work.")
@click.option("--seed", type=click.IntRange(0), help="Repeats objects, tasks and order of an earlier run.")
@click.option(
    "--second-look",
    default=0.2,
    type=click.FloatRange(0, 60),
    help="The function's SECOND_LOOK_SECONDS; 0 for none.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([FLOOD, LABELS, BATCH, UPLOADS]),
    help="The flood, tasks with very many labels, a very large batch, or uploads that become tasks and tags; "
    "all of them without it.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file for the figures.",
)
@click.option("--write", is_flag=True, help="Write the table of the uploads into docs/PERFORMANCE.md.")
def main(
    notifications: int,
    objects: int,
    instances: int,
    faults: float,
    duplicates: float,
    kills: int,
    seed: int | None,
    second_look: float,
    only: tuple[str, ...],
    json_file: Path | None,
    write: bool,
) -> None:
    """Flood the function on a local cloud where everything goes wrong, and look what is left of it.

    Exit status 1 where a promise was broken.
    """
    shut_out(os.environ)
    plan = FloodPlan(
        notifications=notifications,
        objects=objects,
        instances=instances,
        faults=faults,
        duplicates=duplicates,
        kills=kills,
        second_look=second_look,
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
    )
    parts = only or (FLOOD, LABELS, BATCH, UPLOADS)
    progress = Progress(click.echo)
    progress.tell(f"seed {plan.seed}")
    run = Run(click.echo)
    try:
        carry_out(plan, parts, progress, run, write=write)
    except Standstill as standstill:
        raise Problem(f"{standstill} The seed was {plan.seed}.") from None
    if json_file is not None:
        json_file.write_text(json.dumps(run.document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    broken = [promise for promise in run.promises if not promise.kept]
    click.echo(f"\n{len(run.promises) - len(broken)} of {len(run.promises)} promises were kept.")
    sys.exit(1 if broken else 0)


def carry_out(
    plan: FloodPlan, parts: Iterable[str], progress: Progress, run: Run, *, write: bool = False
) -> None:
    """Carry out the parts that are asked for, and show each as soon as it is done."""
    if FLOOD in parts:
        result = flood(plan, progress.tell)
        run.add(FLOOD, result, report.flood_lines(result), promises.of_flood(result))
    if LABELS in parts:
        results = large_result.climb(large_result.LADDERS, progress.tell)
        run.add(LABELS, results, report.large_result_lines(results), promises.of_large_results(results))
    if BATCH in parts:
        batch = large_batch.send(large_batch.NOTIFICATIONS, plan.seed, progress.tell)
        run.add(BATCH, batch, report.large_batch_lines(batch), promises.of_large_batch(batch))
    if UPLOADS in parts:
        uploaded = uploads.upload_all(_of_uploads(plan), progress.tell)
        run.add(UPLOADS, uploaded, report.upload_lines(uploaded), promises.of_uploads(uploaded))
        if write:
            write_blocks(PERFORMANCE, {"uploads": report.upload_block(uploaded)})


def _of_uploads(plan: FloodPlan) -> UploadPlan:
    return UploadPlan(
        objects=plan.objects,
        instances=plan.instances,
        duplicates=plan.duplicates,
        spread=SPREAD_SECONDS,
        throttled=plan.faults,
        kills=plan.kills // 2,
        seed=plan.seed,
    )
