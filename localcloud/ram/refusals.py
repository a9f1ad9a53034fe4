"""The errors that RAM and STS answer.

Sources: alibabacloud.com/help, RAM "Error messages" (28754), the API pages of each action, "FAQ about RAM
roles and STS tokens" (39744); the gateway's own codes are those of all OpenAPI services.
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.refusals import NO_DETAIL, RequestRefused


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


class Incorrect(InvalidParameter):
    """A value is none of those that there are."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "", f'The parameter - "{name}" is incorrect.')


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


class UnknownAction(RequestRefused):
    """The gateway knows no such action."""

    def __init__(self) -> None:
        super().__init__(
            404,
            "InvalidAction.NotFound",
            "Specified api is not found, please check your url and method.",
        )


class UnknownVersion(RequestRefused):
    """The gateway knows no such version of an API."""

    def __init__(self, *known: str) -> None:
        super().__init__(
            400,
            "InvalidVersion",
            f"Specified parameter Version is not valid. It must be {' or '.join(known)}.",
        )


class UnsupportedMethod(RequestRefused):
    """An HTTP method other than GET and POST."""

    def __init__(self, method: str) -> None:
        super().__init__(
            403, "UnsupportedHTTPMethod", f"This http method is not supported: {method}. Use POST or GET."
        )


class NotServedHere(RequestRefused):
    """The real service can do it and the local cloud cannot."""

    def __init__(self, what: str) -> None:
        super().__init__(501, "NotImplemented", f"The local cloud does not implement {what}.")


def no_such_role() -> EntityNotExist:
    """No role has that name."""
    return EntityNotExist("Role", "The role does not exist.")


def no_such_policy() -> EntityNotExist:
    """No policy has that name."""
    return EntityNotExist("Policy", "The policy does not exist.")
