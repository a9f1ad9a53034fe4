"""How long it is from reading an object's tags until they are written: ``python -m proof.races.window``.

Measured by the function itself, which logs it, while it handles notifications on a local cloud.
"""

from __future__ import annotations

import io
import json
import os
import platform
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

import click
import pytest

from imm_label_tags.retries import RetryPolicy
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from proof.page import table, write_blocks
from proof.races.document import DOCUMENT
from tests.stage import CHAIR, Stage

ADDED_MILLISECONDS = 20
_SPANS = {"second": 1000, "minute": 60_000, "hour": 3_600_000}
WRITE = "PutObjectTagging"


@dataclass(frozen=True)
class Window:
    """One notification's, in milliseconds: the whole of it, and the part that was the write's own call."""

    whole: float
    write: float


@dataclass(frozen=True)
class Measurement:
    """The windows of some notifications; ``added`` is by how many milliseconds each call was slowed down."""

    added: int
    windows: Sequence[Window]

    @property
    def median(self) -> float:
        """In milliseconds."""
        return median(window.whole for window in self.windows)

    @property
    def percentile_95(self) -> float:
        """In milliseconds."""
        return quantiles((window.whole for window in self.windows), n=20, method="inclusive")[-1]

    @property
    def beside_the_write(self) -> float:
        """The median of what is not the write's own call, in milliseconds."""
        return median(window.whole - window.write for window in self.windows)


def measure(cloud: LocalCloud, number: int, added: int) -> Measurement:
    """Let the function handle so many notifications, each of another object with tags of its own."""
    with pytest.MonkeyPatch.context() as environment, Stage(cloud, environment) as stage:
        stage.retry_policy = RetryPolicy()
        tasks = [
            stage.task(stage.upload(f"videos/{index}.mp4", {"team": "a"}), CHAIR) for index in range(number)
        ]
        if added:
            slow = Fault(FaultKind.DELAY, times=None, delay_seconds=added / 1000)
            stage.break_call(slow)
        output = io.StringIO()
        with redirect_stdout(output):
            for task_id in tasks:
                stage.handle(task_id)
        cloud.call(cloud.faults.clear)
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    return Measurement(added, [_window(line) for line in lines])


def _window(line: dict[str, Any]) -> Window:
    return Window(line["window_milliseconds"], line["milliseconds"][WRITE])


def block(measurements: Iterable[Measurement]) -> str:
    """What was measured, and what follows from it, as it stands in the document."""
    measurements = list(measurements)
    number = len(measurements[0].windows)
    measured = table(
        ("every call takes longer by", "median", "95th percentile", "median without the write's own call"),
        (
            (f"{one.added} ms", _ms(one.median), _ms(one.percentile_95), _ms(one.beside_the_write))
            for one in measurements
        ),
    )
    chances = table(
        ("window (95th percentile)", *(f"in the same {name}" for name in _SPANS)),
        (
            (
                _ms(one.percentile_95),
                *(f"1 in {span / one.percentile_95:,.0f}" for span in _SPANS.values()),
            )
            for one in measurements
        ),
    )
    return (
        f"{number} notifications for each line, one after the other, on the local cloud in the same process "
        f"({platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} CPUs with a load "
        f"of {os.getloadavg()[0]:.1f}):\n\n"
        f"{measured}\nThe chance that another's write falls into it, where both come at random moments:\n\n"
        f"{chances}"
    )


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms"


@click.command()
@click.option("--number", default=200, show_default=True, help="Notifications for each line.")
@click.option("--write", is_flag=True, help="Write the result into docs/RACES.md too.")
def main(number: int, write: bool) -> None:
    """Measure the window and print it."""
    with LocalCloud(CloudConfig(task_seconds=0.0)) as cloud:
        # The first notification pays for imports and connections.
        measure(cloud, 1, 0)
        text = block(measure(cloud, number, added) for added in (0, ADDED_MILLISECONDS))
    click.echo(text, nl=False)
    if write:
        write_blocks(DOCUMENT, {"window": text})


if __name__ == "__main__":
    main(prog_name="python -m proof.races.window")
