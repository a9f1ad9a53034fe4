"""Any bytes as Function Compute's record of a failure: refused, or kept as it is."""

from __future__ import annotations

import json

from imm_label_tags.errors import InvalidFailureRecord
from imm_label_tags.failures.failed_event import FailedEvent
from proof.fuzz.promises import require
from proof.fuzz.targets.target import EVENTS, Target

PREFIX = "failed/events"


def run(data: bytes) -> None:
    """Read a record, and what it is kept as.

    Promises: InvalidFailureRecord is the only error and says nothing of the event; the document is JSON and
    reads as the same failure with the same event; the key is one safe path below the prefix.
    """
    try:
        failed = FailedEvent.read(data)
    except InvalidFailureRecord as refusal:
        require(len(str(refusal)) < 300 and str(refusal).isprintable(), "A refusal is short and printable")
        return
    document = failed.document()
    require(document == FailedEvent.read(data).document(), "The same record has the same document")
    json.loads(document, parse_int=str, parse_float=str)
    again = FailedEvent.read(document)
    require(again.event == failed.event, "The event is kept byte for byte")
    require(again.document() == document, "The document of a document is that document")
    _check_key(failed)


def _check_key(failed: FailedEvent) -> None:
    key = failed.key(PREFIX)
    require(key.startswith(f"{PREFIX}/") and key.endswith(".json"), f"A key below the prefix: {key!a}")
    segments = key.removeprefix(f"{PREFIX}/").split("/")
    require(len(segments) == 2 and key.isascii() and len(key) < 300, f"A date and a name: {key!a}")
    date, name = segments
    require(date == "undated" or _is_date(date), f"A date: {date!a}")
    allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
    require(all(character in allowed for character in name), f"A safe name: {name!a}")
    require(name[0] not in ".-", f"A name that is no option and not hidden: {name!a}")


def _is_date(text: str) -> bool:
    digits = text.replace("-", "")
    return len(text) == 10 and text[4] == text[7] == "-" and len(digits) == 8 and digits.isdigit()


TARGET = Target(
    run,
    modules=(
        "imm_label_tags.failures.failed_event",
        "imm_label_tags.text",
    ),
    seeds=(
        b'{"timestamp":"2021-12-24T03:00:38Z","requestContext":{"requestId":"a","approximateInvokeCount":3},'
        b'"requestPayload":{"a":1},"responsePayload":{"errorType":"Throttled"}}',
        *(path.read_bytes() for path in sorted(EVENTS.rglob("*")) if path.is_file()),
    ),
    words=(
        b'"requestContext"',
        b'"requestPayload"',
        b'"responseContext"',
        b'"responsePayload"',
        b'"timestamp"',
        b'"requestId"',
        b'"functionArn"',
        b'"condition"',
        b'"UnhandledInvocationError"',
        b'"approximateInvokeCount"',
        b'"functionError"',
        b'"errorType"',
        b'"errorMessage"',
        b'"failure"',
        b'"Throttled"',
        b"1640314838892",
        b'"0999-12-31T23:59:59Z"',
        b"1e308",
        b"\\ud800",
        b"NaN",
        b"{}",
        b'"{\\"errorType\\":\\"Throttled\\"}"',
    ),
)
