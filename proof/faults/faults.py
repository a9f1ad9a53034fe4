"""Everything that can go wrong with a remote call, as data: what, how it is brought about, for which calls.

Statuses and codes are those of the services' help pages, see localcloud/oss/protocol/errors.py,
localcloud/acs3.py and localcloud/imm/service.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from imm_label_tags.services.answer_room import AnswerRoom
from localcloud.faults import Fault, FaultKind
from proof.faults.fault_case import EVERY, EVERY_TO_IMM, OSS, WITH_BODY, Call, FaultCase, Group
from tests.faults.relay import CallBreak, ConnectionBreak

HTML = b"<!doctype html><html><head><meta charset=utf-8></head><body><h1>It works!</h1></body></html>"
AS_HTML = {"content-type": "text/html"}
AS_XML = {"content-type": "application/xml"}
TO_ELSEWHERE = {"location": "http://127.0.0.1:9/elsewhere"}
REQUEST_ID = {"x-oss-request-id": "5C8F55ED461FB4A64C000001"}
NAMESPACED = (
    b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>'
    b"<Tag><Key>team</Key><Value>a</Value></Tag></TagSet></Tagging>"
)
TOO_LARGE = b" " * (AnswerRoom.of(None).size + 1)
WITHOUT_VALUE = b"<Tagging><TagSet><Tag><Key>team</Key></Tag></TagSet></Tagging>"


def answers(
    calls: Iterable[Call], status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> dict[Call, Fault]:
    """The same bare answer to several calls."""
    return dict.fromkeys(calls, Fault(FaultKind.ANSWER, status=status, body=body, headers=headers or {}))


def errors(
    imm: tuple[int, str] | None, oss: tuple[int, str] | None, headers: Mapping[str, str] | None = None
) -> dict[Call, Fault]:
    """Each service's own form of an error: its status and code."""
    ordered: dict[Call, Fault] = {}
    for calls, error in ((EVERY_TO_IMM, imm), (OSS, oss)):
        if error is not None:
            status, code = error
            fault = Fault(FaultKind.ERROR, status=status, code=code, headers=headers or {})
            ordered.update(dict.fromkeys(calls, fault))
    return ordered


def kind(fault: FaultKind, calls: Iterable[Call] = EVERY) -> dict[Call, Fault]:
    """A kind of fault that needs no more words."""
    return dict.fromkeys(calls, Fault(fault))


def documents(**bodies: object) -> dict[Call, Fault]:
    """A JSON document as the answer to calls that are named in lower case."""
    return {
        Call[name.upper()]: Fault(FaultKind.ANSWER, status=200, body=json.dumps(body).encode())
        for name, body in bodies.items()
    }


REACH = "If it lasts: is the service up in this region, and can the function reach it?"
ENDPOINT = "If it lasts: compare `IMM_ENDPOINT` and `OSS_ENDPOINT` with the region's addresses."
SLOWER = "Start tasks more slowly, or have the service's limit raised."
STATUS = "If it lasts: look at the service's status page."
TRUST = "Let the endpoint have a certificate for its name from an authority that is publicly trusted."

NETWORK = (
    FaultCase(
        "connection refused",
        Group.NO_ANSWER,
        "the connection is refused",
        REACH,
        connection_break=ConnectionBreak.REFUSED,
    ),
    FaultCase(
        "closed before the answer",
        Group.NO_ANSWER,
        "the connection is closed before the service acts",
        REACH,
        faults=kind(FaultKind.RESET_BEFORE),
    ),
    FaultCase(
        "reset before the answer",
        Group.NO_ANSWER,
        "the connection is reset before the service acts",
        REACH,
        call_break=CallBreak.BEFORE,
    ),
    FaultCase(
        "reset during the answer",
        Group.NO_ANSWER,
        "the connection is reset in the middle of the answer",
        REACH,
        call_break=CallBreak.DURING,
    ),
    FaultCase(
        "reset after the service acted",
        Group.NO_ANSWER,
        "the connection is reset when the service has acted, before it answers",
        REACH,
        call_break=CallBreak.AFTER,
    ),
    FaultCase(
        "silence",
        Group.NO_ANSWER,
        "the service says nothing until the time is out",
        REACH,
        faults=kind(FaultKind.SILENCE),
    ),
    FaultCase(
        "drops",
        Group.NO_ANSWER,
        "the answer comes a byte at a time, until the time is out",
        REACH,
        call_break=CallBreak.DROPS,
    ),
    FaultCase(
        "body in drops",
        Group.NO_ANSWER,
        "the answer's body comes a byte at a time, until the time is out",
        REACH,
        call_break=CallBreak.BODY_IN_DROPS,
    ),
    FaultCase(
        "TLS with an untrusted certificate",
        Group.NO_ANSWER,
        "the certificate is of an authority that is not trusted",
        TRUST,
        connection_break=ConnectionBreak.UNTRUSTED,
    ),
    FaultCase(
        "TLS handshake cut off",
        Group.NO_ANSWER,
        "the TLS handshake is cut off",
        REACH,
        connection_break=ConnectionBreak.CUT_OFF,
    ),
    FaultCase(
        "no TLS where it is expected",
        Group.NO_ANSWER,
        "plain HTTP answers where TLS is expected",
        ENDPOINT,
        connection_break=ConnectionBreak.NO_TLS,
    ),
)

THROTTLING = (
    FaultCase(
        "429",
        Group.TOO_MUCH,
        "429",
        SLOWER,
        faults=errors((429, "Throttling.User"), (429, "TooManyRequests")),
    ),
    FaultCase(
        "400 Throttling",
        Group.TOO_MUCH,
        "400 `Throttling.User`",
        SLOWER,
        faults=errors((400, "Throttling.User"), None),
    ),
    FaultCase(
        "503 by a limit",
        Group.TOO_MUCH,
        "503 `Throttling` (IMM), `TotalQpsLimitExceeded` (OSS)",
        SLOWER,
        faults=errors((503, "Throttling"), (503, "TotalQpsLimitExceeded")),
    ),
    FaultCase(
        "503 with a short Retry-After",
        Group.TOO_MUCH,
        "503 with `Retry-After: 1`",
        REACH,
        faults=errors((503, "ServiceUnavailable"), (503, "ServiceUnavailable"), {"Retry-After": "1"}),
        asks_for=1.0,
    ),
    FaultCase(
        "503 with a long Retry-After",
        Group.TOO_MUCH,
        "503 with `Retry-After: 60`",
        REACH,
        faults=errors((503, "ServiceUnavailable"), (503, "ServiceUnavailable"), {"Retry-After": "60"}),
        asks_for=60.0,
    ),
    FaultCase(
        "503 with a date in Retry-After",
        Group.TOO_MUCH,
        "503 with a `Retry-After` that is a date",
        REACH,
        faults=errors(
            (503, "ServiceUnavailable"),
            (503, "ServiceUnavailable"),
            {"Retry-After": "Fri, 31 Dec 2199 23:59:59 GMT"},
        ),
        asks_for=3600.0,
    ),
    FaultCase(
        "a short x-acs-retry-after",
        Group.TOO_MUCH,
        "429 with `x-acs-retry-after: 1500` (milliseconds)",
        SLOWER,
        faults=errors((429, "Throttling.User"), None, {"x-acs-retry-after": "1500"}),
        asks_for=1.5,
    ),
    FaultCase(
        "a long x-acs-retry-after",
        Group.TOO_MUCH,
        "429 with `x-acs-retry-after: 60000`",
        SLOWER,
        faults=errors((429, "Throttling.User"), None, {"x-acs-retry-after": "60000"}),
        asks_for=60.0,
    ),
    FaultCase(
        "a short x-oss-qos-delay-time",
        Group.TOO_MUCH,
        "503 with `x-oss-qos-delay-time: 300` (milliseconds)",
        SLOWER,
        faults=errors(None, (503, "PartitionQpsLimitted"), {"x-oss-qos-delay-time": "300"}),
        asks_for=0.3,
    ),
    FaultCase(
        "a long x-oss-qos-delay-time",
        Group.TOO_MUCH,
        "503 with `x-oss-qos-delay-time: 60000`",
        SLOWER,
        faults=errors(None, (503, "PartitionQpsLimitted"), {"x-oss-qos-delay-time": "60000"}),
        asks_for=60.0,
    ),
)

OUTAGES = (
    FaultCase(
        "503",
        Group.OUT_OF_ORDER,
        "503 `ServiceUnavailable`",
        STATUS,
        faults=errors((503, "ServiceUnavailable"), (503, "ServiceUnavailable")),
    ),
    FaultCase(
        "500",
        Group.OUT_OF_ORDER,
        "500 `InternalError`",
        STATUS,
        faults=errors((500, "InternalError"), (500, "InternalError")),
    ),
    FaultCase(
        "502 with HTML",
        Group.OUT_OF_ORDER,
        "502 with a page in HTML",
        STATUS,
        faults=answers(EVERY, 502, HTML, AS_HTML),
    ),
    FaultCase(
        "504 with nothing",
        Group.OUT_OF_ORDER,
        "504 without a body",
        STATUS,
        faults=answers(EVERY, 504),
    ),
)

NONSENSE = (
    FaultCase(
        "200 with HTML",
        Group.NO_SENSE,
        "200 with a page in HTML",
        ENDPOINT,
        faults=answers(EVERY, 200, HTML, AS_HTML),
    ),
    FaultCase(
        "200 with nothing",
        Group.NO_SENSE,
        "200 without a body, and not OSS's",
        ENDPOINT,
        faults=answers(EVERY, 200),
    ),
    FaultCase(
        "204",
        Group.NO_SENSE,
        "204",
        ENDPOINT,
        faults=answers(EVERY, 204),
    ),
    FaultCase(
        "200 cut off",
        Group.NO_SENSE,
        "200, and the body ends half way",
        REACH,
        faults=kind(FaultKind.TRUNCATE, WITH_BODY),
    ),
    FaultCase(
        "200 that is too large",
        Group.NO_SENSE,
        "200 with more than memory has room for: 12 MB where the function has 512 MB",
        "Raise the function's `memorySize`, and replay the event.",
        faults=answers(WITH_BODY, 200, TOO_LARGE),
    ),
    FaultCase(
        "200 in a foreign namespace",
        Group.NO_SENSE,
        "200 with a tag set in another namespace, which the SDK takes for none",
        ENDPOINT,
        faults=answers([Call.READ], 200, NAMESPACED, AS_XML),
    ),
    FaultCase(
        "200 with wrong types",
        Group.NO_SENSE,
        "200 with values of wrong types",
        STATUS,
        faults={
            **documents(
                result={"Status": "Succeeded", "StartTime": "2199-12-24T03:00:38Z", "Labels": ["text"]},
                task={"Status": "Succeeded", "TaskRequestDefinition": {"SourceURI": "oss://media/a.mp4"}},
                ask={"Tasks": {"TaskId": "text"}},
                create={"TaskId": {"text": 1}},
            ),
            **answers([Call.HEAD], 200, headers={"last-modified": "yesterday"}),
            **answers([Call.READ], 200, WITHOUT_VALUE, AS_XML),
        },
    ),
    FaultCase(
        "200 about another task",
        Group.NO_SENSE,
        "200 with the description of another task",
        STATUS,
        faults=documents(
            result={"TaskId": "another", "Status": "Succeeded", "Labels": []},
            task={"TaskId": "another", "TaskRequestDefinition": '{"SourceURI": "oss://media/b.mp4"}'},
        ),
    ),
)

REFUSALS = (
    FaultCase(
        "denied",
        Group.REFUSED,
        "403 `NoPermission` (IMM), `AccessDenied` (OSS)",
        "Allow the role the action on the resource that the message names, and replay the event.",
        faults=errors((403, "NoPermission"), (403, "AccessDenied")),
    ),
    FaultCase(
        "expired token",
        Group.REFUSED,
        "the keys have expired: `InvalidSecurityToken.Expired` (IMM), `SecurityTokenExpired` (OSS)",
        "Nothing on python3.10, where every invocation has new keys. On python3.12 it is not documented that "
        "a running instance gets new ones: if it lasts, deploy again, which starts new instances.",
        faults=errors((400, "InvalidSecurityToken.Expired"), (403, "SecurityTokenExpired")),
    ),
    FaultCase(
        "clock skew",
        Group.REFUSED,
        "the clock is wrong: `InvalidTimeStamp.Expired` (IMM), `RequestTimeTooSkewed` (OSS)",
        "Nothing: another instance may have the right time.",
        faults=errors((400, "InvalidTimeStamp.Expired"), (403, "RequestTimeTooSkewed")),
    ),
    FaultCase(
        "wrong signature",
        Group.REFUSED,
        "`SignatureDoesNotMatch`: 400 (IMM), 403 (OSS)",
        "Compare region and endpoint, or the secret where it is set by hand; replay the event.",
        faults=errors((400, "SignatureDoesNotMatch"), (403, "SignatureDoesNotMatch")),
    ),
    FaultCase(
        "unknown key",
        Group.REFUSED,
        "the key is not known: 404 `InvalidAccessKeyId.NotFound` (IMM), 403 `InvalidAccessKeyId` (OSS)",
        "Give the function its role again, and replay the event.",
        faults=errors((404, "InvalidAccessKeyId.NotFound"), (403, "InvalidAccessKeyId")),
    ),
    FaultCase(
        "400",
        Group.REFUSED,
        "400 `InvalidArgument`, or any other 4xx",
        "Look the code or the EC of the message up in the service's help; mend it and replay the event.",
        faults=errors((400, "InvalidArgument"), (400, "InvalidArgument")),
    ),
)

NEW_TASK = "Compare region and project; where the seven days are over, start a new task."
ANOTHER_SERVER = "This was not the service: correct `IMM_ENDPOINT` or `OSS_ENDPOINT`, and replay the event."
GONE = "Nothing. Where it was moved: start a task for the new object."

ABSENCES = (
    FaultCase(
        "400 task not found",
        Group.NOT_FOUND,
        "400 `ResourceNotFound`: project or task, or IMM's seven days are over",
        NEW_TASK,
        faults=errors((400, "ResourceNotFound"), None),
    ),
    FaultCase(
        "404 task not found",
        Group.NOT_FOUND,
        "404 `ResourceNotFound`",
        NEW_TASK,
        faults=errors((404, "ResourceNotFound"), None),
    ),
    FaultCase(
        "404 NoSuchKey",
        Group.NOT_FOUND,
        "404 `NoSuchKey`",
        GONE,
        faults=errors(None, (404, "NoSuchKey")),
    ),
    FaultCase(
        "404 of a delete marker",
        Group.NOT_FOUND,
        "404 of a delete marker, in a bucket with versions",
        GONE,
        faults=answers(OSS, 404, headers={**REQUEST_ID, "x-oss-delete-marker": "true"}),
    ),
    FaultCase(
        "404 without a word",
        Group.NOT_FOUND,
        "404 of OSS without a code, as to a HEAD",
        GONE,
        faults=answers([Call.HEAD], 404, headers=REQUEST_ID),
    ),
    FaultCase(
        "404 NoSuchBucket",
        Group.NOT_FOUND,
        "404 `NoSuchBucket`",
        "Is the bucket still there, and in the function's region? Mend it and replay the event.",
        faults=errors(None, (404, "NoSuchBucket")),
    ),
    FaultCase(
        "404 of another server",
        Group.NOT_FOUND,
        "404 with a page in HTML, or to a HEAD without OSS's request id",
        ANOTHER_SERVER,
        faults=answers(EVERY, 404, HTML, AS_HTML),
    ),
)

OTHER_TAGS = "Correct the object's other tags, which OSS does not take back, and replay the event."

CONFLICTS = (
    FaultCase(
        "409 StaleFile",
        Group.CONFLICT,
        "409 `StaleFile`: the object's tags are being changed by another",
        "Nothing: they are read again before each attempt. Let fewer writers at one object.",
        faults={Call.WRITE: errors(None, (409, "StaleFile"))[Call.WRITE]},
    ),
    FaultCase(
        "409 of a directory",
        Group.CONFLICT,
        "409 `FileAlreadyExists`: the key is a directory in a bucket with hierarchical namespace",
        "Directories have no tags: start tasks for files.",
        faults=errors(None, (409, "FileAlreadyExists")),
    ),
    FaultCase(
        "409 of IMM",
        Group.CONFLICT,
        "409 `OperationConflict`",
        "Look the code of the message up in IMM's help; mend it and replay the event.",
        faults=errors((409, "OperationConflict"), None),
    ),
    FaultCase(
        "400 InvalidTag",
        Group.CONFLICT,
        "400 `InvalidTag`",
        OTHER_TAGS,
        faults=errors(None, (400, "InvalidTag")),
    ),
    FaultCase(
        "400 InvalidTag for raw names",
        Group.CONFLICT,
        "400 `InvalidTag`, with `LABEL_NAMES=raw`",
        OTHER_TAGS,
        faults={Call.WRITE: errors(None, (400, "InvalidTag"))[Call.WRITE]},
        settings={"LABEL_NAMES": "raw"},
    ),
)

REDIRECTS = (
    FaultCase(
        "302",
        Group.REDIRECTED,
        "302 to another address",
        ANOTHER_SERVER,
        faults=answers(EVERY, 302, headers=TO_ELSEWHERE),
    ),
    FaultCase(
        "307 with HTML",
        Group.REDIRECTED,
        "301, 307 or 308 with a page in HTML",
        ANOTHER_SERVER,
        faults=answers(EVERY, 307, HTML, {**AS_HTML, **TO_ELSEWHERE}),
    ),
)

FAULTS = (
    *NETWORK,
    *THROTTLING,
    *OUTAGES,
    *NONSENSE,
    *REFUSALS,
    *ABSENCES,
    *CONFLICTS,
    *REDIRECTS,
)
