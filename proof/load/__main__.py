"""``python -m proof.load``: the parts of the load test, each shown as soon as it is done."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from cli.problems import Problem
from cli.process import run
from imm_label_tags.environment import shut_out
from proof.load.flood import flood
from proof.load.large import NOTIFICATIONS, STEPS, read_large_answers, send_batch
from proof.load.publishing import Standstill
from proof.load.report import Result, Tell, as_json, lines
from proof.load.scenario import FloodPlan
from proof.load.uploads import UploadPlan, upload_all
from proof.page import PERFORMANCE, table, write_blocks

# Each delivery of an upload's event is up to so many seconds late.
SPREAD_SECONDS = 30.0


def _uploads(plan: FloodPlan, tell: Tell) -> Result:
    return upload_all(
        UploadPlan(
            objects=plan.objects,
            instances=plan.instances,
            duplicates=plan.duplicates,
            spread=SPREAD_SECONDS,
            throttled=plan.faults,
            kills=plan.kills // 2,
            seed=plan.seed,
        ),
        tell,
    )


PARTS: Mapping[str, Callable[[FloodPlan, Tell], Result]] = {
    "flood": flood,
    "labels": lambda plan, tell: read_large_answers(STEPS, tell),
    "batch": lambda plan, tell: send_batch(NOTIFICATIONS, plan.seed, tell),
    "uploads": _uploads,
}


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
    type=click.Choice(list(PARTS)),
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
    only: tuple[str, ...], json_file: Path | None, write: bool, seed: int | None, **numbers: float
) -> None:
    """Flood the function on a local cloud where everything goes wrong, and look what is left of it.

    Exit status 1 where a promise was broken.
    """
    shut_out(os.environ)
    plan = FloodPlan(seed=secrets.randbelow(1_000_000) if seed is None else seed, **numbers)  # type: ignore[arg-type]
    began = time.monotonic()

    def tell(text: str) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s  {text}")

    tell(f"seed {plan.seed}")
    document, promises = {}, []
    for name in only or PARTS:
        try:
            result = PARTS[name](plan, tell)
        except Standstill as standstill:
            raise Problem(f"{standstill} The seed was {plan.seed}.") from None
        click.echo("\n".join(lines(result)))
        document[name] = as_json(result)
        promises += result.promises()
        if write and name == "uploads":
            write_blocks(PERFORMANCE, {"uploads": table(("uploads", ""), result.rows())})
    if json_file is not None:
        json_file.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    kept = sum(promise.kept for promise in promises)
    click.echo(f"\n{kept} of {len(promises)} promises were kept.")
    sys.exit(0 if kept == len(promises) else 1)


if __name__ == "__main__":
    run(lambda: main(prog_name="python -m proof.load"))
