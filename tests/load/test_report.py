"""What the report shows, and its figures as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from proof.load.figures import MemoryTrend, Percentiles
from proof.load.flood import FloodResult
from proof.load.kept import KeptEvent, Replay
from proof.load.plan import FloodPlan
from proof.load.promises import of_flood
from proof.load.report import flood_lines, plain, promise_lines
from proof.load.verification import Condition, Example, Verification

CONDITIONS = {**dict.fromkeys(Condition, 0), Condition.NEWEST: 9, Condition.OLDER: 1}
EXAMPLE = Example("videos/宜家.mp4", Condition.OLDER, (("imm", "new"), ("team", "")), ())
KEPT = KeptEvent("bucket", "1-a", "task-1", "Throttled", b"{}")
RESULT = FloodResult(
    plan=FloodPlan(1100, 10, 4, 0.05, 0.1, 2, 0.25, 42),
    messages=1050,
    deliveries=1100,
    accepted=1100,
    undelivered=0,
    seconds=10.0,
    attempts=1110,
    retries=10,
    cold_starts=6,
    killed=2,
    outcomes={"tagged": 400, "superseded": 699},
    errors={"Throttled": 12},
    given_up=1,
    kept=1,
    kept_errors={"Throttled": 1},
    kept_places={"bucket": 1},
    lost=0,
    replay=Replay(Counter(), (KEPT,)),
    before_replay=Verification(CONDITIONS, [EXAMPLE]),
    after_replay=Verification(CONDITIONS, [EXAMPLE]),
    calls={"HeadObject": 2000},
    broken={"error": 100},
    outages=7,
    repeated={"HeadObject": 90},
    durations=Percentiles(1110, 0.02, 0.05, 0.1, 1.5),
    latencies=Percentiles(1099, 0.2, 0.5, 1.0, 2.0),
    windows=Percentiles(400, 4.0, 9.0, 20.0, 30.0),
    memory=tuple(
        MemoryTrend(f"c-{n}", 1400 - n, 40.0, 85.0, 86.0, 0.25 if n < 2 else None) for n in range(15)
    ),
    witness="c-0",
    memory_size=512,
    peak_memory=90.0,
)


def lines(result: FloodResult = RESULT) -> dict[str, str]:
    """The report's lines by their names."""
    return {line[2:28].strip(): line[28:] for line in flood_lines(result)}


def test_the_figures_are_those_that_were_counted() -> None:
    shown = lines()
    assert shown["notifications"] == "1,050 published, 1,100 delivered, 100 of them a second time"
    assert shown["invocations"] == "1,110, 10 of them retries of Function Compute, 6 cold"
    assert shown["outcomes"] == "superseded 699, tagged 400"
    assert shown["broken calls"] == "100 of 2,000 (5.0%): error 100"
    assert shown["throughput"] == "110.0 notifications a second"
    assert shown["invocation"] == "p50 20, p95 50, p99 100, max 1,500 ms"
    assert shown["read to written"] == "p50 4, p95 9, p99 20, max 30 ms"
    assert shown["with an older task's tags"] == "1"
    assert shown["second look"] == "0.25 s"
    assert lines(replace(RESULT, plan=replace(RESULT.plan, second_look=0.0)))["second look"] == "none"


def test_objects_that_are_wrong_are_shown_with_what_they_should_have() -> None:
    shown = "\n".join(flood_lines(RESULT))
    assert "older: videos/宜家.mp4\n    expected imm=new, team=\n    found    no tags" in shown


def test_the_instances_that_lived_longest_are_shown() -> None:
    shown = list(flood_lines(RESULT))
    assert "+0.25 MB for 1,000, after 1,400 notifications, never killed" in shown[-13]
    assert "too short to tell" in shown[-2]
    assert shown[-1].strip() == "and 3 that lived shorter"


def test_a_promise_is_shown_with_what_was_found() -> None:
    shown = list(promise_lines(of_flood(RESULT)))
    assert "  BROKEN  every kept event has an outcome once the faults are over: 0 of 1 replayed" in shown
    assert any(
        line.startswith("  BROKEN  after the replay") and "9 newest, 1 older" in line for line in shown
    )
    assert any("at most +0.25 MB for 1,000 notifications, peak 90 MB" in line for line in shown)


def test_all_of_it_is_json() -> None:
    document = json.loads(json.dumps(plain(RESULT)))
    assert document["plan"]["seed"] == 42
    assert document["after_replay"]["conditions"]["newest"] == 9
    assert document["replay"]["still_failing"][0]["event"] == "{}"
    assert document["memory"][0]["growth"] == 0.25
