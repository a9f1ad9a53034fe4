"""What a report adds up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cli.report.reading import Read, Skipped, Unread
from cli.report.standing import Standing, State

# So many objects of each kind are named in the report itself; --csv has all of them.
NAMED = 100
DIFFERS = "differs"
# What is said of a kind of videos.
SAID = {
    State.TAGGED.value: "tagged",
    DIFFERS: "tagged under other settings than today's",
    State.NOT_ANALYSED.value: "not analysed: no tag of ours",
    State.STALE.value: "uploaded after their task had started",
    State.FULL.value: "without room: ten tags of others",
}


@dataclass
class Totals:
    """Counts of one report. ``compares`` says whether there is an archive to compare with at all."""

    bucket: str
    prefix: str
    compares: bool
    states: Counter[State] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    differs: int = 0
    not_compared: int = 0
    retryable: int = 0
    named: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What was counted."""
        return f"oss://{self.bucket}/{self.prefix}"

    @property
    def objects(self) -> int:
        """The videos that were read."""
        return self.states.total()

    @property
    def failed(self) -> int:
        """The videos that could not be read."""
        return self.errors.total()

    def add(self, read: Read) -> None:
        """Count one object; one that is gone does not count."""
        if isinstance(read, Standing):
            self._add_standing(read)
        elif isinstance(read, Skipped):
            self.skipped[read.reason] += 1
        elif isinstance(read, Unread):
            self.errors[read.failure.error] += 1
            self.retryable += read.failure.retryable
            self.messages.setdefault(read.failure.error, read.failure.message)

    def document(self) -> dict[str, Any]:
        """The counts as other programs have them; ``differs`` is null where there is no archive."""
        return {
            "bucket": self.bucket,
            "prefix": self.prefix,
            "objects": self.objects,
            **{state.value: self.states[state] for state in State},
            DIFFERS: self.differs if self.compares else None,
            "not_compared": self.not_compared,
            "labels": dict(self.labels.most_common()),
            "rules": dict(self.rules.most_common()),
            "skipped": dict(self.skipped),
            "failed": self.failed,
        }

    def lines(self) -> Iterator[tuple[int | None, str]]:
        """The counts as persons read them, each with what it counts; None where it is not known."""
        document = self.document()
        for kind, said in SAID.items():
            yield document[kind], said
            if kind == DIFFERS and self.compares and self.not_compared:
                yield self.not_compared, "tagged, without an archived result to compare with"
        for reason, count in self.skipped.items():
            yield count, f"left out: {reason}"
        if self.failed:
            yield self.failed, "could not be read"

    def _add_standing(self, standing: Standing) -> None:
        self.states[standing.state] += 1
        self.labels.update(standing.labels)
        self.rules.update(standing.rules)
        if standing.state is not State.TAGGED:
            self._name(standing.state.value, standing)
        if standing.differs:
            self.differs += 1
            self._name(DIFFERS, standing)
        elif standing.differs is None and standing.state is State.TAGGED:
            self.not_compared += 1

    def _name(self, kind: str, standing: Standing) -> None:
        names = self.named.setdefault(kind, [])
        if len(names) < NAMED:
            names.append(standing.target.uri)
