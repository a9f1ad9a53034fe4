"""Whatever a record holds: it is kept whole, under one key, and nothing breaks."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from imm_label_tags.errors import InvalidFailureRecord, InvalidNotification
from imm_label_tags.events.event import read_event
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.results.target import TargetObject
from tests.failed.records import content

# Lone surrogates, NUL and everything else.
TEXTS = st.text(st.characters())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "requestId": VALUES,
        "functionArn": VALUES,
        "condition": VALUES | st.just("UnhandledInvocationError"),
        "approximateInvokeCount": VALUES,
    },
)
RECORDS = st.fixed_dictionaries(
    {"requestContext": CONTEXTS, "requestPayload": VALUES},
    optional={
        "timestamp": VALUES,
        "responseContext": VALUES,
        "responsePayload": VALUES | st.dictionaries(st.sampled_from(["errorType", "errorMessage"]), VALUES),
        "failure": VALUES,
        "more": VALUES,
    },
)
LAYOUTS = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 2]),
        "ensure_ascii": st.just(True),
        "sort_keys": st.booleans(),
    }
)
# However slow a machine is, these take as long as they take.
patient = settings(suppress_health_check=[HealthCheck.too_slow])


def read(raw: bytes) -> FailedEvent | None:
    try:
        return FailedEvent.read(raw)
    except InvalidFailureRecord:
        return None


@patient
@given(record=RECORDS, layout=LAYOUTS)
@example(record={"requestContext": {}, "requestPayload": [-(10**400)], "failure": None}, layout={})
@example(record={"requestContext": {"approximateInvokeCount": 10**400}, "requestPayload": 0}, layout={})
def test_every_record_is_kept_whole_and_once(record: dict[str, Any], layout: dict[str, Any]) -> None:
    raw = json.dumps(record, **layout).encode()
    failed = read(raw)
    if failed is None:
        # Only the record of a success is refused.
        assert record["requestContext"].get("condition") == ""
        return
    document = failed.document()
    # The document is the record, and a summary
    kept = json.loads(document)
    summary = kept.pop("failure")
    record.pop("failure", None)
    assert kept == record
    assert summary["error"] == failed.error
    # Reading it again changes nothing
    again = FailedEvent.read(document)
    assert again == failed
    assert again.document() == document
    assert again.key("failed") == failed.key("failed")
    # The key is one that OSS takes as it is
    assert TargetObject.from_uri(f"oss://bucket/{failed.key('failed')}").key == failed.key("failed")
    assert len(failed.key("failed").split("/")) == 3


@patient
@given(event=TEXTS)
def test_every_event_is_kept_byte_for_byte(event: str) -> None:
    failed = FailedEvent.read(json.dumps({**content(), "requestPayload": event}).encode())
    assert failed.event == event.encode("utf-8", "surrogatepass")
    assert FailedEvent.read(failed.document()).event == failed.event


@patient
@given(event=VALUES.map(json.dumps) | st.text(st.characters(exclude_categories=["C", "Z"])))
def test_a_document_is_to_the_function_what_its_event_is(event: str) -> None:
    failed = FailedEvent.read(json.dumps({**content(), "requestPayload": event}).encode())
    assert _understood(failed.document()) == _understood(failed.event)


def _understood(event: bytes) -> object:
    """What the function makes of an event, in a form that can be compared."""
    try:
        understood = read_event(event)
    except InvalidNotification as error:
        return str(error)
    return understood.batch, [repr(item) for item in understood.items]


@patient
@given(ids=st.lists(TEXTS.filter(bool), min_size=2, max_size=2, unique=True))
def test_two_request_ids_have_two_keys(ids: list[str]) -> None:
    record = content()
    keys = set()
    for request_id in ids:
        record["requestContext"]["requestId"] = request_id
        keys.add(FailedEvent.read(json.dumps(record).encode()).key("failed"))
    assert len(keys) == 2
