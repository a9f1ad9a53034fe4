"""Lifecycle rules of a bucket: which objects each is about, what is due for an object, and carrying it out.

Sources: help.aliyun.com, PutBucketLifecycle, "Lifecycle rules based on the last modified time" and the pages
of the EC numbers 0014-000000xx; the codes of the errors are those that the vendor's live tests expect. OSS
carries the rules out once a day; here it is done when it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import combinations, pairwise, product
from uuid import uuid4
from xml.etree.ElementTree import Element

from starlette.responses import Response

from localcloud.oss.protocol import documents, errors, responses
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.objects import STANDARD, STORAGE_CLASS, STORAGE_CLASSES, ObjectInfo
from localcloud.oss.storage.storage import Storage
from localcloud.oss.storage.tags import Tag, TagRules, TagSet

ALLOW_OVERLAP = "x-oss-allow-same-action-overlap"
LIFECYCLE = "lifecycle"
_ROOT = "LifecycleConfiguration"
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
class Done:
    """What a rule did to an object; ``storage_class`` is its new one, or None where it was deleted.

    With an ``upload_id`` it is that upload of the object which was aborted.
    """

    key: str
    rule_id: str
    storage_class: str | None
    upload_id: str | None = None


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

    @property
    def coldness(self) -> int:
        """A number that is greater the colder a class is; a deletion is the coldest."""
        return len(STORAGE_CLASSES) if self.kind == EXPIRATION else STORAGE_CLASSES.index(self.storage_class)


@dataclass(frozen=True)
class Rule:
    """One rule. An object has to have the prefix and every tag, key and value exactly.

    It ``spares`` objects below a prefix, and with a tag if one is named. ``limits`` are the sizes between
    which an object has to be.
    """

    rule_id: str
    prefix: str
    enabled: bool
    tags: TagSet
    spares: tuple[tuple[str, Tag | None], ...]
    limits: tuple[int | None, int | None]
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
        larger_than, smaller_than = self.limits
        if larger_than is not None and info.size <= larger_than:
            return False
        if smaller_than is not None and info.size >= smaller_than:
            return False
        return not any(
            info.key.startswith(prefix) and (tag is None or tag in info.tags) for prefix, tag in self.spares
        )


def put_bucket_lifecycle(storage: Storage, request: OssRequest) -> Response:
    """PutBucketLifecycle: the rules are replaced as a whole."""
    allow_overlap = request.header(ALLOW_OVERLAP).lower() == "true"
    rules = read_rules(request.body, storage.rules, allow_overlap=allow_overlap)
    document = documents.write(_ROOT, [_node(rule.source) for rule in rules])
    storage.objects.configure(request.bucket, LIFECYCLE, document.decode())
    return responses.empty()


def get_bucket_lifecycle(storage: Storage, request: OssRequest) -> Response:
    """GetBucketLifecycle."""
    kept = storage.objects.configuration(request.bucket, LIFECYCLE)
    if kept is None:
        raise errors.NO_SUCH_LIFECYCLE(BucketName=request.bucket)
    return responses.xml(kept.document.encode())


def delete_bucket_lifecycle(storage: Storage, request: OssRequest) -> Response:
    """DeleteBucketLifecycle; 204 also where there is none."""
    storage.objects.unconfigure(request.bucket, LIFECYCLE)
    return responses.empty(204)


def carry_out(storage: Storage, bucket: str) -> list[Done]:
    """Do what is due in a bucket by now; raises OssError for a bucket that there is not."""
    storage.objects.bucket(bucket)
    kept, now = storage.objects.configuration(bucket, LIFECYCLE), storage.now()
    rules = read_rules(kept.document.encode(), storage.rules, allow_overlap=True) if kept else ()
    done: list[Done] = []
    for info in list(storage.objects.objects(bucket)):
        due = _due(rules, info, now)
        if due is None:
            continue
        action, rule = due
        if action.kind == EXPIRATION:
            storage.objects.delete(bucket, info.key)
        else:
            storage.objects.set_header(info, STORAGE_CLASS, action.storage_class)
        done.append(Done(info.key, rule.rule_id, action.storage_class or None))
    for upload in storage.uploads.all(bucket):
        found = next((rule for rule in rules if rule.aborts(upload.key, upload.initiated, now)), None)
        if found is not None:
            storage.uploads.forget(upload)
            done.append(Done(upload.key, found.rule_id, None, upload.upload_id))
    return done


def _due(rules: tuple[Rule, ...], info: ObjectInfo, now: datetime) -> tuple[Action, Rule] | None:
    """What is to be done to an object now: of several actions the deletion, else the coldest class."""
    present = STORAGE_CLASSES.index(info.storage_class)
    due = [
        (action, rule)
        for rule in rules
        if rule.is_about(info)
        for action in rule.actions
        if action.is_due(info.last_modified, now) and action.coldness > present
    ]
    return max(due, key=lambda found: found[0].coldness, default=None)


def read_rules(body: bytes, tag_rules: TagRules, *, allow_overlap: bool) -> tuple[Rule, ...]:
    """The rules of a ``<LifecycleConfiguration>``; raises OssError for what OSS refuses."""
    root = documents.read(body, _ROOT)
    if len(root) == 0 or any(child.tag != "Rule" for child in root):
        raise errors.malformed_xml("a LifecycleConfiguration has one Rule or more, and nothing else")
    rules = tuple(_rule(element, tag_rules) for element in root)
    if len(rules) > MAX_RULES:
        raise errors.invalid_argument(
            "Rule", str(len(rules)), f"A bucket has at most {MAX_RULES} lifecycle rules."
        )
    if len({rule.rule_id for rule in rules}) < len(rules):
        raise errors.invalid_argument("ID", "", "The ID of each lifecycle rule must be unique.")
    for first, second in combinations(rules, 2):
        _check_together(first, second, allow_overlap)
    return rules


def _rule(element: Element, tag_rules: TagRules) -> Rule:
    for child in element:
        if child.tag not in _IN_A_RULE:
            raise errors.malformed_xml(f"a Rule has no {child.tag}", "0014-00000003")
    status = _text(element, "Status")
    if status not in ("Enabled", "Disabled"):
        raise errors.malformed_xml("the Status of a Rule is Enabled or Disabled")
    if len(element.findall("Prefix")) > 1:
        raise errors.malformed_xml("a Rule has one Prefix", "0014-00000010")
    tags = _tags(element.findall("Tag"), tag_rules)
    if tags and element.find(ABORT) is not None:
        raise errors.invalid_argument("Tag", "", f"{ABORT} cannot be specified with Tag.", "0014-00000027")
    expirations = element.findall(EXPIRATION)
    if len(expirations) > 1:
        raise errors.malformed_xml("a Rule has one Expiration at most")
    actions = (
        *(action for one in expirations for action in _expiration(one, bool(tags))),
        *(_transition(one) for one in element.findall(TRANSITION)),
    )
    if all(element.find(name) is None for name in _ACTIONS):
        raise errors.malformed_xml("a Rule has a Transition or an Expiration", "0014-00000026")
    _check_order(actions)
    limits, spares = _filter(element.find("Filter"))
    abortion = element.find(ABORT)
    return Rule(
        rule_id=_named(element),
        prefix=_text(element, "Prefix"),
        enabled=status == "Enabled",
        tags=tags,
        spares=spares,
        limits=limits,
        actions=actions,
        abortion=None if abortion is None else Action(ABORT, *_age(abortion)),
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
        raise errors.invalid_argument(
            "ID", found.text, f"The ID of a lifecycle rule has at most {MAX_ID_BYTES} bytes."
        )
    return found.text


def _tags(elements: Sequence[Element], tag_rules: TagRules) -> TagSet:
    """The tags of a rule. More or longer ones than an object can have are taken and match nothing."""
    tags = []
    for element in elements:
        key, value = element.find("Key"), element.find("Value")
        if key is None or value is None:
            raise errors.malformed_xml("a Tag has a Key and a Value", "0014-00000028")
        if not key.text:
            raise errors.invalid_argument("Tag", "", "The Key of a Tag cannot be empty.", "0014-00000030")
        for text, ec in ((key.text, "0014-00000031"), (value.text or "", "0014-00000032")):
            if not tag_rules.is_legal_text(text):
                raise errors.invalid_argument("Tag", text, "The Tag has a character that is not valid.", ec)
        tags.append(Tag(key.text, value.text or ""))
    if len({tag.key for tag in tags}) < len(tags):
        raise errors.invalid_argument(
            "Tag", "", "The Keys of the Tags of a rule must be unique.", "0014-00000029"
        )
    return tuple(tags)


def _expiration(element: Element, with_tags: bool) -> Iterator[Action]:
    if _text(element, "Date"):
        # What CreatedBeforeDate was called at first; the older SDK still sends it.
        yield Action(EXPIRATION, None, _date(_text(element, "Date")))
    elif _text(element, "ExpiredObjectDeleteMarker") != "true":
        yield Action(EXPIRATION, *_age(element, "0014-00000060"))
    elif with_tags:
        message = "ExpiredObjectDeleteMarker cannot be specified with Tag."
        raise errors.invalid_argument("Tag", "", message, "0014-00000027")
    elif _text(element, "Days") or _text(element, "CreatedBeforeDate"):
        message = "ExpiredObjectDeleteMarker cannot be specified with Days or CreatedBeforeDate."
        raise errors.invalid_argument(EXPIRATION, "", message)


def _transition(element: Element) -> Action:
    if _text(element, "IsAccessTime") == "true":
        raise errors.not_implemented_here("lifecycle rules by the time of the last access")
    days, before = _age(element)
    storage_class = _text(element, "StorageClass")
    if storage_class not in STORAGE_CLASSES or storage_class == STANDARD:
        message = "Objects cannot be moved to this storage class."
        raise errors.invalid_argument("StorageClass", storage_class, message)
    return Action(TRANSITION, days, before, storage_class)


def _age(element: Element, ec_of_none: str = "") -> tuple[int | None, datetime | None]:
    """How old something has to be, in days or by a date; raises OssError."""
    days, before = _text(element, "Days"), _text(element, "CreatedBeforeDate")
    if days and before:
        ec = "0014-00000050" if element.tag == TRANSITION else ""
        message = "Days and CreatedBeforeDate exclude each other."
        raise errors.invalid_argument(element.tag, "", message, ec)
    if not days and not before:
        raise errors.malformed_xml(f"{element.tag} has Days or a CreatedBeforeDate", ec_of_none)
    if before:
        return None, _date(before)
    number = whole_number(days)
    if number is None or not 0 < number < _ENDLESS_DAYS:
        raise errors.invalid_argument("Days", days, "Days must be a positive integer.")
    return number, None


def _date(text: str) -> datetime:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        message = "The date must be midnight in UTC, as yyyy-MM-ddT00:00:00.000Z."
        raise errors.invalid_argument("CreatedBeforeDate", text, message) from None


def _filter(
    element: Element | None,
) -> tuple[tuple[int | None, int | None], tuple[tuple[str, Tag | None], ...]]:
    """The limits and the spared objects of a rule; raises OssError."""
    if element is None:
        return (None, None), ()
    larger_than = _size(element, "ObjectSizeGreaterThan", "0014-00000039")
    smaller_than = _size(element, "ObjectSizeLessThan", "")
    if larger_than is not None and smaller_than is not None and larger_than >= smaller_than:
        message = "ObjectSizeGreaterThan must be less than ObjectSizeLessThan."
        raise errors.invalid_argument("Filter", "", message, "0014-00000041")
    spares = []
    for one in element.findall("Not"):
        tag = one.find("Tag")
        found = None if tag is None else Tag(_text(tag, "Key"), _text(tag, "Value"))
        spares.append((_text(one, "Prefix"), found))
    return (larger_than, smaller_than), tuple(spares)


def _size(element: Element, name: str, ec: str) -> int | None:
    text = _text(element, name)
    size = whole_number(text)
    if text and size is None:
        raise errors.invalid_argument(name, text, f"{name} must be an integer.", ec)
    return size


def _check_order(actions: Sequence[Action]) -> None:
    """The colder a class, the later an object comes to it, and last of all it is deleted."""
    if len({action.days is None for action in actions}) > 1:
        message = "Days and CreatedBeforeDate cannot both be used in a rule."
        raise errors.OssError(400, "InvalidRequest", message)
    by_days = sorted(
        (action for action in actions if action.days is not None), key=lambda action: action.coldness
    )
    for earlier, later in pairwise(by_days):
        if (earlier.days or 0) >= (later.days or 0):
            message = "A colder storage class, and the deletion after all, must come later."
            raise errors.invalid_argument("Days", str(later.days), message, "0014-00000082")


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
        raise errors.OssError(400, "InvalidRequest", message, "0014-00000085")
    if not (first.prefix.startswith(second.prefix) or second.prefix.startswith(first.prefix)):
        return
    for one, other in product(first.actions, second.actions):
        if (one.kind, one.storage_class) == (other.kind, other.storage_class):
            raise errors.invalid_argument("Prefix", second.prefix, f"Overlap for same action type {one.kind}")
    _check_order([action for action in (*first.actions, *second.actions) if action.days is not None])


def _text(element: Element, name: str) -> str:
    return element.findtext(name) or ""


def _node(element: Element) -> documents.Node:
    if len(element):
        return element.tag, [_node(child) for child in element]
    return element.tag, (element.text or "").strip()
