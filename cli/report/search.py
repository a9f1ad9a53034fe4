"""Finds the videos that have a label's tag, or a rule's: by MetaQuery where the bucket has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cli.report.reading import Read, Unread
from cli.report.standing import Standing
from imm_label_tags.results.labels import Label
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tags.plan import TagScheme


@dataclass(frozen=True)
class Wanted:
    """Tags that an object must have, all of them; a value is None where any will do."""

    tags: Mapping[str, str | None]

    @classmethod
    def of(cls, scheme: TagScheme, labels: Iterable[str], rules: Iterable[tuple[str, str]]) -> Wanted:
        """The tags of labels, by IMM's name or the tag's, and of rules, as the settings write them."""
        wanted: dict[str, str | None] = {}
        for name in labels:
            fixed = scheme.value.fixed
            value = scheme.value.render(Label(name, 0.0), scheme.naming) if fixed else None
            wanted[scheme.key(scheme.naming.write(name), name)] = value
        for name, value in rules:
            wanted[scheme.key(name, name)] = value
        return cls(wanted)

    def values(self) -> Mapping[str, str] | None:
        """Key and value of each; None where a value is open, for which an index cannot be asked."""
        known = {key: value for key, value in self.tags.items() if value is not None}
        return known if len(known) == len(self.tags) else None

    def are_in(self, tags: Mapping[str, str]) -> bool:
        """Whether a tag set has them all."""
        return all(key in tags and value in (None, tags[key]) for key, value in self.tags.items())


def by_reading(
    wanted: Wanted, reads: Iterable[Read], failed: Callable[[Unread], None]
) -> Iterator[TargetObject]:
    """The videos among what is read that have the tags; ``failed`` is told of those that cannot be read."""
    for read in reads:
        if isinstance(read, Unread):
            failed(read)
        elif isinstance(read, Standing) and wanted.are_in(read.tags):
            yield read.target
