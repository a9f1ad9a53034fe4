"""What a report adds up to."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cli.report.reading import Gone, Read, Skipped, Unread
from cli.report.standing import Standing, State

# So many objects of each kind are named in the report itself; --csv has all of them.
NAMED = 100


class Totals:
    """Counts of one report. ``compares`` says whether there is an archive to compare with at all."""

    def __init__(self, bucket: str, prefix: str, *, compares: bool) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.compares = compares
        self.states: Counter[State] = Counter()
        self.labels: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.differs = 0
        self.not_compared = 0
        self.retryable = 0
        self.named: dict[str, list[str]] = {}
        self.messages: dict[str, str] = {}

    @property
    def objects(self) -> int:
        """The videos that were read."""
        return sum(self.states.values())

    @property
    def failed(self) -> int:
        """The videos that could not be read."""
        return sum(self.errors.values())

    def add(self, read: Read) -> None:
        """Count one object."""
        if isinstance(read, Standing):
            self._add_standing(read)
        elif isinstance(read, Skipped):
            self.skipped[read.reason] += 1
        elif isinstance(read, Unread):
            self.errors[read.error] += 1
            self.retryable += read.retryable
            self.messages.setdefault(read.error, read.message)
        else:
            assert isinstance(read, Gone)

    def document(self) -> dict[str, Any]:
        """The counts as other programs have them; ``differs`` is null where there is no archive."""
        return {
            "bucket": self.bucket,
            "prefix": self.prefix,
            "objects": self.objects,
            **{state.value: self.states[state] for state in State},
            "differs": self.differs if self.compares else None,
            "not_compared": self.not_compared,
            "labels": dict(self.labels.most_common()),
            "rules": dict(self.rules.most_common()),
            "skipped": dict(self.skipped),
            "failed": self.failed,
        }

    def _add_standing(self, standing: Standing) -> None:
        self.states[standing.state] += 1
        self.labels.update(standing.labels)
        self.rules.update(standing.rules)
        if standing.state is not State.TAGGED:
            self._name(standing.state.value, standing)
        if standing.differs:
            self.differs += 1
            self._name("differs", standing)
        elif standing.differs is None and standing.state is State.TAGGED:
            self.not_compared += 1

    def _name(self, kind: str, standing: Standing) -> None:
        names = self.named.setdefault(kind, [])
        if len(names) < NAMED:
            names.append(standing.target.uri)
