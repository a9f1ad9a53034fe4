"""Records by the class of their error, and what the messages of each class have in common."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from cli.failed.store import Kept, Record
from imm_label_tags.text import escape_unprintable

UNREADABLE = "(unreadable)"
LONGEST = 200
_REMEMBERED = 500
_URI = re.compile(r"oss://[^\s,;()]+")
# A word with a digit in it is an id or a time; what is short may be a status such as 503.
_ID = re.compile(r"(?<![^\s,;()])(?=[^\s,;()]*\d)[^\s,;()]{5,}?(?=[.:]?(?:[\s,;()]|$))")


def form_of(message: str) -> str:
    """A message on one line, without what is particular to one case: tasks, objects, times."""
    text = " ".join(message[: 10 * LONGEST].split())
    return beginning(_ID.sub("…", _URI.sub("oss://…", text)), LONGEST)


def beginning(text: str, length: int) -> str:
    """The beginning of a text on one line, with nothing in it that a terminal obeys."""
    text = escape_unprintable(" ".join(text.split()))
    return text if len(text) <= length else text[: length - 1] + "…"


@dataclass
class Group:
    """The records of one error class.

    ``retryable`` says whether a retry may help; None where that is not known or not the same for all.
    ``forms`` counts the forms of its messages, in bounded memory: of very many the rare ones are forgotten
    (Misra and Gries, "Finding repeated elements", 1982).
    """

    error: str
    retryable: bool | None
    oldest: datetime
    newest: datetime
    count: int = 0
    forms: Counter[str] = field(default_factory=Counter)

    def add(self, moment: datetime, retryable: bool | None, message: str) -> None:
        """Count a record."""
        self.count += 1
        self.oldest = min(self.oldest, moment)
        self.newest = max(self.newest, moment)
        self.retryable = retryable if retryable == self.retryable else None
        form = form_of(message)
        if form in self.forms or len(self.forms) < _REMEMBERED:
            self.forms[form] += 1
        else:
            self.forms = Counter({form: count - 1 for form, count in self.forms.items() if count > 1})

    @property
    def message(self) -> str:
        """The most frequent form; of several the first."""
        return max(self.forms, key=self.forms.__getitem__, default="")


class Groups:
    """All groups of some records."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    @property
    def count(self) -> int:
        """The number of records."""
        return sum(group.count for group in self._groups.values())

    @property
    def greatest_first(self) -> list[Group]:
        """The groups in the order in which they are shown."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.error))

    def add_kept(self, kept: Kept) -> None:
        """Count a record; those that cannot be read are a group of their own."""
        if isinstance(kept, Record):
            failed = kept.failed
            self.add(failed.error, kept.moment, failed.retryable, failed.message)
        else:
            self.add(UNREADABLE, kept.moment, None, kept.reason)

    def add(self, error: str, moment: datetime, retryable: bool | None, message: str) -> None:
        """Count what failed with an error."""
        group = self._groups.setdefault(error, Group(error, retryable, moment, moment))
        group.add(moment, retryable, message)
