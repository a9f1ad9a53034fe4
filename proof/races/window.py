"""How long the windows are: ``python -m proof.races.window``.

From reading an object's tags until they are written, as the function itself logs it; and from asking for an
object's tasks until one is created, as the local cloud sees the two calls.
"""

from __future__ import annotations

import io
import json
import os
import platform
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from statistics import median, quantiles
from typing import NamedTuple

import click
import pytest

from imm_label_tags.retries import RetryPolicy
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from proof.page import table, write_blocks
from proof.races.document import DOCUMENT
from tests.stage import CHAIR, Stage

ADDED_MILLISECONDS = (0, 20)
UPLOADS = DOCUMENT.with_name("UPLOADS.md")
_SPANS = {"second": 1000, "minute": 60_000, "hour": 3_600_000}


class Window(NamedTuple):
    """One event's, in milliseconds: the whole of it, and the part that was the call that ends it."""

    whole: float
    last: float


@dataclass(frozen=True)
class Measurement:
    """The windows of some events; ``added`` is by how many milliseconds each call was slowed down."""

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
    def beside_the_last(self) -> float:
        """The median of what is not the last call's own, in milliseconds."""
        return median(window.whole - window.last for window in self.windows)


def measure(cloud: LocalCloud, number: int, added: int) -> Measurement:
    """Let the function handle so many notifications, each of another object with tags of its own."""
    with pytest.MonkeyPatch.context() as environment, Stage(cloud, environment) as stage:
        stage.retry_policy = RetryPolicy()
        tasks = [
            stage.task(stage.upload(f"videos/{index}.mp4", {"team": "a"}), CHAIR) for index in range(number)
        ]
        _slow_down(stage, added)
        with redirect_stdout(io.StringIO()) as output:
            for task_id in tasks:
                stage.handle(task_id)
        cloud.call(cloud.faults.clear)
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    return Measurement(
        added,
        [Window(line["window_milliseconds"], line["milliseconds"]["PutObjectTagging"]) for line in lines],
    )


def measure_submissions(cloud: LocalCloud, number: int, added: int) -> Measurement:
    """Let submit_video handle so many uploads, each of another object."""
    windows: list[Window] = []
    with pytest.MonkeyPatch.context() as environment, Stage(cloud, environment) as stage:
        stage.retry_policy = RetryPolicy()
        instance = stage.submission()
        uris = [stage.upload(f"videos/{index}.mp4") for index in range(number)]
        _slow_down(stage, added)
        for uri in uris:
            stage.forget_calls()
            with redirect_stdout(io.StringIO()):
                instance.handle(json.dumps([uri]).encode(), stage.context)
            calls = {call.action: call for call in stage.raw_calls()}
            create = calls["CreateVideoLabelClassificationTask"]
            whole, last = create.ended - calls["ListTasks"].started, create.ended - create.started
            windows.append(Window(1000 * whole, 1000 * last))
        cloud.call(cloud.faults.clear)
    return Measurement(added, windows)


def _slow_down(stage: Stage, milliseconds: int) -> None:
    if milliseconds:
        stage.break_call(Fault(FaultKind.DELAY, times=None, delay_seconds=milliseconds / 1000))


def block(measurements: Sequence[Measurement]) -> str:
    """The windows of tags as they stand in the document, and what follows from them."""
    return _block(
        measurements,
        "the write's own call",
        "The chance that another's write falls into it, where both come at random moments",
        sides=1,
    )


def block_of_submissions(measurements: Sequence[Measurement]) -> str:
    """The windows of submissions, and what follows from them."""
    return _block(
        measurements,
        "the new task's own call",
        "The chance that two events of one upload make two tasks, where both are handled by different "
        "instances at random moments",
        # Either of two events may be the one that comes within the other's window.
        sides=2,
    )


def list_of_submissions(measurements: Sequence[Measurement]) -> str:
    """How often two events make two tasks, for those who use submit_video."""

    def where(one: Measurement) -> str:
        return f"where every call takes {one.added} ms longer" if one.added else "as it is"

    return "".join(
        f"- {where(one)}: {_chance(one, 'minute', 2)} of the events that come\n  twice within a minute "
        f"(the window is {_ms(one.percentile_95)} then)\n"
        for one in measurements
    )


def _block(measurements: Sequence[Measurement], last: str, chances: str, sides: int) -> str:
    measured = table(
        ("every call takes longer by", "median", "95th percentile", f"median without {last}"),
        (
            (f"{one.added} ms", _ms(one.median), _ms(one.percentile_95), _ms(one.beside_the_last))
            for one in measurements
        ),
    )
    likely = table(
        ("window (95th percentile)", *(f"in the same {name}" for name in _SPANS)),
        ((_ms(one.percentile_95), *(_chance(one, span, sides) for span in _SPANS)) for one in measurements),
    )
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{len(measurements[0].windows)} events for each line, one after the other, on the local cloud in "
        f"the same process ({python}, {os.cpu_count()} CPUs with a load of {os.getloadavg()[0]:.1f}):\n\n"
        f"{measured}\n{chances}:\n\n{likely}"
    )


def _chance(measurement: Measurement, span: str, sides: int) -> str:
    """On how many occasions within a time one of two events falls into the other's window."""
    return f"1 in {_SPANS[span] / (sides * measurement.percentile_95):,.0f}"


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms"


@click.command()
@click.option("--number", default=200, show_default=True, help="Events for each line.")
@click.option("--write", is_flag=True, help="Write the results into docs/RACES.md and docs/UPLOADS.md.")
def main(number: int, write: bool) -> None:
    """Measure the windows and print them."""
    found: list[list[Measurement]] = []
    with LocalCloud(CloudConfig(task_seconds=0.0)) as cloud:
        for measured in (measure, measure_submissions):
            # The first event pays for imports and connections.
            measured(cloud, 1, 0)
            found.append([measured(cloud, number, added) for added in ADDED_MILLISECONDS])
    tags, tasks = block(found[0]), block_of_submissions(found[1])
    click.echo(f"{tags}\n{tasks}", nl=False)
    if write:
        write_blocks(DOCUMENT, {"window": tags, "window of submissions": tasks})
        write_blocks(UPLOADS, {"window of submissions": list_of_submissions(found[1])})


if __name__ == "__main__":
    main(prog_name="python -m proof.races.window")
