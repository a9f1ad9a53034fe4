"""The items of one event: handled some at the same time, and until the invocation's time is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from imm_label_tags.errors import ServiceUnavailable, TaggingError
from imm_label_tags.retries import Deadline, out_of_time

CONCURRENT_ITEMS = 16

_Item = TypeVar("_Item")
_End = TypeVar("_End")


def handle_items(
    items: Sequence[_Item],
    handle: Callable[[_Item], _End | TaggingError],
    executor: Executor,
    deadline: Deadline,
    report_not_started: Callable[[ServiceUnavailable, int, int], None],
    what: str = "This notification",
) -> list[_End | TaggingError]:
    """How each item ended, in their order; at most CONCURRENT_ITEMS are handled at the same time.

    Those that there was no time for end with one error, which ``report_not_started`` is told of together
    with their number and the position of the first.
    """
    if len(items) == 1:
        return [handle(items[0])]
    waiting = deque(range(len(items)))
    ends: dict[int, _End | TaggingError] = {}

    def handle_next() -> None:
        while not deadline.too_near():
            try:
                index = waiting.popleft()
            except IndexError:
                return
            ends[index] = handle(items[index])

    workers = [executor.submit(handle_next) for _ in range(min(CONCURRENT_ITEMS, len(waiting)))]
    for worker in workers:
        worker.result()
    if waiting:
        # One error and one line for all: after the deadline there is no time for one each.
        error = out_of_time(what)
        report_not_started(error, len(waiting), waiting[0])
        ends.update(dict.fromkeys(waiting, error))
    return [ends[index] for index in range(len(items))]
