"""What an instance of each function has for its calls, and one invocation of it.

Every item of an event is handled, logged and answered for, until the invocation's time is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from traceback import format_exc
from typing import Any, Protocol, TypeVar

from imm_label_tags.environment import Endpoint, any_secure, read_home, shut_out
from imm_label_tags.errors import BatchFailed, InvalidNotification, TaggingError
from imm_label_tags.events.event import Event
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.log import Log
from imm_label_tags.retries import Deadline, RetryPolicy, out_of_time
from imm_label_tags.services.answer_room import AnswerRoom
from imm_label_tags.services.calls import Trace
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.deferred_imports import import_deferring

CONCURRENT_ITEMS = 16

_Client = TypeVar("_Client")
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


class Services:
    """What an instance needs for calls between invocations, and the start of each invocation.

    ``modules`` are those that import the SDKs. Raises InvalidSetting.
    """

    def __init__(
        self,
        environment: MutableMapping[str, str],
        context: Any,
        log_level: str,
        endpoints: Sequence[Endpoint | None],
        modules: Sequence[str],
        retry_policy: RetryPolicy | None,
    ) -> None:
        self.retry_policy = retry_policy or RetryPolicy()
        self._home = read_home(environment, context)
        self._credentials = RoleCredentials(environment)
        self._log = Log(log_level, self._credentials.redact)
        for name in shut_out(environment):
            self.warn(f"The variable {name} is not obeyed: it would expose signed requests.")
        self._credentials.use(context)
        # Imported here, so that a wrong setting is reported before the SDKs' import has been paid for.
        import_deferring(modules, self.warn)
        from imm_label_tags.services.connections import Connections

        self._connections = Connections(secure=any_secure(*endpoints), room=AnswerRoom.of(context))
        self._cold = True

    def warn(self, text: str) -> None:
        """Write a warning to the log."""
        self._log.write("WARNING", text)

    def client(self, kind: Callable[..., _Client], endpoint: Endpoint | None, *more: Any) -> _Client:
        """A client of IMM or OSS."""
        home = self._home
        return kind(home.region, home.account_id, endpoint, self._credentials, self._connections, *more)

    @contextmanager
    def invocation(self, context: Any, spent_seconds: float) -> Iterator[Invocation]:
        """One invocation, of whose time some may be spent already. Raises InvalidSetting without keys."""
        deadline = Deadline.of(context, self.retry_policy.clock, spent_seconds)
        self._credentials.use(context)
        cold, self._cold = self._cold, False
        request_id = str(getattr(context, "request_id", "") or "")
        with self._connections.in_use():
            yield Invocation(self._log, deadline, {"request_id": request_id, "cold_start": cold})


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
