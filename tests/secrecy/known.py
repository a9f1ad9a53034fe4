"""The secrets that a run of the tests has used, and the search for them in any text."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

ACCESS_KEY_ID = "access key id"
ACCESS_KEY_SECRET = "access key secret"
SECURITY_TOKEN = "security token"
SIGNATURE = "signature"

# Whoever writes a key of a few letters into a test, or a signature of zeros, means no secret.
SHORTEST = 14
_FEWEST_DIFFERENT = 8
# A text is looked at in steps, a few characters at each: wherever a secret begins, one step falls so near its
# beginning that these characters are among the first of the secret.
_GLANCE = 8
_STEP = SHORTEST - _GLANCE + 1
_EXCERPT = 60
# pytest shows the middle of a long text as three dots.
_SHORTEST_HALF = 6
_ABBREVIATED = re.compile(rf"([\w~+/=%-]{{{_SHORTEST_HALF},}})\.\.\.([\w~+/=%-]{{{_SHORTEST_HALF},}})")
# What has the form of a secret is one also where nobody has seen it used, such as in another process.
_BY_FORM = (
    (ACCESS_KEY_ID, "STS.NT", re.compile(r"(?<![A-Za-z0-9])STS\.NT[A-Za-z0-9]{20,}")),
    (SECURITY_TOKEN, "CAIS", re.compile(r"(?<![A-Za-z0-9])CAIS[A-Za-z0-9_+/=-]{100,}")),
    (SIGNATURE, "ignature=", re.compile(r"(?<=ignature=)[0-9A-Fa-f]{40,}")),
)


@dataclass(frozen=True)
class Found:
    """One place in a text that holds a secret."""

    kind: str
    start: int
    end: int


class KnownSecrets:
    """Every secret that has been used so far; they may be added from any thread."""

    def __init__(self, secrets: Iterable[tuple[str, str]] = ()) -> None:
        self._secrets: set[str] = set()
        self._kinds: dict[str, str] = {}
        # A text is read once, however many secrets there are.
        self._by_glance: dict[str, list[tuple[str, int]]] = {}
        self._by_half: dict[str, list[str]] = {}
        for kind, secret in secrets:
            self.add(kind, secret)

    def add(self, kind: str, secret: str | None) -> None:
        """Know another secret, in each form in which it could be written."""
        if secret is None or secret in self._secrets:
            return
        if len(secret) < SHORTEST or len(set(secret)) < _FEWEST_DIFFERENT:
            return
        self._secrets.add(secret)
        for form in _forms(kind, secret):
            self._kinds.setdefault(form, kind)
            for offset in range(_STEP):
                self._by_glance.setdefault(form[offset : offset + _GLANCE], []).append((form, offset))
            self._by_half.setdefault(form[:_SHORTEST_HALF], []).append(form)

    def find(self, text: str) -> list[Found]:
        """Where the text holds secrets, from its beginning to its end; places do not overlap."""
        places = sorted(self._places(text), key=lambda place: (place.start, -place.end))
        found: list[Found] = []
        for place in places:
            if not found or place.start >= found[-1].end:
                found.append(place)
        return found

    def redact(self, text: str) -> str:
        """The text with the kind of each secret in its place."""
        parts, position = [], 0
        for place in self.find(text):
            parts += [text[position : place.start], f"[{place.kind}]"]
            position = place.end
        return "".join([*parts, text[position:]])

    def excerpt(self, text: str, place: Found) -> str:
        """What surrounds a secret, on one line and without any secret."""
        before, after = text[: place.start], text[place.end :]
        hidden = self.redact(before)[-_EXCERPT:] + f"[{place.kind}]" + self.redact(after)[:_EXCERPT]
        return " ".join(hidden.split())

    def _places(self, text: str) -> Iterator[Found]:
        yield from self._known(text)
        yield from self._abbreviated(text)
        for kind, beginning, pattern in _BY_FORM:
            if beginning in text:
                for match in pattern.finditer(text):
                    yield Found(kind, match.start(), match.end())

    def _known(self, text: str) -> Iterator[Found]:
        by_glance = self._by_glance
        for position in range(0, len(text) - _GLANCE + 1, _STEP):
            glance = text[position : position + _GLANCE]
            if glance not in by_glance:
                continue
            for form, offset in by_glance[glance]:
                start = position - offset
                if start >= 0 and text.startswith(form, start):
                    yield Found(self._kinds[form], start, start + len(form))

    def _abbreviated(self, text: str) -> Iterator[Found]:
        for match in _ABBREVIATED.finditer(text) if "..." in text else ():
            for form in self._by_half.get(match[1][:_SHORTEST_HALF], ()):
                if form.startswith(match[1]) and form.endswith(match[2]):
                    yield Found(self._kinds[form], match.start(), match.end())


def _forms(kind: str, secret: str) -> set[str]:
    forms = {secret, quote(secret, safe="")}
    if kind != SIGNATURE:
        # Within a longer text in base64, a secret starts at one of three places in a group.
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
            forms.add(encoded[0 if shift == 0 else shift + 1 : -1])
    return {form for form in forms if len(form) >= SHORTEST}
