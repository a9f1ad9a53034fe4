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
    """A name of a topic, subscription or queue is too long, or has more than letters, digits and '-'."""

    def __init__(self, kind: str, longest: int = 255) -> None:
        message = (
            f"The {kind.lower()} name you provided is invalid. {kind} name should start with letter or "
            f"digit, contain only letters, digits and '-', at most {longest}."
        )
        super().__init__(400, f"{kind}NameInvalid", message)


class AlreadyExists(RequestRefused):
    """There is a topic or queue of this name, or a subscription with other attributes."""

    def __init__(self, kind: str) -> None:
        message = f"The {kind.lower()} you want to create is already exist with other attributes."
        super().__init__(409, f"{kind}AlreadyExist", message)


class QueueNotExist(RequestRefused):
    """There is no queue of this name."""

    def __init__(self, queue: str) -> None:
        super().__init__(404, "QueueNotExist", f"The queue name you provided is not exist: {queue!r}.")


class TopicNotExist(RequestRefused):
    """There is no topic of this name."""

    def __init__(self, topic: str) -> None:
        super().__init__(404, "TopicNotExist", f"The topic you provided does not exist: {topic!r}.")
