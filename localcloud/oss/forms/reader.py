"""A form on its way in, as browsers send it (multipart/form-data): its fields, and the file that ends it.

Source: RFC 7578; help.aliyun.com, PostObject.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from localcloud.oss.protocol.errors import OssError

MAX_FIELD_BYTES = 2 * 1024 * 1024

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?boundary="?([^";,]{1,200})"?', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name="?([^";]*)"?', re.IGNORECASE)
_FILE_NAME = re.compile(r'[;\s]filename="?([^";]*)"?', re.IGNORECASE)

Take = Callable[[bytes], None]
# Begins the file, with the fields before it and the headers of its own; gives what takes its bytes in.
BeginFile = Callable[[Mapping[str, str], Mapping[str, str]], Take]


class Form:
    """Reads a form chunk by chunk; the names of fields and headers are in lower case.

    What comes after the file is read and not used. Raises OssError for what is no form.
    """

    def __init__(self, content_type: str, begin_file: BeginFile) -> None:
        boundary = _BOUNDARY.match(content_type)
        if boundary is None:
            message = "Bucket POST must be of the enclosure-type multipart/form-data."
            raise OssError(412, "PreconditionFailed", message, "", {"Condition": message})
        self._delimiter = b"\r\n--" + boundary[1].encode("latin-1")
        self._begin_file = begin_file
        self._fields: dict[str, str] = {}
        self._rest = b"\r\n"
        self._take: Take | None = None
        self._ended = False
        self._has_file = False

    def feed(self, chunk: bytes) -> None:
        """Take in the next chunk."""
        self._rest += chunk
        while not self._ended and (self._read_body() if self._take else self._read_head()):
            pass

    def finish(self) -> None:
        """Make sure that the form was complete, and had a file."""
        if not self._ended:
            raise _malformed()
        if not self._has_file:
            message = "POST requires exactly one file upload per request."
            raise OssError(400, "IncorrectNumberOfFilesInPOSTRequest", message)

    def _read_head(self) -> bool:
        if not self._rest.startswith(self._delimiter[: len(self._rest)]):
            raise _malformed()
        end = self._rest.find(b"\r\n\r\n", len(self._delimiter))
        self._ended = self._rest.startswith(self._delimiter + b"--")
        if self._ended or end < 0:
            if len(self._rest) > MAX_FIELD_BYTES and not self._ended:
                raise _malformed()
            return False
        headers = _headers(self._rest[len(self._delimiter) : end])
        self._rest = self._rest[end + 4 :]
        self._take = self._begin(headers)
        return True

    def _begin(self, headers: Mapping[str, str]) -> Take:
        disposition = headers.get("content-disposition", "")
        name = _NAME.search(disposition)
        if not disposition.lower().startswith("form-data") or name is None:
            raise _malformed()
        if self._has_file:
            return lambda chunk: None
        if name[1].lower() == "file":
            self._has_file = True
            file_name = _FILE_NAME.search(disposition)
            return self._begin_file(self._fields, {**headers, "filename": file_name[1] if file_name else ""})
        return self._field(name[1].lower())

    def _field(self, name: str) -> Take:
        value = bytearray()
        self._fields[name] = ""

        def take(chunk: bytes) -> None:
            value.extend(chunk)
            if len(value) > MAX_FIELD_BYTES:
                message, most = "Your post contains fields that are too long.", str(MAX_FIELD_BYTES)
                raise OssError(400, "FieldItemTooLong", message, "", {"MaxSizeAllowed": most})
            # A character may go on in the next chunk; the policy's signature fails on what is no text at all.
            self._fields[name] = value.decode("utf-8", "replace")

        return take

    def _read_body(self) -> bool:
        assert self._take is not None, "a part is being read"
        end = self._rest.find(self._delimiter)
        # The beginning of a delimiter may be at the end of the chunk.
        whole = end if end >= 0 else max(0, len(self._rest) - len(self._delimiter))
        if whole:
            self._take(self._rest[:whole])
            self._rest = self._rest[whole:]
        if end >= 0:
            self._take = None
        return end >= 0


def _headers(raw: bytes) -> dict[str, str]:
    headers = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def _malformed() -> OssError:
    message = "The body of your POST request is not well-formed multipart/form-data."
    return OssError(400, "MalformedPOSTRequest", message)
