"""A fault of a remote call: which calls it can befall, how it is brought about, and what it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from imm_label_tags import errors
from imm_label_tags.retries import ATTEMPTS
from localcloud.faults import Fault, FaultKind
from tests.faults.relay import CallBreak, ConnectionBreak

TAGGED = "tagged"
SUBMITTED = "submitted"
UNAVAILABLE = "ServiceUnavailable"


class Call(str, Enum):
    """The remote calls of both functions.

    Those of one notification in their order, KEEP only with RESULT_ARCHIVE; then an upload's, beside HEAD.
    """

    RESULT = "GetVideoLabelClassificationResult"
    TASK = "GetTask"
    HEAD = "HeadObject"
    READ = "GetObjectTagging"
    WRITE = "PutObjectTagging"
    KEEP = "PutObject"
    ASK = "ListTasks"
    CREATE = "CreateVideoLabelClassificationTask"

    @property
    def service(self) -> str:
        """``imm`` or ``oss``."""
        return "oss" if self in OSS else "imm"


IMM = (Call.RESULT, Call.TASK)
OSS = (Call.HEAD, Call.READ, Call.WRITE, Call.KEEP)
ALL = (*IMM, *OSS)
# What a notification costs where no result is kept.
BY_DEFAULT = tuple(call for call in ALL if call is not Call.KEEP)
# What an upload costs.
SUBMISSION = (Call.HEAD, Call.ASK, Call.CREATE)
EVERY = (*ALL, Call.ASK, Call.CREATE)
EVERY_TO_IMM = (*IMM, Call.ASK, Call.CREATE)
# The calls whose answers have a body.
WITH_BODY = (Call.RESULT, Call.TASK, Call.READ, Call.ASK, Call.CREATE)
# Those that are never just sent again: something is read first that tells whether they were carried out.
NOT_REPEATED = (Call.WRITE, Call.CREATE)


@dataclass(frozen=True)
class End:
    """What a fault leads to: ``end`` where it lasts, after so many attempts, and ``once`` where it passes.

    Both are an error's class or an outcome, None for the outcome without a fault. ``seen`` is part of the
    message; ``written`` says whether the tags have been written, or the task created, although the fault
    lasts. Without ``calls`` it is the end of all calls of which no other end of the fault is.
    """

    seen: str
    end: str | None
    attempts: int
    once: str | None
    once_attempts: int
    calls: tuple[Call, ...] = ()
    written: bool = False


Ends = tuple[End, ...]


def passing(seen: str, *calls: Call, end: str = UNAVAILABLE) -> Ends:
    """The call is tried again, and the fault is not noticed unless it lasts."""
    return (End(seen, end, ATTEMPTS, None, 2, calls),)


def out_of_reach(seen: str) -> Ends:
    """No call gets through. A write is not tried again then, because reading comes before it."""
    return (*passing(seen), End(seen, UNAVAILABLE, 1, None, 2, NOT_REPEATED))


def final(end: str, seen: str, *calls: Call) -> Ends:
    """The call is not tried again in this invocation, whether or not Function Compute delivers it again."""
    return (End(seen, end, 1, end, 1, calls),)


def found_done(*calls: Call) -> Ends:
    """The write was carried out: it is not sent again, since what it was to do is found done."""
    return (End("", None, 1, None, 1, calls, written=True),)


@dataclass(frozen=True)
class FaultCase:
    """One fault. ``title`` says what the service or the network does, ``advice`` what a user does then.

    It is brought about at the service's door (a fault for each call that it applies to), or by a relay for
    one call or for all connections. ``settings`` are variables of the function. ``asks_for`` is how many
    seconds the service asks to wait.
    """

    title: str
    advice: str
    cause: Mapping[Call, Fault] | CallBreak | ConnectionBreak
    ends: Ends
    settings: Mapping[str, str] = field(default_factory=dict)
    asks_for: float = 0.0

    @property
    def calls(self) -> tuple[Call, ...]:
        """Those that it can befall."""
        if isinstance(self.cause, Mapping):
            return tuple(self.cause)
        if self.cause is CallBreak.BODY_IN_DROPS:
            return WITH_BODY
        # The document is written over the connections of the reading, which fails beside it.
        return tuple(call for call in EVERY if call is not Call.KEEP or isinstance(self.cause, CallBreak))

    @property
    def never_ends(self) -> bool:
        """Whether it is an answer that is waited for until the time is out."""
        if isinstance(self.cause, Mapping):
            return any(fault.kind is FaultKind.SILENCE for fault in self.cause.values())
        return self.cause in (CallBreak.DROPS, CallBreak.BODY_IN_DROPS)

    def order(self, call: Call, times: int | None) -> Fault:
        """The fault at the service's door for one call, so many times (None: always)."""
        assert isinstance(self.cause, Mapping)
        return replace(self.cause[call], service=call.service, action=call, times=times)

    def rows(self, calls: Iterable[Call], good: str) -> Iterator[Row]:
        """What it leads to for each of some calls; ``good`` is the outcome without a fault."""
        named = {call for end in self.ends for call in end.calls}
        for end in self.ends:
            of_this_end = end.calls or tuple(call for call in self.calls if call not in named)
            yield from (Row(self, call, end, good) for call in calls if call in of_this_end)


@dataclass(frozen=True)
class Row:
    """One fault of one call."""

    fault: FaultCase
    call: Call
    expected: End
    good: str

    @property
    def end(self) -> str:
        """The error's class or the outcome where the fault lasts."""
        return self.expected.end or self.good

    @property
    def once(self) -> str:
        """The same where it goes wrong a single time."""
        return self.expected.once or self.good

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
        if not self.expected.written:
            return self.good
        return "unchanged" if self.good == TAGGED else "already_submitted"

    def __str__(self) -> str:
        return f"{self.fault.title} / {self.call.value}"
