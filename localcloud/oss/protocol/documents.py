"""The XML documents that OSS reads and writes: two blanks of indentation, no namespace, no DOCTYPE."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NoReturn
from xml.etree import ElementTree

from localcloud.oss.protocol.errors import malformed_xml

# A text or what is shown as one, or the elements inside an element; and an element with its name. An element
# whose content is None is left out.
Content = str | int | datetime | Sequence["Node"] | None
Node = tuple[str, Content]

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NotADocument(Exception):
    """The bytes are not the XML that OSS reads."""


def write(root: str, content: Content) -> bytes:
    """The document of a root element, as OSS lays it out."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', *_lines((root, content), 0)]
    return "".join(line + "\n" for line in lines).encode()


def parse(text: str) -> ElementTree.Element:
    """The root element of a document; raises NotADocument, also for a DOCTYPE and what it could declare."""
    parser = ElementTree.XMLParser(target=_Builder())
    try:
        parser.feed(text)
        root: ElementTree.Element = parser.close()
    except ElementTree.ParseError as error:
        raise NotADocument(str(error)) from None
    return root


def read(body: bytes, root: str) -> ElementTree.Element:
    """The root element of a request's body, which must have that name; raises OssError."""
    try:
        element = parse(body.decode())
    except (NotADocument, UnicodeDecodeError) as error:
        raise malformed_xml(str(error)) from None
    if element.tag != root:
        raise malformed_xml(f"the root node is not named {root}.")
    return element


def shown(content: str | int | datetime) -> str:
    """A text, number, truth or time as OSS's documents give it."""
    if isinstance(content, datetime):
        return content.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return str(content).lower() if isinstance(content, bool) else str(content)


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise NotADocument("a DOCTYPE is not allowed")


def _lines(node: Node, depth: int) -> Iterator[str]:
    name, content = node
    indent = "  " * depth
    if isinstance(content, str | int | datetime):
        yield f"{indent}<{name}>{_escape(shown(content))}</{name}>"
    elif content:
        yield f"{indent}<{name}>"
        for child in content:
            yield from _lines(child, depth + 1)
        yield f"{indent}</{name}>"
    elif content is not None:
        yield f"{indent}<{name}></{name}>"


def _escape(text: str) -> str:
    # A reader of XML takes a bare carriage return for a line feed; some characters it takes not at all.
    readable = _NOT_IN_XML.sub("?", text)
    escaped = readable.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("\r", "&#13;")
