"""What OSS accepts as an object's tags, in PutObjectTagging's XML and in the ``x-oss-tagging`` header.

Sources: help.aliyun.com, PutObjectTagging and the pages of the EC numbers 0010-000001xx and 0010-000002xx;
the codes are those that the vendor's own tests expect of a real bucket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import Element

from localcloud.oss.protocol import documents, errors

HEADER = "x-oss-tagging"
MAX_TAGS = 10
MAX_KEY_BYTES = 128
MAX_VALUE_BYTES = 256

_ALPHABET = re.compile(r"[A-Za-z0-9 +\-=._:/]*")
_ALPHABET_OR_UNICODE = re.compile(r"[A-Za-z0-9 +\-=._:/\u0080-\U0010ffff]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REPLACEMENT = "\ufffd"


class Tag(NamedTuple):
    """One tag of an object."""

    key: str
    value: str


TagSet = tuple[Tag, ...]


@dataclass(frozen=True)
class TagRules:
    """Reads tag sets and refuses those that OSS refuses.

    OSS's pages give the alphabet as ASCII, while the vendor's Python tests send Chinese and read it back:
    ``accept_unicode`` takes the tests' side. Lengths count bytes, the stricter of two documented readings.
    """

    accept_unicode: bool = False

    def read_document(self, body: bytes) -> TagSet:
        """The tags of a ``<Tagging>`` document; raises OssError."""
        try:
            text, is_utf8 = body.decode(), True
        except UnicodeDecodeError:
            text, is_utf8 = body.decode("utf-8", "replace"), False
        tags = read_tags(text)
        self._check(tags, is_utf8)
        if not is_utf8:
            raise errors.malformed_xml("the body is not UTF-8", "0010-00000101")
        return tags

    def read_header(self, header: str | None) -> TagSet:
        """The tags of an ``x-oss-tagging`` header, ``key=value&key=value`` encoded; raises OssError."""
        if not header:
            return ()
        tags = tuple(_pair(part, header) for part in header.split("&"))
        if len({tag.key for tag in tags}) < len(tags):
            raise _invalid_header(header, "")
        self._check(tags, is_utf8=True)
        return tags

    def read_mapping(self, tags: Mapping[str, str]) -> TagSet:
        """The tags that a mapping has, in its order; raises OssError."""
        read = tuple(Tag(key, value) for key, value in tags.items())
        self._check(read, is_utf8=True)
        return read

    def is_legal_text(self, text: str) -> bool:
        """Whether a key or value is of the alphabet of tags."""
        alphabet = _ALPHABET_OR_UNICODE if self.accept_unicode else _ALPHABET
        return alphabet.fullmatch(text) is not None

    def _check(self, tags: TagSet, is_utf8: bool) -> None:
        if len(tags) > MAX_TAGS:
            message = f"Object tags cannot be greater than {MAX_TAGS}"
            raise errors.OssError(400, "BadRequest", message, "0010-00000218")
        for tag in tags:
            if not tag.key:
                raise _invalid("TagKey", "", "0010-00000208")
            for name, text, most, too_long, not_utf8, bad_character in (
                ("TagKey", tag.key, MAX_KEY_BYTES, "0010-00000209", "0010-00000211", "0010-00000212"),
                ("TagValue", tag.value, MAX_VALUE_BYTES, "0010-00000214", "0010-00000216", "0010-00000217"),
            ):
                if not is_utf8 and _REPLACEMENT in text:
                    raise _invalid(name, text, not_utf8)
                if len(text.encode()) > most:
                    raise _invalid(name, text, too_long)
                if not self.is_legal_text(text):
                    raise _invalid(name, text, bad_character)
        if len({tag.key for tag in tags}) < len(tags):
            message = "Cannot provide multiple Tags with the same key"
            raise errors.OssError(400, "InvalidTag", message, "0010-00000210")


def _invalid(name: str, text: str, ec: str) -> errors.OssError:
    return errors.OssError(400, "InvalidTag", f"The {name} you have provided is invalid", ec, {name: text})


def read_tags(text: str) -> TagSet:
    """The tags of a ``<Tagging>`` document, whatever they are; raises OssError for another document."""
    try:
        root = documents.parse(text)
    except documents.NotADocument as error:
        raise errors.malformed_xml(str(error), "0010-00000101") from None
    if root.tag != "Tagging" or [child.tag for child in root] != ["TagSet"]:
        raise errors.malformed_xml("Tagging/TagSet is missing", "0010-00000103")
    if any(child.tag != "Tag" for child in root[0]):
        raise errors.malformed_xml("TagSet holds something that is no Tag", "0010-00000101")
    return tuple(_tag(element) for element in root[0])


def write_document(tags: TagSet) -> bytes:
    """The body of GetObjectTagging."""
    tag_set = [("Tag", [("Key", tag.key), ("Value", tag.value)]) for tag in tags]
    return documents.write("Tagging", [("TagSet", tag_set)])


def _tag(element: Element) -> Tag:
    keys, values = element.findall("Key"), element.findall("Value")
    nested = any(len(child) for child in element)
    if len(keys) > 1 or len(values) > 1 or len(element) > len(keys) + len(values) or nested:
        raise errors.malformed_xml("a Tag holds something that is not one Key and one Value", "0010-00000101")
    if not keys or not values:
        raise _invalid("TagValue" if keys else "TagKey", "", "0010-00000208")
    return Tag(keys[0].text or "", values[0].text or "")


def _pair(part: str, header: str) -> Tag:
    texts = part.split("=")
    if len(texts) > 2 or not part or _BAD_ESCAPE.search(part):
        raise _invalid_header(header, "0010-00000219")
    try:
        key, value = (
            unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode() for text in [*texts, ""][:2]
        )
    except UnicodeDecodeError:
        raise _invalid_header(header, "0010-00000219") from None
    return Tag(key, value)


def _invalid_header(value: str, ec: str) -> errors.OssError:
    message = (
        f"The header '{HEADER}' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates."
    )
    return errors.invalid_argument(HEADER, value, message, ec)
