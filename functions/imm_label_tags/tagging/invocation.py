"""One invocation: every notification of an event handled, logged and answered for."""

from __future__ import annotations

from concurrent.futures import Executor
from traceback import format_exc
from typing import Any

from imm_label_tags.batches import handle_items
from imm_label_tags.errors import BatchFailed, InvalidNotification, ServiceUnavailable, TaggingError
from imm_label_tags.events.event import read_event
from imm_label_tags.events.imm_message import IgnoredEvent, TaskNotification
from imm_label_tags.log import Log
from imm_label_tags.results.outcome import Outcome, Status
from imm_label_tags.retries import Deadline
from imm_label_tags.tagging.tagger import Tagger, Trace

_Item = TaskNotification | IgnoredEvent | InvalidNotification


class Invocation:
    """Handles the event of one invocation.

    ``items`` runs the items of a list, of which some are handled at the same time.
    """

    def __init__(
        self,
        tagger: Tagger,
        items: Executor,
        log: Log,
        request_id: str,
        cold_start: bool,
        deadline: Deadline,
    ) -> None:
        self._tagger = tagger
        self._items = items
        self._log = log
        self._request_id = request_id
        self._cold_start = cold_start
        self._deadline = deadline

    def run(self, raw_event: bytes) -> dict[str, Any]:
        """Handle an event; returns the outcomes in the order of its items.

        Raises the error of a single notification, or BatchFailed after all items of a list.
        """
        try:
            event = read_event(raw_event, self._tagger.task_types)
        except InvalidNotification as error:
            self._log_failure(error, None, Trace())
            raise
        ends = handle_items(event.items, self._handle, self._items, self._deadline, self._log_not_started)
        failures = [(index, end) for index, end in enumerate(ends) if isinstance(end, TaggingError)]
        if failures and not event.batch:
            raise failures[0][1]
        if failures:
            raise BatchFailed(len(ends), failures)
        return {"outcomes": [end.as_dict() for end in ends if isinstance(end, Outcome)]}

    def _handle(self, item: _Item) -> Outcome | TaggingError:
        trace = Trace()
        task = item if isinstance(item, TaskNotification) else None
        try:
            outcome = self._outcome(item, trace)
        except TaggingError as error:
            self._log_failure(error, task, trace)
            return error
        except Exception as error:
            unexpected = TaggingError(self._log.redact(f"Unexpected {type(error).__name__}: {error}"))
            self._log_failure(unexpected, task, trace, traceback=format_exc())
            return unexpected
        self._log_outcome(outcome, trace)
        return outcome

    def _outcome(self, item: _Item, trace: Trace) -> Outcome:
        if isinstance(item, InvalidNotification):
            raise item
        if isinstance(item, IgnoredEvent):
            return Outcome(Status.IGNORED, reason=item.reason)
        return self._tagger.tag(item, trace, self._deadline)

    def _log_outcome(self, outcome: Outcome, trace: Trace) -> None:
        changed = outcome.status in (Status.TAGGED, Status.UNCHANGED)
        self._log.write(
            "INFO",
            outcome.reason or f"The tags of {outcome.object} are {_IN_WORDS[outcome.status]}.",
            status=outcome.status.value,
            request_id=self._request_id,
            task_id=outcome.task_id,
            project=outcome.project_name,
            object=outcome.object,
            labels=trace.labels,
            tags=None if outcome.tags is None else len(outcome.tags),
            dropped=len(outcome.dropped) if changed else None,
            milliseconds=trace.times.milliseconds or None,
            repeated=_repeated(trace),
            window_milliseconds=trace.times.window,
            cold_start=self._cold_start,
        )

    def _log_not_started(self, error: ServiceUnavailable, number: int, first: int) -> None:
        self._log.write(
            "ERROR",
            f"{number} notifications were not started, from [{first}] on: {error}",
            status="failed",
            error=type(error).__name__,
            retryable=error.retryable,
            request_id=self._request_id,
            not_started=number,
            cold_start=self._cold_start,
        )

    def _log_failure(
        self,
        error: TaggingError,
        task: TaskNotification | None,
        trace: Trace,
        traceback: str | None = None,
    ) -> None:
        self._log.write(
            "ERROR",
            str(error),
            status="failed",
            error=type(error).__name__,
            retryable=error.retryable,
            traceback=traceback,
            request_id=self._request_id,
            task_id=task.task_id if task else None,
            project=task.project_name if task else None,
            object=trace.target.uri if trace.target else None,
            labels=trace.labels,
            milliseconds=trace.times.milliseconds or None,
            repeated=_repeated(trace),
            cold_start=self._cold_start,
        )


def _repeated(trace: Trace) -> dict[str, int] | None:
    """How often a call had to be made again, by action."""
    return {action: number - 1 for action, number in trace.times.calls.items() if number > 1} or None


_IN_WORDS = {Status.TAGGED: "written", Status.UNCHANGED: "what they should be"}
