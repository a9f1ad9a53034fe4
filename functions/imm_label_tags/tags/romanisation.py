"""Chinese in Latin letters: 椅子 becomes yi-zi."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from importlib.machinery import PathFinder
from typing import NamedTuple

from imm_label_tags.errors import InvalidSetting
from imm_label_tags.tags.charset import is_legal, make_legal
from imm_label_tags.tags.naming import LabelNames
from imm_label_tags.tags.pronunciation import PLACE, Pronunciations, TableDamaged, find_table

_HYPHENS = re.compile(r"-{2,}")


class NoPronunciations(Exception):
    """There is neither a table of pronunciations that can be read nor pypinyin."""


def make_ready(names: LabelNames, report: Callable[[str], None]) -> None:
    """Find the pronunciations where this way to write labels may need them.

    Raises InvalidSetting where there are none: labels must not silently get other names than ever.
    ``report`` is told of a table that cannot be used while pypinyin takes its place.
    """
    # Raw names are spelt too, where OSS refuses them.
    if names is LabelNames.BASE64:
        return
    try:
        trouble = speller().trouble
    except NoPronunciations as error:
        allowed = f"base64 where Chinese cannot be spelt: {error}"
        raise InvalidSetting("LABEL_NAMES", names.value, allowed) from None
    if trouble is not None:
        report(f"pypinyin spells the labels, which takes longer: {trouble}")


# IMM has thousands of labels, and a video library uses few of them again and again.
@lru_cache(maxsize=8192)
def romanise(text: str) -> str | None:
    """Spell a text in toneless pinyin, syllables joined by hyphens; None where a letter would be lost.

    Accents are dropped and punctuation becomes a hyphen, but a letter, digit or symbol of another script
    (kana, an emoji) makes the whole text unspellable: two different labels must not become one.
    Raises NoPronunciations.
    """
    spelt = "-".join(speller().syllables(text))
    bare = "".join(c for c in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(c))
    if any(not is_legal(character) and _carries_meaning(character) for character in bare):
        return None
    return _HYPHENS.sub("-", make_legal(bare)).strip("-") or None


class Speller(NamedTuple):
    """Gives the syllables of a text; ``trouble`` says why it is not the table that does."""

    syllables: Callable[[str], Sequence[str]]
    trouble: str | None = None


@lru_cache(maxsize=1)
def speller() -> Speller:
    """What is found where modules are. Raises NoPronunciations."""
    return find_speller(sys.path)


def find_speller(directories: Iterable[str]) -> Speller:
    """A layer's table in one of these directories, else pypinyin, which gives the same answers.

    Raises NoPronunciations.
    """
    directories = list(directories)
    path = find_table(directories)
    trouble = None
    if path is not None:
        try:
            return Speller(Pronunciations(path).syllables)
        except (OSError, TableDamaged) as error:
            trouble = str(error)
    if PathFinder.find_spec("pypinyin", directories) is not None:
        return Speller(_ask_pypinyin, trouble)
    said = trouble or f"the layer, which brings {PLACE.as_posix()}, is missing or not the one of this project"
    raise NoPronunciations(f"{said}. Publish the layer that `make layer` builds")


def _ask_pypinyin(text: str) -> Sequence[str]:
    # Loading its dictionaries takes a third of a second and 54 MB, so it waits for the first need.
    from pypinyin import lazy_pinyin

    syllables: list[str] = lazy_pinyin(text)
    return syllables


def _carries_meaning(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNSC"
