"""The XML documents that MNS takes and gives."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from localcloud.mns.refusals import MalformedXml, UnexpectedXml

NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
Fields = Iterable[tuple[str, str | int | bool]]


def read_document(body: bytes, root: str, allowed: Collection[str]) -> dict[str, ElementTree.Element]:
    """The elements of a document by their names; raises MalformedXml or UnexpectedXml.

    The namespace may be written with or without its last slash, as MNS's own samples do.
    """
    if b"<!DOCTYPE" in body:
        raise MalformedXml
    try:
        document = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise MalformedXml from None
    if local_name(document) != root:
        raise UnexpectedXml(local_name(document))
    elements: dict[str, ElementTree.Element] = {}
    for element in document:
        name = local_name(element)
        if name not in allowed or name in elements:
            raise UnexpectedXml(name)
        elements[name] = element
    return elements


def local_name(element: ElementTree.Element) -> str:
    """An element's name; one of a foreign namespace keeps it, and so is no name that MNS knows."""
    for namespace in (NAMESPACE, NAMESPACE.rstrip("/")):
        prefix = f"{{{namespace}}}"
        if element.tag.startswith(prefix):
            return element.tag[len(prefix) :]
    return element.tag


def text_of(element: ElementTree.Element) -> str:
    """The text of an element that must not hold others."""
    if len(element):
        raise UnexpectedXml(local_name(element))
    return element.text or ""


def fields_document(root: str, fields: Fields) -> bytes:
    """A document of plain fields."""
    return _document(root, _fields(fields))


def list_document(root: str, item: str, items: Iterable[Fields], next_marker: str | None) -> bytes:
    """A document of several items, with the marker of the next page if there is one."""
    content = "".join(f"<{item}>{_fields(fields)}</{item}>" for fields in items)
    if next_marker is not None:
        content += _fields([("NextMarker", next_marker)])
    return _document(root, content)


def _fields(fields: Fields) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields)


def _document(root: str, content: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<{root} xmlns="{NAMESPACE}">{content}</{root}>'
    ).encode()
