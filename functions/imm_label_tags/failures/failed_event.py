"""An event that exhausted its retries: Function Compute's record of it, and the document in which it is kept.

The record's form is that of Function Compute's samples (awesome-fc/async-invocation-dlq; help: "Result
callback"); that of version 3.0 is not documented, so only what makes it a record is asked for. The document
is the record byte for byte, with a summary put in front of its members under the key ``failure``; so it is a
record itself.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from imm_label_tags import errors
from imm_label_tags.errors import BatchFailed, InvalidFailureRecord, TaggingError
from imm_label_tags.results.task import parse_time
from imm_label_tags.text import parse_json

SUMMARY = "failure"
_BEFORE_SUMMARY = f'{{"{SUMMARY}":'
# Converting longer ones takes long, and Python refuses to (sys.int_info.default_max_str_digits).
_LONGEST_NUMBER = 4300
UNDATED = "undated"
UNKNOWN_ERROR = "Unknown"

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Seconds and smaller units. A time in seconds is below this until the year 5138, in a smaller unit above it
# since 1973.
_UNITS = (1, 10**3, 10**6, 10**9)
_LARGEST_SECONDS = 10**11
_ERROR_NAME = re.compile(r"[A-Za-z0-9_.$-]{1,128}")
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,9})?")
# A larger one is neither a time nor a count.
_LARGEST_NUMBER = 10**20
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_UNPLAIN = re.compile(r"[^A-Za-z0-9_-]+")
# By the name of the error's class. Whether a batch can succeed depends on its items.
RETRYABLE = {
    name: member.retryable
    for name, member in vars(errors).items()
    if isinstance(member, type) and issubclass(member, TaggingError) and member is not BatchFailed
}


@dataclass(frozen=True)
class FailedEvent:
    """An event that no attempt could handle.

    * ``failed_at``: the record's own time in UTC, None where it has none that can be read.
    * ``function``: the ARN of the function that failed. ``condition``: Function Compute's word for the end.
    * ``attempts``: how often it was tried, None where the record does not tell.
    * ``error``: the name of the error's class, else Function Compute's word. ``message``: what it says.
    * ``retryable``: whether the same event may succeed later by itself; None where that is not known.
    * ``event``: the original event, as it came; one that is no text as JSON.
    * ``record``: Function Compute's record, byte for byte.
    """

    request_id: str
    failed_at: datetime | None
    function: str
    condition: str
    attempts: int | None
    error: str
    message: str
    retryable: bool | None
    event: bytes = field(repr=False)
    record: bytes = field(repr=False)

    @classmethod
    def read(cls, raw: bytes) -> FailedEvent:
        """Read Function Compute's record of a failure, or the document that was made of one.

        Raises InvalidFailureRecord, whose message has nothing of the event in it.
        """
        fields, record = _read_record(raw)
        context, payload = fields.get("requestContext"), fields.get("requestPayload", _ABSENT)
        if not isinstance(context, dict) or payload is _ABSENT:
            raise InvalidFailureRecord(
                "The event is no record of a failure: it lacks requestContext or requestPayload. This "
                "function belongs behind another one, as the destination of its failures."
            )
        answer = fields.get("responseContext")
        function_error = _text(answer, "functionError")
        condition = _text(context, "condition")
        error_type, message = _answer_of(fields.get("responsePayload"))
        if _succeeded(context, answer, error_type):
            raise InvalidFailureRecord(
                "The event is the record of a success: name this function under onFailure, not onSuccess."
            )
        error = _first_name(error_type, condition, function_error)
        return cls(
            request_id=_text(context, "requestId"),
            failed_at=_moment(fields.get("timestamp")),
            function=_text(context, "functionArn"),
            condition=condition,
            attempts=_count(context.get("approximateInvokeCount")),
            error=error,
            message=message,
            retryable=RETRYABLE.get(error),
            event=_as_text(payload).encode("utf-8", "surrogatepass"),
            record=record.encode(),
        )

    def document(self) -> bytes:
        """The document in which the event is kept: JSON, and the same bytes for the same record."""
        failed_at = self.failed_at.isoformat(timespec="milliseconds") if self.failed_at else None
        summary = {
            "request_id": self.request_id,
            "failed_at": failed_at.replace("+00:00", "Z") if failed_at else None,
            "function": self.function,
            "condition": self.condition,
            "attempts": self.attempts,
            "error": self.error,
            "message": self.message,
            "retryable": self.retryable,
        }
        text = _BEFORE_SUMMARY + json.dumps(summary, ensure_ascii=False, separators=(",", ":"))
        # Lone surrogates become \\uXXXX, as in JSON: they stand inside of texts only.
        return text.encode("utf-8", "backslashreplace") + b"," + self.record[1:]

    def key(self, prefix: str) -> str:
        """The key of the document: ``<prefix>/<UTC date>/<request id>.json``.

        The date is the record's own, so that the same record always has the same key.
        """
        date = self.failed_at.date().isoformat() if self.failed_at else UNDATED
        return f"{prefix.strip('/')}/{date}/{self._segment()}.json"

    def _segment(self) -> str:
        """The request id as one segment of a key; one that has to be changed for it gets a digest."""
        if _PLAIN_SEGMENT.fullmatch(self.request_id):
            return self.request_id
        unique = self.request_id.encode("utf-8", "surrogatepass") or self.record
        readable = _UNPLAIN.sub("-", self.request_id)[:64].strip("-_") or "unnamed"
        return f"{readable}-{hashlib.sha256(unique).hexdigest()[:16]}"


def _read_record(raw: bytes) -> tuple[dict[str, Any], str]:
    """A record's members by key, and its text; of a document without the summary."""
    try:
        text = raw.decode("utf-8-sig").strip(_WHITE_SPACE)
        fields = _DECODER.decode(text)
        if isinstance(fields, dict):
            if fields.pop(SUMMARY, _ABSENT) is not _ABSENT:
                text = _without_summary(text, fields)
            return fields, text
    except (ValueError, RecursionError):
        # Without the cause, whose message may hold a part of the event.
        pass
    raise InvalidFailureRecord("The event is no record of a failure: it is not a JSON object in UTF-8.")


def _without_summary(text: str, fields: Mapping[str, Any]) -> str:
    if not text.startswith(_BEFORE_SUMMARY + "{"):
        # Somebody has laid the document out anew.
        return json.dumps(fields)
    _, end = _DECODER.raw_decode(text, len(_BEFORE_SUMMARY))
    return "{" + text[end:].lstrip(_WHITE_SPACE).removeprefix(",")


def _text(values: object, key: str) -> str:
    value = values.get(key) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""


def _as_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _answer_of(payload: object) -> tuple[str, str]:
    """The error's type and message; what is not a JSON object is a message as it is."""
    if payload is None:
        return "", ""
    answer = parse_json(payload) if isinstance(payload, str) else payload
    if isinstance(answer, dict):
        return _text(answer, "errorType"), _text(answer, "errorMessage")
    return "", _as_text(payload)


def _succeeded(context: Mapping[str, Any], answer: object, error_type: str) -> bool:
    condition = context.get("condition")
    error = answer.get("functionError") if isinstance(answer, dict) else None
    return condition == "" and error == "" and not error_type


def _first_name(*names: str) -> str:
    return next((name for name in names if _ERROR_NAME.fullmatch(name)), UNKNOWN_ERROR)


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _moment(value: object) -> datetime | None:
    """A time in seconds or a smaller unit since 1970, or as text; without a zone it is UTC."""
    number = _number(value)
    if number is None:
        return parse_time(value) if isinstance(value, str) else None
    seconds = next((number / unit for unit in _UNITS if number / unit < _LARGEST_SECONDS), 0.0)
    # A whole number of milliseconds is not exact as a fraction of seconds.
    return _EPOCH + timedelta(milliseconds=round(seconds * 1000)) if seconds > 0 else None


def _number(value: object) -> float | None:
    """A number that is not negative, also where it is written as text."""
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < _LARGEST_NUMBER else None


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_NUMBER else text


def _fraction(text: str) -> float | str:
    number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    return number if math.isfinite(number) else text


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_ABSENT = object()
_WHITE_SPACE = " \t\n\r"
# Numbers that Python cannot hold stay texts.
_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_fraction, parse_constant=_refuse)
