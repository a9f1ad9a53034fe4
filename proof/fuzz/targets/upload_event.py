"""Any bytes as an event of uploads: understood, ignored or refused, and nothing else."""

from __future__ import annotations

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.results.target import TargetObject
from imm_label_tags.submission.upload_event import Upload, read_upload_event
from proof.fuzz.promises import require, require_message
from proof.fuzz.targets.target import EVENTS, Target

UPLOADS = EVENTS.parent / "uploads"


def run(data: bytes) -> None:
    """Read an event.

    Promises: InvalidNotification is the only error; every object that may be meant can be addressed, and no
    upload stands for more than three; messages are short and printable.
    """
    try:
        event = read_upload_event(data)
    except InvalidNotification as refusal:
        require_message(str(refusal), "A refusal is short and printable")
        return
    require(event.batch or len(event.items) == 1, "What is no list has one item")
    require(len(event.items) <= len(data), "No event has more items than bytes")
    for item in event.items:
        if isinstance(item, Upload):
            require(0 < len(item.names) <= 3, "An upload has one to three names")
            for name in item.names:
                require(TargetObject.from_uri(name.uri) == name, f"A name that can be addressed: {name!a}")
        elif isinstance(item, IgnoredEvent):
            require_message(item.reason, "A reason is short and printable")
        else:
            require_message(str(item), "A refusal is short and printable")


TARGET = Target(
    run,
    modules=("imm_label_tags.submission.upload_event",),
    seeds=tuple(path.read_bytes() for path in sorted(UPLOADS.iterdir())),
    words=(
        b'"events"',
        b'"eventName"',
        b'"eventSource"',
        b'"acs:oss"',
        b'"oss"',
        b'"bucket"',
        b'"name"',
        b'"object"',
        b'"key"',
        b'"eTag"',
        b'"specversion"',
        b'"acs.oss"',
        b'"oss:ObjectCreated:PutObject"',
        b"oss://media/a.mp4",
        b"%2F",
        b"%E6%A4%85",
        b"..%2F",
    ),
)
