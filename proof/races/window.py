"""How long the windows are: ``python -m proof.races.window``.

From reading an object's tags until they are written, as the function itself logs it; and from asking for an
object's tasks until one is created, as the local cloud sees the two calls.
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
from imm_label_tags.submission.video_submission import VideoSubmission
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from proof.page import table, write_blocks
from proof.races.document import DOCUMENT
from tests.stage import CHAIR, Stage

ADDED_MILLISECONDS = 20
_SPANS = {"second": 1000, "minute": 60_000, "hour": 3_600_000}
WRITE = "PutObjectTagging"
UPLOADS = DOCUMENT.with_name("UPLOADS.md")
SUBMISSIONS = "window of submissions"
ASK, CREATE = "ListTasks", "CreateVideoLabelClassificationTask"


@dataclass(frozen=True)
class Window:
    """One event's, in milliseconds: the whole of it, and the part that was the call that ends it."""

    whole: float
    write: float


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
    def beside_the_write(self) -> float:
        """The median of what is not the last call's own, in milliseconds."""
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


def measure_submissions(cloud: LocalCloud, number: int, added: int) -> Measurement:
    """Let submit_video handle so many uploads, each of another object."""
    topic = "imm-label-tags"
    with pytest.MonkeyPatch.context() as environment, Stage(cloud, environment) as stage:
        cloud.call(cloud.messages.create_topic, topic)
        stage.set(IMM_PROJECT=stage.project, NOTIFICATION_TOPIC=topic)
        instance = VideoSubmission(os.environ, stage.context, RetryPolicy())
        uris = [stage.upload(f"videos/{index}.mp4") for index in range(number)]
        if added:
            stage.break_call(Fault(FaultKind.DELAY, times=None, delay_seconds=added / 1000))
        windows: list[Window] = []
        for uri in uris:
            stage.forget_calls()
            with redirect_stdout(io.StringIO()):
                instance.handle(json.dumps([uri]).encode(), stage.context)
            calls = {call.action: call for call in stage.raw_calls()}
            ask, create = calls[ASK], calls[CREATE]
            windows.append(
                Window(1000 * (create.ended - ask.started), 1000 * (create.ended - create.started))
            )
        cloud.call(cloud.faults.clear)
    return Measurement(added, windows)


def block(measurements: Iterable[Measurement]) -> str:
    """The windows of tags as they stand in the document, and what follows from them."""
    measured, chances = _tables(list(measurements), "the write's own call", 1)
    return (
        f"{measured}\nThe chance that another's write falls into it, where both come at random moments:\n\n"
        f"{chances}"
    )


def block_of_submissions(measurements: Iterable[Measurement]) -> str:
    """The windows of submissions, and what follows from them."""
    # Either of two events may be the one that comes within the other's window.
    measured, chances = _tables(list(measurements), "the new task's own call", 2)
    return (
        f"{measured}\nThe chance that two events of one upload make two tasks, where both are handled by "
        f"different instances at random moments:\n\n{chances}"
    )


def list_of_submissions(measurements: Iterable[Measurement]) -> str:
    """How often two events make two tasks, for those who use submit_video."""
    span = _SPANS["minute"]

    def where(one: Measurement) -> str:
        return f"where every call takes {one.added} ms longer" if one.added else "as it is"

    return "".join(
        f"- {where(one)}: 1 in {span / (2 * one.percentile_95):,.0f} of "
        f"the events that come\n  twice within a minute (the window is {_ms(one.percentile_95)} then)\n"
        for one in measurements
    )


def _tables(measurements: Sequence[Measurement], last: str, sides: int) -> tuple[str, str]:
    """What was measured, and on how many occasions of how many windows meet another event."""
    number = len(measurements[0].windows)
    measured = table(
        ("every call takes longer by", "median", "95th percentile", f"median without {last}"),
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
                *(f"1 in {span / (sides * one.percentile_95):,.0f}" for span in _SPANS.values()),
            )
            for one in measurements
        ),
    )
    heading = (
        f"{number} events for each line, one after the other, on the local cloud in the same process "
        f"({platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} CPUs with a load "
        f"of {os.getloadavg()[0]:.1f}):\n\n"
    )
    return heading + measured, chances


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms"


@click.command()
@click.option("--number", default=200, show_default=True, help="Events for each line.")
@click.option("--write", is_flag=True, help="Write the results into docs/RACES.md and docs/UPLOADS.md.")
def main(number: int, write: bool) -> None:
    """Measure the windows and print them."""
    with LocalCloud(CloudConfig(task_seconds=0.0)) as cloud:
        found: list[list[Measurement]] = []
        for measured in (measure, measure_submissions):
            # The first event pays for imports and connections.
            measured(cloud, 1, 0)
            found.append([measured(cloud, number, added) for added in (0, ADDED_MILLISECONDS)])
    tags, tasks = block(found[0]), block_of_submissions(found[1])
    click.echo(f"{tags}\n{tasks}", nl=False)
    if write:
        write_blocks(DOCUMENT, {"window": tags, SUBMISSIONS: tasks})
        write_blocks(UPLOADS, {SUBMISSIONS: list_of_submissions(found[1])})


if __name__ == "__main__":
    main(prog_name="python -m proof.races.window")
