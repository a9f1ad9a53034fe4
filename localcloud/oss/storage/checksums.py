"""The checksums that OSS keeps of a body: MD5 (its ETag) and CRC-64/ECMA-182, both taken chunk by chunk."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from functools import lru_cache

import crcmod

from localcloud.oss.protocol.errors import INVALID_DIGEST
from localcloud.oss.protocol.request import OssRequest

_ECMA_182 = 0x142F0E1EBA9EA3693
# The same polynomial with its bits in reverse, in which the highest bit stands for 1.
_REVERSED = 0xC96C5795D7870F42
_ONE = 1 << 63
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


def check_content_md5(request: OssRequest, md5: str) -> None:
    """Compare a body's MD5 with the Content-MD5 header, if there is one; raises OssError."""
    if not request.has_header("content-md5"):
        return
    header = request.header("content-md5")
    try:
        claimed = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        claimed = b""
    if claimed != bytes.fromhex(md5):
        raise INVALID_DIGEST(**{"Content-MD5": header})


def content_md5(md5: str) -> str:
    """An MD5 as the Content-MD5 header spells it."""
    return base64.b64encode(bytes.fromhex(md5)).decode()


def joined_etag(md5s: Iterable[str]) -> str:
    """The ETag of an object of several parts: OSS ends it with their number; the rest is not documented."""
    parts = list(md5s)
    digest = hashlib.md5(bytes.fromhex("".join(parts)), usedforsecurity=False)
    return f"{digest.hexdigest().upper()}-{len(parts)}"


def joined_crc64(parts: Iterable[tuple[str, int]]) -> str:
    """The CRC of a body from the CRC and the size of each of its parts."""
    crc = 0
    for part, size in parts:
        crc = _product(crc, _shift(size)) ^ int(part)
    return str(crc)


@lru_cache
def _shift(size: int) -> int:
    """What a CRC is multiplied by where so many bytes follow: x to the power of their bits."""
    power, square = _ONE, _ONE >> 8
    while size:
        if size & 1:
            power = _product(power, square)
        square = _product(square, square)
        size >>= 1
    return power


def _product(one: int, other: int) -> int:
    """The product of two polynomials modulo that of the CRC."""
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = one << 1 & _ALL_ONES
        other = other >> 1 ^ (_REVERSED if other & 1 else 0)
    return product
