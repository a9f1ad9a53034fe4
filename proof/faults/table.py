"""What is to happen: for each fault of each call the end, the number of attempts, and what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imm_label_tags import errors
from imm_label_tags.retries import ATTEMPTS
from proof.faults.fault_case import ALL, IMM, OSS, SUBMISSION, Call, FaultCase
from proof.faults.faults import FAULTS

TAGGED = "tagged"
SUBMITTED = "submitted"
GONE = "object_gone"
UNAVAILABLE = "ServiceUnavailable"
THROTTLED = "Throttled"
REJECTED = "ServiceRejected"
DENIED = "AccessDenied"
TOO_LARGE = "AnswerTooLarge"
TASK_UNKNOWN = "TaskNotFound"

RESULT, TASK, HEAD, READ, WRITE, KEEP = ALL
_, ASK, CREATE = SUBMISSION
READS = (RESULT, TASK, HEAD, READ)
# What may be sent again as it is.
REPEATED = (*READS, KEEP)


@dataclass(frozen=True)
class Row:
    """One fault of one call.

    ``end`` is the error's class or the outcome where the fault lasts, ``attempts`` how often the call is
    tried then, ``once`` and ``once_attempts`` the same where it goes wrong a single time. ``written`` says
    whether the tags have been written, or the task created, although the fault lasts. ``seen`` is part of the
    message. ``good`` is the outcome without a fault.
    """

    fault: FaultCase
    call: Call
    end: str
    attempts: int
    once: str
    once_attempts: int
    seen: str
    written: bool = False
    good: str = TAGGED

    @property
    def is_error(self) -> bool:
        """Whether it ends with an error as long as the fault lasts."""
        return hasattr(errors, self.end)

    @property
    def retryable(self) -> bool:
        """Whether the error says that a retry may help."""
        return self.is_error and bool(getattr(errors, self.end).retryable)

    @property
    def afterwards(self) -> str:
        """The outcome of the next delivery, once the fault is gone."""
        if not self.written:
            return self.good
        return "unchanged" if self.good == TAGGED else "already_submitted"

    def __str__(self) -> str:
        return f"{self.fault.name} / {self.call.value}"


@dataclass(frozen=True)
class _Expected:
    """``end`` and ``once`` are None for the outcome without a fault."""

    fault: str
    calls: tuple[Call, ...]
    end: str | None
    attempts: int
    once: str | None
    once_attempts: int
    seen: str
    written: bool = False


def _passing(
    fault: str, seen: str, calls: Iterable[Call] = ALL, end: str = UNAVAILABLE
) -> Iterator[_Expected]:
    """The call is tried again, and the fault is not noticed unless it lasts."""
    yield _Expected(fault, tuple(calls), end, ATTEMPTS, None, 2, seen)


def _out_of_reach(
    fault: str, seen: str, reads: Iterable[Call] = READS, write: Call = WRITE
) -> Iterator[_Expected]:
    """No call gets through. A write is not tried again then, because reading comes before it."""
    yield _Expected(fault, tuple(reads), UNAVAILABLE, ATTEMPTS, None, 2, seen)
    yield _Expected(fault, (write,), UNAVAILABLE, 1, None, 2, seen)


def _for_this_invocation(
    fault: str, seen: str, calls: Iterable[Call] = ALL, end: str = UNAVAILABLE
) -> Iterator[_Expected]:
    """The call is not tried again in this invocation, but by Function Compute."""
    yield _Expected(fault, tuple(calls), end, 1, end, 1, seen)


def _lasting(fault: str, end: str, seen: str, calls: Iterable[Call] = ALL) -> Iterator[_Expected]:
    """The call is not tried again: an error that somebody has to mend, or an outcome."""
    yield _Expected(fault, tuple(calls), end, 1, end, 1, seen)


def _found_done(fault: str, write: Call = WRITE) -> Iterator[_Expected]:
    """The write was carried out: it is not sent again, since what it was to do is found done."""
    yield _Expected(fault, (write,), None, 1, None, 1, "", written=True)


def _expected() -> Iterator[_Expected]:
    yield from _out_of_reach("connection refused", "got no answer")
    yield from _passing("closed before the answer", "got no answer")
    yield from _passing("reset before the answer", "got no answer")
    yield from _passing("reset during the answer", "a body that cannot be read", [*IMM, READ])
    yield from _passing("reset during the answer", "got no answer", [HEAD, KEEP])
    yield from _found_done("reset during the answer")
    yield from _passing("reset after the service acted", "got no answer", REPEATED)
    yield from _found_done("reset after the service acted")
    yield from _passing("silence", "got no answer")
    yield from _passing("drops", "got no answer", REPEATED)
    yield from _found_done("drops")
    yield from _passing("body in drops", "a body that cannot be read", [*IMM, READ])
    yield from _out_of_reach("TLS with an untrusted certificate", "certificate verify failed")
    yield from _out_of_reach("TLS handshake cut off", "got no answer")
    yield from _out_of_reach("no TLS where it is expected", "got no answer")

    yield from _passing("429", "was throttled", end=THROTTLED)
    yield from _passing("400 Throttling", "was throttled", IMM, THROTTLED)
    yield from _passing("503 by a limit", "was throttled", end=THROTTLED)
    yield from _passing("503 with a short Retry-After", "HTTP 503")
    yield from _for_this_invocation("503 with a long Retry-After", "HTTP 503")
    yield from _for_this_invocation("503 with a date in Retry-After", "HTTP 503")
    yield from _passing("a short x-acs-retry-after", "was throttled", IMM, THROTTLED)
    yield from _for_this_invocation("a long x-acs-retry-after", "was throttled", IMM, THROTTLED)
    yield from _passing("a short x-oss-qos-delay-time", "was throttled", OSS, THROTTLED)
    yield from _for_this_invocation("a long x-oss-qos-delay-time", "was throttled", OSS, THROTTLED)

    yield from _passing("503", "HTTP 503")
    yield from _passing("500", "HTTP 500")
    yield from _passing("502 with HTML", "HTTP 502")
    yield from _passing("504 with nothing", "HTTP 504")

    yield from _passing("200 with HTML", "a body that is not JSON", IMM)
    yield from _passing("200 with HTML", "no Last-Modified", [HEAD])
    yield from _passing("200 with HTML", "a body that is not XML", [READ])
    yield from _passing("200 with HTML", "something that is not OSS", [WRITE, KEEP])
    yield from _passing("200 with nothing", "a body that is not JSON", IMM)
    yield from _passing("200 with nothing", "no Last-Modified", [HEAD])
    yield from _passing("200 with nothing", "a body that is not XML", [READ])
    yield from _passing("200 with nothing", "something that is not OSS", [WRITE, KEEP])
    yield from _passing("204", "a body that is not JSON", IMM)
    yield from _passing("204", "HTTP 204", OSS)
    yield from _passing("200 cut off", "a body that cannot be read", [*IMM, READ])
    yield from _lasting("200 that is too large", TOO_LARGE, "raise memorySize", [*IMM, READ])
    yield from _passing("200 in a foreign namespace", "XML that is no tag set", [READ])
    yield from _passing("200 with wrong types", "no description of this task", [RESULT])
    yield from _passing("200 with wrong types", "a body without a readable request", [TASK])
    yield from _passing("200 with wrong types", "a body that cannot be read", [HEAD])
    yield from _passing("200 with wrong types", "not a key and a value", [READ])
    yield from _passing("200 about another task", "no description of this task", IMM)

    yield from _lasting("denied", DENIED, "was denied")
    yield from _for_this_invocation("expired token", "keys of this invocation had expired")
    yield from _for_this_invocation("clock skew", "clock of this instance was wrong")
    yield from _lasting("wrong signature", REJECTED, "SignatureDoesNotMatch")
    yield from _lasting("unknown key", REJECTED, "InvalidAccessKeyId")
    yield from _lasting("400", REJECTED, "InvalidArgument")

    yield from _lasting("400 task not found", TASK_UNKNOWN, "IMM does not know", IMM)
    yield from _lasting("404 task not found", TASK_UNKNOWN, "IMM does not know", IMM)
    yield from _lasting("404 NoSuchKey", GONE, "does not exist any more", [HEAD, READ, WRITE])
    yield from _lasting("404 NoSuchKey", REJECTED, "NoSuchKey", [KEEP])
    yield from _lasting("404 of a delete marker", GONE, "does not exist any more", [HEAD, READ, WRITE])
    yield from _lasting("404 of a delete marker", REJECTED, "HTTP 404", [KEEP])
    yield from _lasting("404 without a word", GONE, "does not exist any more", [HEAD])
    yield from _lasting("404 NoSuchBucket", REJECTED, "NoSuchBucket", OSS)
    yield from _lasting("404 of another server", REJECTED, "HTTP 404")

    yield from _passing("409 StaleFile", "being changed by another", [WRITE])
    yield from _lasting("409 of a directory", REJECTED, "FileAlreadyExists", OSS)
    yield from _lasting("409 of IMM", REJECTED, "OperationConflict", IMM)
    yield from _lasting("400 InvalidTag", REJECTED, "InvalidTag", (HEAD, READ, KEEP))
    yield from _lasting("400 InvalidTag", REJECTED, "look at the object's other tags", [WRITE])
    # Refused once, the names are written in pinyin.
    raw = "400 InvalidTag for raw names"
    yield _Expected(raw, (WRITE,), REJECTED, 2, None, 2, "look at the object's other tags")

    yield from _lasting("302", REJECTED, "another service's address")
    yield from _lasting("307 with HTML", REJECTED, "another service's address")


def _expected_of_submission() -> Iterator[_Expected]:
    looks, to_imm = (HEAD, ASK), (ASK, CREATE)
    yield from _out_of_reach("connection refused", "got no answer", looks, CREATE)
    yield from _passing("closed before the answer", "got no answer", SUBMISSION)
    yield from _passing("reset before the answer", "got no answer", SUBMISSION)
    yield from _passing("reset during the answer", "got no answer", [HEAD])
    yield from _passing("reset during the answer", "a body that cannot be read", [ASK])
    yield from _found_done("reset during the answer", CREATE)
    yield from _passing("reset after the service acted", "got no answer", looks)
    yield from _found_done("reset after the service acted", CREATE)
    yield from _passing("silence", "got no answer", SUBMISSION)
    yield from _passing("drops", "got no answer", looks)
    yield from _found_done("drops", CREATE)
    yield from _passing("body in drops", "a body that cannot be read", [ASK])
    yield from _found_done("body in drops", CREATE)
    yield from _out_of_reach("TLS with an untrusted certificate", "certificate verify failed", looks, CREATE)
    yield from _out_of_reach("TLS handshake cut off", "got no answer", looks, CREATE)
    yield from _out_of_reach("no TLS where it is expected", "got no answer", looks, CREATE)

    yield from _passing("429", "was throttled", SUBMISSION, THROTTLED)
    yield from _passing("400 Throttling", "was throttled", to_imm, THROTTLED)
    yield from _passing("503 by a limit", "was throttled", SUBMISSION, THROTTLED)
    yield from _passing("503 with a short Retry-After", "HTTP 503", SUBMISSION)
    yield from _for_this_invocation("503 with a long Retry-After", "HTTP 503", SUBMISSION)
    yield from _for_this_invocation("503 with a date in Retry-After", "HTTP 503", SUBMISSION)
    yield from _passing("a short x-acs-retry-after", "was throttled", to_imm, THROTTLED)
    yield from _for_this_invocation("a long x-acs-retry-after", "was throttled", to_imm, THROTTLED)
    yield from _passing("a short x-oss-qos-delay-time", "was throttled", [HEAD], THROTTLED)
    yield from _for_this_invocation("a long x-oss-qos-delay-time", "was throttled", [HEAD], THROTTLED)

    yield from _passing("503", "HTTP 503", SUBMISSION)
    yield from _passing("500", "HTTP 500", SUBMISSION)
    yield from _passing("502 with HTML", "HTTP 502", SUBMISSION)
    yield from _passing("504 with nothing", "HTTP 504", SUBMISSION)

    yield from _passing("200 with HTML", "no Last-Modified", [HEAD])
    yield from _passing("200 with HTML", "a body that is not JSON", to_imm)
    yield from _passing("200 with nothing", "no Last-Modified", [HEAD])
    yield from _passing("200 with nothing", "a body that is not JSON", to_imm)
    yield from _passing("204", "HTTP 204", [HEAD])
    yield from _passing("204", "a body that is not JSON", to_imm)
    yield from _passing("200 cut off", "a body that cannot be read", [ASK])
    yield from _found_done("200 cut off", CREATE)
    yield from _lasting("200 that is too large", TOO_LARGE, "raise memorySize", to_imm)
    yield from _passing("200 with wrong types", "a body that cannot be read", [HEAD])
    yield from _passing("200 with wrong types", "a body without what was asked for", to_imm)

    yield from _lasting("denied", DENIED, "was denied", SUBMISSION)
    yield from _for_this_invocation("expired token", "keys of this invocation had expired", SUBMISSION)
    yield from _for_this_invocation("clock skew", "clock of this instance was wrong", SUBMISSION)
    yield from _lasting("wrong signature", REJECTED, "SignatureDoesNotMatch", SUBMISSION)
    yield from _lasting("unknown key", REJECTED, "InvalidAccessKeyId", SUBMISSION)
    yield from _lasting("400", REJECTED, "InvalidArgument", SUBMISSION)

    yield from _lasting("400 task not found", REJECTED, "IMM has no project", to_imm)
    yield from _lasting("404 task not found", REJECTED, "IMM has no project", to_imm)
    yield from _lasting("404 NoSuchKey", GONE, "does not exist (any more)", [HEAD])
    yield from _lasting("404 of a delete marker", GONE, "does not exist (any more)", [HEAD])
    yield from _lasting("404 without a word", GONE, "does not exist (any more)", [HEAD])
    yield from _lasting("404 NoSuchBucket", REJECTED, "NoSuchBucket", [HEAD])
    yield from _lasting("404 of another server", REJECTED, "HTTP 404", SUBMISSION)

    yield from _lasting("409 of a directory", REJECTED, "FileAlreadyExists", [HEAD])
    yield from _lasting("409 of IMM", REJECTED, "OperationConflict", to_imm)
    yield from _lasting("400 InvalidTag", REJECTED, "InvalidTag", [HEAD])

    yield from _lasting("302", REJECTED, "another service's address", SUBMISSION)
    yield from _lasting("307 with HTML", REJECTED, "another service's address", SUBMISSION)


def _rows(table: Iterable[_Expected], good: str) -> Iterator[Row]:
    cases = {case.name: case for case in FAULTS}
    for expected in table:
        for call in expected.calls:
            yield Row(
                cases[expected.fault],
                call,
                expected.end or good,
                expected.attempts,
                expected.once or good,
                expected.once_attempts,
                expected.seen,
                expected.written,
                good,
            )


# Of tag_object, and of submit_video.
TABLE: tuple[Row, ...] = tuple(_rows(_expected(), TAGGED))
SUBMISSION_TABLE: tuple[Row, ...] = tuple(_rows(_expected_of_submission(), SUBMITTED))
