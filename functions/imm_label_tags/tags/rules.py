"""A user's own vocabulary: which tag with which value a video gets for what IMM found in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from imm_label_tags.results.labels import Label
from imm_label_tags.tags.charset import MAX_KEY_BYTES, MAX_VALUE_BYTES, is_legal

ANYTHING = "*"
_FIELDS = frozenset({"labels", "minimum"})
# IMM documents LabelAlias as one text and does not say how it names several aliases.
_BETWEEN_ALIASES = re.compile(r"[,;，；、|]")
_SPACES = re.compile(r"\s+")


class Match(NamedTuple):
    """When a value holds: one of ``labels`` was found with at least ``minimum``; None is "*", always.

    ``minimum`` is None where the function's own minimum applies.
    """

    labels: frozenset[str] | None
    minimum: float | None = None


class TagRule(NamedTuple):
    """One tag: ``name`` without the namespace, and its values in the order in which they are tried."""

    name: str
    values: tuple[tuple[str, Match], ...]


class TagRules(NamedTuple):
    """The rules in the order of their file."""

    rules: tuple[TagRule, ...] = ()

    @classmethod
    def read(cls, content: object, namespace: str) -> TagRules:
        """Read the object of a rule file: tag, value, labels.

        For example ``{"content": {"advert": ["广告"], "sports": {"labels": ["足球"], "minimum": 0.8},
        "other": "*"}}``.
        Raises ValueError, whose message says what is allowed, and where something else stands.
        """
        if not isinstance(content, dict) or not content:
            raise ValueError('a JSON object such as {"content": {"advert": ["广告"], "other": "*"}}')
        return cls(tuple(_rule(name, values, namespace) for name, values in content.items()))

    @property
    def names(self) -> frozenset[str]:
        """The tags' names; no label may have one of them, whether its rule matches or not."""
        return frozenset(rule.name for rule in self.rules)

    def apply(self, labels: Iterable[Label], minimum: float) -> Iterator[tuple[str, str]]:
        """Name and value of each tag that the labels lead to, in the rules' order.

        A label counts where its confidence is at least that of the value, or else ``minimum``. It counts
        under its name, its aliases and its parent; capitals, width and white space make no difference.
        """
        confidences = confidences_of(labels) if self.rules else {}
        for rule in self.rules:
            for value, match in rule.values:
                if match.labels is None or any(
                    confidences.get(label, -1.0) >= (minimum if match.minimum is None else match.minimum)
                    for label in match.labels
                ):
                    yield rule.name, value
                    break


NO_RULES = TagRules()


def confidences_of(labels: Iterable[Label]) -> Mapping[str, float]:
    """The best confidence of each name that rules can ask for: folded names, aliases and parents."""
    best: dict[str, float] = {}
    for label in labels:
        for name in (label.name, label.parent, label.alias, *_BETWEEN_ALIASES.split(label.alias)):
            folded = _fold(name)
            if folded and label.confidence > best.get(folded, -1.0):
                best[folded] = label.confidence
    return best


def _rule(name: str, values: object, namespace: str) -> TagRule:
    where = f"(see {name!a})"
    if not name.strip() or name != name.strip() or not is_legal(name):
        raise ValueError(f"names of tags out of A-Za-z0-9, spaces and + - = . _ : / {where}")
    if len(f"{namespace}_{name}") > MAX_KEY_BYTES:
        raise ValueError(
            f"names of tags that with {namespace}_ have at most {MAX_KEY_BYTES} characters {where}"
        )
    if not isinstance(values, dict) or not values:
        raise ValueError(f'for each tag an object such as {{"advert": ["广告"], "other": "*"}} {where}')
    read = tuple((_value(name, value), _match(name, value, match)) for value, match in values.items())
    if any(match.labels is None for _, match in read[:-1]):
        raise ValueError(f'"*" for the last value of a tag only: nothing behind it ever matches {where}')
    return TagRule(name, read)


def _value(name: str, value: str) -> str:
    if not is_legal(value) or len(value) > MAX_VALUE_BYTES:
        raise ValueError(
            f"values of at most {MAX_VALUE_BYTES} characters out of A-Za-z0-9, spaces and + - = . _ : / "
            f"(see {value!a} of {name!a})"
        )
    return value


def _match(name: str, value: str, match: object) -> Match:
    where = f"(see {value!a} of {name!a})"
    if match == ANYTHING:
        return Match(None)
    minimum: object = None
    labels: object = match
    if isinstance(match, dict):
        if not match.keys() <= _FIELDS:
            raise ValueError(f'no other fields than "labels" and "minimum" {where}')
        labels, minimum = match.get("labels"), match.get("minimum")
        if "minimum" in match and not _is_fraction(minimum):
            raise ValueError(f'a "minimum" from 0 to 1 {where}')
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise ValueError(f'a list of labels, {{"labels": [...], "minimum": 0.8}} or "*" {where}')
    folded = frozenset(_fold(label) for label in labels)
    if "" in folded:
        raise ValueError(f"labels that are not empty {where}")
    if ANYTHING in folded:
        raise ValueError(f'"*" alone instead of a list {where}')
    return Match(folded, None if minimum is None else float(str(minimum)))


def _is_fraction(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _fold(text: str) -> str:
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text[:LONGEST_NAME]).strip()).casefold()


# The time that normalising takes can grow with the square of the length, and no label is so long.
LONGEST_NAME = 512
