"""The syllables of Chinese text, read from the layer's table: pypinyin's answers without its dictionaries.

``layers/pronunciations.py`` makes the table. Of the file, which is mapped into memory, only the parts are
read that a text needs.

The format, all numbers little-endian:

* a header: the magic bytes, whose last one is the version, and the sizes that follow in ``HEADER``;
* the ranges of Chinese characters, each as its first and its last code point;
* for each code point of the ranges the number of its syllable, or ``NO_SYLLABLE``;
* for each character that phrases begin with: its code point, and where its phrases begin in the text;
* the syllables, separated by spaces;
* the text: for each of those characters the rest of each of its phrases, sorted, between line feeds. Behind a
  phrase stand the syllables that its characters do not have by themselves, each after its position.

A phrase of the first character 长 is, for example, ``期`` or ``大衣``, or ``大 0zhang`` with a correction.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from zlib import crc32

# In one of the directories where modules are found: a layer's is among them.
PLACE = Path("imm_label_tags_data", "pronunciations.bin")

MAGIC = b"hanyu\0\0\1"
# Magic, size of the file, CRC-32 of all that follows the header, number of ranges, of first characters, and
# size of the syllables.
HEADER = struct.Struct("<8sIIIII")
PAIR = struct.Struct("<II")
NO_SYLLABLE = 0xFFFF
_NUMBER = struct.Struct("<H")
_LINE, _SPACE = b"\n"[0], b" "[0]
_CHUNK = 1 << 16


class TableDamaged(Exception):
    """A file is no table of this version, or not a whole one."""


class Pronunciations:
    """A table, opened and checked. Threads may share it.

    Raises OSError and TableDamaged.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb", buffering=0) as file:
            head = file.read(HEADER.size)
            if len(head) < HEADER.size or not head.startswith(MAGIC):
                raise TableDamaged(f"{path} is no table of this version")
            _, size, checksum, ranges, starts, syllables = HEADER.unpack(head)
            found = 0
            while chunk := file.read(_CHUNK):
                found = crc32(chunk, found)
            if (file.tell(), found) != (size, checksum):
                raise TableDamaged(f"{path} is damaged")
            self._data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        at = HEADER.size
        pairs: list[tuple[int, int]] = [
            PAIR.unpack_from(self._data, at + index * PAIR.size) for index in range(ranges)
        ]
        self._firsts = [first for first, _ in pairs]
        self._lasts = [last for _, last in pairs]
        # How many code points the ranges before each one hold.
        self._before = [0, *accumulate(last - first + 1 for first, last in pairs)]
        self._readings = at + ranges * PAIR.size
        self._starts = self._readings + self._before[-1] * _NUMBER.size
        self._start_count = starts
        self._text = self._starts + starts * PAIR.size + syllables
        self._syllables = self._data[self._text - syllables : self._text].decode("ascii").split(" ")

    def syllables(self, text: str) -> list[str]:
        """What ``pypinyin.lazy_pinyin`` gives: toneless syllables, and other text as it is, run by run."""
        found: list[str] = []
        start = 0
        while start < len(text):
            chinese = self._position(text[start]) is not None
            end = start + 1
            while end < len(text) and (self._position(text[end]) is not None) == chinese:
                end += 1
            if chinese:
                self._spell(text[start:end], found)
            else:
                found.append(text[start:end])
            start = end
        return found

    def _spell(self, text: str, found: list[str]) -> None:
        """Take the longest phrase that the text begins with, else its first character, and so on."""
        while text:
            length, corrections, unfinished = self._longest(text)
            if not length:
                # pypinyin spells a text that ends within a phrase character by character.
                length = len(text) if unfinished else 1
            at = len(found)
            found.extend(map(self._syllable, text[:length]))
            for correction in corrections:
                found[at + int(correction[0])] = correction[1:]
            text = text[length:]

    def _longest(self, text: str) -> tuple[int, list[str], bool]:
        """The longest phrase's length and corrections, and whether a phrase begins with the whole text."""
        at, end = self._phrases_of(text[0])
        longest, corrections = 0, at
        for length in range(2, len(text) + 1):
            # A phrase stands before those that begin with it, so the search goes on where it was.
            wanted = b"\n" + text[1:length].encode()
            at = self._data.find(wanted, at, end)
            if at < 0:
                return longest, self._corrections(corrections, longest), False
            if self._data[at + len(wanted)] in (_LINE, _SPACE):
                longest, corrections = length, at + len(wanted)
        return longest, self._corrections(corrections, longest), end > 0

    def _corrections(self, at: int, length: int) -> list[str]:
        if not length or self._data[at] == _LINE:
            return []
        return self._data[at : self._data.find(b"\n", at)].decode("ascii").split()

    def _phrases_of(self, first: str) -> tuple[int, int]:
        """Where the phrases begin and end that begin with a character; two zeros where there are none."""
        code = ord(first)
        index = bisect_left(range(self._start_count), code, key=lambda one: self._start(one)[0])
        if index == self._start_count or self._start(index)[0] != code:
            return 0, 0
        last = index + 1 == self._start_count
        end = len(self._data) - self._text if last else self._start(index + 1)[1]
        return self._text + self._start(index)[1], self._text + end

    def _start(self, index: int) -> tuple[int, int]:
        code, offset = PAIR.unpack_from(self._data, self._starts + index * PAIR.size)
        return code, offset

    def _syllable(self, character: str) -> str:
        position = self._position(character)
        (number,) = _NUMBER.unpack_from(self._data, self._readings + (position or 0) * _NUMBER.size)
        return character if number == NO_SYLLABLE else self._syllables[number]

    def _position(self, character: str) -> int | None:
        """The character's place among all Chinese characters; None for any other."""
        code = ord(character)
        index = bisect_right(self._firsts, code) - 1
        if index < 0 or code > self._lasts[index]:
            return None
        return self._before[index] + code - self._firsts[index]


def find_table(directories: Iterable[str]) -> Path | None:
    """The table in the first of the directories that has one."""
    return next((path for path in (Path(one, PLACE) for one in directories) if path.is_file()), None)
