"""The body of OSS's GetObjectTagging, read strictly.

The SDK takes an empty body, a body in a namespace and a set that it cannot read for "no tags". A merge
onto that would wipe the object's tags, so such bodies are refused before the SDK sees them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from imm_label_tags.services.responses import UnreadableAnswer

# Ten tags of 128 and 256 characters, each of them a numeric reference, have 40 KB.
MAX_BODY_BYTES = 65536

_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*")
_ENCODING = re.compile(rb"encoding[ \t\r\n]*=[ \t\r\n]*[\"']([^\"']*)")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


class UnreadableTagSet(UnreadableAnswer):
    """The body is not a tag set as OSS documents it."""


def check_tag_set(body: bytes) -> None:
    """Make sure that a body is ``<Tagging><TagSet>`` with any number of whole tags with distinct keys.

    Raises UnreadableTagSet.
    """
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableTagSet(f"{len(body)} bytes, more than ten tags can have")
    if not _is_utf8(body) or b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise UnreadableTagSet("a document that declares entities or is not in UTF-8")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise UnreadableTagSet("a body that is not XML") from None
    if root.tag != "Tagging" or [child.tag for child in root] != ["TagSet"] or _holds_text(root):
        raise UnreadableTagSet("XML that is no tag set")
    keys = list(_keys(root[0]))
    if len(keys) != len(set(keys)):
        raise UnreadableTagSet("a tag set with a key twice")


def _is_utf8(body: bytes) -> bool:
    """Whether a body is UTF-8 and says nothing else; the parser would believe any encoding it declares."""
    declaration = _DECLARATION.match(body)
    declared = _ENCODING.search(declaration[0]) if declaration else None
    if b"\0" in body or (declared and declared[1].upper() != b"UTF-8"):
        return False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _keys(tag_set: ElementTree.Element) -> Iterator[str]:
    if _holds_text(tag_set):
        raise UnreadableTagSet("a tag set with text between its tags")
    for tag in tag_set:
        key, value = tag.find("Key"), tag.find("Value")
        if tag.tag != "Tag" or len(tag) != 2 or key is None or value is None or _holds_text(tag):
            raise UnreadableTagSet("a tag set with something that is not a key and a value")
        if not key.text or len(key) or len(value):
            raise UnreadableTagSet("a tag set with a tag that has no key")
        if _CONTROL_CHARACTER.search(key.text + (value.text or "")):
            raise UnreadableTagSet("a tag with a control character, which could not be written back")
        yield key.text


def _holds_text(element: ElementTree.Element) -> bool:
    """Whether there is more than white space around an element's children."""
    texts = [element.text, *(child.tail for child in element)]
    return any(text and text.strip(" \t\r\n") for text in texts)
