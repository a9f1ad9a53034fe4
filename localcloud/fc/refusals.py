"""Requests that Function Compute refuses: status, code and message of each.

Help pages functioncompute/api-fc-2023-03-30-errorcodes and functioncompute/error-codes.
"""

from __future__ import annotations

SYNC_PAYLOAD_BYTES = 32 * 1024 * 1024
ASYNC_PAYLOAD_BYTES = 128 * 1024


class RequestRefused(Exception):
    """A request that is answered with an error and does not reach a function."""

    status = 400
    code = "InvalidArgument"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class FunctionNotFound(RequestRefused):
    """No function of that name is deployed."""

    status = 404
    code = "FunctionNotFound"

    def __init__(self, function: str) -> None:
        super().__init__(f"function '{function}' does not exist")


class EntityTooLarge(RequestRefused):
    """The event exceeds what this kind of invocation takes."""

    code = "EntityTooLarge"

    def __init__(self, limit: int) -> None:
        super().__init__(f"payload size exceeds maximum allowed size ({limit} bytes)")


class InvalidArgument(RequestRefused):
    """A header or parameter has a value that means nothing."""


class PathNotSupported(RequestRefused):
    """The API has no such operation, or the local cloud lacks it."""

    code = "PathNotSupported"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"'{method}' against '{path}' is not supported")


class NotRunning(RequestRefused):
    """The service has been stopped, or was not started."""

    status = 503
    code = "ServiceUnavailable"

    def __init__(self) -> None:
        super().__init__("Function Compute is not running here; start the local cloud.")
