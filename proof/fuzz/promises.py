"""All promises about hostile input, and the search for input that breaks one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase

from proof.fuzz import events, failures, objects, tag_sets, tags
from proof.fuzz.bounds import SECONDS, bounded
from proof.fuzz.inputs import Bytes, altered


class Promise(NamedTuple):
    """``check`` says in its docstring what is promised, and raises where one of ``inputs`` breaks it.

    One that is about bytes has some to begin with, too.
    """

    check: Callable[[Any], None]
    inputs: st.SearchStrategy[Any]
    data: Bytes | None = None


PROMISES = {
    "event": Promise(events.check_event, events.EVENTS, events.EVENT_BYTES),
    "wrapping": Promise(events.check_wrapped_tasks, events.wrapped_tasks()),
    "upload_event": Promise(events.check_upload_event, events.UPLOAD_EVENTS, events.UPLOAD_EVENT_BYTES),
    "task": Promise(objects.check_task_text, objects.TASK_TEXTS, objects.TASK_BYTES),
    "address": Promise(objects.check_address, objects.ADDRESSES),
    "tag_set": Promise(tag_sets.check_body, tag_sets.BODIES, tag_sets.BODY_BYTES),
    "naming": Promise(tags.check_names, tags.NAMED_LABELS),
    "spelling": Promise(tags.check_spelling, tags.SPELLINGS),
    "plan": Promise(tags.check_plan, tags.plans()),
    "failure_record": Promise(failures.check_record, failures.RECORDS, failures.RECORD_BYTES),
    "log": Promise(failures.check_line, failures.LINES),
}


class Search(NamedTuple):
    """What came of a search: how many inputs were tried, and the seconds of the slowest one's check."""

    inputs: int
    slowest_seconds: float


def search(
    promise: Promise,
    *,
    seconds: float,
    batch: int,
    seed: int,
    database: ExampleDatabase | None = None,
    limit: float = SECONDS,
) -> Search:
    """Try input after input until the time is over, a whole batch at least; the same seed tries the same.

    No input may take more than ``limit`` seconds.

    Raises what breaks the promise, for the smallest such input that Hypothesis finds: the error's notes say
    what it is, the database keeps it, and the next search tries it first.
    """
    tried, slowest = 0, 0.0
    inputs = promise.inputs if promise.data is None else promise.inputs | altered(promise.data)

    def check(given: Any) -> None:
        nonlocal tried, slowest
        tried += 1
        started = time.thread_time()
        # The first one also waits for what is loaded once.
        bounded(lambda: promise.check(given), SECONDS if tried == 1 else limit)
        slowest = max(slowest, time.thread_time() - started)

    limits = settings(
        max_examples=batch,
        database=database,
        deadline=None,
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    end = time.monotonic() + seconds
    while True:
        # In this order, since a seed takes the database away.
        limits(hypothesis.seed(seed)(hypothesis.given(inputs)(check)))()
        seed += 1
        if time.monotonic() >= end:
            return Search(tried, slowest)
