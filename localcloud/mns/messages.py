"""A published message, and what a function or a queue receives for it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape


def new_message_id() -> str:
    """``2F5B3C082B923D4EAC694B76D928…``: 32 hexadecimal digits."""
    return secrets.token_hex(16).upper()


@dataclass(frozen=True)
class Message:
    """A message of a topic; ``published`` is in milliseconds since 1970."""

    topic: str
    body: str
    published: int
    tag: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    message_id: str = field(default_factory=new_message_id)

    @property
    def md5(self) -> str:
        """The MD5 of the body in upper-case hexadecimal digits."""
        return hashlib.md5(self.body.encode()).hexdigest().upper()


def event(message: Message, subscription: str, content_format: str, account_id: str) -> bytes:
    """What a function receives, in the forms of Function Compute's samples of the MNS topic trigger.

    ``STREAM`` is the bare body, or ``body`` and ``attrs`` when there are attributes. ``JSON`` is one object
    in which the attributes stand beside MNS's own fields; of the attribute ``Extend`` its content does.
    An attribute never takes the place of a field.
    """
    if content_format == "STREAM":
        if not message.attributes:
            return message.body.encode()
        return _json({"body": message.body, "attrs": dict(message.attributes)})
    return _json(
        {
            **_merged(message.attributes),
            "TopicOwner": account_id,
            "Message": message.body,
            "Subscriber": account_id,
            "PublishTime": message.published,
            "SubscriptionName": subscription,
            "MessageMD5": message.md5,
            "TopicName": message.topic,
            "MessageId": message.message_id,
        }
    )


def queue_body(message: Message, subscription: str, content_format: str, account_id: str) -> bytes:
    """The body of a queue's message that a topic pushes (help page "NotifyContentFormat", 27482).

    ``SIMPLIFIED`` is the published body; ``XML`` and ``JSON`` have MNS's own fields beside it, as texts. No
    format shows message attributes.
    """
    if content_format == "SIMPLIFIED":
        return message.body.encode()
    fields = {
        "TopicOwner": account_id,
        "TopicName": message.topic,
        "Subscriber": account_id,
        "SubscriptionName": subscription,
        "MessageId": message.message_id,
        "MessageMD5": message.md5,
        "Message": message.body,
        **({} if message.tag is None else {"MessageTag": message.tag}),
        "PublishTime": str(message.published),
    }
    if content_format == "JSON":
        return _json(fields)
    elements = "".join(f"  <{name}>{escape(text)}</{name}>\n" for name, text in fields.items())
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">\n{elements}</Notification>\n'
    )
    return text.encode()


def _merged(attributes: Mapping[str, str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name, value in attributes.items():
        extension = _object(value) if name == "Extend" else None
        merged.update({name: value} if extension is None else extension)
    return merged


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
        _json(value)  # fails for half a surrogate pair
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
