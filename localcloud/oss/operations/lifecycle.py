"""Lifecycle rules of a bucket: which objects each is about, and what is due for an object.

Sources: help.aliyun.com, PutBucketLifecycle, "Lifecycle rules based on the last modified time" and the pages
of the EC numbers 0014-000000xx; the codes of the errors are those that the vendor's live tests expect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import combinations, pairwise, product
from uuid import uuid4
from xml.etree.ElementTree import Element

from localcloud.oss.protocol import documents
from localcloud.oss.protocol.errors import OssError, invalid_argument, malformed_xml, not_implemented_here
from localcloud.oss.protocol.request import whole_number
from localcloud.oss.storage.objects import ObjectInfo
from localcloud.oss.storage.storage_classes import STANDARD, STORAGE_CLASSES, coldness
from localcloud.oss.storage.tags import Tag, TagRules, TagSet

ALLOW_OVERLAP = "x-oss-allow-same-action-overlap"
MAX_RULES = 1000
MAX_ID_BYTES = 255

EXPIRATION = "Expiration"
TRANSITION = "Transition"
ABORT = "AbortMultipartUpload"

_ENDLESS_DAYS = 10**8
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T00:00:00\.000Z")
# About older versions and delete markers, of which a bucket of the local cloud has none: they are kept and do
# nothing.
_OF_NO_EFFECT = ("NoncurrentVersionExpiration", "NoncurrentVersionTransition")
_ACTIONS = (EXPIRATION, TRANSITION, ABORT, *_OF_NO_EFFECT)
_IN_A_RULE = {"ID", "Prefix", "Status", "Tag", "Filter", "AtimeBase", *_ACTIONS}


@dataclass(frozen=True)
class Action:
    """What happens to an object, which is deleted or moved to ``storage_class``, or to an upload: it ends.

    It is due ``days`` after the last modification (of an upload: its beginning), or for what is from before a
    date.
    """

    kind: str
    days: int | None
    before: datetime | None
    storage_class: str = ""

    def is_due(self, modified: datetime, now: datetime) -> bool:
        """Whether it may be done to an object of that Last-Modified."""
        if self.days is not None:
            return now >= modified + timedelta(days=self.days)
        return self.before is not None and modified < self.before


@dataclass(frozen=True)
class Spared:
    """Objects that a rule spares: those below a prefix, and with a tag if one is named."""

    prefix: str
    tag: Tag | None

    def is_about(self, info: ObjectInfo) -> bool:
        """Whether an object is one of them."""
        return info.key.startswith(self.prefix) and (self.tag is None or self.tag in info.tags)


@dataclass(frozen=True)
class Rule:
    """One rule. An object has to have the prefix and every tag, key and value exactly."""

    rule_id: str
    prefix: str
    enabled: bool
    tags: TagSet
    spared: tuple[Spared, ...]
    larger_than: int | None
    smaller_than: int | None
    actions: tuple[Action, ...]
    abortion: Action | None
    source: Element

    def aborts(self, key: str, initiated: datetime, now: datetime) -> bool:
        """Whether an upload of that object is to end."""
        if self.abortion is None or not (self.enabled and key.startswith(self.prefix)):
            return False
        return self.abortion.is_due(initiated, now)

    def is_about(self, info: ObjectInfo) -> bool:
        """Whether an object is one of those that the rule is about."""
        if not (self.enabled and info.key.startswith(self.prefix) and set(self.tags) <= set(info.tags)):
            return False
        if self.larger_than is not None and info.size <= self.larger_than:
            return False
        if self.smaller_than is not None and info.size >= self.smaller_than:
            return False
        return not any(one.is_about(info) for one in self.spared)


@dataclass(frozen=True)
class Lifecycle:
    """The rules of a bucket, in their order."""

    rules: tuple[Rule, ...]

    def due(self, info: ObjectInfo, now: datetime) -> tuple[Action, Rule] | None:
        """What is to be done to an object now: of several actions the deletion, else the coldest class."""
        due = [
            (action, rule)
            for rule in self.rules
            if rule.is_about(info)
            for action in rule.actions
            if action.is_due(info.last_modified, now)
            and (action.kind == EXPIRATION or coldness(action.storage_class) > coldness(info.storage_class))
        ]
        return max(due, key=lambda found: _rank(found[0]), default=None)

    def aborting(self, key: str, initiated: datetime, now: datetime) -> Rule | None:
        """The rule by which an upload of an object is to be aborted now, if there is one."""
        return next((rule for rule in self.rules if rule.aborts(key, initiated, now)), None)

    def document(self) -> bytes:
        """The body of GetBucketLifecycle."""
        return documents.write("LifecycleConfiguration", [_node(rule.source) for rule in self.rules])


def read_lifecycle(body: bytes, tag_rules: TagRules, *, allow_overlap: bool = False) -> Lifecycle:
    """The rules of a ``<LifecycleConfiguration>``; raises OssError for what OSS refuses."""
    root = documents.read(body, "LifecycleConfiguration")
    if len(root) == 0 or any(child.tag != "Rule" for child in root):
        raise malformed_xml("a LifecycleConfiguration has one Rule or more, and nothing else")
    rules = tuple(_rule(element, tag_rules) for element in root)
    if len(rules) > MAX_RULES:
        raise _invalid("Rule", str(len(rules)), f"A bucket has at most {MAX_RULES} lifecycle rules.")
    if len({rule.rule_id for rule in rules}) < len(rules):
        raise _invalid("ID", "", "The ID of each lifecycle rule must be unique.")
    for first, second in combinations(rules, 2):
        _check_together(first, second, allow_overlap)
    return Lifecycle(rules)


def _rule(element: Element, tag_rules: TagRules) -> Rule:
    for child in element:
        if child.tag not in _IN_A_RULE:
            raise malformed_xml(f"a Rule has no {child.tag}", "0014-00000003")
    status = _text(element, "Status")
    if status not in ("Enabled", "Disabled"):
        raise malformed_xml("the Status of a Rule is Enabled or Disabled")
    if len(element.findall("Prefix")) > 1:
        raise malformed_xml("a Rule has one Prefix", "0014-00000010")
    tags = _tags(element.findall("Tag"), tag_rules)
    if tags and element.find(ABORT) is not None:
        raise _invalid("Tag", "", f"{ABORT} cannot be specified with Tag.", "0014-00000027")
    actions = tuple(_actions(element, bool(tags)))
    if all(element.find(name) is None for name in _ACTIONS):
        raise malformed_xml("a Rule has a Transition or an Expiration", "0014-00000026")
    _check_order(actions)
    larger_than, smaller_than, spared = _filter(element.find("Filter"))
    return Rule(
        rule_id=_named(element),
        prefix=_text(element, "Prefix"),
        enabled=status == "Enabled",
        tags=tags,
        spared=spared,
        larger_than=larger_than,
        smaller_than=smaller_than,
        actions=actions,
        abortion=_abortion(element.find(ABORT)),
        source=element,
    )


def _named(element: Element) -> str:
    found = element.find("ID")
    if found is None:
        found = Element("ID")
        element.insert(0, found)
    if not found.text:
        # OSS makes up an ID for a rule without one.
        found.text = str(uuid4())
    if len(found.text.encode()) > MAX_ID_BYTES:
        raise _invalid("ID", found.text, f"The ID of a lifecycle rule has at most {MAX_ID_BYTES} bytes.")
    return found.text


def _tags(elements: Sequence[Element], tag_rules: TagRules) -> TagSet:
    """The tags of a rule. More or longer ones than an object can have are taken and match nothing."""
    tags = []
    for element in elements:
        key, value = element.find("Key"), element.find("Value")
        if key is None or value is None:
            raise malformed_xml("a Tag has a Key and a Value", "0014-00000028")
        if not key.text:
            raise _invalid("Tag", "", "The Key of a Tag cannot be empty.", "0014-00000030")
        for text, ec in ((key.text, "0014-00000031"), (value.text or "", "0014-00000032")):
            if not tag_rules.is_legal_text(text):
                raise _invalid("Tag", text, "The Tag has a character that is not valid.", ec)
        tags.append(Tag(key.text, value.text or ""))
    if len({tag.key for tag in tags}) < len(tags):
        raise _invalid("Tag", "", "The Keys of the Tags of a rule must be unique.", "0014-00000029")
    return tuple(tags)


def _actions(element: Element, with_tags: bool) -> Iterator[Action]:
    expirations = element.findall(EXPIRATION)
    if len(expirations) > 1:
        raise malformed_xml("a Rule has one Expiration at most")
    for expiration in expirations:
        yield from _expiration(expiration, with_tags)
    for transition in element.findall(TRANSITION):
        yield _transition(transition)


def _abortion(element: Element | None) -> Action | None:
    if element is None:
        return None
    days, before = _age(element, ABORT)
    if days is None and before is None:
        raise malformed_xml(f"an {ABORT} has Days or a CreatedBeforeDate")
    return Action(ABORT, days, before)


def _expiration(element: Element, with_tags: bool) -> Iterator[Action]:
    if _text(element, "Date"):
        # What CreatedBeforeDate was called at first; the older SDK still sends it.
        yield Action(EXPIRATION, None, _date(_text(element, "Date")))
        return
    days, before = _age(element, EXPIRATION)
    if _text(element, "ExpiredObjectDeleteMarker") == "true":
        if with_tags:
            message = "ExpiredObjectDeleteMarker cannot be specified with Tag."
            raise _invalid("Tag", "", message, "0014-00000027")
        if days is not None or before is not None:
            message = "ExpiredObjectDeleteMarker cannot be specified with Days or CreatedBeforeDate."
            raise _invalid(EXPIRATION, "", message)
        return
    if days is None and before is None:
        raise malformed_xml("an Expiration has Days or a CreatedBeforeDate", "0014-00000060")
    yield Action(EXPIRATION, days, before)


def _transition(element: Element) -> Action:
    if _text(element, "IsAccessTime") == "true":
        raise not_implemented_here("lifecycle rules by the time of the last access")
    days, before = _age(element, TRANSITION)
    if days is None and before is None:
        raise malformed_xml("a Transition has Days or a CreatedBeforeDate")
    storage_class = _text(element, "StorageClass")
    if storage_class not in STORAGE_CLASSES or storage_class == STANDARD:
        raise _invalid("StorageClass", storage_class, "Objects cannot be moved to this storage class.")
    return Action(TRANSITION, days, before, storage_class)


def _age(element: Element, kind: str) -> tuple[int | None, datetime | None]:
    days, before = _text(element, "Days"), _text(element, "CreatedBeforeDate")
    if days and before:
        ec = "0014-00000050" if kind == TRANSITION else ""
        raise _invalid(kind, "", "Days and CreatedBeforeDate exclude each other.", ec)
    if before:
        return None, _date(before)
    if not days:
        return None, None
    number = whole_number(days)
    if number is None or not 0 < number < _ENDLESS_DAYS:
        raise _invalid("Days", days, "Days must be a positive integer.")
    return number, None


def _date(text: str) -> datetime:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        message = "The date must be midnight in UTC, as yyyy-MM-ddT00:00:00.000Z."
        raise _invalid("CreatedBeforeDate", text, message) from None


def _filter(element: Element | None) -> tuple[int | None, int | None, tuple[Spared, ...]]:
    if element is None:
        return None, None, ()
    limits = [_size(element, name) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan")]
    larger_than, smaller_than = limits
    if larger_than is not None and smaller_than is not None and larger_than >= smaller_than:
        message = "ObjectSizeGreaterThan must be less than ObjectSizeLessThan."
        raise _invalid("Filter", "", message, "0014-00000041")
    spared = []
    for one in element.findall("Not"):
        tag = one.find("Tag")
        found = None if tag is None else Tag(_text(tag, "Key"), _text(tag, "Value"))
        spared.append(Spared(_text(one, "Prefix"), found))
    return larger_than, smaller_than, tuple(spared)


def _size(element: Element, name: str) -> int | None:
    text = _text(element, name)
    if not text:
        return None
    size = whole_number(text)
    if size is None:
        ec = "0014-00000039" if name == "ObjectSizeGreaterThan" else ""
        raise _invalid(name, text, f"{name} must be an integer.", ec)
    return size


def _check_order(actions: Sequence[Action]) -> None:
    """The colder a class, the later an object comes to it, and last of all it is deleted."""
    if len({action.days is None for action in actions}) > 1:
        message = "Days and CreatedBeforeDate cannot both be used in a rule."
        raise OssError(400, "InvalidRequest", message, "")
    by_days = sorted((action for action in actions if action.days is not None), key=_rank)
    for earlier, later in pairwise(by_days):
        if (earlier.days or 0) >= (later.days or 0):
            message = "A colder storage class, and the deletion after all, must come later."
            raise _invalid("Days", str(later.days), message, "0014-00000082")


def _check_together(first: Rule, second: Rule, allow_overlap: bool) -> None:
    """Refuse two rules that an object may be about both, unless the request allows it.

    Rules for different tags are two matters; OSS's reading of one without tags beside one with tags is not
    documented, and the stricter is taken.
    """
    if allow_overlap or (first.tags and second.tags and set(first.tags) != set(second.tags)):
        return
    if first.prefix == second.prefix and first.tags == second.tags:
        # As a user of OSS was told: argoproj/argo-workflows #12926.
        message = "Found same prefix in different rules"
        raise OssError(400, "InvalidRequest", message, "0014-00000085")
    if not (first.prefix.startswith(second.prefix) or second.prefix.startswith(first.prefix)):
        return
    for one, other in product(first.actions, second.actions):
        if (one.kind, one.storage_class) == (other.kind, other.storage_class):
            raise _invalid("Prefix", second.prefix, f"Overlap for same action type {one.kind}")
    _check_order([action for action in (*first.actions, *second.actions) if action.days is not None])


def _rank(action: Action) -> int:
    return len(STORAGE_CLASSES) if action.kind == EXPIRATION else coldness(action.storage_class)


def _invalid(name: str, value: str, message: str, ec: str = "") -> OssError:
    return invalid_argument(name, value, message, ec)


def _text(element: Element, name: str) -> str:
    return element.findtext(name) or ""


def _node(element: Element) -> documents.Node:
    if len(element):
        return element.tag, [_node(child) for child in element]
    return element.tag, (element.text or "").strip()
