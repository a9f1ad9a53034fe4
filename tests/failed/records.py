"""Function Compute's records of failures, for tests: the real one of the fixtures, and variations of it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[2] / "examples" / "events"
RECORD = (EVENTS / "tasks" / "fc-failure-record.json").read_bytes()
REQUEST_ID = "1-61c53a02-15d3f9ee-0001"
FUNCTION = "acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags"
KEY = f"failed/2021-12-24/{REQUEST_ID}.json"
ABSENT = object()


def content() -> dict[str, Any]:
    """The fixture's fields."""
    return copy.deepcopy(json.loads(RECORD))


def varied(**fields: Any) -> bytes:
    """The fixture with other fields at its top; ``ABSENT`` removes one."""
    return _encoded({**content(), **fields})


def with_context(**fields: Any) -> bytes:
    """The fixture with other fields in its requestContext."""
    record = content()
    record["requestContext"].update(fields)
    record["requestContext"] = {k: v for k, v in record["requestContext"].items() if v is not ABSENT}
    return _encoded(record)


def answering(payload: object, condition: str = "UnhandledInvocationError") -> bytes:
    """The fixture with another answer of the function."""
    record = content()
    record["requestContext"]["condition"] = condition
    return _encoded({**record, "responsePayload": payload})


def _encoded(record: dict[str, Any]) -> bytes:
    return json.dumps({key: value for key, value in record.items() if value is not ABSENT}).encode()
