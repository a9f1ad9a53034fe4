"""What the load test promises, and whether it was so."""

from __future__ import annotations

from dataclasses import dataclass

from proof.load.figures import GROWTH_ALLOWED
from proof.load.flood import FloodResult
from proof.load.large_batch import LargeBatch
from proof.load.large_result import LargeResults
from proof.load.uploads import UploadResult
from proof.load.verification import Condition, Verification

# Function Compute's word for an instance that took more memory than it has.
_OUT_OF_MEMORY = "FunctionOOMError"


@dataclass(frozen=True)
class Promise:
    """One promise; ``found`` is what was observed, in figures."""

    text: str
    kept: bool
    found: str


def of_flood(result: FloodResult) -> list[Promise]:
    """What a flood must not break."""
    ended = sum(result.outcomes.values()) + result.given_up
    return [
        Promise(
            "every notification was delivered and has come to an end",
            result.plan.notifications == result.deliveries == result.accepted == ended
            and result.undelivered == 0,
            f"{result.deliveries} delivered, {result.accepted} accepted, {ended} ended, "
            f"{result.undelivered} never taken",
        ),
        Promise(
            "what exhausted its retries is kept, nothing is lost",
            result.lost == 0 and result.kept == result.given_up,
            f"{result.given_up} failed, {result.kept} kept, {result.lost} lost",
        ),
        Promise(
            "every foreign tag is as it was, byte for byte and in its order",
            all(look.conditions[Condition.FOREIGN] == 0 for look in result.looks),
            f"{result.after_replay.conditions[Condition.FOREIGN]} objects with other foreign tags",
        ),
        _tags("every object has its newest task's tags, or the event is kept", result, result.before_replay),
        _tags("after the replay every object has its newest task's tags", result, result.after_replay),
        Promise(
            "every kept event has an outcome once the faults are over",
            not result.replay.still_failing and result.replay.replayed == result.kept,
            f"{result.replay.replayed} of {result.kept} replayed",
        ),
        _memory(result),
    ]


def of_large_results(results: LargeResults) -> list[Promise]:
    """What very large answers of IMM must not break."""
    steps = results.steps
    peak = max((step.peak_memory for step in steps), default=0.0)
    return [
        Promise(
            "an answer that an instance begins to read fits into its memory",
            not any(step.error == _OUT_OF_MEMORY for step in steps),
            f"at most {peak:.0f} of {results.memory_size} MB",
        ),
        Promise(
            "a task with very many labels tags its object, or its event is kept",
            not any(step.lost for step in steps),
            f"{sum(step.error is None for step in steps)} tagged, {sum(step.kept for step in steps)} kept, "
            f"{sum(step.lost for step in steps)} lost",
        ),
        Promise(
            "an object has exactly the tags that it must have, or exactly those that it had",
            all(step.right for step in steps),
            f"{sum(step.right for step in steps)} of {len(steps)}",
        ),
    ]


def of_large_batch(batch: LargeBatch) -> list[Promise]:
    """What a very large batch must not break."""
    return [
        Promise(
            f"a batch of {batch.notifications} notifications ends with an outcome for each",
            batch.succeeded,
            f"{len(batch.tries)} invocations, {batch.tries[-1].right} objects right",
        ),
        Promise(
            f"it stays within the function's {batch.memory_size} MB",
            batch.peak_memory <= batch.memory_size,
            f"{batch.peak_memory:.0f} MB",
        ),
    ]


def of_uploads(result: UploadResult) -> list[Promise]:
    """What uploads must not break. A second task is excused only where two invocations asked at once."""
    objects = result.plan.objects
    return [
        Promise(
            "every object has a task",
            result.missing == 0,
            f"{objects - result.missing:,} of {objects:,}",
        ),
        Promise(
            "none has two, unless two events of it were handled at the same moment",
            result.late == 0,
            f"{result.tasks:,} tasks; {result.twice} objects with two, {result.raced} of them so",
        ),
        Promise(
            "every object has the tags of a task of its own",
            result.untagged == 0,
            f"{objects - result.untagged:,} of {objects:,}",
        ),
        Promise(
            "every foreign tag is as it was uploaded",
            result.changed == 0,
            f"{result.changed} objects with other foreign tags",
        ),
        Promise(
            "no event is lost, and none had to be kept",
            result.lost == result.kept == 0,
            f"{result.deliveries:,} delivered, {result.kept} kept, {result.lost} lost",
        ),
    ]


def _tags(text: str, result: FloodResult, look: Verification) -> Promise:
    """Without a second look nobody promises which of two tasks at the same moment writes last."""
    found = look.conditions
    good = found[Condition.NEWEST] + (found[Condition.WAITING] if look is result.before_replay else 0)
    excused = found[Condition.OLDER] if not result.plan.second_look and result.plan.overlapping else 0
    said = ", ".join(f"{number} {condition.value}" for condition, number in found.items() if number)
    if excused:
        said += " (of two tasks at the same moment the older wrote last: only promised with a second look)"
    return Promise(text, good + excused == result.plan.objects, said)


def _memory(result: FloodResult) -> Promise:
    judged = [trend for trend in result.memory if trend.growth is not None]
    largest = max((trend.growth or 0.0 for trend in judged), default=0.0)
    found = f"at most {largest:+.2f} MB for 1,000 notifications, peak {result.peak_memory:.0f} MB"
    if not judged:
        found = f"too few notifications to tell, peak {result.peak_memory:.0f} MB"
    return Promise(
        f"no instance grows by more than {GROWTH_ALLOWED:g} MB for 1,000 notifications, or beyond "
        f"{result.memory_size} MB",
        not any(trend.grows for trend in result.memory) and result.peak_memory <= result.memory_size,
        found,
    )
