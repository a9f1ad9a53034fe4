"""The wildcards of policies: ``*`` for any characters, also none, and ``?`` for exactly one."""

from __future__ import annotations

import re

_ARN_SEGMENTS = 5


def wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A text with wildcards."""
    return re.compile(_translated(pattern, "."), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def resource(pattern: str) -> re.Pattern[str]:
    """A resource ``acs:<service>:<region>:<account>:<relative id>`` with wildcards, or ``*`` for all.

    Raises ValueError for another form. A wildcard does not reach over a colon into the next segment, except
    in the last; whether it would in RAM is not documented.
    """
    if pattern == "*":
        return wildcard(pattern)
    segments = pattern.split(":", _ARN_SEGMENTS - 1)
    if len(segments) < _ARN_SEGMENTS or segments[0] != "acs" or not segments[1] or not segments[-1]:
        raise ValueError("it must be * or acs:<service>:<region>:<account>:<relative id>")
    *scope, relative = segments
    return re.compile(
        ":".join([*(_translated(segment, "[^:]") for segment in scope), _translated(relative, ".")]),
        re.DOTALL,
    )


def _translated(pattern: str, any_character: str) -> str:
    translations = {"*": f"{any_character}*", "?": any_character}
    return "".join(translations.get(character, re.escape(character)) for character in pattern)
