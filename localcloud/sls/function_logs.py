"""What Function Compute writes to Log Service for functions that have a logConfig.

Topics and fields: help page sls/function-compute-3-0-log-field-details. A line that a function logged has no
request id of its own; the lines with which Function Compute begins and ends an invocation name it.
"""

from __future__ import annotations

from collections.abc import Callable

from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.invocation import InvocationRecord
from localcloud.fc.logs import LogLine
from localcloud.sls.store import LogStores


class FunctionLogs:
    """Hands lines and request metrics on to a function's logstore.

    ``find`` gives a function as it is now, ``may_log`` whether its role may write there.
    """

    def __init__(
        self,
        store: LogStores,
        find: Callable[[str], FunctionDeclaration | None],
        may_log: Callable[[FunctionDeclaration], bool],
    ) -> None:
        self._store = store
        self._find = find
        self._may_log = may_log

    def line(self, line: LogLine) -> None:
        """Write a line of a function's log."""
        function = self._logging(line.function)
        if function is not None:
            self._write(
                function,
                f"FCLogs:{line.function}",
                int(line.time.timestamp()),
                {"instanceID": line.instance_id, "message": line.text},
            )

    def request(self, record: InvocationRecord) -> None:
        """Write the metrics of an attempt to run a function."""
        function = self._logging(record.function)
        if function is None or not function.log.enable_request_metrics:
            return
        self._write(
            function,
            f"FCRequestMetrics:/{record.function}",
            int(record.ended.timestamp()),
            {
                "requestId": record.request_id,
                "instanceID": record.instance_id,
                "operation": "InvokeFunction",
                "invocationType": "Async" if record.asynchronous else "Sync",
                "durationMs": f"{record.duration * 1000:.2f}",
                "memoryMB": str(function.memory_size),
                "memoryUsageMB": f"{record.max_memory:.2f}",
                "isColdStart": str(record.cold_start).lower(),
                "hasFunctionError": str(record.error_type is not None).lower(),
                "errorType": record.failure or "",
                "statusCode": str(record.status),
            },
        )

    def _logging(self, name: str) -> FunctionDeclaration | None:
        function = self._find(name)
        if function is None or not function.log.project or not self._may_log(function):
            return None
        return function

    def _write(self, function: FunctionDeclaration, topic: str, time: int, fields: dict[str, str]) -> None:
        log = {
            "__time__": str(time),
            "__topic__": topic,
            "__source__": "",
            "functionName": function.name,
            "qualifier": "LATEST",
            "versionId": "",
            **fields,
        }
        self._store.write(function.log.project, function.log.logstore, log)
