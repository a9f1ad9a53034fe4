"""How what an output cannot show is written: as JSON writes it, so that JSON stays what it is."""

from __future__ import annotations

import codecs

# The name of the error handler.
ESCAPE = "json-escape"


def escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what an output cannot show as ``\uXXXX``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (text[place : place + 2].hex() for place in range(0, len(text), 2))
    return "".join(rf"\u{unit}" for unit in units), error.end


codecs.register_error(ESCAPE, escape)
