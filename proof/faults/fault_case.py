"""A fault of a remote call: which calls it can befall, and how it is brought about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from localcloud.faults import Fault
from tests.faults.relay import CallBreak, ConnectionBreak


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


class Group(str, Enum):
    """What a user sees first: the kind of answer."""

    NO_ANSWER = "No answer"
    TOO_MUCH = "Too many calls"
    OUT_OF_ORDER = "The service is out of order"
    NO_SENSE = "An answer that is none"
    REFUSED = "Refused"
    NOT_FOUND = "Not found"
    CONFLICT = "Conflicts and tags that are not accepted"
    REDIRECTED = "Redirected"


@dataclass(frozen=True)
class FaultCase:
    """One fault. ``title`` says what the service or the network does, ``advice`` what a user does then.

    It is brought about at the service's door (``faults``, one for each call that it applies to), or by a
    relay for one call (``call_break``) or for all connections (``connection_break``, some with TLS).
    ``settings`` are variables of the function. ``asks_for`` is how many seconds the service asks to wait.
    """

    name: str
    group: Group
    title: str
    advice: str
    faults: Mapping[Call, Fault] = field(default_factory=dict)
    call_break: CallBreak | None = None
    connection_break: ConnectionBreak | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    asks_for: float = 0.0

    def calls(self, among: Iterable[Call]) -> tuple[Call, ...]:
        """Those of some calls that it can befall."""
        possible = tuple(self.faults) or EVERY
        if self.call_break is CallBreak.BODY_IN_DROPS:
            possible = WITH_BODY
        elif self.connection_break is not None:
            # The document is written over the connections of the reading, which fails beside it.
            possible = tuple(call for call in EVERY if call is not Call.KEEP)
        return tuple(call for call in among if call in possible)

    @property
    def needs_tls(self) -> bool:
        """Whether it is a fault of TLS."""
        return self.connection_break not in (None, ConnectionBreak.REFUSED)

    def order(self, call: Call, times: int | None, resource: str = "*") -> Fault:
        """The fault for one call, so many times (None: always)."""
        return replace(self.faults[call], service=call.service, action=call, times=times, resource=resource)
