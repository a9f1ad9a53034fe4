"""A long text made short: its beginning, its end, and how much is missing between them."""

from __future__ import annotations


def excerpt(text: str, limit: int) -> str:
    """The text if it has at most ``limit`` characters, else so many of them and a note between them.

    What happened stands at the beginning of a message, and what to do at its end; so in a traceback.
    """
    if len(text) <= limit:
        return text
    end = limit // 4
    left_out = len(text) - limit
    return f"{text[: limit - end]} [{left_out} characters left out] {text[len(text) - end :]}"
