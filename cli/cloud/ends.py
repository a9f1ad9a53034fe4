"""The function's own calls as commands make them: how patiently, and which errors end the whole command."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from cli.cloud.calls import LASTING, CallFailed, Obstacle
from cli.problems import EXIT_RETRYABLE, Problem
from imm_label_tags.errors import AccessDenied, InvalidSetting, ServiceRejected, TaggingError
from imm_label_tags.retries import Deadline, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.responses import EXPIRED_KEYS, WRONG_TIME

T = TypeVar("T")

# More patient than a function, of which every second is paid for.
PATIENT = RetryPolicy(attempts=6, retries=12, connect=5.0, read=20.0, first_pause=0.5, max_pause=10.0)
TIMEOUTS = Timeouts(PATIENT.connect, PATIENT.read)
# For all attempts at one object: its calls, their repetitions and pauses.
OBJECT_SECONDS = 180.0
_OF_EVERY_CALL = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "ResourceNotFound")
AGAIN = "and run the command again."


class KeysExpired(Problem):
    """The keys have expired in the midst of the work, and no others could be had."""

    exit_code = EXIT_RETRYABLE


class WrongClock(Problem):
    """The clock of this machine is not that of the services."""

    exit_code = EXIT_RETRYABLE


class Failure(NamedTuple):
    """Why something of one object could not be done: an error's class or code, and what it says."""

    error: str
    message: str
    retryable: bool


def deadline(seconds: float = OBJECT_SECONDS) -> Deadline:
    """The end of the time that the calls about one object have, from now."""
    return Deadline(seconds, PATIENT.clock)


def calls_about(subject: str, seconds: float = OBJECT_SECONDS) -> Calls:
    """The calls about one object, or something else, repeated as long as a person has patience."""
    return Calls(PATIENT, deadline(seconds), subject)


def with_present_keys(act: Callable[[], T]) -> T:
    """What ``act`` gives, once more where its calls were signed just before the keys were renewed."""
    try:
        return act()
    except TaggingError as error:
        if EXPIRED_KEYS not in str(error):
            raise
        return act()


def failure_of(error: TaggingError | CallFailed) -> Failure:
    """Why something could not be done for one object; raises Problem for what every other would meet, too."""
    if isinstance(error, CallFailed):
        if error.obstacle in LASTING:
            raise error
        return Failure(error.code or "NoAnswer", str(error), retryable=True)
    ending = end_of_run(error)
    if ending is not None:
        raise ending from None
    return Failure(type(error).__name__, str(error), error.retryable)


def end_of_list(problem: Problem, again: str) -> Problem:
    """Why a command cannot go on where its list of objects ended in a problem."""
    if isinstance(problem, CallFailed) and problem.obstacle is Obstacle.KEYS:
        return KeysExpired(f"{problem.said} Check the keys, or renew them, {again}")
    return problem


def end_of_run(error: TaggingError, again: str = AGAIN) -> Problem | None:
    """Why a command cannot go on after an error; None where other objects may do better.

    ``again`` is what it says of another run.
    """
    said = str(error)
    if EXPIRED_KEYS in said:
        # What it says of functions is of no use to a user of commands.
        what = said.replace(EXPIRED_KEYS, "").strip()
        return KeysExpired(
            f"{what} The keys have expired, and there are no others. Renew them (`aliyun configure`, or "
            f"export others), {again}"
        )
    if WRONG_TIME in said:
        what = said.replace(WRONG_TIME, "").strip()
        return WrongClock(f"{what} The clock of this machine is wrong: set it, {again}")
    if isinstance(error, (AccessDenied, InvalidSetting)):
        return Problem(said)
    if isinstance(error, ServiceRejected) and error.code.startswith(_OF_EVERY_CALL):
        return Problem(said)
    return None
