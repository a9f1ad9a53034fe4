"""Names that are spelt like a known one: a reason to look twice, never to know what was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Of the letters of two properties, so many are the same.
_CLOSE = 0.8


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, also where only the case differs; None if none is."""
    by_case = {one.lower(): one for one in sorted(known)}
    found = get_close_matches(name.lower(), by_case, n=1)
    return by_case[found[0]] if found else None


def alike(name: str, known: Iterable[str]) -> str | None:
    """The known property that has nearly the same letters."""
    by_letters = {_letters(one): one for one in sorted(known)}
    letters = _letters(name)
    found = get_close_matches(letters, by_letters, n=1, cutoff=_CLOSE)
    return by_letters[found[0]] if found else None


def slip(name: str, known: Iterable[str]) -> str | None:
    """The known variable from which this one differs by a slip: a letter, two changed places, case or _."""
    return next((one for one in sorted(known) if _one_slip(_letters(name), _letters(one))), None)


def _letters(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _one_slip(one: str, other: str) -> bool:
    if len(one) > len(other):
        one, other = other, one
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    rest, longer = one[start:], other[start:]
    if len(one) < len(other):
        return rest == longer[1:]
    return rest[1:] == longer[1:] or (rest[1::-1] == longer[:2] and rest[2:] == longer[2:])
