"""What Log Service refuses, with its codes: help page sls/developer-reference/api-error-codes."""

from __future__ import annotations

from localcloud.refusals import RequestRefused


class ParameterInvalid(RequestRefused):
    """A parameter that is missing or not as it must be."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "ParameterInvalid", message)


class NotThere(RequestRefused):
    """``ProjectNotExist``, ``LogStoreNotExist``, ``IndexConfigNotExist`` and so on."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(404, f"{kind}NotExist", f"{kind} {name} does not exist")


class AlreadyThere(RequestRefused):
    """``ProjectAlreadyExist``, ``LogStoreAlreadyExist``, ``IndexAlreadyExist`` and so on."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(400, f"{kind}AlreadyExist", f"{kind} {name} already exist")


class Unauthorized(RequestRefused):
    """A caller that is not known, or whom RAM's policies do not let do it."""

    def __init__(self, message: str) -> None:
        super().__init__(401, "Unauthorized", message)
