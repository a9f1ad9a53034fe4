"""Chinese in Latin letters: 椅子 becomes yi-zi."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from imm_label_tags.alphabet import is_legal, make_legal

_HYPHENS = re.compile(r"-{2,}")


# IMM has thousands of labels, and a video library uses few of them again and again.
@lru_cache(maxsize=8192)
def romanise(text: str) -> str | None:
    """Spell a text in toneless pinyin, syllables joined by hyphens; None where a letter would be lost.

    Accents are dropped and punctuation becomes a hyphen, but a letter, digit or symbol of another script
    (kana, an emoji) makes the whole text unspellable: two different labels must not become one.
    """
    # Loading the phrase dictionary takes a third of a second and 54 MB, so it waits for the first need.
    from pypinyin import lazy_pinyin

    spelt = "-".join(lazy_pinyin(text))
    bare = "".join(c for c in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(c))
    if any(not is_legal(character) and _carries_meaning(character) for character in bare):
        return None
    return _HYPHENS.sub("-", make_legal(bare)).strip("-") or None


def _carries_meaning(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNSC"
