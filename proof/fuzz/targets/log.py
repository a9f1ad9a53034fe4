"""Any message and any fields: one line of valid JSON that hides nothing."""

from __future__ import annotations

import io
import json
from typing import Any

from imm_label_tags.log import Log
from proof.fuzz.choices import Choices
from proof.fuzz.promises import require
from proof.fuzz.targets.target import Target

SECRET = "a-secret-key-that-is-long"
MAX_LINE_BYTES = 65536


class _Awkward:
    """Something that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def run(data: bytes) -> None:
    """Write a line.

    Promises: it is one line, printable, in the stream's encoding, below half of what Function Compute cuts
    a record at; a JSON object with the fields in their order; texts stand there as they were unless they
    are long or secret; the secret never does.
    """
    choices = Choices(data)
    encoding = choices.pick(("utf-8", "ascii", "latin-1", "UTF8"))
    message = _text(choices)
    fields = {f"field{number}": _value(choices, 0) for number in range(choices.below(8))}
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    Log("INFO", lambda text: text.replace(SECRET, "***"), stream).write("ERROR", message, **fields)
    written = raw.getvalue()
    stream.detach()
    line = written.decode(encoding)
    require(line.endswith("\n") and line[:-1].isprintable(), f"One printable line: {line[:300]!a}")
    require(len(written) <= MAX_LINE_BYTES, f"A line that is not cut: {len(written)} bytes")
    require(SECRET not in line, "A secret is not shown")
    record = json.loads(line, parse_constant=_refuse)
    wanted = [name for name, value in fields.items() if value is not None]
    require(list(record) == ["time", "level", "message", *wanted], f"The fields in order: {list(record)!a}")
    for name, value in {"message": message, **fields}.items():
        if isinstance(value, str) and len(value) <= 128 and SECRET not in value:
            # JSON knows no two surrogates in a row that are not one character.
            as_json = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
            require(record[name] == as_json, f"A text as it was: {record[name]!a} is not {value!a}")


def _text(choices: Choices) -> str:
    kind = choices.byte()
    if kind < 16:
        return choices.text() + SECRET + choices.text()
    if kind == 16:
        text, length = choices.text() or "x", choices.number(2) % 16384
        return (text * (length // len(text) + 1))[:length]
    return choices.text()


def _value(choices: Choices, depth: int) -> Any:
    kind = choices.below(9 if depth < 2 else 6)
    if kind < 3:
        return _text(choices)
    if kind == 3:
        return choices.pick((None, True, 0, -1, 0.5, float("nan"), float("inf"), -0.0))
    if kind == 4:
        return choices.pick((10**400, 10**5000, _Awkward(), object, b"bytes", {1, 2}, {("a",): 1}, _circle()))
    if kind == 5:
        return _deep(choices.pick((0, 1, 30, 3000)))
    if kind == 6:
        return [_value(choices, depth + 1) for _ in range(choices.below(4))]
    return {_text(choices): _value(choices, depth + 1) for _ in range(choices.below(4))}


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def _deep(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# A text of 16,383 characters, as _text reads it.
_LONG = bytes([16, 1, 0, 255, 255])

TARGET = Target(
    run,
    modules=("imm_label_tags.log", "imm_label_tags.text"),
    share=1,
    seeds=(b"\0" + _LONG + b"\7" + (b"\0" + _LONG) * 7, b"\1" + _LONG + b"\1\5\3"),
)
