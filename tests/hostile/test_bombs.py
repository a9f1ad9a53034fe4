"""JSON and XML that are small to send and large to read, wherever the function reads what others wrote."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.event import read_event
from imm_label_tags.events.imm_message import TaskNotification
from proof.fuzz.bounds import bounded
from proof.fuzz.events import check_event, check_upload_event
from proof.fuzz.failures import check_record
from proof.fuzz.objects import check_task_text

pytestmark = pytest.mark.usefixtures("digits_without_limit")

DIGITS = "9" * 1_000_000


def encoded_again_and_again(text: str) -> str:
    for _ in range(20):
        text = base64.b64encode(text.encode()).decode()
    return text


def quoted_again_and_again(text: str) -> str:
    # Each level doubles the backslashes of the one inside.
    for _ in range(12):
        text = json.dumps(text)
    return text


BOMBS = {
    "64 KiB of brackets": "[" * 65536,
    "64 KiB of brackets, closed": "[" * 32768 + "]" * 32768,
    "brackets as deep as the parser goes": "[" * 900 + "]" * 900,
    "64 KiB of braces": '{"a":' * 13107,
    "64 KiB of braces, closed": '{"a":' * 10922 + "1" + "}" * 10922,
    "a number of a million digits": DIGITS,
    "a negative number of a million digits": "-" + DIGITS,
    "a fraction of a million digits": "0." + DIGITS,
    "an exponent of a million digits": "1e" + DIGITS,
    "a number of a million digits in a field": '{"TaskType": ' + DIGITS + "}",
    "1,000 numbers of 1,000 digits": json.dumps([int("9" * 1000)] * 1000),
    "infinite numbers": "[NaN, Infinity, -Infinity, 1e999999999]",
    "infinite numbers in fields": '{"TaskType": NaN, "SourceURI": Infinity, "uri": -Infinity}',
    "a key 10,000 times": "{" + ",".join(['"TaskType": "a"'] * 10_000) + "}",
    "10,000 lists in a list": json.dumps([[]] * 10_000),
    "10,000 lists in lists in lists": json.dumps([[[]] * 100] * 100),
    "1,000 objects of no shape": json.dumps([{}] * 1000),
    "a text of a million characters": json.dumps("x" * 1_000_000),
    "a key of a million characters": json.dumps({"x" * 1_000_000: 1}),
    "lone surrogates": '"' + "\\ud800" * 10_000 + '"',
    "escaped NULs": '{"TaskType": "' + "\\u0000" * 10_000 + '"}',
    "base64 of base64": encoded_again_and_again("{}"),
    "text in text": quoted_again_and_again("{}"),
    "a megabyte of base64": base64.b64encode(b"[" * 700_000).decode(),
    "a megabyte of white space": " \n" * 500_000,
}

XML_BOMBS = {
    "billion laughs": '<!DOCTYPE Notification [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {"b" * n} "{("&" + ("b" * (n - 1) or "a") + ";") * 10}">' for n in range(1, 10))
    + f"]><Notification><Message>&{'b' * 9};</Message></Notification>",
    "one large entity many times": f'<!DOCTYPE Notification [<!ENTITY a "{"a" * 50_000}">]>'
    + f"<Notification><Message>{'&a;' * 10_000}</Message></Notification>",
    "an entity from a file": '<!DOCTYPE Notification [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    "<Notification><Message>&a;</Message></Notification>",
    "an entity from a server": '<!DOCTYPE Notification [<!ENTITY a SYSTEM "http://127.0.0.1:9/">]>'
    "<Notification><Message>&a;</Message></Notification>",
    "parameter entities": '<!DOCTYPE Notification [<!ENTITY % a SYSTEM "http://127.0.0.1:9/"> %a;]>'
    "<Notification><Message>a</Message></Notification>",
    "a document type from elsewhere": '<!DOCTYPE Notification SYSTEM "http://127.0.0.1:9/a.dtd">'
    "<Notification><Message>a</Message></Notification>",
    "an entity that nobody declares": "<Notification><Message>&a;</Message></Notification>",
    "100,000 elements in each other": "<Notification>" + "<a>" * 100_000,
    "100,000 elements beside each other": f"<Notification>{'<a/>' * 100_000}</Notification>",
    "100,000 attributes": "<Notification " + " ".join(f'a{n}=""' for n in range(100_000)) + "/>",
    "100,000 namespaces": "<Notification " + " ".join(f'xmlns:a{n}="a"' for n in range(20_000)) + "/>",
    "a name of a million characters": f"<{'a' * 1_000_000}/>",
    "a comment of a million characters": f"<Notification><!--{'a' * 1_000_000}--></Notification>",
    "a million references": f"<Notification><Message>{'&#38;' * 1_000_000}</Message></Notification>",
    "100,000 messages": f"<Notification>{'<Message/>' * 100_000}</Notification>",
    "elements in the message": f"<Notification><Message>{'<a/>' * 100_000}</Message></Notification>",
    "another encoding": '<?xml version="1.0" encoding="utf-16"?><Notification/>',
    "an unknown encoding": '<?xml version="1.0" encoding="x"?><Notification/>',
    "a million angle brackets": "<" * 1_000_000,
    "half a surrogate pair": "<Notification><Message>\ud800</Message></Notification>",
    "a section without an end": "<Notification><Message><![CDATA[" + "a" * 1_000_000,
}

CONTENT = {"ProjectName": "immtest", "TaskId": "task-1", "TaskType": "VideoLabelClassification"}


def in_data(kind: str, **data: object) -> str:
    return json.dumps({"specversion": "1.0", "source": "acs.x", "type": kind, "data": data})


def raw(before: str) -> Callable[[str], str]:
    """The bomb as it is, not as a text, in a field."""
    return lambda bomb: before + bomb + "}"


EVENTS: dict[str, Callable[[str], str]] = {
    "event": lambda bomb: bomb,
    "item": lambda bomb: f"[{bomb}, {json.dumps(CONTENT)}]",
    "Message": lambda bomb: json.dumps({"TopicName": "t", "Message": bomb}),
    "Message, bare": raw('{"TopicName": "t", "Message": '),
    "Message in base64": lambda bomb: json.dumps(
        {"TopicName": "t", "Message": base64.b64encode(bomb.encode("utf-8", "surrogatepass")).decode()}
    ),
    "content": lambda bomb: json.dumps({"source": "acs.imm", "type": "imm:Task:X", "content": bomb}),
    "content, bare": raw('{"source": "acs.imm", "type": "imm:Task:X", "content": '),
    "Message in XML": lambda bomb: (
        f"<Notification><TopicName>t</TopicName><Message>{escape(bomb)}</Message></Notification>"
    ),
    "queue": lambda bomb: in_data("mns:Queue:SendMessage", messageBody=bomb),
    "RocketMQ": lambda bomb: in_data("mq:Topic:SendMessage", body=bomb),
    "body": lambda bomb: json.dumps({"body": bomb, "attrs": {}}),
    "failure record": lambda bomb: json.dumps({"requestContext": {}, "requestPayload": bomb}),
    "source": raw('{"specversion": "1.0", "type": "x", "source": '),
    "project": raw('{"TaskType": "VideoLabelClassification", "TaskId": "t", "ProjectName": '),
    "UserData, bare": raw(json.dumps(CONTENT)[:-1] + ', "UserData": '),
}


TASKS: dict[str, Callable[[str], str]] = {
    "whole": lambda bomb: bomb,
    "field": raw('{"uri": '),
    "other field": raw('{"SourceURI": '),
    "key": lambda bomb: json.dumps({"uri": "oss://media/" + bomb, "SourceURI": "oss://media/" + bomb}),
    "bucket": lambda bomb: "oss://" + bomb,
    "beside": raw('{"SourceURI": "oss://media/a.mp4", "x": '),
}

RECORDS: dict[str, Callable[[str], str]] = {
    "whole": lambda bomb: bomb,
    "payload, bare": raw('{"requestContext": {}, "requestPayload": '),
    "answer, bare": raw('{"requestContext": {}, "requestPayload": "{}", "responsePayload": '),
    "timestamp": raw(
        '{"requestPayload": "{}", "requestContext": {"approximateInvokeCount": 1}, "timestamp": '
    ),
    "request id and payload": lambda bomb: json.dumps(
        {"requestContext": {"requestId": bomb}, "requestPayload": bomb}
    ),
    "answer": lambda bomb: json.dumps(
        {"requestContext": {}, "requestPayload": "{}", "responsePayload": bomb}
    ),
}

CHECKS: dict[str, tuple[Callable[[bytes], None], dict[str, Callable[[str], str]]]] = {
    "event": (check_event, EVENTS),
    "upload": (check_upload_event, {"event": EVENTS["event"]}),
    "task": (check_task_text, TASKS),
    "failure record": (check_record, RECORDS),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("kind", CHECKS)
def test_what_has_a_bomb_in_it_is_read_or_refused_as_anything_else(kind: str, bomb: str) -> None:
    check, levels = CHECKS[kind]
    for level in levels.values():
        bounded(lambda level=level: check(level(BOMBS[bomb]).encode()))  # type: ignore[misc]


@pytest.mark.parametrize("bomb", XML_BOMBS.values(), ids=XML_BOMBS.keys())
def test_a_bomb_in_xml_is_refused(bomb: str) -> None:
    for level in ("event", "Message", "Message in base64", "content", "queue", "body"):
        event = EVENTS[level](bomb).encode("utf-8", "surrogatepass")
        with pytest.raises(InvalidNotification) as caught:
            bounded(lambda event=event: read_event(event))  # type: ignore[misc]
        assert len(str(caught.value)) < 300


def test_the_items_beside_a_bomb_are_found() -> None:
    items = read_event(EVENTS["item"](BOMBS["10,000 lists in a list"]).encode()).items
    assert items == (TaskNotification("immtest", "task-1"),)
