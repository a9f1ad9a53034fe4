"""What commands cost that go through whole buckets: a short run, and what is made of the figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from proof.buckets import __main__ as buckets
from proof.buckets.__main__ import BACKFILL, REPORT, RETAG, Figures, Region, Subject
from proof.page import PERFORMANCE

OBJECTS = 12


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with LocalCloud(CloudConfig()) as cloud:
        yield Region(cloud)


@pytest.mark.parametrize("subject", [REPORT, BACKFILL, RETAG], ids=lambda subject: subject.name)
def test_a_command_goes_through_all_objects_of_a_bucket(region: Region, subject: Subject) -> None:
    figures = region.measure(subject, region.fill(OBJECTS, subject))
    assert figures.objects == OBJECTS
    assert min(figures) > 0


def test_the_bare_loop_reads_the_same_objects(region: Region) -> None:
    assert region.bare(region.fill(OBJECTS, REPORT), 4).objects == OBJECTS


class Measured(Region):
    """A region in which every command is as fast as it is said to be, and as large."""

    rate = 400.0
    growth = 1.0

    def fill(self, objects: int, subject: Subject) -> str:
        return str(objects)

    def bare(self, bucket: str, threads: int) -> Figures:
        return Figures(int(bucket), int(bucket) / 500, 1.0, 50.0)

    def measure(self, subject: Subject, bucket: str) -> Figures:
        objects = int(bucket)
        return Figures(objects, objects / self.rate, 2.0, 80.0 + self.growth * (objects > 1000))


def run(monkeypatch: pytest.MonkeyPatch, region: type[Region], *more: str) -> Result:
    monkeypatch.setattr(buckets, "Region", region)
    return CliRunner().invoke(buckets.main, more)


def test_the_tables_have_both_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, Measured)
    assert result.exit_code == 0, result.output
    assert "| `report`, 20,000 objects, 16 threads | 500 | 400 (0.80 of it) | 0.8 of it |" in result.output
    assert "| `backfill --dry-run`, 20,000 objects, 8 threads | 500 | 400 (0.80 of it) |" in result.output
    assert "at 1,000 and at 100,000 objects | 80 MB and 81 MB | 30 MB more |" in result.output


@pytest.mark.parametrize("missed", [{"rate": 399.0}, {"growth": 31.0}], ids=["speed", "memory"])
def test_a_target_that_is_missed_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, missed: dict[str, float]
) -> None:
    assert run(monkeypatch, type("Missed", (Measured,), missed)).exit_code == 1


def test_the_page_is_written_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "PERFORMANCE.md"
    page.write_text(PERFORMANCE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(buckets, "PERFORMANCE", page)
    result = run(monkeypatch, Measured, "--write")
    assert result.output.rstrip() in page.read_text("utf-8")
