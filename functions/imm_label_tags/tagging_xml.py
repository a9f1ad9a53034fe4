"""The body of OSS's GetObjectTagging, read strictly.

The SDK takes an empty body, a body in a namespace and a set that it cannot read for "no tags". A merge
onto that would wipe the object's tags, so such bodies are refused before the SDK sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree


class UnreadableTagSet(Exception):
    """The body is not a tag set as OSS documents it."""


def check_tag_set(body: bytes) -> None:
    """Make sure that a body is ``<Tagging><TagSet>`` with any number of whole tags with distinct keys.

    Raises UnreadableTagSet.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"\0" in body:
        raise UnreadableTagSet("a document that declares entities or is not in UTF-8")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise UnreadableTagSet("a body that is not XML") from None
    if root.tag != "Tagging" or [child.tag for child in root] != ["TagSet"]:
        raise UnreadableTagSet("XML that is no tag set")
    keys = list(_keys(root[0]))
    if len(keys) != len(set(keys)):
        raise UnreadableTagSet("a tag set with a key twice")


def _keys(tag_set: ElementTree.Element) -> Iterator[str]:
    for tag in tag_set:
        key, value = tag.find("Key"), tag.find("Value")
        if tag.tag != "Tag" or len(tag) != 2 or key is None or value is None:
            raise UnreadableTagSet("a tag set with something that is not a key and a value")
        if not key.text or len(key) or len(value):
            raise UnreadableTagSet("a tag set with a tag that has no key")
        yield key.text
