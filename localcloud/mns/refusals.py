"""The errors that MNS answers, by the codes of its help page "Error codes" (27501).

That page is of MNS's own HTTP API; which codes its API behind the OpenAPI gateway has is not documented.
"""

from __future__ import annotations

from localcloud.refusals import RequestRefused


class OutOfRange(RequestRefused):
    """A value that is too small or too large, in bytes or as a number."""

    def __init__(self, element: str, lowest: int, highest: int) -> None:
        super().__init__(
            400,
            "InvalidArgument",
            f"The value of {element} should between {lowest} and {highest} seconds/bytes.",
        )


class NameInvalid(RequestRefused):
    """A name of a topic or a subscription is too long, or has other characters than letters, digits, '-'."""

    def __init__(self, kind: str) -> None:
        message = (
            f"The {kind.lower()} name you provided is invalid. {kind} name should start with letter or "
            "digit, contain only letters, digits and '-', at most 255."
        )
        super().__init__(400, f"{kind}NameInvalid", message)


class AlreadyExists(RequestRefused):
    """There is a topic of this name, or a subscription with other attributes."""

    def __init__(self, kind: str) -> None:
        message = f"The {kind.lower()} you want to create is already exist with other attributes."
        super().__init__(409, f"{kind}AlreadyExist", message)


class TopicNotExist(RequestRefused):
    """There is no topic of this name."""

    def __init__(self, topic: str) -> None:
        super().__init__(404, "TopicNotExist", f"The topic you provided does not exist: {topic!r}.")
