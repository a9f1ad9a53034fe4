"""The errors that IMM answers, by the codes of its help page "Error handling" (477131)."""

from __future__ import annotations


class RequestRefused(Exception):
    """A request that IMM does not carry out, with the status and code that it answers."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class MissingParameter(RequestRefused):
    """A mandatory parameter is absent or empty."""

    def __init__(self, name: str) -> None:
        super().__init__(400, f"Missing{name}", f"{name} is mandatory for this action.")


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
