"""The search part of a query: words, ``key: value``, comparisons, and, or, not, parentheses.

Help page sls/search-syntax. A term in quotation marks means all of its words.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.sls.index import Column, Index, ParameterInvalid, words

Log = Mapping[str, str]
Matcher = Callable[[Log], bool]

_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([()])|(>=|<=|>|<|=)|(:)|([^\s()":<>=]+))')
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_KEYWORDS = ("and", "or", "not")


def matcher(search: str, index: Index) -> Matcher:
    """Whether a log is found; raises ParameterInvalid for what cannot be searched."""
    tokens = _tokens(search)
    if not tokens:
        return lambda log: True
    parser = _Parser(tokens, index)
    found = parser.either()
    parser.end()
    return found


def _tokens(search: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    search = search.strip()
    while position < len(search):
        match = _TOKEN.match(search, position)
        if match is None:
            raise ParameterInvalid(f"syntax error in the search near {search[position:][:20]!r}")
        quoted, bracket, comparison, colon, bare = match.groups()
        if quoted is not None:
            tokens.append(("text", re.sub(r"\\(.)", r"\1", quoted)))
        elif bare is not None:
            tokens.append(("keyword", bare.lower()) if bare.lower() in _KEYWORDS else ("word", bare))
        else:
            tokens.append(("sign", bracket or comparison or colon))
        position = match.end()
    return tokens


class _Parser:
    """Or binds less than and, which binds less than not."""

    def __init__(self, tokens: list[tuple[str, str]], index: Index) -> None:
        self._tokens = tokens
        self._index = index
        self._at = 0

    def either(self) -> Matcher:
        parts = [self.both()]
        while self._take("keyword", "or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda log: any(part(log) for part in parts)

    def both(self) -> Matcher:
        parts = [self.one()]
        while self._take("keyword", "and") or self._begins_one():
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda log: all(part(log) for part in parts)

    def one(self) -> Matcher:
        if self._take("keyword", "not"):
            inner = self.one()
            return lambda log: not inner(log)
        if self._take("sign", "("):
            inner = self.either()
            if not self._take("sign", ")"):
                raise ParameterInvalid("a parenthesis is not closed")
            return inner
        return self._term()

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise ParameterInvalid(f"syntax error in the search near {self._tokens[self._at][1]!r}")

    def _term(self) -> Matcher:
        kind, text = self._next()
        if self._take("sign", ":"):
            value_kind, value = self._next()
            return self._field(text, value, bare=value_kind == "word")
        for sign in _COMPARISONS:
            if self._take("sign", sign):
                return self._compared(text, sign, self._next()[1])
        return self._anywhere(text, bare=kind == "word")

    def _field(self, name: str, value: str, *, bare: bool) -> Matcher:
        column = self._column(name)
        if value == "*" and bare:
            return lambda log: _value(self._index, column, log) is not None
        if column.type != "text":
            return self._compared(name, "=", value)
        wanted = _wanted(value, column.token, column.case_sensitive, bare=bare)

        def found(log: Log) -> bool:
            text = _value(self._index, column, log)
            if text is None:
                return False
            return wanted(words(text, column.token, case_sensitive=column.case_sensitive))

        return found

    def _compared(self, name: str, sign: str, value: str) -> Matcher:
        column = self._column(name)
        if column.type not in ("long", "double"):
            raise ParameterInvalid(f"key ({name}) is not a number, so {sign} cannot be asked of it")
        try:
            number = float(value)
        except ValueError:
            raise ParameterInvalid(f"{value!r} is not a number") from None

        def found(log: Log) -> bool:
            try:
                return _COMPARISONS[sign](float(_value(self._index, column, log) or "nan"), number)
            except ValueError:
                return False

        return found

    def _anywhere(self, value: str, *, bare: bool) -> Matcher:
        if value == "*" and bare:
            return lambda log: True
        line = self._index.line
        if line is None:
            raise ParameterInvalid("there is no full-text index: name a key, as in key: value")
        token, case_sensitive = "".join(line["token"]), bool(line.get("caseSensitive"))
        wanted = _wanted(value, token, case_sensitive, bare=bare)
        return lambda log: wanted(
            [word for text in log.values() for word in words(text, token, case_sensitive=case_sensitive)]
        )

    def _column(self, name: str) -> Column:
        column = self._index.columns.get(name)
        if column is None:
            raise ParameterInvalid(
                f"key ({name}) is not config as key value config, if symbol : is in your log, please wrap : "
                'with quotation mark "'
            )
        return column

    def _begins_one(self) -> bool:
        """Terms side by side mean both."""
        if self._at >= len(self._tokens):
            return False
        kind, text = self._tokens[self._at]
        return kind in ("text", "word") or (kind, text) in (("sign", "("), ("keyword", "not"))

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] not in ("text", "word"):
            raise ParameterInvalid("syntax error in the search: a word is missing")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False


def _wanted(value: str, token: str, case_sensitive: bool, *, bare: bool) -> Callable[[list[str]], bool]:
    if bare and value.endswith("*"):
        start = value[:-1] if case_sensitive else value[:-1].lower()
        return lambda found: any(word.startswith(start) for word in found)
    wanted = set(words(value, token, case_sensitive=case_sensitive))
    return lambda found: wanted <= set(found)


def _value(index: Index, column: Column, log: Log) -> str | None:
    documents: dict[str, Any] = index.documents(log) if column.path else {}
    return column.value(log, documents)
