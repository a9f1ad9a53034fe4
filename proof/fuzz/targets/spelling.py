"""Any text spelt by the layer's table: as pypinyin spells it."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from pypinyin import lazy_pinyin

from imm_label_tags.tags.pronunciation import Pronunciations
from layers.pronunciations import Data, pypinyin_data, table
from proof.fuzz.choices import Choices
from proof.fuzz.promises import require
from proof.fuzz.targets.target import Target


@cache
def _data() -> Data:
    return pypinyin_data()


@cache
def _phrases() -> tuple[str, ...]:
    return tuple(sorted(_data().phrases))


@cache
def _pronunciations() -> Pronunciations:
    """The table that a layer would have; it stays mapped when its file is gone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pronunciations.bin"
        path.write_bytes(table(_data()))
        return Pronunciations(path)


def run(data: bytes) -> None:
    """Spell a text of phrases, pieces of phrases, Chinese characters and anything else.

    Promise: the syllables are pypinyin's, one by one.
    """
    choices = Choices(data)
    text = "".join(_piece(choices) for _ in range(choices.below(8) + 1))
    spelt, expected = _pronunciations().syllables(text), lazy_pinyin(text)
    require(spelt == expected, f"{text!a} is {expected!a}, not {spelt!a}")


def _piece(choices: Choices) -> str:
    kind = choices.below(5)
    if kind == 0:
        return choices.text()
    if kind == 1:
        return chr(0x3400 + choices.number(2) % 0x6C00)
    if kind == 2:
        return chr(0x20000 + choices.number(2) % 0x123B0)
    phrase = _phrases()[choices.number(2) % len(_phrases())]
    return phrase if kind == 3 else phrase[choices.below(3) : len(phrase) - choices.below(3)]


# Making and loading all of this takes seconds, which no input is to answer for.
lazy_pinyin("椅子")
_pronunciations()

TARGET = Target(run, modules=("imm_label_tags.tags.pronunciation",), share=4)
