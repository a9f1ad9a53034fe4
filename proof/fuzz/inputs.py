"""What Hypothesis makes hostile input of: awkward text, JSON within JSON, and bytes that once made sense."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
# What the search by coverage has kept: a folder for each promise about bytes.
CORPUS = Path(__file__).parent / "corpus"

_LEGAL = "abcxyzABCXYZ0189 +-=._:/"
_CHINESE = "椅子家具食物事重庆长城绿色音乐会行，。（）"
_TROUBLE = (
    "\0\t\n\r\x1b\x7f\x85\xa0\xad\u0300\u0316\u061c\u200b\u200d\u2028\u2029\u202e\u2066\u3000\ud800\udfff\ufdfa"
    "\ufeff\ufffd\uffffＡ１é€ßİıſK🎉\U000e0041セッ한글مر%?#&<>\"'\\|*~{}[]"
)
_SHORT_TEXTS = (
    st.text(_LEGAL, max_size=60)
    | st.text(_CHINESE + _TROUBLE, max_size=60)
    # Surrogates too.
    | st.text(st.characters(), max_size=60)
)
TEXTS = _SHORT_TEXTS | st.builds(
    lambda piece, size: (piece * 2000)[:size],
    _SHORT_TEXTS,
    st.sampled_from((128, 129, 300, 1023, 1024, 2000)),
)


def words(text: str, between: str = " ") -> list[str]:
    """The words of a text."""
    return text.split(between)


def in_quotes(*names: str) -> list[bytes]:
    """Names as JSON has them."""
    return [json.dumps(name).encode() for name in names]


def files(folder: str) -> list[bytes]:
    """The contents of all files below a folder of the examples."""
    return [path.read_bytes() for path in sorted((EXAMPLES / folder).rglob("*")) if path.is_file()]


def json_documents(
    names: Sequence[str], values: Sequence[object], wholes: Sequence[bytes] = ()
) -> st.SearchStrategy[bytes]:
    """Documents of JSON in which such names and values occur; parts of them are JSON or base64 as text.

    ``wholes`` are documents that are changed in a few places; those among them that are no JSON are left out.
    """
    leaves = (
        st.sampled_from(values)
        | TEXTS
        | st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.just(10**400)
    )

    def larger(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        objects = st.dictionaries(st.sampled_from(names) | _SHORT_TEXTS, inner, max_size=6)
        return st.lists(inner, max_size=4) | objects | objects.map(json.dumps) | objects.map(in_base64)

    some = st.recursive(leaves, larger, max_leaves=12)
    documents = larger(some) | _changed(list(_values(wholes)), some) if wholes else larger(some)
    return st.builds(
        lambda document, ascii_only: json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "replace"),
        documents,
        st.booleans(),
    )


def _values(documents: Iterable[bytes]) -> Iterator[object]:
    for document in documents:
        with suppress(ValueError):
            yield json.loads(document)


@st.composite
def _changed(draw: st.DrawFn, wholes: Sequence[object], others: st.SearchStrategy[object]) -> object:
    """A value with up to three of those in it replaced by others."""

    def replaced(value: object) -> object:
        if isinstance(value, dict) and value and draw(st.integers(0, 9)):
            name = draw(st.sampled_from(sorted(value)))
            return {**value, name: replaced(value[name])}
        if isinstance(value, list) and value and draw(st.integers(0, 9)):
            at = draw(st.integers(0, len(value) - 1))
            return [*value[:at], replaced(value[at]), *value[at + 1 :]]
        return draw(others)

    document = draw(st.sampled_from(wholes))
    for _ in range(draw(st.integers(0, 3))):
        document = replaced(document)
    return document


def in_base64(value: object) -> str:
    """A value as JSON in base64."""
    return base64.b64encode(json.dumps(value).encode()).decode()


class Bytes(NamedTuple):
    """Bytes that make sense, and pieces of such."""

    wholes: Sequence[bytes]
    pieces: Sequence[bytes]


def kept(promise: str) -> list[bytes]:
    """What the search by coverage has kept for a promise."""
    return [path.read_bytes() for path in sorted((CORPUS / promise).glob("*"))]


def altered(data: Bytes) -> st.SearchStrategy[bytes]:
    """Some bytes with up to four places replaced, by pieces or by any bytes; pieces joined; or any bytes."""
    wholes, pieces = data
    piece = st.sampled_from(pieces) | st.binary(max_size=16)
    edits = st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 16), piece), max_size=4)
    return (
        st.builds(_edited, st.sampled_from(wholes), edits)
        | st.lists(piece, max_size=30).map(b"".join)
        | st.binary(max_size=2000)
    )


def _edited(data: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    for place, length, piece in edits:
        start = place % (len(data) + 1)
        data = data[:start] + piece + data[start + length :]
    return data
