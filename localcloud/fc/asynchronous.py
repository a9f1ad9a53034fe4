"""Asynchronous invocation: events wait, are tried again after an error, and end at a destination.

How often and how old: help pages fc/retry-policy and …/error-handling-1-2. How long FC waits between the
tries after a function's error is not documented; here it is 1, 2, 4 … seconds times the time scale.

The form of a destination's record is that of FC 2.0's samples (awesome-fc/async-invocation-dlq), with a
function's ARN as FC 3.0 writes it. ``timestamp`` is the time of the invocation in milliseconds, a number as
those samples have it; an older sample of the help page fc/result-callback has ISO text there.
``requestPayload`` is the event as text, or its base64 where it is not UTF-8.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.fc.declaration import AsyncInvokeDeclaration, FunctionDeclaration, topic_of
from localcloud.fc.destinations import destination_function
from localcloud.fc.invocation import InvocationRecord, new_request_id
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

FIRST_RETRY_SECONDS = 1.0
REMOVED = "the function was removed before the event had ended"
# The state of an asynchronous task whose event got too old (struct AsyncTask); for records undocumented.
EXPIRED = "Expired"


@dataclass(frozen=True)
class AsyncEvent:
    """An event that was accepted for asynchronous invocation."""

    request_id: str
    function: str
    payload: bytes
    accepted: datetime


# Runs a function once for an event, with the number of the attempt; gives None if the event got too old, as
# the last argument tells, while it waited for an instance.
Attempt = Callable[[AsyncEvent, int, Callable[[], bool]], Awaitable["InvocationRecord | None"]]


@dataclass(frozen=True)
class LostEvent:
    """An event that did not succeed and that no destination got."""

    event: AsyncEvent
    attempts: int
    reason: str
    last: InvocationRecord | None

    def as_dict(self) -> dict[str, Any]:
        """The loss as JSON-serialisable values."""
        return {
            "request_id": self.event.request_id,
            "function": self.event.function,
            "accepted": self.event.accepted.isoformat(),
            "payload": _text(self.event.payload),
            "attempts": self.attempts,
            "reason": self.reason,
            "error": None if self.last is None else _text(self.last.body),
        }


@dataclass
class _Progress:
    """How far an event has come; ``last`` is its last attempt."""

    event: AsyncEvent
    rules: AsyncInvokeDeclaration
    role: str | None
    attempts: int = 0
    last: InvocationRecord | None = None
    waits: bool = False
    abandoned: bool = False


class AsyncQueue:
    """The accepted events of all functions; each is a task of its own until it has ended.

    ``permit`` raises a RequestRefused if a role may not hand a record to a destination, and ``publish``
    publishes a record to a topic. ``report`` writes a line to the log of an event.
    """

    def __init__(
        self,
        *,
        tenant: Tenant,
        attempt: Attempt,
        accept: Callable[[str, bytes], Awaitable[str]],
        permit: Callable[[str | None, str], None],
        publish: Callable[[str, bytes], Awaitable[object]],
        report: Callable[[AsyncEvent, str], None],
        time_scale: float,
    ) -> None:
        self._tenant = tenant
        self._attempt = attempt
        self._accept = accept
        self._permit = permit
        self._publish = publish
        self._report = report
        self._time_scale = time_scale
        self._tasks: dict[asyncio.Task[None], _Progress] = {}
        self.lost: list[LostEvent] = []

    def put(self, declaration: FunctionDeclaration, payload: bytes) -> str:
        """Accept an event, and give its request id."""
        event = AsyncEvent(new_request_id(), declaration.name, payload, self._tenant.clock.now())
        progress = _Progress(event, declaration.async_invoke, declaration.role)
        task = asyncio.get_running_loop().create_task(self._handle(progress))
        self._tasks[task] = progress
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return event.request_id

    def abandon(self, function: str) -> None:
        """A function is no more: what is tried now is tried to its end, everything else of it is lost."""
        for task, progress in list(self._tasks.items()):
            if progress.event.function == function and not progress.abandoned:
                progress.abandoned = True
                if progress.waits:
                    task.cancel()
                    self._lose(progress, REMOVED)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The events that have not ended."""
        return list(self._tasks)

    async def stop(self) -> None:
        """Give up: events that have not ended are lost."""
        pending = dict(self._tasks)
        for task, progress in pending.items():
            task.cancel()
            if not (progress.abandoned and progress.waits):
                self._lose(progress, "the local cloud stopped before the event had ended")
        await asyncio.gather(*pending, return_exceptions=True)

    async def _handle(self, progress: _Progress) -> None:
        try:
            while not await self._try(progress):
                if progress.abandoned:
                    self._lose(progress, REMOVED)
                    return
                progress.waits = True
                await asyncio.sleep(FIRST_RETRY_SECONDS * 2 ** (progress.attempts - 1) * self._time_scale)
                progress.waits = False
        except Exception as error:
            self._lose(progress, REMOVED if progress.abandoned else f"it could not be run: {error}")

    async def _try(self, progress: _Progress) -> bool:
        """Run the function once; returns whether the event has ended with that."""
        event, rules = progress.event, progress.rules

        def expired() -> bool:
            age = self._tenant.clock.now() - event.accepted
            return age.total_seconds() > rules.max_event_age_seconds

        record = None if expired() else await self._attempt(event, progress.attempts + 1, expired)
        if record is None:
            reason = f"it got older than {rules.max_event_age_seconds} s"
            await self._fail(progress, reason, expired=True)
            return True
        progress.attempts += 1
        progress.last = record
        if record.error_type is None:
            await self._succeed(progress)
            return True
        if progress.attempts <= rules.max_retry_attempts:
            return False
        await self._fail(progress, f"it failed {progress.attempts} times")
        return True

    async def _succeed(self, progress: _Progress) -> None:
        arn = progress.rules.on_success
        problem = await self._send(progress, arn) if arn is not None else None
        if problem is not None:
            # The event itself succeeded; only its record is gone.
            self._report(progress.event, f"The record of success did not reach {arn}: {problem}")

    async def _fail(self, progress: _Progress, reason: str, *, expired: bool = False) -> None:
        arn = progress.rules.on_failure
        if arn is None:
            self._lose(progress, f"{reason}, and there is no onFailure destination")
            return
        problem = await self._send(progress, arn, expired=expired)
        if problem is not None:
            self._lose(progress, f"{reason}, and its record did not reach {arn}: {problem}")

    async def _send(self, progress: _Progress, arn: str, *, expired: bool = False) -> str | None:
        """Deliver the record of an event in the function's role; returns what went wrong."""
        function_arn = self._tenant.arn("fc", f"functions/{progress.event.function}")
        record = destination_record(
            progress.event, function_arn, progress.attempts, progress.last, expired=expired
        )
        try:
            self._permit(progress.role, arn)
            if (function := destination_function(arn, self._tenant)) is not None:
                await self._accept(function, record)
            elif (topic := topic_of(arn)) is not None:
                await self._publish(topic, record)
            else:
                return "the local cloud delivers results to MNS topics and functions only"
        except RequestRefused as refusal:
            return refusal.message
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _lose(self, progress: _Progress, reason: str) -> None:
        event = progress.event
        self.lost.append(LostEvent(event, progress.attempts, reason, progress.last))
        self._report(event, f"The event {event.request_id} is lost: {reason}.")


def destination_record(
    event: AsyncEvent, function_arn: str, attempts: int, last: InvocationRecord | None, *, expired: bool
) -> bytes:
    """The record of how an event ended; ``last`` is its last attempt, if there was one."""
    error = (last.error_type or "") if last is not None else ""
    record = {
        "timestamp": int(event.accepted.timestamp() * 1000),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function_arn,
            "condition": EXPIRED if expired else error,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": _text(event.payload),
        "responseContext": {
            "statusCode": last.status if last is not None else 0,
            "functionError": error,
        },
        "responsePayload": _text(last.body) if last is not None else "",
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode()
