"""The errors that IMM answers, by the codes of its help page "Error handling" (477131)."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.refusals import RequestRefused


class InvalidParameter(RequestRefused):
    """A parameter's value is not one that the action takes."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(400, f"Invalid{name}", f"Specified parameter {name} is not valid. {rule}")


class InvalidArgument(RequestRefused):
    """A well-formed value that names something which cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "InvalidArgument", message)


class ResourceNotFound(RequestRefused):
    """No such project or task; IMM answers 400, not 404."""

    def __init__(self, resource_type: str) -> None:
        super().__init__(400, "ResourceNotFound", f"The specified resource {resource_type} is not found.")


class ResourceAlreadyExists(RequestRefused):
    """The project that was to be created exists."""

    def __init__(self, resource_type: str) -> None:
        super().__init__(
            400, "ResourceAlreadyExists", f"The specified resource {resource_type} already exists."
        )


class UnknownAction(RequestRefused):
    """The gateway knows no such action."""

    def __init__(self) -> None:
        super().__init__(
            404,
            "InvalidAction.NotFound",
            "Specified api is not found, please check your url and method.",
        )


class UnsupportedMethod(RequestRefused):
    """An HTTP method other than GET and POST."""

    def __init__(self, method: str) -> None:
        super().__init__(
            403, "UnsupportedHTTPMethod", f"This http method is not supported: {method}. Use POST or GET."
        )


class NoPermission(RequestRefused):
    """RAM's policies do not let the caller do it.

    IMM's page of errors was not readable to this point; the code and the message are those of RAM's own API,
    as the services behind the same gateway have them.
    """

    def __init__(self, action: str, resource: str, detail: Mapping[str, str]) -> None:
        message = f"You are not authorized to do this action. Resource: {resource} Action: {action}"
        super().__init__(403, "NoPermission", message, detail)
