"""What IMM says of a task: any text as a time, as UserData, as the request that created it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.labels import fraction
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import parse_time, target_of_request, target_of_task, target_of_user_data
from proof.fuzz.promises import require
from proof.fuzz.targets.target import Target


def run(data: bytes) -> None:
    """Read a text as a time, a number and the name of an object.

    Promises: a time is the one that stands there, in UTC; TargetUnknown is the only error; an object's URI
    leads to the same object again, and its name stands in the text as it is; a confidence is from 0 to 1.
    """
    text = data.decode("utf-8", "surrogateescape")
    require(parse_time(text) == _time(text), f"{parse_time(text)} is the time {text[:80]!a}")
    require(0.0 <= fraction(text) <= 1.0, "A confidence is from 0 to 1")
    for read in (target_of_user_data, target_of_request, _whole_target):
        try:
            target = read(text)
        except TargetUnknown as refusal:
            require(len(str(refusal)) < 10_000, "A refusal is bounded")
            continue
        if target is not None:
            require(TargetObject.from_uri(target.uri) == target, "The URI of an object is that object's")
            require(_safe(target), f"An object that can be addressed: {target.uri!a}")
            if "\\" not in text:
                require(target.uri in text, f"The name of an object is taken as it stands: {target.uri!a}")


def _whole_target(text: str) -> TargetObject | None:
    """The object of a task whose request and UserData are the same text."""
    target = target_of_task(text, text)
    return target.object if target is not None else None


def _safe(target: TargetObject) -> bool:
    segments = target.key.split("/")
    return (
        3 <= len(target.bucket) <= 63
        and all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in target.bucket)
        and "." not in segments
        and ".." not in segments
        and min(target.key) >= " "
        and 1 <= len(target.key.encode()) <= 1023
    )


def _time(text: str) -> datetime | None:
    """The time that stands in a text, read character by character."""
    text = text.strip()
    if len(text) < 19 or not _shaped(text[:19], "dddd-dd-ddTdd:dd:dd"):
        return None
    end = next((at for at in range(19, len(text)) if text[at] not in ".0123456789"), len(text))
    fraction_text, zone = text[19:end], text[end:]
    if fraction_text and (fraction_text[0] != "." or not _digits(fraction_text[1:])):
        return None
    if zone not in ("", "Z", "z") and not _shaped(zone, "+dd:dd"):
        return None
    offset = timedelta()
    if zone not in ("", "Z", "z"):
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            return None
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    year, month, day, hour, minute, second = (
        int(text[at : at + size]) for at, size in ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2))
    )
    microsecond = int(f"{fraction_text[1:7]:0<6}")
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, timezone.utc) - offset
    except (ValueError, OverflowError):
        return None


def _shaped(text: str, shape: str) -> bool:
    return len(text) == len(shape) and all(
        (_digits(character) if mark == "d" else character in {"T": "Tt ", "+": "+-"}.get(mark, mark))
        for character, mark in zip(text, shape, strict=True)
    )


def _digits(text: str) -> bool:
    return bool(text) and text.isascii() and text.isdigit()


TARGET = Target(
    run,
    modules=("imm_label_tags.results.task", "imm_label_tags.text"),
    seeds=(
        b"2021-12-24T03:00:38.892462383Z",
        b"2023-01-04 13:20:23+08:00",
        b"oss://media/videos/a.mp4",
        b'{"uri": "oss://media/videos/a.mp4"}',
        b'{"SourceURI": "oss://media/videos/a b.mp4", "ID": 1.5e3}',
        b"0.95",
    ),
    words=(
        b"oss://media/",
        b"oss://",
        b'{"uri":"oss://media/a.mp4"}',
        b'"URI"',
        b'"SourceURI"',
        b"2021-12-24T03:00:38.892462383Z",
        b"9999-12-31T23:59:59-00:01",
        b"0001-01-01T00:00:00+00:01",
        b"+08:00",
        b"/../",
        b"/./",
        b"%2e%2e",
        b"\\u0000",
        b"\\ud800",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
    ),
)
