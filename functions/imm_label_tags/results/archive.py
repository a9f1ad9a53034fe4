"""The document that keeps the whole result of a task: its bytes, and the key under which it is kept.

The same task always has the same document under the same key, so that writing it again changes nothing.
"""

from __future__ import annotations

import json
import math
import re
from hashlib import sha256

from imm_label_tags.results.target import MAX_KEY_BYTES, ObjectPrefix, TargetObject

# What differs from one call for the same task to the next.
_OF_THE_CALL = frozenset({"RequestId", "HostId"})
# Written by ``document``, as it counts for the tags.
_SOURCE = "SourceURI"
_SUFFIX = ".json"
# As IMM makes ids, and so short that a digest of the object's key finds room beside it.
_TASK_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def whole_answer(body: bytes) -> bytes:
    """All fields of IMM's answer but those of the call and the SourceURI, as JSON in UTF-8.

    The names of an object are sorted, since no order of them is promised; lists stay as they are, since
    theirs may mean something. A number that no JSON reader could hold is a text. Raises ValueError or
    RecursionError for a body that is no JSON object.
    """
    answer = json.loads(body, parse_float=_number, parse_constant=str)
    if not isinstance(answer, dict):
        raise ValueError("the body is no JSON object")
    fields = {name: value for name, value in answer.items() if name not in _OF_THE_CALL and name != _SOURCE}
    return _json(fields)


def document(answer: bytes, source: TargetObject) -> bytes:
    """The document: the object that an answer is about, and the answer as ``whole_answer`` gives it."""
    first = _json({_SOURCE: source.uri})
    return first if answer == b"{}" else b"%b,%b" % (first[:-1], answer[1:])


def place(archive: ObjectPrefix, source: TargetObject, task_id: str) -> TargetObject:
    """Where the document of a task is kept: ``<prefix>/<bucket>/<key>/<task id>.json``.

    ``sha256-`` and the SHA-256 in hexadecimal digits stand for the object's key where the whole would be
    longer than OSS allows, and for a task id that is not of IMM's form.
    """
    name = (task_id if _TASK_ID.fullmatch(task_id) else _digest(task_id)) + _SUFFIX
    beginning = f"{archive.prefix}/{source.bucket}"
    key = f"{beginning}/{source.key}/{name}"
    if len(key.encode()) > MAX_KEY_BYTES:
        key = f"{beginning}/{_digest(source.key)}/{name}"
    return TargetObject(archive.bucket, key)


def _digest(text: str) -> str:
    return f"sha256-{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    # Half a surrogate pair, which UTF-8 cannot hold, is written as JSON escapes it.
    return text.encode("utf-8", "backslashreplace")
