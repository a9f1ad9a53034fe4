"""One invocation: every item of an event handled, logged and answered for, until its time is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from traceback import format_exc
from typing import Any, Protocol, TypeVar

from imm_label_tags.errors import BatchFailed, InvalidNotification, TaggingError
from imm_label_tags.events.event import Event
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.log import Log
from imm_label_tags.retries import Deadline, out_of_time
from imm_label_tags.services.calls import Trace

CONCURRENT_ITEMS = 16

_Item = TypeVar("_Item")


class Outcome(Protocol):
    """How an item ended that is no error."""

    @property
    def status(self) -> str:
        """The name of the end."""

    @property
    def sentence(self) -> str:
        """What happened, for the log."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """What else the log's line has."""

    def as_dict(self) -> dict[str, Any]:
        """The handler's JSON form."""


_Outcome = TypeVar("_Outcome", bound=Outcome)


class Invocation:
    """``deadline`` is when it ends, ``line`` what each of its lines in the log has."""

    def __init__(self, log: Log, deadline: Deadline, line: Mapping[str, Any]) -> None:
        self.deadline = deadline
        self._log = log
        self._line = line

    def run(
        self,
        read: Callable[[], Event],
        handle: Callable[[Any, Trace, Deadline], Outcome],
        ignored: Callable[[str], Outcome],
        executor: Executor,
    ) -> dict[str, Any]:
        """Handle the items of an event, CONCURRENT_ITEMS at a time; returns their outcomes in their order.

        Raises the error of a single item, or BatchFailed after all items of a list.
        """

        def end(item: Any, trace: Trace) -> Outcome:
            if isinstance(item, InvalidNotification):
                raise item
            if isinstance(item, IgnoredEvent):
                return ignored(item.reason)
            return handle(item, trace, self.deadline)

        try:
            event = read()
        except InvalidNotification as error:
            self._log_failure(error)
            raise
        ends = self._handle_items(
            event.items, lambda item: self.attempt(lambda trace: end(item, trace)), executor
        )
        failures = [(index, end) for index, end in enumerate(ends) if isinstance(end, TaggingError)]
        if failures and not event.batch:
            raise failures[0][1]
        if failures:
            raise BatchFailed(len(ends), failures)
        return {"outcomes": [end.as_dict() for end in ends if not isinstance(end, TaggingError)]}

    def attempt(self, act: Callable[[Trace], _Outcome]) -> _Outcome | TaggingError:
        """Do something and log how it ended. An error is returned, not raised.

        Where it is handled the SDK's error is at hand, which holds the signed request with its token.
        """
        trace = Trace()
        try:
            outcome = act(trace)
        except TaggingError as error:
            self._log_failure(error, **trace.fields)
            return error
        except Exception as error:
            unexpected = TaggingError(self._log.redact(f"Unexpected {type(error).__name__}: {error}"))
            self._log_failure(unexpected, traceback=format_exc(), **trace.fields)
            return unexpected
        fields = {**trace.fields, **outcome.fields, **self._line}
        self._log.write("INFO", outcome.sentence, status=outcome.status, **fields)
        return outcome

    def debug(self, text: str) -> None:
        """Log what only a search for a fault needs."""
        self._log.write("DEBUG", text, **self._line)

    def _handle_items(
        self,
        items: Sequence[_Item],
        handle: Callable[[_Item], Outcome | TaggingError],
        executor: Executor,
    ) -> list[Outcome | TaggingError]:
        """How each item ended, in their order; those that there was no time for, with one error for all."""
        if len(items) == 1:
            return [handle(items[0])]
        waiting = deque(range(len(items)))
        ends: dict[int, Outcome | TaggingError] = {}

        def handle_next() -> None:
            while not self.deadline.too_near():
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
            error = out_of_time("This notification")
            said = f"{len(waiting)} notifications were not started, from [{waiting[0]}] on: {error}"
            self._log_failure(error, said, not_started=len(waiting))
            ends.update(dict.fromkeys(waiting, error))
        return [ends[index] for index in range(len(items))]

    def _log_failure(self, error: TaggingError, said: str = "", **fields: Any) -> None:
        self._log.write(
            "ERROR",
            said or str(error),
            status="failed",
            error=type(error).__name__,
            retryable=error.retryable,
            **fields,
            **self._line,
        )
