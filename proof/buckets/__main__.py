"""``python -m proof.buckets``: fills buckets of the local cloud, and lets commands and a bare loop read them.

The runs of the command and of the loop alternate, each in a process of its own beside the cloud's; the
fastest of each counts.
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
from cli.report.command import THREADS
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from proof.page import PERFORMANCE, table, write_blocks

LEAST_SHARE = 0.8
MOST_GROWTH_MB = 30
_TAGS = {"team": "a", "imm": "2199-01-01T00:00:00.000Z/VideoLabelClassification-2f157087", "imm_yi-zi": "yes"}


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


class Region:
    """A local cloud with buckets of videos."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def fill(self, objects: int) -> str:
        """A bucket with so many tagged videos; returns its name."""
        bucket = f"videos-{objects}"
        self._cloud.call(self._cloud.objects.create_bucket, bucket)

        def put(numbers: Iterable[int]) -> None:
            for number in numbers:
                self._cloud.objects.put_object(bucket, f"videos/{number:08}.mp4", b"film", _TAGS)

        for first in range(0, objects, 1000):
            self._cloud.call(put, range(first, min(first + 1000, objects)))
        return bucket

    def measure(self, subject: str, bucket: str) -> Figures:
        """Run a subject in a process of its own."""
        command = [sys.executable, "-m", "proof.buckets.measured", subject, bucket, str(THREADS)]
        done = subprocess.run(command, env=self._environment(), stdout=subprocess.PIPE, check=True)
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


@click.command()
@click.option("--objects", default=20_000, show_default=True, help="How many the speed is measured with.")
@click.option("--runs", default=3, show_default=True, help="How often.")
@click.option("--few", default=1_000, show_default=True, help="Memory is compared from so many objects")
@click.option("--many", default=100_000, show_default=True, help="to so many.")
@click.option("--write", is_flag=True, help="Write the table into docs/PERFORMANCE.md.")
def main(objects: int, runs: int, few: int, many: int, write: bool) -> None:
    """Measure the commands that read whole buckets. Exit status 1 where a target is missed."""
    with LocalCloud(CloudConfig()) as cloud:
        region = Region(cloud)
        bucket = region.fill(objects)
        pairs = [(region.measure("bare", bucket), region.measure("report", bucket)) for _ in range(runs)]
        small = region.measure("report", region.fill(few))
        large = region.measure("report", region.fill(many))
    bare, report = (max(one, key=lambda figures: figures.rate) for one in zip(*pairs, strict=True))
    text = _table(bare, report, small, large)
    click.echo(text)
    if write:
        write_blocks(PERFORMANCE, {"buckets": text})
    missed = report.rate < LEAST_SHARE * bare.rate or large.memory - small.memory > MOST_GROWTH_MB
    sys.exit(int(missed))


def _table(bare: Figures, report: Figures, small: Figures, large: Figures) -> str:
    rows = [
        (
            f"objects a second, {bare.objects:,} objects, {THREADS} threads",
            f"{bare.rate:,.0f}",
            f"{report.rate:,.0f} ({report.rate / bare.rate:.2f} of it)",
            f"{LEAST_SHARE} of it",
        ),
        (
            "processor time for an object, without the cloud's",
            f"{1000 * bare.processor / bare.objects:.2f} ms",
            f"{1000 * report.processor / report.objects:.2f} ms",
            "",
        ),
        (
            f"peak memory at {small.objects:,} and at {large.objects:,} objects",
            "",
            f"{small.memory:.0f} MB and {large.memory:.0f} MB",
            f"{MOST_GROWTH_MB} MB more",
        ),
    ]
    return table(("", "bare loop", "`report`", "target"), rows)


if __name__ == "__main__":
    run(lambda: main(prog_name="python -m proof.buckets"))
