"""Asynchronous invocation: events wait, are tried again after an error, and end at a destination.

How often and how old: help pages fc/retry-policy and …/error-handling-1-2. How long FC waits between the
tries after a function's error is not documented; here it is 1, 2, 4 … seconds times the time scale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from localcloud.clock import Clock
from localcloud.fc.declaration import AsyncInvokeDeclaration, FunctionDeclaration
from localcloud.fc.destinations import (
    AsyncEvent,
    DestinationSender,
    LostEvent,
    destination_function,
    destination_record,
    is_function,
)
from localcloud.fc.invocation import InvocationResult
from localcloud.fc.refusals import RequestRefused

FIRST_RETRY_SECONDS = 1.0


class Attempt(Protocol):
    """Runs a function once for an event; None if the event got too old while it waited for an instance."""

    async def __call__(
        self, event: AsyncEvent, attempt: int, expired: Callable[[], bool]
    ) -> InvocationResult | None:
        """Run it."""


@dataclass(frozen=True)
class Address:
    """Whose functions these are."""

    region: str
    account_id: str


class AsyncQueue:
    """The accepted events of all functions; each is a task of its own until it has ended."""

    def __init__(
        self,
        *,
        address: Address,
        clock: Clock,
        attempt: Attempt,
        accept: Callable[[str, bytes], Awaitable[str]],
        destinations: DestinationSender,
        report: Callable[[AsyncEvent, str], None],
        time_scale: float,
    ) -> None:
        self._address = address
        self._clock = clock
        self._attempt = attempt
        self._accept = accept
        self._destinations = destinations
        self._report = report
        self._time_scale = time_scale
        self._tasks: dict[asyncio.Task[None], AsyncEvent] = {}
        self.lost: list[LostEvent] = []

    def put(self, declaration: FunctionDeclaration, event: AsyncEvent) -> None:
        """Accept an event."""
        task = asyncio.get_running_loop().create_task(self._handle(declaration.async_invoke, event))
        self._tasks[task] = event
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The events that have not ended."""
        return list(self._tasks)

    async def stop(self) -> None:
        """Give up: events that have not ended are lost."""
        pending = dict(self._tasks)
        for task, event in pending.items():
            task.cancel()
            self._lose(LostEvent(event, 0, "the local cloud stopped before the event had ended", None))
        await asyncio.gather(*pending, return_exceptions=True)

    async def _handle(self, rules: AsyncInvokeDeclaration, event: AsyncEvent) -> None:
        def expired() -> bool:
            return (self._clock.now() - event.accepted).total_seconds() > rules.max_event_age_seconds

        result: InvocationResult | None = None
        for attempt in range(1, rules.max_retry_attempts + 2):
            if attempt > 1:
                await asyncio.sleep(FIRST_RETRY_SECONDS * 2 ** (attempt - 2) * self._time_scale)
            current = None if expired() else await self._attempt(event, attempt, expired)
            if current is None:
                reason = f"it got older than {rules.max_event_age_seconds} s"
                await self._fail(rules, event, attempt - 1, result, reason, expired=True)
                return
            result = current
            if result.error_type is None:
                await self._succeed(rules, event, attempt, result)
                return
        reason = f"it failed {rules.max_retry_attempts + 1} times"
        await self._fail(rules, event, rules.max_retry_attempts + 1, result, reason)

    async def _succeed(
        self, rules: AsyncInvokeDeclaration, event: AsyncEvent, attempts: int, result: InvocationResult
    ) -> None:
        if rules.on_success is None:
            return
        problem = await self._send(rules.on_success, self._record(event, attempts, result))
        if problem is not None:
            # The event itself succeeded; only its record is gone.
            self._report(event, f"The record of success did not reach {rules.on_success}: {problem}")

    async def _fail(
        self,
        rules: AsyncInvokeDeclaration,
        event: AsyncEvent,
        attempts: int,
        result: InvocationResult | None,
        reason: str,
        *,
        expired: bool = False,
    ) -> None:
        if rules.on_failure is None:
            self._lose(LostEvent(event, attempts, f"{reason}, and there is no onFailure destination", result))
            return
        record = self._record(event, attempts, result, expired=expired)
        problem = await self._send(rules.on_failure, record)
        if problem is not None:
            reason = f"{reason}, and its record did not reach {rules.on_failure}: {problem}"
            self._lose(LostEvent(event, attempts, reason, result))

    def _record(
        self, event: AsyncEvent, attempts: int, result: InvocationResult | None, *, expired: bool = False
    ) -> bytes:
        return destination_record(
            event,
            region=self._address.region,
            account_id=self._address.account_id,
            attempts=attempts,
            result=result,
            expired=expired,
        )

    async def _send(self, arn: str, record: bytes) -> str | None:
        """Deliver a record; returns what went wrong."""
        try:
            if not is_function(arn):
                await self._destinations.send(arn, record)
                return None
            function = destination_function(arn, self._address.region, self._address.account_id)
            if function is None:
                return "it is a function of another region or account"
            await self._accept(function, record)
        except RequestRefused as refusal:
            return refusal.message
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _lose(self, lost: LostEvent) -> None:
        self.lost.append(lost)
        self._report(lost.event, f"The event {lost.event.request_id} is lost: {lost.reason}.")
