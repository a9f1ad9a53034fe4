"""Every failure that a notification can meet.

* TaggingError
  + InvalidSetting
  + PermanentError
    - InvalidNotification
    - InvalidFailureRecord
    - TaskNotFound
    - TargetUnknown
    - AccessDenied
    - ServiceRejected
    - AnswerTooLarge
  + TransientError
    - TaskNotFinished
    - Throttled
    - ServiceUnavailable
  + BatchFailed

Function Compute shows the class name as ``errorType`` and the message as ``errorMessage``. It retries every
failed invocation and then hands the event to the failure destination; ``retryable`` tells whoever looks at
it there whether the same event can succeed later without anybody changing anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from imm_label_tags.text import escape_unprintable, truncate_middle

# A message can repeat what a service sent, and an SDK's even its whole answer. The message travels with the
# event to the failure destination, where both together have to find room.
MAX_MESSAGE = 8192
DETAILED_FAILURES = 20


class TaggingError(Exception):
    """The base of all errors that this function raises on purpose.

    A message is one printable line, since Function Compute writes it to the log as it is, and of little more
    than MAX_MESSAGE characters.
    """

    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(
            truncate_middle(escape_unprintable(truncate_middle(message, MAX_MESSAGE)), MAX_MESSAGE)
        )


class InvalidSetting(TaggingError):
    """An environment variable has a value that cannot be used."""

    def __init__(self, variable: str, value: str, allowed: str) -> None:
        super().__init__(f"The setting {variable} is {value!r}, but must be {allowed}.")
        self.variable = variable
        self.value = value


class PermanentError(TaggingError):
    """A retry cannot help: somebody has to change something first."""


class InvalidNotification(PermanentError):
    """The event cannot be understood, or it names no project or no task."""


class InvalidFailureRecord(PermanentError):
    """What ``keep_failed`` was given is no record of Function Compute's of an event that failed."""


class TaskNotFound(PermanentError):
    """IMM does not know the task: it never existed in this project, or IMM's seven days are over."""


class TargetUnknown(PermanentError):
    """IMM names no object for the task, or one that cannot be addressed safely.

    Where IMM gives no SourceURI the object is the one that UserData names, and this is also the error for one
    that does not exist: nothing but somebody's text says that it ever did.
    """


class ServiceRejected(PermanentError):
    """A service refused a call with a 4xx that has no class of its own."""

    def __init__(self, message: str, *, code: str = "", ec: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.ec = ec
        self.request_id = request_id


class AccessDenied(PermanentError):
    """The function's role lacks a permission; ``action`` and ``resource`` are in RAM policy words."""

    def __init__(self, message: str, *, action: str, resource: str) -> None:
        super().__init__(message)
        self.action = action
        self.resource = resource


class AnswerTooLarge(PermanentError):
    """A service's answer does not fit into the instance's memory; the next one would not either."""


class TransientError(TaggingError):
    """A retry may help.

    ``after_seconds`` is how long the service asked to wait: 0 where it did not say, infinite where nothing
    will change while this invocation lasts.
    """

    retryable = True

    def __init__(self, message: str, *, after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class TaskNotFinished(TransientError):
    """IMM still reports the task as running."""


class Throttled(TransientError):
    """A service refused a call because there are too many."""


class ServiceUnavailable(TransientError):
    """A service failed, did not answer in time, or answered with something unreadable."""


class BatchFailed(TaggingError):
    """Some items of a list failed; ``failures`` holds each one's position (from 0) and error."""

    def __init__(self, total: int, failures: Sequence[tuple[int, TaggingError]]) -> None:
        lines = [
            f"[{index}] {type(error).__name__}" + (f": {error}" if count < DETAILED_FAILURES else "")
            for count, (index, error) in enumerate(failures)
        ]
        super().__init__(f"{len(failures)} of {total} notifications failed: " + "; ".join(lines))
        self.failures = tuple(failures)
        self.retryable = any(error.retryable for _, error in failures)
