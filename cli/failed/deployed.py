"""The deployed function: an event is handed to it by InvokeFunction, and its answer says how that ended."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from darabonba.runtime import RuntimeOptions

from cli.cloud.access import Access
from cli.cloud.calls import LASTING, Call, CallFailed, ask
from cli.cloud.target import Target
from cli.failed.store import LISTED_IN
from imm_label_tags.failures.failed_event import RETRYABLE
from imm_label_tags.results.outcome import Status

_STATUSES = frozenset(status.value for status in Status)


@dataclass(frozen=True)
class Succeeded:
    """Every notification of the event has ended in an outcome; ``statuses`` are theirs."""

    statuses: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """The event failed, or it is not known how it ended; ``error`` is a class or a service's code."""

    error: str
    message: str
    retryable: bool | None = None


Answer = Succeeded | Failed


def read_answer(body: bytes, condition: str) -> Answer:
    """Read the body of an answer of Function Compute; ``condition`` is its word for a failure, else empty.

    Anything that is not a list of known outcomes is no success. Neither is an event of which everything was
    ignored: it is for another function, which alone can bring it to its end.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if condition:
        return _failure(fields, condition, body)
    outcomes = fields.get("outcomes")
    statuses = [_status(outcome) for outcome in outcomes] if isinstance(outcomes, list) else []
    known = tuple(status for status in statuses if status in _STATUSES)
    if not known or len(known) != len(statuses):
        return Failed(
            "UnknownAnswer",
            "The answer is not that of tag_object: the outcome is not known. Check the name of the function.",
        )
    if set(known) == {Status.IGNORED.value}:
        return Failed(
            "NotOfThisFunction",
            "The function ignores the event, which is for another: an upload for submit_video, for example. "
            "`imm-label-tags backfill` submits what was uploaded; `failed drop` removes the record.",
            retryable=False,
        )
    return Succeeded(known)


def _failure(fields: Mapping[str, Any], condition: str, body: bytes) -> Failed:
    error, message = fields.get("errorType"), fields.get("errorMessage")
    name = error if isinstance(error, str) and error else condition
    said = message if isinstance(message, str) else body.decode("utf-8", "replace")
    return Failed(name, said, RETRYABLE.get(name))


def _status(outcome: object) -> str:
    status = outcome.get("status") if isinstance(outcome, dict) else None
    return status if isinstance(status, str) else ""


# For what an invocation takes besides the function's own time: a cold start, the way there and back.
_SECONDS_AROUND = 60


class DeployedFunction:
    """The function of ``s.yaml`` as it is deployed. ``concurrency`` events may be handed over at a time."""

    def __init__(self, access: Access, target: Target, concurrency: int) -> None:
        name = target.function.name
        config = access.openapi("fc")
        config.read_timeout = int(target.function.timeout + _SECONDS_AROUND) * 1000
        self._client = Client(config)
        self._runtime = RuntimeOptions(max_idle_conns=concurrency)
        self._name = name
        self.where = f"through function {name} in {access.region}"
        resource = f"acs:fc:{access.region}:{target.account_id}:functions/{name}"
        self._call = Call("FC", "InvokeFunction", f"function {name}", resource, listed_in=LISTED_IN)

    def handle(self, event: bytes) -> Answer:
        """Invoke the function with an event. Raises CallFailed where it cannot be invoked at all."""
        try:
            return ask(self._call, lambda: self._invoke(event))
        except CallFailed as failure:
            if failure.obstacle in LASTING:
                raise
            return Failed(failure.code or "NoAnswer", f"{failure.said} {failure.advice}".strip())

    def _invoke(self, event: bytes) -> Answer:
        request = models.InvokeFunctionRequest(body=io.BytesIO(event))
        headers = models.InvokeFunctionHeaders(x_fc_invocation_type="Sync", x_fc_log_type="None")
        answer = self._client.invoke_function_with_options(self._name, request, headers, self._runtime)
        return read_answer(answer.body.read(), answer.headers.get("x-fc-error-type", ""))
