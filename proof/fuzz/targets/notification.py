"""Any bytes as an event: understood, ignored or refused, and nothing else."""

from __future__ import annotations

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.event import read_event
from imm_label_tags.events.imm_message import IgnoredEvent, TaskNotification
from proof.fuzz.promises import require, require_message
from proof.fuzz.targets.target import EVENTS, Target

MODULES = (
    "imm_label_tags.events.event",
    "imm_label_tags.events.imm_message",
    "imm_label_tags.events.mns_xml",
    "imm_label_tags.events.text",
    "imm_label_tags.events.wrappings",
    "imm_label_tags.text",
)


def run(data: bytes) -> None:
    """Read an event.

    Promises: InvalidNotification is the only error; items have names that can be sent to IMM, and messages
    are short and printable; no event has more items than bytes.
    """
    try:
        event = read_event(data)
    except InvalidNotification as refusal:
        require_message(str(refusal), "A refusal is short and printable")
        return
    require(event.batch or len(event.items) == 1, "What is no list has one item")
    require(len(event.items) <= len(data), "No event has more items than bytes")
    for item in event.items:
        if isinstance(item, TaskNotification):
            require(_can_be_sent(item.project_name), f"A project that can be sent: {item.project_name!a}")
            require(_can_be_sent(item.task_id), f"A task id that can be sent: {item.task_id!a}")
        elif isinstance(item, IgnoredEvent):
            require_message(item.reason, "A reason is short and printable")
        else:
            require_message(str(item), "A refusal is short and printable")


def _can_be_sent(name: str) -> bool:
    return 0 < len(name) <= 256 and name.isprintable() and " " not in name and bool(name.encode())


TARGET = Target(
    run,
    modules=MODULES,
    seeds=(
        b"[" * 600 + b"]" * 600,
        b"<Notification>" + b"<a>" * 600,
        *(path.read_bytes() for path in sorted(EVENTS.rglob("*")) if path.is_file()),
    ),
    words=(
        b'"TaskType"',
        b'"VideoLabelClassification"',
        b'"ProjectName"',
        b'"TaskId"',
        b'"UserData"',
        b'"Message"',
        b'"TopicName"',
        b'"MessageId"',
        b'"specversion"',
        b'"source"',
        b'"type"',
        b'"data"',
        b'"data_base64"',
        b'"content"',
        b'"body"',
        b'"attrs"',
        b'"messageBody"',
        b'"requestPayload"',
        b'"requestContext":{}',
        b'"events"',
        b'"eventSource"',
        b'"acs:oss"',
        b'"acs.imm"',
        b'"imm:Task:VideoLabelClassification"',
        b'"imm:FileMeta:Index"',
        b'"mns:Queue:SendMessage"',
        b'"mq:Topic:SendMessage"',
        b'"Success"',
        b'"Files"',
        b"\\u",
        b"\\ud800",
        b"null",
        b"NaN",
        b"Infinity",
        b"1e999",
        b"\xef\xbb\xbf",
        b"e30=",
        b"<?xml version='1.0' encoding='utf-8'?>",
        b"<?xml version='1.0' encoding='utf-16'?>",
        b"<Notification>",
        b"</Notification>",
        b'<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">',
        b"<Message>",
        b"</Message>",
        b"<Message/>",
        b"<TopicName>t</TopicName>",
        b"<!DOCTYPE Notification [",
        b'<!ENTITY a "aaaaaaaaaa">',
        b'<!ENTITY % b SYSTEM "file:///etc/hostname">',
        b"]>",
        b"&a;",
        b"&quot;",
        b"&#34;",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b"[" * 100,
        b"]" * 100,
    ),
)
