"""Which objects are analysed: those that exist in full, can be read, and look like a video by their name."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from imm_label_tags.results.target import ObjectHead, ObjectPatterns, TargetObject

# The formats that IMM takes (its API reference, CreateVideoLabelClassificationTask): MP4, MPEG-TS, MKV, MOV,
# AVI, FLV and M3U8.
VIDEO_SUFFIXES = (".mp4", ".ts", ".mkv", ".mov", ".avi", ".flv", ".m3u8")

_ARCHIVED = frozenset({"Archive", "ColdArchive", "DeepColdArchive"})
# x-oss-restore of an object that was restored, for as long as it can be read.
_RESTORED = 'ongoing-request="false"'


class Exclusion(str, Enum):
    """Why an object is not analysed."""

    NOT_VIDEO = "not_video"
    NOT_ALLOWED = "not_allowed"
    ARCHIVED = "archived"


class Excluded(NamedTuple):
    """An object that is not analysed; ``reason`` is a sentence."""

    exclusion: Exclusion
    reason: str


class Selection(NamedTuple):
    """``suffixes`` are in lower case; without ``allowed`` any object may be analysed."""

    suffixes: tuple[str, ...] = VIDEO_SUFFIXES
    allowed: ObjectPatterns | None = None

    def by_name(self, target: TargetObject) -> Excluded | None:
        """Why an object of this name is not analysed; None if it is."""
        if target.key.endswith("/"):
            return Excluded(Exclusion.NOT_VIDEO, f"{target.uri} is a folder.")
        if not target.key.lower().endswith(self.suffixes):
            reason = f"{target.uri} ends in none of the VIDEO_SUFFIXES {', '.join(self.suffixes)}."
            return Excluded(Exclusion.NOT_VIDEO, reason)
        if self.allowed is not None and not self.allowed.match(target):
            reason = f"{target.uri} matches no pattern of ALLOWED_OBJECTS."
            return Excluded(Exclusion.NOT_ALLOWED, reason)
        return None

    def by_head(self, target: TargetObject, head: ObjectHead) -> Excluded | None:
        """Why an object in this state is not analysed; None if it is."""
        if not head.size:
            return Excluded(Exclusion.NOT_VIDEO, f"{target.uri} is empty.")
        if head.storage_class in _ARCHIVED and _RESTORED not in head.restore:
            reason = (
                f"{target.uri} is archived ({head.storage_class}); IMM cannot read it until it is restored."
            )
            return Excluded(Exclusion.ARCHIVED, reason)
        return None
