"""DeleteObject, and DeleteMultipleObjects: up to a thousand objects of a bucket in one request.

Sources: help.aliyun.com, the API page of each operation.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from starlette.responses import Response

from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.errors import malformed_xml, not_implemented_here
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.storage import Storage

MAX_KEYS = 1000

# The SDKs send control characters, as they are or as references, most of which XML forbids; OSS reads them.
_CONTROLS = [number for number in range(32) if chr(number) not in "\t\n"]
_AS_STAND_INS = {number: chr(0xE000 + number) for number in _CONTROLS}
_AS_THEY_ARE = {0xE000 + number: chr(number) for number in _CONTROLS}
_REFERENCE = re.compile(r"&#(?P<decimal>\d{1,2});|&#x(?P<hexadecimal>[0-9A-Fa-f]{1,2});")


def delete_object(storage: Storage, request: OssRequest) -> Response:
    """DeleteObject; 204 also where there is none."""
    storage.objects.delete(request.bucket, request.key)
    return responses.empty(204)


def delete_multiple_objects(storage: Storage, request: OssRequest) -> Response:
    """DeleteMultipleObjects; those that there are not are told as deleted too."""
    name = request.name_writer()
    quiet = (_document(request.body).findtext("Quiet") or "").lower() == "true"
    keys = keys_to_delete(request.body)
    for key in keys:
        storage.objects.delete(request.bucket, key)
    told: list[documents.Node] = [("Deleted", [("Key", name(key))]) for key in keys if not quiet]
    encoding = request.parameter("encoding-type") or None
    return responses.document("DeleteResult", [("EncodingType", encoding), *told])


def keys_to_delete(body: bytes) -> tuple[str, ...]:
    """The keys of a ``<Delete>`` document; raises OssError."""
    objects = _document(body).findall("Object")
    return tuple((element.findtext("Key") or "").translate(_AS_THEY_ARE) for element in objects)


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


def _character(reference: re.Match[str]) -> str:
    decimal, hexadecimal = reference["decimal"], reference["hexadecimal"]
    number = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(number) if number in _AS_STAND_INS else reference[0]
