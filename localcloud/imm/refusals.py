"""The errors that IMM answers, by the codes of its help page "Error handling" (477131)."""

from __future__ import annotations

from localcloud.refusals import RequestRefused


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
