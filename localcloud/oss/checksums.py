"""The checksums that OSS keeps of a body: MD5 (its ETag) and CRC-64/ECMA-182, both taken chunk by chunk."""

from __future__ import annotations

import base64
import binascii
import hashlib

import crcmod

from localcloud.oss.errors import invalid_digest

_ECMA_182 = 0x142F0E1EBA9EA3693
_ALL_ONES = 0xFFFFFFFFFFFFFFFF


class Checksums:
    """Size, MD5 and CRC of the chunks so far."""

    def __init__(self) -> None:
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc64 = crcmod.Crc(_ECMA_182, initCrc=0, xorOut=_ALL_ONES)

    def update(self, chunk: bytes) -> None:
        """Take in the next chunk."""
        self.size += len(chunk)
        self._md5.update(chunk)
        self._crc64.update(chunk)

    @property
    def md5(self) -> str:
        """The MD5 in OSS's spelling: upper-case hexadecimal digits."""
        return self._md5.hexdigest().upper()

    @property
    def crc64(self) -> str:
        """The CRC in decimal digits."""
        return str(self._crc64.crcValue)


def check_content_md5(header: str | None, md5: str) -> None:
    """Compare a body's MD5 with the Content-MD5 header, if there is one; raises OssError."""
    if header is None:
        return
    try:
        claimed = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        raise invalid_digest(header) from None
    if claimed != bytes.fromhex(md5):
        raise invalid_digest(header)


def content_md5(md5: str) -> str:
    """An MD5 as the Content-MD5 header spells it."""
    return base64.b64encode(bytes.fromhex(md5)).decode()
