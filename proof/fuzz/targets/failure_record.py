"""Records of failures of every kind that can be made up: read as what they say."""

from __future__ import annotations

import json
from typing import Any

from imm_label_tags.errors import InvalidFailureRecord
from imm_label_tags.failures.failed_event import FailedEvent
from proof.fuzz.choices import Choices
from proof.fuzz.promises import require
from proof.fuzz.targets import failed_event
from proof.fuzz.targets.target import Target

_CONDITIONS = ("UnhandledInvocationError", "RetriesExhausted", "", None)
_TIMES: tuple[Any, ...] = (
    1640314838892,
    1640314838.892,
    "1640314838",
    0,
    -1,
    1e300,
    None,
    True,
    [],
    "",
    "yesterday",
)


def run(data: bytes) -> None:
    """Make a record up and read it.

    Promises: those of ``failed_event``; the event is the payload; the date in the key is the one that the
    record has as text; a record that is nested too deeply is refused like any other that is none.
    """
    choices = Choices(data)
    payload = _payload(choices)
    time: Any = choices.pick(_TIMES)
    year = choices.number(2) % 10_000
    if choices.flag():
        time = f"{year:04}-12-31T23:59:59Z"
    record = {
        "timestamp": time,
        "requestContext": {
            "requestId": choices.text(),
            "functionArn": choices.text(),
            "condition": choices.pick(_CONDITIONS),
            "approximateInvokeCount": choices.pick((1, 4, 0, -1, 2.5, "3", None, 10**400)),
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "functionError": choices.pick(_CONDITIONS)},
        "responsePayload": choices.pick((None, "", "Process exited unexpectedly", {"errorType": "Throttled"}))
        if choices.flag()
        else json.dumps({"errorType": choices.text(), "errorMessage": choices.text()}),
    }
    written = json.dumps(record, ensure_ascii=choices.flag()).encode("utf-8", "replace")
    failed_event.run(written)
    try:
        failed = FailedEvent.read(written)
    except InvalidFailureRecord:
        return
    if isinstance(payload, str) and not any("\ud800" <= character <= "\udfff" for character in payload):
        require(failed.event == payload.encode(), f"The event is the payload: {failed.event[:200]!a}")
    if isinstance(time, str) and time.endswith("-12-31T23:59:59Z") and year:
        key = failed.key("failed")
        require(key.startswith(f"failed/{year:04}-12-31/"), f"The date of {time!a}: {key!a}")
    _read_deep(choices)


def _payload(choices: Choices) -> Any:
    kind = choices.below(4)
    if kind == 0:
        return choices.text()
    if kind == 1:
        return json.dumps({choices.text(): choices.text()})
    return choices.pick(({}, [], 0, 1.0, None, True, {"a": [1]})) if kind == 2 else ""


def _read_deep(choices: Choices) -> None:
    levels = choices.number(2) % 5000
    failed_event.run(
        b'{"requestContext": {}, "requestPayload": ' + b"[" * levels + b"]" * levels + b"}",
    )


TARGET = Target(run, modules=failed_event.TARGET.modules, share=4)
