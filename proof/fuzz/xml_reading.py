"""A tag set read from XML without any XML library: what the SDK's reading is compared with.

Written from the recommendation (XML 1.0) for documents without a DTD; the version that a document declares
may be any, as up to the fourth edition. It knows nothing of what else the function refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
# With at most one colon, as "Namespaces in XML" wants it.
_PART = f"[{_NAME_START}][{_NAME_START}.0-9\u00b7\u0300-\u036f\u203f-\u2040-]*"
_NAME = re.compile(f"{_PART}(?::{_PART})?")
_SPACE = re.compile(r"[ \t\r\n]+")
_REFERENCE = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));", re.ASCII)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_CHARACTER = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_DECLARATION = re.compile(
    r"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:\"[A-Za-z0-9_.:-]+\"|'[A-Za-z0-9_.:-]+')"
    r"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:\"[A-Za-z][A-Za-z0-9._-]*\"|'[A-Za-z][A-Za-z0-9._-]*'))?"
    r"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:\"(?:yes|no)\"|'(?:yes|no)'))?[ \t\r\n]*\?>"
)


class NotXml(Exception):
    """The document is not well-formed, or it has a DTD."""


class NotTags(Exception):
    """The document is not a Tagging with a TagSet of Tags."""


@dataclass
class Node:
    """An element: its name as written, its children, and all of its own character data in order.

    ``namespaced`` is true where it declares a namespace for itself and what is in it.
    """

    name: str
    namespaced: bool = False
    children: list[Node] = field(default_factory=list)
    text: str = ""


def read_tags(document: bytes) -> list[tuple[str, str]]:
    """The keys and values of a tag set in their order.

    Raises NotXml or NotTags.
    """
    root = read(document)
    if any(node.namespaced for node in _nodes(root)):
        raise NotTags
    if root.name != "Tagging" or [child.name for child in root.children] != ["TagSet"]:
        raise NotTags
    return [_tag(node) for node in root.children[0].children]


def _nodes(root: Node) -> Iterator[Node]:
    pending = [root]
    while pending:
        node = pending.pop()
        pending.extend(node.children)
        yield node


def _tag(node: Node) -> tuple[str, str]:
    parts = {child.name: child for child in node.children}
    if node.name != "Tag" or len(node.children) != 2 or parts.keys() != {"Key", "Value"}:
        raise NotTags
    if any(part.children for part in parts.values()):
        raise NotTags
    return parts["Key"].text, parts["Value"].text


def read(document: bytes) -> Node:
    """The root element of a document; raises NotXml."""
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        raise NotXml("not UTF-8") from None
    # The byte order mark is no part of the document, and a line ends in one way only.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if _CHARACTER.fullmatch(text) is None:
        raise NotXml("a character that XML does not have")
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> Node:
        declaration = _DECLARATION.match(self._text)
        if declaration:
            self._at = declaration.end()
        self._skip_misc()
        if not self._sees("<") or self._sees("<!") or self._sees("</"):
            raise NotXml("no root element")
        root = self._elements()
        self._skip_misc()
        if self._at != len(self._text):
            raise NotXml("something after the root element")
        return root

    def _elements(self) -> Node:
        """The element that begins here, with all that is in it; without recursion."""
        above: list[Node] = []
        while True:
            if self._sees("</"):
                node = above.pop()
                self._end_tag(node.name)
                if not above:
                    return node
            elif self._sees("<!--") or self._sees("<?"):
                self._skip_one()
            elif self._sees("<![CDATA["):
                above[-1].text += self._up_to("<![CDATA[", "]]>")
            elif self._sees("<"):
                node, closed = self._start_tag()
                if above:
                    above[-1].children.append(node)
                if not closed:
                    above.append(node)
                elif not above:
                    return node
            else:
                above[-1].text += self._character_data()

    def _start_tag(self) -> tuple[Node, bool]:
        self._at += 1
        node = Node(self._name())
        seen: set[str] = set()
        while True:
            spaced = self._skip_space()
            if self._sees("/>") or self._sees(">"):
                closed = self._sees("/>")
                self._at += 2 if closed else 1
                return node, closed
            if not spaced:
                raise NotXml("no space before an attribute")
            attribute, value = self._attribute()
            if attribute in seen:
                raise NotXml("an attribute twice")
            seen.add(attribute)
            node.namespaced = node.namespaced or (attribute == "xmlns" and bool(value))

    def _attribute(self) -> tuple[str, str]:
        name = self._name()
        self._skip_space()
        self._expect("=")
        self._skip_space()
        quote = self._text[self._at : self._at + 1]
        if quote not in ("'", '"'):
            raise NotXml("an attribute without quotes")
        value = self._up_to(quote, quote)
        if "<" in value:
            raise NotXml("an attribute with a tag in it")
        return name, _resolved(value)

    def _end_tag(self, name: str) -> None:
        self._at += 2
        if self._name() != name:
            raise NotXml("an end tag of another element")
        self._skip_space()
        self._expect(">")

    def _character_data(self) -> str:
        end = self._text.find("<", self._at)
        if end < 0:
            raise NotXml("an element without an end")
        data = self._text[self._at : end]
        if "]]>" in data:
            raise NotXml("the end of a section that has not begun")
        self._at = end
        return _resolved(data)

    def _skip_misc(self) -> None:
        while self._skip_space() or self._sees("<!--") or self._sees("<?"):
            if self._sees("<!--") or self._sees("<?"):
                self._skip_one()

    def _skip_one(self) -> None:
        if self._sees("<!--"):
            inside = self._up_to("<!--", "-->")
            if "--" in inside or inside.endswith("-"):
                raise NotXml("two hyphens in a comment")
            return
        instruction = self._up_to("<?", "?>")
        target = _NAME.match(instruction)
        if target is None or target[0].lower() == "xml" or ":" in target[0]:
            raise NotXml("an instruction to nobody")
        rest = instruction[target.end() :]
        if rest and _SPACE.match(rest) is None:
            raise NotXml("an instruction to nobody")

    def _up_to(self, opening: str, closing: str) -> str:
        start = self._at + len(opening)
        end = self._text.find(closing, start)
        if end < 0:
            raise NotXml(f"no {closing}")
        self._at = end + len(closing)
        return self._text[start:end]

    def _name(self) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise NotXml("no name")
        self._at = match.end()
        return match[0]

    def _skip_space(self) -> bool:
        match = _SPACE.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match is not None

    def _sees(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _expect(self, text: str) -> None:
        if not self._sees(text):
            raise NotXml(f"no {text}")
        self._at += len(text)


def _resolved(data: str) -> str:
    """Character data with its references resolved."""
    if "&" in _REFERENCE.sub("", data):
        raise NotXml("an ampersand that refers to nothing")
    return _REFERENCE.sub(_character, data)


def _character(reference: re.Match[str]) -> str:
    decimal, hexadecimal, name = reference.groups()
    if name is not None:
        if name not in _ENTITIES:
            raise NotXml("an entity that nobody declared")
        return _ENTITIES[name]
    digits = (decimal or hexadecimal).lstrip("0")
    if len(digits) > 7:
        raise NotXml("a character that there is not")
    code = int(digits or "0", 10 if decimal else 16)
    if code > 0x10FFFF or not _CHARACTER.fullmatch(chr(code)):
        raise NotXml("a character that there is not")
    return chr(code)
