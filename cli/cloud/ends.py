"""Errors that each further object of a command would meet, and what a user does then."""

from __future__ import annotations

from cli.cloud.calls import CallFailed, Obstacle
from cli.problems import Problem
from imm_label_tags.errors import AccessDenied, InvalidSetting, ServiceRejected, TaggingError
from imm_label_tags.services.responses import EXPIRED_KEYS, WRONG_TIME

EXIT_RETRYABLE = 75
_OF_EVERY_CALL = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "ResourceNotFound")
AGAIN = "and run the command again."


class KeysExpired(Problem):
    """The keys have expired in the midst of the work, and no others could be had."""

    exit_code = EXIT_RETRYABLE


class WrongClock(Problem):
    """The clock of this machine is not that of the services."""

    exit_code = EXIT_RETRYABLE


def keys_have_expired(error: TaggingError) -> bool:
    """Whether a call was refused because its keys had expired."""
    return EXPIRED_KEYS in str(error)


def end_of_list(problem: Problem, again: str = AGAIN) -> Problem:
    """Why a command cannot go on where its list of objects ended in a problem."""
    if isinstance(problem, CallFailed) and problem.obstacle is Obstacle.KEYS:
        return KeysExpired(f"{problem.said} Check the keys, or renew them, {again}")
    return problem


def end_of_run(error: TaggingError, again: str = AGAIN) -> Problem | None:
    """Why a command cannot go on after an error; None where other objects may do better.

    ``again`` is what it says of another run.
    """
    said = str(error)
    if keys_have_expired(error):
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
