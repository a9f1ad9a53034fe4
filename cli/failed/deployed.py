"""The deployed function, through alibabacloud-fc20230330: InvokeFunction, and wait for the end."""

from __future__ import annotations

import io

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from darabonba.runtime import RuntimeOptions

from cli.cloud.access import Access
from cli.cloud.calls import LASTING, Call, CallFailed, ask
from cli.cloud.target import Target
from cli.failed.answer import Answer, Failed, read_answer
from cli.failed.store import LISTED_IN

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
