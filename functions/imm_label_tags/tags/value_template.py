"""The template of a label tag's value."""

from __future__ import annotations

import re
from collections.abc import Callable

from imm_label_tags.results.labels import Label
from imm_label_tags.tags.charset import MAX_VALUE_BYTES, is_legal, shorten
from imm_label_tags.tags.naming import Naming, encode

_PIECE = re.compile(r"\{([^{}]*)\}|([^{}]+)")

_FIELDS: dict[str, Callable[[Label, Naming], str]] = {
    # Two fixed decimals, so that OSS search can compare values with gte.
    "confidence": lambda label, naming: f"{label.confidence:.2f}",
    "level": lambda label, naming: str(label.level) if label.level else "",
    "label": lambda label, naming: _written(label.name, naming),
    "parent": lambda label, naming: _written(label.parent, naming),
    "alias": lambda label, naming: _written(label.alias, naming),
    "language": lambda label, naming: _written(label.language, naming),
    "label_base64": lambda label, naming: encode(label.name),
}


class ValueTemplate:
    """Literal text and fields in braces, for example ``{confidence}`` or ``{level}/{label_base64}``."""

    ALLOWED = (
        "text of A-Za-z0-9, spaces and + - = . _ : / with the fields "
        + ", ".join(f"{{{name}}}" for name in _FIELDS)
        + f", at most {MAX_VALUE_BYTES} characters"
    )

    def __init__(self, text: str) -> None:
        """Read a template; raises ValueError where it is not as ALLOWED says."""
        self._pieces: list[tuple[str | None, str]] = []
        position = 0
        for match in _PIECE.finditer(text):
            field, literal = match[1], match[2]
            if match.start() != position or (field is not None and field not in _FIELDS):
                raise ValueError(text)
            self._pieces.append((field, literal or ""))
            position = match.end()
        literals = "".join(literal for _, literal in self._pieces)
        if position != len(text) or not is_legal(literals) or len(literals) > MAX_VALUE_BYTES:
            raise ValueError(text)

    @property
    def fixed(self) -> bool:
        """Whether every label gets the same value."""
        return all(field is None for field, _ in self._pieces)

    def render(self, label: Label, naming: Naming) -> str:
        """The value of a label's tag, cut where it is longer than OSS allows."""
        value = "".join(
            literal if field is None else _FIELDS[field](label, naming) for field, literal in self._pieces
        )
        return shorten(value, MAX_VALUE_BYTES, value)


def _written(text: str, naming: Naming) -> str:
    return naming.write(text) if text.strip() else ""
