"""``python -m proof.buckets``: fills buckets of the local cloud, and lets commands and a bare loop read them.

The runs of a command and of the loop alternate, each in a process of its own beside the cloud's; the fastest
of each counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import click

from cli.process import run
from cli.report import reading as report
from cli.submission import backfill
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from proof.buckets.measured import BARE
from proof.page import PERFORMANCE, table, write_blocks

LEAST_SHARE = 0.8
MOST_GROWTH_MB = 30
PROJECT = "immtest"
_TASK, _START = "VideoLabelClassification-2f157087", "2199-01-01T00:00:00.000Z"
_FOREIGN = {"team": "a"}
_TAGS = {**_FOREIGN, "imm": f"{_START}/{_TASK}", "imm_yi-zi": "yes"}
_ARCHIVE = "archive"


class Subject(NamedTuple):
    """A command that goes through a bucket: its name for the page, its words, and how many threads it has."""

    name: str
    words: tuple[str, ...]
    threads: int
    tagged: bool
    archived: bool = False

    @property
    def settings(self) -> Mapping[str, str]:
        """The variables of ``s.yaml`` that it needs."""
        return {"RESULT_ARCHIVE": f"oss://{_ARCHIVE}/labels"} if self.archived else {}


REPORT = Subject("`report`", ("report",), report.THREADS, tagged=True)
BACKFILL = Subject(
    "`backfill --dry-run`", ("backfill", "--dry-run", "--project", PROJECT), backfill.THREADS, tagged=False
)
RETAG = Subject(
    "`report --csv --retag`, with an archive",
    ("report", "--csv", os.devnull, "--retag", "--yes"),
    report.THREADS,
    tagged=True,
    archived=True,
)


class Figures(NamedTuple):
    """One run: objects, seconds, processor seconds, peak memory in MB."""

    objects: int
    seconds: float
    processor: float
    memory: float

    @property
    def rate(self) -> float:
        """Objects a second."""
        return self.objects / self.seconds


class Row(NamedTuple):
    """A line of a table, and whether its target was met."""

    cells: tuple[str, ...]
    met: bool


class Region:
    """A local cloud with buckets of videos."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._count = 0
        cloud.call(cloud.media.put_project, PROJECT)
        cloud.call(cloud.objects.create_bucket, _ARCHIVE)

    def fill(self, objects: int, subject: Subject) -> str:
        """A bucket with so many videos, tagged and with their archived results or not; returns its name."""
        self._count += 1
        bucket = f"videos-{self._count}"
        self._cloud.call(self._cloud.objects.create_bucket, bucket)

        def put(numbers: Iterable[int]) -> None:
            for number in numbers:
                key = f"videos/{number:08}.mp4"
                tags = _TAGS if subject.tagged else _FOREIGN
                self._cloud.objects.put_object(bucket, key, b"film", tags)
                if subject.archived:
                    place = f"labels/{bucket}/{key}/{_TASK}.json"
                    self._cloud.objects.put_object(_ARCHIVE, place, _result(bucket, key), {})

        for first in range(0, objects, 1000):
            self._cloud.call(put, range(first, min(first + 1000, objects)))
        return bucket

    def bare(self, bucket: str, threads: int) -> Figures:
        """Run a bare loop."""
        return self._run({}, BARE, bucket, str(threads))

    def measure(self, subject: Subject, bucket: str) -> Figures:
        """Run a command."""
        return self._run(subject.settings, *subject.words, "--bucket", bucket)

    def _run(self, settings: Mapping[str, str], *words: str) -> Figures:
        command = [sys.executable, "-m", "proof.buckets.measured", *words]
        env = {**self._environment(), **settings}
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
        return Figures(**json.loads(done.stdout))

    def _environment(self) -> Mapping[str, str]:
        keys, urls = self._cloud.accounts.owner, self._cloud.endpoints
        return {
            **os.environ,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.access_key_secret,
            "OSS_ACCESS_KEY_ID": keys.access_key_id,
            "OSS_ACCESS_KEY_SECRET": keys.access_key_secret,
            "ALIBABA_CLOUD_ACCOUNT_ID": self._cloud.config.account_id,
            "FC_DEPLOY_REGION": self._cloud.config.region,
            "OSS_ENDPOINT": urls.oss,
            "IMM_ENDPOINT": urls.imm,
        }


def _result(bucket: str, key: str) -> bytes:
    """A result whose label today's settings tag otherwise than the object is."""
    label = {"Language": "zh-Hans", "LabelName": "夜景", "LabelLevel": 1, "LabelConfidence": 0.9}
    document = {
        "TaskId": _TASK,
        "TaskType": "VideoLabelClassification",
        "Status": "Succeeded",
        "StartTime": _START,
        "SourceURI": f"oss://{bucket}/{key}",
        "Labels": [label],
    }
    return json.dumps(document, ensure_ascii=False).encode()


@click.command()
@click.option("--objects", default=20_000, show_default=True, help="How many the speed is measured with.")
@click.option("--runs", default=3, show_default=True, help="How often.")
@click.option("--few", default=1_000, show_default=True, help="Memory is compared from so many objects")
@click.option("--many", default=100_000, show_default=True, help="to so many,")
@click.option("--archived", default=20_000, show_default=True, help="with archived results to so many.")
@click.option("--write", is_flag=True, help="Write the tables into docs/PERFORMANCE.md.")
def main(objects: int, runs: int, few: int, many: int, archived: int, write: bool) -> None:
    """Measure the commands that go through whole buckets. Exit status 1 where a target is missed."""
    with LocalCloud(CloudConfig()) as cloud:
        region = Region(cloud)
        speeds = [_speed(region, subject, objects, runs) for subject in (REPORT, BACKFILL)]
        head = ("objects a second", "bare loop", "command", "target", "processor time: loop", "command")
        text = table(head, (row.cells for row in speeds))
        # At once: what follows takes long.
        click.echo(text)
        sizes = ((REPORT, many), (BACKFILL, many), (RETAG, archived))
        memories = [_memory(region, subject, few, most) for subject, most in sizes]
        grown = table(("peak memory", "", "target"), (row.cells for row in memories))
        click.echo(grown)
        if write:
            write_blocks(PERFORMANCE, {"buckets": f"{text}\n{grown}"})
    sys.exit(int(not all(row.met for row in (*speeds, *memories))))


def _speed(region: Region, subject: Subject, objects: int, runs: int) -> Row:
    """A command beside a bare loop."""
    bucket = region.fill(objects, subject)
    pairs = [(region.bare(bucket, subject.threads), region.measure(subject, bucket)) for _ in range(runs)]
    bare, command = (max(one, key=lambda figures: figures.rate) for one in zip(*pairs, strict=True))
    share = command.rate / bare.rate
    cells = (
        f"{subject.name}, {command.objects:,} objects, {subject.threads} threads",
        f"{bare.rate:,.0f}",
        f"{command.rate:,.0f} ({share:.2f} of it)",
        f"{LEAST_SHARE} of it",
        *(f"{1000 * figures.processor / figures.objects:.2f} ms" for figures in (bare, command)),
    )
    return Row(cells, share >= LEAST_SHARE)


def _memory(region: Region, subject: Subject, few: int, many: int) -> Row:
    """A command in a small and in a large bucket."""
    small, large = (region.measure(subject, region.fill(number, subject)) for number in (few, many))
    cells = (
        f"{subject.name}, at {small.objects:,} and at {large.objects:,} objects",
        f"{small.memory:.0f} MB and {large.memory:.0f} MB",
        f"{MOST_GROWTH_MB} MB more",
    )
    return Row(cells, large.memory - small.memory <= MOST_GROWTH_MB)


if __name__ == "__main__":
    run(lambda: main(prog_name="python -m proof.buckets"))
