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


class FunctionNotFound(FunctionComputeRefused):
    """No function of that name is deployed."""

    status = 404
    code = "FunctionNotFound"

    def __init__(self, function: str) -> None:
        super().__init__(f"function '{function}' does not exist")


class FunctionAlreadyExists(FunctionComputeRefused):
    """A function of that name is deployed already."""

    status = 409
    code = "FunctionAlreadyExists"

    def __init__(self, function: str) -> None:
        super().__init__(f"function '{function}' already exists")


class TriggerNotFound(FunctionComputeRefused):
    """The function has no trigger of that name."""

    status = 404
    code = "TriggerNotFound"

    def __init__(self, trigger: str) -> None:
        super().__init__(f"trigger '{trigger}' does not exist")


class TriggerAlreadyExists(FunctionComputeRefused):
    """The function has a trigger of that name already."""

    status = 409
    code = "TriggerAlreadyExists"

    def __init__(self, trigger: str) -> None:
        super().__init__(f"trigger '{trigger}' already exists")


class AsyncConfigNotExists(FunctionComputeRefused):
    """Nothing is declared about the function's asynchronous invocation."""

    status = 404
    code = "AsyncConfigNotExists"

    def __init__(self, function: str) -> None:
        super().__init__(f"async config for function '{function}' does not exist")


class LayerVersionNotFound(FunctionComputeRefused):
    """A layer has no such version, or there is no layer of that name."""

    status = 404
    code = "LayerVersionNotFound"

    def __init__(self, layer: str, version: object) -> None:
        super().__init__(f"layer '{layer}' version '{version}' does not exist")


class LimitExceeded(FunctionComputeRefused):
    """There is one too many of something."""

    code = "LimitExceededError"


class NotConfigured(FunctionComputeRefused):
    """Something that a function may have, and this one does not."""

    status = 404

    def __init__(self, code: str, what: str, function: str) -> None:
        super().__init__(f"{what} of function '{function}' does not exist")
        self.code = code


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
