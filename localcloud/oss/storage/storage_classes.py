"""The storage classes of objects: how cold each is, and which can be read without a restore.

Sources: help.aliyun.com, "Overview of storage classes", PutObject, GetObject.
"""

from __future__ import annotations

from localcloud.oss.protocol.errors import invalid_argument

HEADER = "x-oss-storage-class"
STANDARD = "Standard"
# From the warmest to the coldest; a lifecycle rule moves an object towards the cold only.
STORAGE_CLASSES = (STANDARD, "IA", "Archive", "ColdArchive", "DeepColdArchive")
_NEED_A_RESTORE = frozenset({"Archive", "ColdArchive", "DeepColdArchive"})


def coldness(storage_class: str) -> int:
    """A number that is greater the colder a class is."""
    return STORAGE_CLASSES.index(storage_class)


def is_readable(storage_class: str) -> bool:
    """Whether the content can be read without RestoreObject."""
    return storage_class not in _NEED_A_RESTORE


def read_storage_class(header: str | None) -> str:
    """The class that an upload asks for; raises OssError for one that there is not."""
    if not header:
        return STANDARD
    if header not in STORAGE_CLASSES:
        raise invalid_argument(HEADER, header, "The storage class you specified is not valid.")
    return header
