"""A message as text: JSON or MNS's XML, as it is or in base64, each with or without a byte order mark."""

from __future__ import annotations

import base64

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.text import parse_json

_BYTE_ORDER_MARK = "\ufeff"
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")


def read_text(text: str) -> object:
    """The value of JSON text, or the message in a notification that MNS wrote as XML.

    Base64 may lack its padding and be of either alphabet. No JSON or XML that holds a message is also base64,
    so what is tried first makes no difference. Raises InvalidNotification.
    """
    plain = text
    while plain:  # base64 is shorter each time that it is decoded
        plain = plain.lstrip(_BYTE_ORDER_MARK)
        value = _read_plain(plain)
        if value is not None:
            return value
        plain = _decoded(plain)
    raise InvalidNotification(f"The event is neither JSON nor XML nor base64 of them: {shown(text)}.")


def shown(value: object) -> str:
    """A value in quotes, short and without anything that breaks a line or hides in it."""
    # Anything but text can be nested so deeply that showing it fails.
    text = ascii(value[:80]) if isinstance(value, str) else "(no text)"
    return text if len(text) <= 80 else text[:76] + "...'"


def _read_plain(text: str) -> object:
    """The value of JSON or XML; None where the text is neither."""
    if not text.lstrip().startswith("<"):
        return parse_json(text)
    # Few deployments ever get XML, so a cold start does not wait for a parser of it.
    from imm_label_tags.events.mns_xml import message_of

    return message_of(text)


def _decoded(text: str) -> str:
    """What the text holds in base64; empty where it is none."""
    try:
        digits = "".join(text.split()).encode("ascii").rstrip(b"=").translate(_STANDARD_ALPHABET)
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True).decode("utf-8")
    except ValueError:
        return ""
