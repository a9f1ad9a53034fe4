"""The name that was probably meant where another one stands."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, also where only the case differs; None if none is."""
    by_case = {one.lower(): one for one in sorted(known)}
    found = get_close_matches(name.lower(), by_case, n=1)
    return by_case[found[0]] if found else None
