"""Packages of code and of layers: where they come from, whether they can be taken, and their unpacked files.

Limits: help page functioncompute/fc/product-overview/limits-of-usage. A layer's is not documented; here it is
that of code. How large a package may be once it is unpacked is not documented either; the limit here keeps a
hostile package from filling the disk of this machine.
"""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from localcloud.fc.refusals import InvalidArgument
from localcloud.oss.service import ObjectStorage
from localcloud.oss.storage.checksums import Checksums

MEGABYTE = 1024 * 1024
LARGE_REGIONS = frozenset(
    {
        *("ap-northeast-1", "ap-southeast-1", "cn-beijing", "cn-hangzhou", "cn-hongkong", "cn-huhehaote"),
        *("cn-shanghai", "cn-shenzhen", "cn-zhangjiakou", "eu-central-1", "us-east-1"),
    }
)
LARGE_PACKAGE = 500 * MEGABYTE
PACKAGE = 100 * MEGABYTE
# A package in the body of a request, in base64.
INLINE_PACKAGE = 100 * MEGABYTE
UNPACKED = 2048 * MEGABYTE
FILES = 100_000
_CHUNK = MEGABYTE
# What zipfile says of a file that is none, and the system of names that contradict each other. A full disk is
# not the package's fault.
_UNREADABLE = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error),
    *(FileExistsError, IsADirectoryError, NotADirectoryError),
)


class PackageRefused(InvalidArgument):
    """A package that cannot be taken: not found, too large, or no zip file that can be unpacked safely."""


@dataclass(frozen=True)
class Package:
    """A package as it was uploaded; ``checksum`` is its CRC-64 in decimal digits."""

    data: bytes
    checksum: str

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return len(self.data)


def fetch(location: Mapping[str, Any], objects: ObjectStorage, region: str) -> Package:
    """The package that a CodeLocation names: ``{ossBucketName, ossObjectName}`` or ``{zipFile}``.

    Raises PackageRefused.
    """
    unknown = sorted(location.keys() - {"ossBucketName", "ossObjectName", "zipFile", "checksum"})
    if unknown:
        raise PackageRefused(f"code has unknown members: {', '.join(unknown)}")
    data = _inline(location["zipFile"]) if location.get("zipFile") else _uploaded(location, objects, region)
    sums = Checksums()
    sums.update(data)
    expected = location.get("checksum")
    if expected and expected != sums.crc64:
        raise PackageRefused(f"code checksum mismatch: expected {expected}, actual {sums.crc64}")
    return Package(data, sums.crc64)


def unpack(package: Package, directory: Path) -> None:
    """Unpack a package into a directory that does not exist yet; nothing is left of one that is refused.

    Nothing is written outside of the directory, whatever the names and links in the package say.
    Raises PackageRefused.
    """
    directory.mkdir(parents=True)
    try:
        with zipfile.ZipFile(BytesIO(package.data)) as archive:
            _unpack(archive, directory)
    except BaseException as error:
        shutil.rmtree(directory, ignore_errors=True)
        if not isinstance(error, _UNREADABLE):
            raise
        raise PackageRefused(f"the code package is not a zip file that can be unpacked: {error}") from None


def merge_layers(layers: list[Path], directory: Path) -> None:
    """Merge layers into a directory that does not exist yet; of equal names the first layer's counts."""
    directory.mkdir(parents=True)
    for layer in reversed(layers):
        shutil.copytree(layer, directory, symlinks=True, dirs_exist_ok=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _inline(text: object) -> bytes:
    if not isinstance(text, str):
        raise PackageRefused("code.zipFile must be base64")
    if len(text) > INLINE_PACKAGE * 4 // 3 + 4:
        raise PackageRefused(f"code size exceeds the limit of {INLINE_PACKAGE} bytes")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PackageRefused("code.zipFile must be base64") from None


def _uploaded(location: Mapping[str, Any], objects: ObjectStorage, region: str) -> bytes:
    bucket, key = location.get("ossBucketName"), location.get("ossObjectName")
    if not isinstance(bucket, str) or not isinstance(key, str) or not bucket or not key:
        raise PackageRefused("code must have ossBucketName and ossObjectName, or zipFile")
    found = objects.stat(bucket, key)
    limit = LARGE_PACKAGE if region in LARGE_REGIONS else PACKAGE
    if found is not None and found.size > limit:
        raise PackageRefused(f"code size {found.size} exceeds the limit of {limit} bytes")
    data = objects.read(bucket, key)
    if data is None:
        raise PackageRefused(f"code object 'oss://{bucket}/{key}' does not exist")
    return data


def _unpack(archive: zipfile.ZipFile, directory: Path) -> None:
    entries = archive.infolist()
    if len(entries) > FILES:
        raise PackageRefused(f"the code package has more than {FILES} files")
    left = UNPACKED
    links: list[tuple[Path, str]] = []
    for entry in entries:
        path = _inside(entry.filename, directory)
        mode = entry.external_attr >> 16
        if entry.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise PackageRefused(f"the code package holds '{entry.filename}', which is no file")
        path.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(mode):
            if entry.file_size > 4096:
                raise PackageRefused(f"the code package holds the link '{entry.filename}' without a target")
            links.append((path, archive.read(entry).decode()))
            continue
        with archive.open(entry) as source, path.open("wb") as file:
            while chunk := source.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise PackageRefused(f"the code package unpacks to more than {UNPACKED} bytes")
                file.write(chunk)
        path.chmod(0o755 if mode & 0o111 else 0o644)
    # Last, so that nothing is ever written through one of them.
    for path, target in links:
        _make_link(path, target, directory)


def _inside(name: str, directory: Path) -> Path:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\0" in name:
        raise PackageRefused(f"the code package holds '{name}', which would lie outside of it")
    return directory.joinpath(*parts)


def _make_link(path: Path, target: str, directory: Path) -> None:
    joined = os.path.normpath(path.parent.relative_to(directory) / target)
    outside = PurePosixPath(target).is_absolute() or joined.split("/")[0] == ".."
    if outside:
        raise PackageRefused(f"the code package holds the link '{path.name}', which leads out of it")
    path.unlink(missing_ok=True)
    path.symlink_to(target)
