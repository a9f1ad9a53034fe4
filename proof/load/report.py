"""The report: figures that were counted, and which promises were kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from proof.load.figures import MemoryTrend, Percentiles
from proof.load.flood import FloodResult
from proof.load.large_batch import LargeBatch
from proof.load.large_result import LargeResults
from proof.load.promises import Promise
from proof.load.uploads import UploadResult
from proof.load.verification import Condition, Example, Verification
from proof.page import table

_SHOWN_INSTANCES = 12
_WIDTH = 26


def flood_lines(result: FloodResult) -> Iterator[str]:
    """A flood in words and figures."""
    plan = result.plan
    yield from (
        "",
        "Flood",
        _line("seed", f"{plan.seed} (--seed repeats objects, tasks and order, not the timing)"),
        _line("objects, tasks", f"{plan.objects:,}, {plan.distinct:,}"),
        _line(
            "notifications",
            f"{result.messages:,} published, {result.deliveries:,} delivered, "
            f"{result.deliveries - plan.distinct:,} of them a second time",
        ),
        _line(
            "invocations",
            f"{result.attempts:,}, {result.retries:,} of them retries of Function Compute, "
            f"{result.cold_starts:,} cold",
        ),
        _line("instances", f"{plan.instances} at a time, {result.killed} killed at work"),
        _line("outcomes", _counts(result.outcomes)),
        _line("errors of invocations", _counts(result.errors)),
        _line("exhausted its retries", f"{result.given_up:,}: {_counts(result.kept_errors)}"),
        _line("kept", f"{result.kept:,} ({_counts(result.kept_places)})"),
        _line("lost", f"{result.lost:,}"),
        _line("calls", _counts(result.calls)),
        _line("broken calls", f"{_share(result)}: {_counts(result.broken)}"),
        _line("calls into outages", f"{result.outages:,}"),
        _line("repeated calls", f"{_counts(result.repeated)} (with second looks)"),
        _line("throughput", f"{result.deliveries / result.seconds:.1f} notifications a second"),
        _line("invocation", _milliseconds(result.durations)),
        _line("publish to outcome", f"{_milliseconds(result.latencies)}, {plan.backlog} on their way"),
        _line("read to written", _milliseconds(result.windows, 1.0)),
        _line("second look", f"{plan.second_look:g} s" if plan.second_look else "none"),
        _line("objects then", _conditions(result.before_replay)),
        _line("replayed", f"{result.replay.replayed:,} ({_counts(result.replay.outcomes)})"),
        _line("objects after that", _conditions(result.after_replay)),
        _line("with an older task's tags", f"{result.after_replay.conditions[Condition.OLDER]:,}"),
        _line("with wiped foreign tags", f"{result.after_replay.conditions[Condition.FOREIGN]:,}"),
    )
    yield from _examples(result.after_replay.examples)
    yield from _memory(result)


def large_result_lines(results: LargeResults) -> Iterator[str]:
    """Very large answers of IMM, one line each."""
    yield ""
    yield f"Tasks with very many labels, in {results.memory_size} MB"
    yield "      labels   clips of each    answer   instance      last attempt   attempts   end"
    for step in results.steps:
        end = "tagged" if step.error is None else f"{step.error}, " + ("kept" if step.kept else "lost")
        yield (
            f"  {step.labels:10,}  {step.clips:14,}  {step.body:5.1f} MB  {step.peak_memory:6.0f} MB  "
            f"{step.seconds:13.1f} s  {step.attempts:9}   {end}"
        )


def large_batch_lines(batch: LargeBatch) -> Iterator[str]:
    """A very large batch, one line for each invocation."""
    yield from (
        "",
        f"A batch of {batch.notifications:,} notifications in one invocation",
        _line("event", f"{batch.event:.1f} MB"),
        _line("memory", f"{batch.peak_memory:.0f} of {batch.memory_size} MB"),
        _line(
            "processor time",
            f"{batch.cpu_seconds:.0f} s, at least {batch.cpu_seconds / batch.cpu:.0f} s with the function's "
            f"{batch.cpu:g} CPU",
        ),
    )
    for number, attempt in enumerate(batch.tries, 1):
        yield _line(
            f"invocation {number}",
            f"{attempt.seconds:.0f} of {batch.timeout} s, {attempt.error or _counts(attempt.outcomes)}; "
            f"{attempt.right:,} objects right then",
        )


def upload_lines(result: UploadResult) -> Iterator[str]:
    """Uploads in words and figures."""
    yield from ("", "Uploads", *(_line(name, value) for name, value in _uploads(result)))


def upload_block(result: UploadResult) -> str:
    """The same as a table in Markdown."""
    return table(("uploads", ""), _uploads(result))


def _uploads(result: UploadResult) -> Iterator[tuple[str, str]]:
    plan = result.plan
    yield "objects", f"{plan.objects:,}"
    yield (
        "events",
        f"{result.deliveries:,}, {result.deliveries - plan.objects:,} of them a second time, each up to "
        f"{plan.spread:g} s late",
    )
    yield (
        "invocations",
        f"{result.attempts:,} by {plan.instances} instances of each function, {result.killed} killed at work",
    )
    yield "calls that IMM throttled", f"{result.refused:,}"
    yield "objects with a task", f"{plan.objects - result.missing:,}"
    yield (
        "objects with two",
        f"{result.twice:,}, {result.raced:,} of them because two events were handled at the same moment",
    )
    yield "objects with its tags", f"{plan.objects - result.untagged:,}"
    yield "with wiped foreign tags", f"{result.changed:,}"
    yield "events kept, lost", f"{result.kept:,}, {result.lost:,}"
    yield "throughput", f"{plan.objects / result.seconds:.1f} objects a second, from upload to tags"


def promise_lines(promises: Sequence[Promise]) -> Iterator[str]:
    """Each promise, whether it was kept, and what was found."""
    yield ""
    for promise in promises:
        yield f"  {'kept  ' if promise.kept else 'BROKEN'}  {promise.text}: {promise.found}"


def plain(value: Any) -> Any:
    """A result as JSON-serialisable values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.value if isinstance(value, Enum) else value


def _line(name: str, value: str) -> str:
    return f"  {name:{_WIDTH}}{value}"


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {number:,}" for name, number in ordered) or "none"


def _share(result: FloodResult) -> str:
    broken, calls = sum(result.broken.values()), sum(result.calls.values())
    return f"{broken:,} of {calls:,} ({broken / max(1, calls):.1%})"


def _milliseconds(percentiles: Percentiles, unit: float = 1000.0) -> str:
    """``unit`` is how many milliseconds one of the numbers is."""
    names = (("p50", percentiles.p50), ("p95", percentiles.p95), ("p99", percentiles.p99))
    parts = [f"{name} {number * unit:,.0f}" for name, number in names]
    return ", ".join([*parts, f"max {percentiles.largest * unit:,.0f} ms"])


def _conditions(verification: Verification) -> str:
    return _counts(
        {condition.value: number for condition, number in verification.conditions.items() if number}
    )


def _examples(examples: Sequence[Example]) -> Iterator[str]:
    for example in examples:
        yield f"  {example.condition.value}: {example.key}"
        yield f"    expected {_tags(example.expected)}"
        yield f"    found    {_tags(example.found)}"


def _tags(tags: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{key}={value}" for key, value in tags) or "no tags"


def _memory(result: FloodResult) -> Iterator[str]:
    yield _line("memory of an instance", f"start, middle, end in MB, of {result.memory_size} MB")
    longest = sorted(result.memory, key=lambda trend: -trend.handled)
    for trend in longest[:_SHOWN_INSTANCES]:
        yield _line("", _trend(trend, trend.instance_id == result.witness))
    if len(longest) > _SHOWN_INSTANCES:
        yield _line("", f"and {len(longest) - _SHOWN_INSTANCES} that lived shorter")


def _trend(trend: MemoryTrend, is_witness: bool) -> str:
    growth = "too short to tell" if trend.growth is None else f"{trend.growth:+.2f} MB for 1,000"
    return (
        f"{trend.start:5.0f} {trend.middle:5.0f} {trend.end:5.0f}   {growth}, after {trend.handled:,} "
        f"notifications{', never killed' if is_witness else ''}"
    )
