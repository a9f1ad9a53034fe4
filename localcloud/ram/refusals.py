"""The errors that RAM and STS answer, and parameters that are answered so.

Sources: alibabacloud.com/help, RAM "Error messages" (28754), the API pages of each action, "FAQ about RAM
roles and STS tokens" (39744).
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.refusals import NO_DETAIL, Parameters, RequestRefused


class InvalidParameter(RequestRefused):
    """A parameter's value is not one that the action takes; ``kind`` says in which way."""

    def __init__(self, name: str, kind: str, problem: str) -> None:
        code = f"InvalidParameter.{name}.{kind}" if kind else f"InvalidParameter.{name}"
        super().__init__(400, code, problem)


class InvalidCharacters(InvalidParameter):
    """A name has characters that it must not have."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "InvalidChars", f'The parameter - "{name}" contains invalid chars.')


class TooLong(InvalidParameter):
    """A text is longer than it may be."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "Length", f'The parameter - "{name}" beyond the length limit.')


class MalformedDocument(RequestRefused):
    """A policy document is not one."""

    def __init__(self, details: str) -> None:
        super().__init__(400, "MalformedPolicyDocument", details)


class EntityNotExist(RequestRefused):
    """There is no such role, policy, version or attachment."""

    def __init__(self, entity: str, message: str) -> None:
        super().__init__(404, f"EntityNotExist.{entity}", message)


class EntityAlreadyExists(RequestRefused):
    """There is such a role, policy or attachment already."""

    def __init__(self, entity: str, message: str) -> None:
        super().__init__(409, f"EntityAlreadyExists.{entity}", message)


class DeleteConflict(RequestRefused):
    """Something else has to be removed first."""

    def __init__(self, entity: str, message: str) -> None:
        super().__init__(409, f"DeleteConflict.{entity}", message)


class LimitExceeded(RequestRefused):
    """There are as many as there may be."""

    def __init__(self, entity: str, message: str) -> None:
        super().__init__(409, f"LimitExceeded.{entity}", message)


class NoPermission(RequestRefused):
    """The caller may not do it; ``detail`` is the AccessDeniedDetail, where RAM's policies decided."""

    def __init__(self, message: str, detail: Mapping[str, str] = NO_DETAIL) -> None:
        super().__init__(403, "NoPermission", message, detail)


class NoSuchRole(EntityNotExist):
    """No role has that name."""

    def __init__(self) -> None:
        super().__init__("Role", "The role does not exist.")


class RamParameters(Parameters):
    """The parameters of a request to RAM or STS, with RAM's error for a value that there is not."""

    def invalid(self, name: str, rule: str) -> RequestRefused:
        """RAM's own code and words."""
        return InvalidParameter(name, "", f'The parameter - "{name}" is incorrect. {rule}')
