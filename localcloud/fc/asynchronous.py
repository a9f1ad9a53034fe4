"""Asynchronous invocation: events wait, are tried again after an error, and end at a destination.

How often and how old: help pages fc/retry-policy and …/error-handling-1-2. How long FC waits between the
tries after a function's error is not documented; here it is 1, 2, 4 … seconds times the time scale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

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
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

FIRST_RETRY_SECONDS = 1.0
REMOVED = "the function was removed before the event had ended"


class Attempt(Protocol):
    """Runs a function once for an event; None if the event got too old while it waited for an instance."""

    async def __call__(
        self, event: AsyncEvent, attempt: int, expired: Callable[[], bool]
    ) -> InvocationResult | None:
        """Run it."""


@dataclass
class _Progress:
    """How far an event has come."""

    event: AsyncEvent
    rules: AsyncInvokeDeclaration
    role: str | None
    attempts: int = 0
    result: InvocationResult | None = None
    waits: bool = False
    abandoned: bool = False

    def lost(self, reason: str) -> LostEvent:
        return LostEvent(self.event, self.attempts, reason, self.result)


class AsyncQueue:
    """The accepted events of all functions; each is a task of its own until it has ended.

    ``permit`` raises a RequestRefused if a role may not hand a record to a destination.
    """

    def __init__(
        self,
        *,
        tenant: Tenant,
        attempt: Attempt,
        accept: Callable[[str, bytes], Awaitable[str]],
        permit: Callable[[str | None, str], None],
        destinations: DestinationSender,
        report: Callable[[AsyncEvent, str], None],
        time_scale: float,
    ) -> None:
        self._tenant = tenant
        self._clock = tenant.clock
        self._attempt = attempt
        self._accept = accept
        self._permit = permit
        self._destinations = destinations
        self._report = report
        self._time_scale = time_scale
        self._tasks: dict[asyncio.Task[None], _Progress] = {}
        self.lost: list[LostEvent] = []

    def put(self, declaration: FunctionDeclaration, event: AsyncEvent) -> None:
        """Accept an event."""
        progress = _Progress(event, declaration.async_invoke, declaration.role)
        task = asyncio.get_running_loop().create_task(self._handle(progress))
        self._tasks[task] = progress
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def abandon(self, function: str) -> None:
        """A function is no more: what is tried now is tried to its end, everything else of it is lost."""
        for task, progress in list(self._tasks.items()):
            if progress.event.function == function and not progress.abandoned:
                progress.abandoned = True
                if progress.waits:
                    task.cancel()
                    self._lose(progress.lost(REMOVED))

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The events that have not ended."""
        return list(self._tasks)

    async def stop(self) -> None:
        """Give up: events that have not ended are lost."""
        pending = dict(self._tasks)
        for task, progress in pending.items():
            task.cancel()
            if progress.abandoned and progress.waits:
                continue
            self._lose(progress.lost("the local cloud stopped before the event had ended"))
        await asyncio.gather(*pending, return_exceptions=True)

    async def _handle(self, progress: _Progress) -> None:
        try:
            while not await self._try(progress):
                if progress.abandoned:
                    self._lose(progress.lost(REMOVED))
                    return
                progress.waits = True
                await asyncio.sleep(FIRST_RETRY_SECONDS * 2 ** (progress.attempts - 1) * self._time_scale)
                progress.waits = False
        except Exception as error:
            reason = REMOVED if progress.abandoned else f"it could not be run: {error}"
            self._lose(progress.lost(reason))

    async def _try(self, progress: _Progress) -> bool:
        """Run the function once; returns whether the event has ended with that."""
        event, rules = progress.event, progress.rules

        def expired() -> bool:
            return (self._clock.now() - event.accepted).total_seconds() > rules.max_event_age_seconds

        result = None if expired() else await self._attempt(event, progress.attempts + 1, expired)
        if result is None:
            reason = f"it got older than {rules.max_event_age_seconds} s"
            await self._fail(progress, reason, expired=True)
            return True
        progress.attempts += 1
        progress.result = result
        if result.error_type is None:
            await self._succeed(progress)
            return True
        if progress.attempts <= rules.max_retry_attempts:
            return False
        await self._fail(progress, f"it failed {progress.attempts} times")
        return True

    async def _succeed(self, progress: _Progress) -> None:
        arn = progress.rules.on_success
        if arn is None:
            return
        problem = await self._send(progress.role, arn, self._record(progress))
        if problem is not None:
            # The event itself succeeded; only its record is gone.
            self._report(progress.event, f"The record of success did not reach {arn}: {problem}")

    async def _fail(self, progress: _Progress, reason: str, *, expired: bool = False) -> None:
        arn = progress.rules.on_failure
        if arn is None:
            self._lose(progress.lost(f"{reason}, and there is no onFailure destination"))
            return
        problem = await self._send(progress.role, arn, self._record(progress, expired=expired))
        if problem is not None:
            self._lose(progress.lost(f"{reason}, and its record did not reach {arn}: {problem}"))

    def _record(self, progress: _Progress, *, expired: bool = False) -> bytes:
        return destination_record(
            progress.event,
            function_arn=self._tenant.arn("fc", f"functions/{progress.event.function}"),
            attempts=progress.attempts,
            result=progress.result,
            expired=expired,
        )

    async def _send(self, role: str | None, arn: str, record: bytes) -> str | None:
        """Deliver a record in the function's role; returns what went wrong."""
        try:
            self._permit(role, arn)
            if not is_function(arn):
                await self._destinations.send(arn, record)
                return None
            function = destination_function(arn, self._tenant)
            assert function is not None, "checked when it was deployed"
            await self._accept(function, record)
        except RequestRefused as refusal:
            return refusal.message
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _lose(self, lost: LostEvent) -> None:
        self.lost.append(lost)
        self._report(lost.event, f"The event {lost.event.request_id} is lost: {lost.reason}.")
