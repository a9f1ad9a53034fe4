"""How a label is written in a tag: as it is where OSS can hold it, else romanised or encoded."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Mapping
from enum import Enum

from imm_label_tags.tags.charset import is_legal

# No label is so long, and the time that normalising takes can grow with the square of the length.
LONGEST_LABEL = 512

_SPACES = re.compile(r"\s+")
# Outside ASCII the service decides; inside it the documented alphabet does.
_REFUSED_BY_OSS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff!-*,;-<>-@\[-^`{-~]+")


class LabelNames(str, Enum):
    """The ways to write a label that OSS's documented alphabet cannot hold."""

    PINYIN = "pinyin"
    BASE64 = "base64"
    RAW = "raw"


Romanise = Callable[[str], "str | None"]


class Naming:
    """Writes labels. ``lexicon`` maps labels to names and wins over everything else.

    ``romanise`` turns a text into ASCII, or gives None where something would be lost; it is called only for
    texts that need it.
    """

    def __init__(self, mode: LabelNames, lexicon: Mapping[str, str], romanise: Romanise) -> None:
        self.mode = mode
        self._lexicon = lexicon
        self._romanise = romanise

    def with_mode(self, mode: LabelNames) -> Naming:
        """The same naming with another way for what OSS cannot hold."""
        return Naming(mode, self._lexicon, self._romanise)

    def write(self, text: str) -> str:
        """The text in characters that OSS accepts; without white space, never empty for a non-empty text."""
        listed = self._lexicon.get(text)
        plain = _plain(text) if len(text) <= LONGEST_LABEL else text
        if listed is None:
            listed = self._lexicon.get(plain)
        if listed is not None:
            return _plain(listed).lower()
        if len(plain) > LONGEST_LABEL:
            return encode(text)
        if plain and is_legal(plain):
            return plain.lower()
        if self.mode is LabelNames.RAW and (raw := _REFUSED_BY_OSS.sub("-", plain).strip("-")):
            return raw.lower()
        if self.mode is LabelNames.PINYIN and (spelt := self._romanise(plain)):
            return spelt.lower()
        return encode(text)


def encode(text: str) -> str:
    """The text in base64 (UTF-8): every character that base64 uses is legal in a tag."""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def _plain(text: str) -> str:
    return _SPACES.sub("-", unicodedata.normalize("NFKC", text).strip())
