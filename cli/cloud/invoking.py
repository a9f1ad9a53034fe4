"""A deployed function, invoked with an event: InvokeFunction."""

from __future__ import annotations

from typing import NamedTuple

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from darabonba.runtime import RuntimeOptions

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask

# For what an invocation takes besides the function's own time: a cold start, the way there and back.
_SECONDS_AROUND = 60


class Answer(NamedTuple):
    """What came back; ``error`` is Function Compute's word for a failure, else empty."""

    body: bytes
    error: str
    request_id: str


class DeployedFunction:
    """A function of an account; ``timeout`` is its own, in seconds.

    ``concurrency`` events may be handed over at a time. ``listed_in`` is the file of this project that has
    the permissions of the command.
    """

    def __init__(
        self,
        access: Access,
        account_id: str,
        name: str,
        *,
        timeout: float,
        listed_in: str,
        concurrency: int = 1,
    ) -> None:
        config = access.openapi("fc")
        config.read_timeout = int(timeout + _SECONDS_AROUND) * 1000
        self._client = Client(config)
        self._runtime = RuntimeOptions(max_idle_conns=concurrency)
        self._name = name
        resource = f"acs:fc:{access.region}:{account_id}:functions/{name}"
        self._call = Call("FC", "InvokeFunction", f"function {name}", resource, listed_in=listed_in)

    def invoke(self, event: bytes) -> Answer:
        """Run the function on an event and wait for its answer; raises CallFailed."""
        return ask(self._call, lambda: self._invoke(event))

    def _invoke(self, event: bytes) -> Answer:
        # Not as a stream, which the SDK would read in time that grows with the square of its length.
        request = models.InvokeFunctionRequest(body=event)
        headers = models.InvokeFunctionHeaders(x_fc_invocation_type="Sync", x_fc_log_type="None")
        answer = self._client.invoke_function_with_options(self._name, request, headers, self._runtime)
        told = answer.headers
        return Answer(answer.body.read(), told.get("x-fc-error-type", ""), told.get("x-fc-request-id", ""))
