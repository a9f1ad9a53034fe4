"""Requests that Function Compute refuses: status, code and message of each.

Help pages functioncompute/api-fc-2023-03-30-errorcodes and functioncompute/error-codes.
"""

from __future__ import annotations

from localcloud.refusals import RequestRefused

SYNC_PAYLOAD_BYTES = 32 * 1024 * 1024
ASYNC_PAYLOAD_BYTES = 128 * 1024


class FunctionComputeRefused(RequestRefused):
    """A request that is answered with an error and does not reach a function."""

    status = 400
    code = "InvalidArgument"

    def __init__(self, message: str) -> None:
        super().__init__(self.status, self.code, message)


class SourceRefused(FunctionComputeRefused):
    """A source of events does not take a trigger: ``OSSInvalidRequest``, as users of OSS's triggers quote."""

    def __init__(self, source: str, message: str) -> None:
        self.code = f"{source.upper()}InvalidRequest"
        super().__init__(f"event source '{source}' returned error: {message}")


class NotThere(FunctionComputeRefused):
    """Something that there is not: ``TriggerNotFound``, ``AsyncConfigNotExists`` and so on."""

    status = 404

    def __init__(self, code: str, what: str) -> None:
        self.code = code
        super().__init__(f"{what} does not exist")


class FunctionNotFound(NotThere):
    """No function of that name is deployed."""

    def __init__(self, function: str) -> None:
        super().__init__("FunctionNotFound", f"function '{function}'")


class AlreadyThere(FunctionComputeRefused):
    """There is a ``Function`` or ``Trigger`` of that name already."""

    status = 409

    def __init__(self, kind: str, name: str) -> None:
        self.code = f"{kind}AlreadyExists"
        super().__init__(f"{kind.lower()} '{name}' already exists")


class LimitExceeded(FunctionComputeRefused):
    """There is one too many of something."""

    code = "LimitExceededError"


class EntityTooLarge(FunctionComputeRefused):
    """The event exceeds what this kind of invocation takes."""

    code = "EntityTooLarge"

    def __init__(self, limit: int) -> None:
        super().__init__(f"payload size exceeds maximum allowed size ({limit} bytes)")


class InvalidArgument(FunctionComputeRefused):
    """A header or parameter has a value that means nothing."""


class PathNotSupported(FunctionComputeRefused):
    """The API has no such operation, or the local cloud lacks it."""

    code = "PathNotSupported"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"'{method}' against '{path}' is not supported")


class NotRunning(FunctionComputeRefused):
    """The service has been stopped, or was not started."""

    status = 503
    code = "ServiceUnavailable"

    def __init__(self) -> None:
        super().__init__("Function Compute is not running here; start the local cloud.")
