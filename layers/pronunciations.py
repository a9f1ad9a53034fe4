"""Makes the table of pronunciations from pypinyin's data: what the function reads instead of importing it.

    PYTHONPATH=functions python3 -S -s -B layers/pronunciations.py DIRECTORY > pronunciations.bin

Takes pypinyin from DIRECTORY, which holds the wheels of a layer. pypinyin keeps 47,000 phrases and 42,000
characters in dictionaries, which take 50 MB and longer to load than all the rest of a cold start. Of the
table, the function reads the few lines that a label needs.

The format is described where the function reads it, in ``imm_label_tags.tags.pronunciation``. Beside that
module, this one uses the standard library alone.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from imm_label_tags.tags.pronunciation import HEADER, MAGIC, NO_SYLLABLE, PAIR

# A correction's position is one digit.
LONGEST_PHRASE = 10


class Unexpected(Exception):
    """pypinyin's data is not what this table can hold."""


@dataclass(frozen=True)
class Data:
    """Syllables without tones, of characters and of phrases; ``ranges`` are inclusive and ascending."""

    ranges: Sequence[tuple[int, int]]
    characters: Mapping[str, str]
    phrases: Mapping[str, Sequence[str]]


def table(data: Data) -> bytes:
    """The whole file; equal data gives equal bytes. Raises Unexpected."""
    _check(data)
    syllables = sorted(set(data.characters.values()))
    readings = _readings(data, {syllable: number for number, syllable in enumerate(syllables)})
    starts, text = _phrases(data)
    spelt = " ".join(syllables).encode("ascii")
    body = b"".join(
        [
            *(PAIR.pack(*pair) for pair in data.ranges),
            readings,
            *(PAIR.pack(*pair) for pair in starts),
            spelt,
            text,
        ]
    )
    size = HEADER.size + len(body)
    header = HEADER.pack(MAGIC, size, zlib.crc32(body), len(data.ranges), len(starts), len(spelt))
    return header + body


def pypinyin_data() -> Data:
    """The data of the pypinyin that can be imported."""
    from pypinyin import Style
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT, RE_HANS
    from pypinyin.style import convert

    bare: dict[str, str] = {}

    def syllable(reading: str) -> str:
        if reading not in bare:
            bare[reading] = convert(reading, Style.NORMAL, True)
        return bare[reading]

    return Data(
        ranges=_ranges(lambda code: RE_HANS.match(chr(code)) is not None),
        characters={chr(code): syllable(readings.split(",")[0]) for code, readings in PINYIN_DICT.items()},
        phrases={
            phrase: [syllable(readings[0]) for readings in each] for phrase, each in PHRASES_DICT.items()
        },
    )


def _ranges(belongs: Callable[[int], bool]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for code in filter(belongs, range(sys.maxunicode + 1)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return ranges


def _check(data: Data) -> None:
    for phrase, syllables in data.phrases.items():
        if not 2 <= len(phrase) <= LONGEST_PHRASE:
            raise Unexpected(f"the phrase {phrase!r} has {len(phrase)} characters")
        if len(phrase) != len(syllables):
            raise Unexpected(f"the phrase {phrase!r} has {len(syllables)} syllables")
    spelt = {*data.characters.values(), *(one for some in data.phrases.values() for one in some)}
    for syllable in sorted(spelt):
        if not (syllable.isascii() and syllable.isalpha()):
            raise Unexpected(f"{syllable!r} is no syllable without a tone")
    for character in {*data.characters, *(one for phrase in data.phrases for one in phrase)}:
        if not any(first <= ord(character) <= last for first, last in data.ranges):
            raise Unexpected(f"{character!r} is not among the Chinese characters")


def _readings(data: Data, numbers: Mapping[str, int]) -> bytes:
    codes = (code for first, last in data.ranges for code in range(first, last + 1))
    found = [
        numbers[data.characters[chr(code)]] if chr(code) in data.characters else NO_SYLLABLE for code in codes
    ]
    return struct.pack(f"<{len(found)}H", *found)


def _phrases(data: Data) -> tuple[list[tuple[int, int]], bytes]:
    lines: dict[str, list[bytes]] = {}
    # UTF-8 sorts as code points do, and a phrase before those that begin with it.
    for phrase in sorted(data.phrases):
        lines.setdefault(phrase[0], []).append(_line(phrase, data.phrases[phrase], data.characters))
    starts, text = [], b""
    for first, rest in lines.items():
        starts.append((ord(first), len(text)))
        text += b"\n" + b"\n".join(rest) + b"\n"
    return starts, text


def _line(phrase: str, syllables: Iterable[str], characters: Mapping[str, str]) -> bytes:
    corrections = [
        f" {position}{syllable}"
        for position, (character, syllable) in enumerate(zip(phrase, syllables, strict=True))
        if characters.get(character) != syllable
    ]
    return (phrase[1:] + "".join(corrections)).encode()


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    sys.stdout.buffer.write(table(pypinyin_data()))
