"""Everything that can go wrong with a remote call, as data: what, how it is brought about, what it leads to.

Statuses and codes are those of the services' help pages, see localcloud/oss/protocol/errors.py,
localcloud/acs3.py and localcloud/imm/service.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from imm_label_tags.services.answer_room import AnswerRoom
from localcloud.faults import Fault, FaultKind
from proof.faults.fault_case import (
    ALL,
    EVERY,
    EVERY_TO_IMM,
    IMM,
    NOT_REPEATED,
    OSS,
    SUBMISSION,
    SUBMITTED,
    TAGGED,
    UNAVAILABLE,
    WITH_BODY,
    Call,
    End,
    FaultCase,
    final,
    found_done,
    out_of_reach,
    passing,
)
from tests.faults.relay import CallBreak, ConnectionBreak

GONE = "object_gone"
THROTTLED = "Throttled"
REJECTED = "ServiceRejected"
DENIED = "AccessDenied"
TOO_LARGE = "AnswerTooLarge"
TASK_UNKNOWN = "TaskNotFound"

RESULT, TASK, HEAD, READ, WRITE, KEEP, ASK, CREATE = EVERY

HTML = b"<!doctype html><html><head><meta charset=utf-8></head><body><h1>It works!</h1></body></html>"
AS_HTML = {"content-type": "text/html"}
AS_XML = {"content-type": "application/xml"}
ELSEWHERE = {"location": "http://127.0.0.1:9/elsewhere"}
REQUEST_ID = {"x-oss-request-id": "5C8F55ED461FB4A64C000001"}
NAMESPACED = (
    b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>'
    b"<Tag><Key>team</Key><Value>a</Value></Tag></TagSet></Tagging>"
)
WITHOUT_VALUE = b"<Tagging><TagSet><Tag><Key>team</Key></Tag></TagSet></Tagging>"
OVERSIZED = b" " * (AnswerRoom.of(None).size + 1)


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
NEW_TASK = "Compare region and project; where the seven days are over, start a new task."
ANOTHER_SERVER = "This was not the service: correct `IMM_ENDPOINT` or `OSS_ENDPOINT`, and replay the event."
MOVED = "Nothing. Where it was moved: start a task for the new object."
OTHER_TAGS = "Correct the object's other tags, which OSS does not take back, and replay the event."

NO_ANSWER = passing("got no answer")
CUT_BODY = "a body that cannot be read"
NO_JSON = passing("a body that is not JSON", *EVERY_TO_IMM)
# What is no answer of OSS's.
NOT_OSS = (
    *passing("no Last-Modified", HEAD),
    *passing("a body that is not XML", READ),
    *passing("something that is not OSS", WRITE, KEEP),
)
WAS_THROTTLED = passing("was throttled", end=THROTTLED)
HTTP_503 = passing("HTTP 503")
NO_OBJECT = final(GONE, "does not exist", HEAD, READ, WRITE)


def throttled(title: str, cause: Mapping[Call, Fault], asks_for: float = 0.0) -> FaultCase:
    """Too many calls; the service may say how many seconds to wait, which are waited for if they are few."""
    ends = WAS_THROTTLED if asks_for <= 2 else final(THROTTLED, "was throttled")
    return FaultCase(title, SLOWER, cause, ends, asks_for=asks_for)


def busy(title: str, retry_after: str, asks_for: float) -> FaultCase:
    """Out of order, and the service says how long to wait."""
    unavailable = (503, "ServiceUnavailable")
    cause = errors(unavailable, unavailable, {"Retry-After": retry_after})
    ends = HTTP_503 if asks_for <= 2 else final(UNAVAILABLE, "HTTP 503")
    return FaultCase(title, REACH, cause, ends, asks_for=asks_for)


# By what a user sees first: the kind of answer.
CASES: Mapping[str, tuple[FaultCase, ...]] = {
    "No answer": (
        FaultCase("the connection is refused", REACH, ConnectionBreak.REFUSED, out_of_reach("got no answer")),
        FaultCase(
            "the connection is closed before the service acts", REACH, kind(FaultKind.RESET_BEFORE), NO_ANSWER
        ),
        FaultCase("the connection is reset before the service acts", REACH, CallBreak.BEFORE, NO_ANSWER),
        FaultCase(
            "the connection is reset in the middle of the answer",
            REACH,
            CallBreak.DURING,
            (*passing(CUT_BODY, RESULT, TASK, READ, ASK), *NO_ANSWER, *found_done(*NOT_REPEATED)),
        ),
        FaultCase(
            "the connection is reset when the service has acted, before it answers",
            REACH,
            CallBreak.AFTER,
            (*NO_ANSWER, *found_done(*NOT_REPEATED)),
        ),
        FaultCase(
            "the service says nothing until the time is out", REACH, kind(FaultKind.SILENCE), NO_ANSWER
        ),
        FaultCase(
            "the answer comes a byte at a time, until the time is out",
            REACH,
            CallBreak.DROPS,
            (*NO_ANSWER, *found_done(*NOT_REPEATED)),
        ),
        FaultCase(
            "the answer's body comes a byte at a time, until the time is out",
            REACH,
            CallBreak.BODY_IN_DROPS,
            (*passing(CUT_BODY), *found_done(CREATE)),
        ),
        FaultCase(
            "the certificate is of an authority that is not trusted",
            "Let the endpoint have a certificate for its name from an authority that is publicly trusted.",
            ConnectionBreak.UNTRUSTED,
            out_of_reach("certificate verify failed"),
        ),
        FaultCase(
            "the TLS handshake is cut off", REACH, ConnectionBreak.CUT_OFF, out_of_reach("got no answer")
        ),
        FaultCase(
            "plain HTTP answers where TLS is expected",
            ENDPOINT,
            ConnectionBreak.NO_TLS,
            out_of_reach("got no answer"),
        ),
    ),
    "Too many calls": (
        throttled("429", errors((429, "Throttling.User"), (429, "TooManyRequests"))),
        throttled("400 `Throttling.User`", errors((400, "Throttling.User"), None)),
        throttled(
            "503 `Throttling` (IMM), `TotalQpsLimitExceeded` (OSS)",
            errors((503, "Throttling"), (503, "TotalQpsLimitExceeded")),
        ),
        busy("503 with `Retry-After: 1`", "1", 1.0),
        busy("503 with `Retry-After: 60`", "60", 60.0),
        busy("503 with a `Retry-After` that is a date", "Fri, 31 Dec 2199 23:59:59 GMT", 3600.0),
        throttled(
            "429 with `x-acs-retry-after: 1500` (milliseconds)",
            errors((429, "Throttling.User"), None, {"x-acs-retry-after": "1500"}),
            asks_for=1.5,
        ),
        throttled(
            "429 with `x-acs-retry-after: 60000`",
            errors((429, "Throttling.User"), None, {"x-acs-retry-after": "60000"}),
            asks_for=60.0,
        ),
        throttled(
            "503 with `x-oss-qos-delay-time: 300` (milliseconds)",
            errors(None, (503, "PartitionQpsLimitted"), {"x-oss-qos-delay-time": "300"}),
            asks_for=0.3,
        ),
        throttled(
            "503 with `x-oss-qos-delay-time: 60000`",
            errors(None, (503, "PartitionQpsLimitted"), {"x-oss-qos-delay-time": "60000"}),
            asks_for=60.0,
        ),
    ),
    "The service is out of order": (
        FaultCase(
            "503 `ServiceUnavailable`",
            STATUS,
            errors((503, "ServiceUnavailable"), (503, "ServiceUnavailable")),
            HTTP_503,
        ),
        FaultCase(
            "500 `InternalError`",
            STATUS,
            errors((500, "InternalError"), (500, "InternalError")),
            passing("HTTP 500"),
        ),
        FaultCase("502 with a page in HTML", STATUS, answers(EVERY, 502, HTML, AS_HTML), passing("HTTP 502")),
        FaultCase("504 without a body", STATUS, answers(EVERY, 504), passing("HTTP 504")),
    ),
    "An answer that is none": (
        FaultCase(
            "200 with a page in HTML", ENDPOINT, answers(EVERY, 200, HTML, AS_HTML), (*NO_JSON, *NOT_OSS)
        ),
        FaultCase("200 without a body, and not OSS's", ENDPOINT, answers(EVERY, 200), (*NO_JSON, *NOT_OSS)),
        FaultCase("204", ENDPOINT, answers(EVERY, 204), (*NO_JSON, *passing("HTTP 204"))),
        FaultCase(
            "200, and the body ends half way",
            REACH,
            kind(FaultKind.TRUNCATE, WITH_BODY),
            (*passing(CUT_BODY), *found_done(CREATE)),
        ),
        FaultCase(
            "200 with more than memory has room for: 12 MB where the function has 512 MB",
            "Raise the function's `memorySize`, and replay the event.",
            answers(WITH_BODY, 200, OVERSIZED),
            final(TOO_LARGE, "raise memorySize"),
        ),
        FaultCase(
            "200 with a tag set in another namespace, which the SDK takes for none",
            ENDPOINT,
            answers([READ], 200, NAMESPACED, AS_XML),
            passing("XML that is no tag set"),
        ),
        FaultCase(
            "200 with values of wrong types",
            STATUS,
            {
                **documents(
                    result={"Status": "Succeeded", "StartTime": "2199-12-24T03:00:38Z", "Labels": ["text"]},
                    task={"Status": "Succeeded", "TaskRequestDefinition": {"SourceURI": "oss://media/a.mp4"}},
                    ask={"Tasks": {"TaskId": "text"}},
                    create={"TaskId": {"text": 1}},
                ),
                **answers([HEAD], 200, headers={"last-modified": "yesterday"}),
                **answers([READ], 200, WITHOUT_VALUE, AS_XML),
            },
            (
                *passing("no description of this task", RESULT),
                *passing("a body without a readable request", TASK),
                *passing(CUT_BODY, HEAD),
                *passing("not a key and a value", READ),
                *passing("a body without what was asked for", ASK, CREATE),
            ),
        ),
        FaultCase(
            "200 with the description of another task",
            STATUS,
            documents(
                result={"TaskId": "another", "Status": "Succeeded", "Labels": []},
                task={"TaskId": "another", "TaskRequestDefinition": '{"SourceURI": "oss://media/b.mp4"}'},
            ),
            passing("no description of this task"),
        ),
    ),
    "Refused": (
        FaultCase(
            "403 `NoPermission` (IMM), `AccessDenied` (OSS)",
            "Allow the role the action on the resource that the message names, and replay the event.",
            errors((403, "NoPermission"), (403, "AccessDenied")),
            final(DENIED, "was denied"),
        ),
        FaultCase(
            "the keys have expired: `InvalidSecurityToken.Expired` (IMM), `SecurityTokenExpired` (OSS)",
            "Nothing on python3.10, where every invocation has new keys. On python3.12 it is not documented "
            "that a running instance gets new ones: if it lasts, deploy again, which starts new instances.",
            errors((400, "InvalidSecurityToken.Expired"), (403, "SecurityTokenExpired")),
            final(UNAVAILABLE, "keys of this invocation had expired"),
        ),
        FaultCase(
            "the clock is wrong: `InvalidTimeStamp.Expired` (IMM), `RequestTimeTooSkewed` (OSS)",
            "Nothing: another instance may have the right time.",
            errors((400, "InvalidTimeStamp.Expired"), (403, "RequestTimeTooSkewed")),
            final(UNAVAILABLE, "clock of this instance was wrong"),
        ),
        FaultCase(
            "`SignatureDoesNotMatch`: 400 (IMM), 403 (OSS)",
            "Compare region and endpoint, or the secret where it is set by hand; replay the event.",
            errors((400, "SignatureDoesNotMatch"), (403, "SignatureDoesNotMatch")),
            final(REJECTED, "SignatureDoesNotMatch"),
        ),
        FaultCase(
            "the key is not known: 404 `InvalidAccessKeyId.NotFound` (IMM), 403 `InvalidAccessKeyId` (OSS)",
            "Give the function its role again, and replay the event.",
            errors((404, "InvalidAccessKeyId.NotFound"), (403, "InvalidAccessKeyId")),
            final(REJECTED, "InvalidAccessKeyId"),
        ),
        FaultCase(
            "400 `InvalidArgument`, or any other 4xx",
            "Look the code or the EC of the message up in the service's help; mend it and replay the event.",
            errors((400, "InvalidArgument"), (400, "InvalidArgument")),
            final(REJECTED, "InvalidArgument"),
        ),
    ),
    "Not found": (
        *(
            FaultCase(
                title,
                NEW_TASK,
                errors((status, "ResourceNotFound"), None),
                (*final(TASK_UNKNOWN, "IMM does not know", *IMM), *final(REJECTED, "IMM has no project")),
            )
            for status, title in (
                (400, "400 `ResourceNotFound`: project or task, or IMM's seven days are over"),
                (404, "404 `ResourceNotFound`"),
            )
        ),
        FaultCase(
            "404 `NoSuchKey`",
            MOVED,
            errors(None, (404, "NoSuchKey")),
            (*NO_OBJECT, *final(REJECTED, "NoSuchKey")),
        ),
        FaultCase(
            "404 of a delete marker, in a bucket with versions",
            MOVED,
            answers(OSS, 404, headers={**REQUEST_ID, "x-oss-delete-marker": "true"}),
            (*NO_OBJECT, *final(REJECTED, "HTTP 404")),
        ),
        FaultCase(
            "404 of OSS without a code, as to a HEAD",
            MOVED,
            answers([HEAD], 404, headers=REQUEST_ID),
            final(GONE, "does not exist"),
        ),
        FaultCase(
            "404 `NoSuchBucket`",
            "Is the bucket still there, and in the function's region? Mend it and replay the event.",
            errors(None, (404, "NoSuchBucket")),
            final(REJECTED, "NoSuchBucket"),
        ),
        FaultCase(
            "404 with a page in HTML, or to a HEAD without OSS's request id",
            ANOTHER_SERVER,
            answers(EVERY, 404, HTML, AS_HTML),
            final(REJECTED, "HTTP 404"),
        ),
    ),
    "Conflicts and tags that are not accepted": (
        FaultCase(
            "409 `StaleFile`: the object's tags are being changed by another",
            "Nothing: they are read again before each attempt. Let fewer writers at one object.",
            {WRITE: errors(None, (409, "StaleFile"))[WRITE]},
            passing("being changed by another"),
        ),
        FaultCase(
            "409 `FileAlreadyExists`: the key is a directory in a bucket with hierarchical namespace",
            "Directories have no tags: start tasks for files.",
            errors(None, (409, "FileAlreadyExists")),
            final(REJECTED, "FileAlreadyExists"),
        ),
        FaultCase(
            "409 `OperationConflict`",
            "Look the code of the message up in IMM's help; mend it and replay the event.",
            errors((409, "OperationConflict"), None),
            final(REJECTED, "OperationConflict"),
        ),
        FaultCase(
            "400 `InvalidTag`",
            OTHER_TAGS,
            errors(None, (400, "InvalidTag")),
            (*final(REJECTED, "look at the object's other tags", WRITE), *final(REJECTED, "InvalidTag")),
        ),
        FaultCase(
            "400 `InvalidTag`, with `LABEL_NAMES=raw`",
            OTHER_TAGS,
            {WRITE: errors(None, (400, "InvalidTag"))[WRITE]},
            # Refused once, the names are written in pinyin.
            (End("look at the object's other tags", REJECTED, 2, None, 2),),
            settings={"LABEL_NAMES": "raw"},
        ),
    ),
    "Redirected": (
        FaultCase(
            "302 to another address",
            ANOTHER_SERVER,
            answers(EVERY, 302, headers=ELSEWHERE),
            final(REJECTED, "another service's address"),
        ),
        FaultCase(
            "301, 307 or 308 with a page in HTML",
            ANOTHER_SERVER,
            answers(EVERY, 307, HTML, {**AS_HTML, **ELSEWHERE}),
            final(REJECTED, "another service's address"),
        ),
    ),
}

# Of tag_object, and of submit_video.
TABLE = tuple(row for cases in CASES.values() for case in cases for row in case.rows(ALL, TAGGED))
SUBMISSION_TABLE = tuple(
    row for cases in CASES.values() for case in cases for row in case.rows(SUBMISSION, SUBMITTED)
)
