"""DeleteMultipleObjects: up to a thousand objects of a bucket in one request.

Source: help.aliyun.com, DeleteMultipleObjects.
"""

from __future__ import annotations

import re
from urllib.parse import quote
from xml.etree.ElementTree import Element

from starlette.responses import Response

from localcloud.oss.operations.listing import is_url_encoded
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.errors import malformed_xml, not_implemented_here
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import ObjectStore

MAX_KEYS = 1000

# The SDKs send control characters, as they are or as references, most of which XML forbids; OSS reads them.
_CONTROLS = [number for number in range(32) if chr(number) not in "\t\n"]
_AS_STAND_INS = {number: chr(0xE000 + number) for number in _CONTROLS}
_REFERENCE = re.compile(r"&#(?P<decimal>\d{1,2});|&#x(?P<hexadecimal>[0-9A-Fa-f]{1,2});")
_AS_THEY_ARE = {0xE000 + number: chr(number) for number in _CONTROLS}


def keys_to_delete(body: bytes) -> tuple[str, ...]:
    """The keys of a ``<Delete>`` document; raises OssError."""
    objects = _document(body).findall("Object")
    return tuple((element.findtext("Key") or "").translate(_AS_THEY_ARE) for element in objects)


class MultipleDeletion:
    """Answers DeleteMultipleObjects."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def delete(self, request: OssRequest, body: bytes) -> Response:
        """Delete what there is of the objects; those that there are not are told as deleted too."""
        encoded = is_url_encoded(request)
        quiet = (_document(body).findtext("Quiet") or "").lower() == "true"
        keys = keys_to_delete(body)
        for key in keys:
            self._store.delete(request.bucket, key)
        nodes: list[documents.Node] = [("EncodingType", "url")] if encoded else []
        if not quiet:
            for key in keys:
                nodes.append(("Deleted", [("Key", quote(key, safe="") if encoded else key)]))
        return responses.document(documents.write("DeleteResult", nodes))


def _character(reference: re.Match[str]) -> str:
    decimal, hexadecimal = reference["decimal"], reference["hexadecimal"]
    number = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(number) if number in _AS_STAND_INS else reference[0]


def _document(body: bytes) -> Element:
    try:
        root = documents.parse(_REFERENCE.sub(_character, body.decode()).translate(_AS_STAND_INS))
    except (documents.NotADocument, UnicodeDecodeError) as error:
        raise malformed_xml(str(error)) from None
    objects = root.findall("Object")
    if root.tag != "Delete" or any(not one.findtext("Key") for one in objects):
        raise malformed_xml("a Delete has Objects, each of which has a Key")
    if any(one.find("VersionId") is not None for one in objects):
        raise not_implemented_here("the versions of objects that DeleteMultipleObjects deletes")
    if not 1 <= len(objects) <= MAX_KEYS:
        raise malformed_xml(f"a Delete has from 1 to {MAX_KEYS} Objects")
    return root
