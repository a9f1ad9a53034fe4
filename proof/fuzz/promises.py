"""How a target says that a promise was broken."""

from __future__ import annotations


class BrokenPromise(AssertionError):
    """The function did with some input what it promises never to do."""


def require(kept: bool, promise: str) -> None:
    """Raise BrokenPromise unless a promise was kept."""
    if not kept:
        raise BrokenPromise(promise)


def require_message(text: str, promise: str) -> None:
    """A message about hostile input is one short printable line, whatever it quotes."""
    require(0 < len(text) <= 400 and text.isprintable(), f"{promise}: {text[:200]!a}")
