"""The operations of MNS's HTTP API on topics: which one a request asks for, and its answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeVar
from urllib.parse import unquote

from localcloud.clock import Clock
from localcloud.mns.documents import (
    Fields,
    fields_document,
    list_document,
    local_name,
    read_document,
    text_of,
)
from localcloud.mns.messages import Message
from localcloud.mns.queues import Queues, is_queue
from localcloud.mns.refusals import (
    EndpointNotServed,
    InvalidQuery,
    InvalidUrl,
    OutOfRange,
    SubscriptionAlreadyExists,
    SubscriptionNotExist,
    TopicAlreadyExists,
    TopicNotExist,
    UnexpectedXml,
)
from localcloud.mns.subscriptions import (
    QUEUE_FORMATS,
    STRATEGIES,
    Subscription,
    Subscriptions,
    check_subscription_name,
)
from localcloud.mns.topics import LARGEST_MESSAGE, RETENTION_SECONDS, Attributes, Topic, Topics, check_name

T = TypeVar("T")

_TOPIC = r"/topics/([^/]+)"
_SUBSCRIPTION = rf"{_TOPIC}/subscriptions/([^/]+)"
_ROUTES = [
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("GET", "/topics", "ListTopic"),
        ("PUT", _TOPIC, "CreateTopic"),
        ("GET", _TOPIC, "GetTopicAttributes"),
        ("DELETE", _TOPIC, "DeleteTopic"),
        ("POST", rf"{_TOPIC}/messages", "PublishMessage"),
        ("GET", rf"{_TOPIC}/subscriptions", "ListSubscriptionByTopic"),
        ("GET", _SUBSCRIPTION, "GetSubscriptionAttributes"),
        ("PUT", _SUBSCRIPTION, "Subscribe"),
        ("DELETE", _SUBSCRIPTION, "Unsubscribe"),
    )
]
_OVERRIDE = "metaoverride=true"
_SMALLEST_LIMIT = 1_024
_LARGEST_PAGE = 1_000
_LONGEST_TAG = 16
_SUBSCRIPTION_ELEMENTS = ("Endpoint", "FilterTag", "NotifyStrategy", "NotifyContentFormat")
_FLAGS = {"True": True, "true": True, "False": False, "false": False}


class Target(NamedTuple):
    """The operation that a request's line names, and what it is about."""

    operation: str
    path: str
    topic: str = ""
    subscription: str = ""


class Answer(NamedTuple):
    """An answer: its status, its document, and the URL of what was created."""

    status: int
    document: bytes = b""
    location: str | None = None


class Publisher(Protocol):
    """Takes messages and knows which are on their way."""

    def accept(self, topic: str, body: str, tag: str | None, attributes: Mapping[str, str]) -> Message:
        """Take a message for an existing topic and begin to deliver it."""

    def message_count(self, topic: str) -> int:
        """How many deliveries of a topic's messages are not yet decided."""


def target_of(method: str, path: str, query: str) -> Target:
    """What a request is about, by its line alone; the operation is ``Unknown`` if there is none such."""
    for verb, pattern, operation in _ROUTES:
        match = pattern.fullmatch(path)
        if verb == method and match is not None:
            if operation == "CreateTopic" and query == _OVERRIDE:
                operation = "SetTopicAttributes"
            return Target(operation, path, *(unquote(part) for part in match.groups()))
    return Target("Unknown", path)


class Operations:
    """The operations over the topics and subscriptions of a cloud."""

    def __init__(
        self,
        region: str,
        account_id: str,
        clock: Clock,
        topics: Topics,
        subscriptions: Subscriptions,
        queues: Queues,
        publisher: Publisher,
    ) -> None:
        self._account_id = account_id
        self._base_url = f"http://{account_id}.mns.{region}.aliyuncs.com"
        self._clock = clock
        self._topics = topics
        self._subscriptions = subscriptions
        self._queues = queues
        self._publisher = publisher
        self._operations: Mapping[str, Callable[[Target, Mapping[str, str], bytes], Answer]] = {
            "ListTopic": self._list_topics,
            "CreateTopic": self._create_topic,
            "SetTopicAttributes": self._set_topic_attributes,
            "GetTopicAttributes": self._get_topic_attributes,
            "DeleteTopic": self._delete_topic,
            "PublishMessage": self._publish_message,
            "Subscribe": self._subscribe,
            "Unsubscribe": self._unsubscribe,
            "ListSubscriptionByTopic": self._list_subscriptions,
            "GetSubscriptionAttributes": self._get_subscription,
        }

    def check(self, target: Target) -> None:
        """Raise InvalidUrl for an operation that there is not."""
        if target.operation not in self._operations:
            raise InvalidUrl

    def carry_out(self, target: Target, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request; raises a RequestRefused."""
        self.check(target)
        if query and target.operation != "SetTopicAttributes":
            raise InvalidQuery(query)
        return self._operations[target.operation](target, headers, body)

    def _create_topic(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        check_name(target.topic)
        attributes = _attributes(body)
        location = self._base_url + target.path
        if self._topics.add(target.topic, attributes, self._clock.now()):
            return Answer(201, location=location)
        if self._topic(target).attributes != attributes:
            raise TopicAlreadyExists
        return Answer(204, location=location)

    def _set_topic_attributes(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        topic = self._topic(target)
        self._topics.change(topic.name, _attributes(body, topic.attributes), self._clock.now())
        return Answer(204)

    def _get_topic_attributes(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        return Answer(200, fields_document("Topic", self._topic_fields(self._topic(target))))

    def _delete_topic(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        topic = self._topic(target)
        self._topics.remove(topic.name)
        self._subscriptions.remove(topic.name)
        return Answer(204)

    def _list_topics(self, _: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        page, marker = _page(self._topics.all(), lambda topic: topic.name, headers)
        with_meta = headers.get("x-mns-with-meta") == "true"
        items: list[Fields] = [
            [
                ("TopicURL", f"{self._base_url}/topics/{topic.name}"),
                *(self._topic_fields(topic) if with_meta else ()),
            ]
            for topic in page
        ]
        return Answer(200, list_document("Topics", "Topic", items, marker))

    def _publish_message(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        topic = self._topic(target)
        elements = read_document(body, "Message", ("MessageBody", "MessageTag", "MessageAttributes"))
        if "MessageBody" not in elements:
            raise UnexpectedXml("MessageBody")
        content = text_of(elements["MessageBody"])
        check_size(content, topic)
        tag = text_of(elements["MessageTag"]) if "MessageTag" in elements else None
        if tag is not None and not 1 <= len(tag) <= _LONGEST_TAG:
            raise OutOfRange("MessageTag", 1, _LONGEST_TAG)
        attributes = {local_name(child): text_of(child) for child in elements.get("MessageAttributes", ())}
        message = self._publisher.accept(topic.name, content, tag, attributes)
        fields = [("MessageId", message.message_id), ("MessageBodyMD5", message.md5)]
        return Answer(201, fields_document("Message", fields))

    def _subscribe(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        topic = self._topic(target).name
        check_subscription_name(target.subscription)
        elements = read_document(body, "Subscription", _SUBSCRIPTION_ELEMENTS)
        values = {name: text_of(element) for name, element in elements.items()}
        endpoint = values.get("Endpoint", "")
        if not is_queue(endpoint):
            raise EndpointNotServed(endpoint)
        content_format = values.get("NotifyContentFormat") or "XML"
        strategy = values.get("NotifyStrategy") or "BACKOFF_RETRY"
        tag = values.get("FilterTag") or None
        if content_format not in QUEUE_FORMATS:
            raise UnexpectedXml("NotifyContentFormat")
        if strategy not in STRATEGIES:
            raise UnexpectedXml("NotifyStrategy")
        if tag is not None and len(tag) > _LONGEST_TAG:
            raise OutOfRange("FilterTag", 1, _LONGEST_TAG)

        async def push(content: bytes) -> bool:
            if not self._queues.send(endpoint, content.decode()):
                raise LookupError(f"there is no queue {endpoint}")
            return True

        name = target.subscription
        wanted = Subscription(topic, name, content_format, strategy, tag, push, endpoint)
        location = self._base_url + target.path
        existing = self._subscriptions.find(topic, name)
        if existing is None:
            self._subscriptions.add(wanted, self._clock.now())
            return Answer(201, location=location)
        if replace(existing.subscription, push=push) != wanted:
            raise SubscriptionAlreadyExists
        return Answer(204, location=location)

    def _unsubscribe(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        # Whether MNS refuses a name that there is not is not documented; nothing depends on it.
        self._subscriptions.cancel(self._topic(target).name, target.subscription)
        return Answer(204)

    def _list_subscriptions(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        names = self._subscriptions.names(self._topic(target).name)
        page, marker = _page(names, lambda name: name, headers)
        url = f"{self._base_url}{target.path}"
        items: list[Fields] = [[("SubscriptionURL", f"{url}/{name}")] for name in page]
        return Answer(200, list_document("Subscriptions", "Subscription", items, marker))

    def _get_subscription(self, target: Target, _: Mapping[str, str], body: bytes) -> Answer:
        registered = self._subscriptions.find(self._topic(target).name, target.subscription)
        if registered is None:
            raise SubscriptionNotExist(target.subscription)
        subscription, since = registered
        fields: list[tuple[str, str | int | bool]] = [
            ("SubscriptionName", subscription.name),
            ("Subscriber", self._account_id),
            ("TopicOwner", self._account_id),
            ("TopicName", subscription.topic),
            ("Endpoint", subscription.endpoint),
            ("NotifyStrategy", subscription.strategy),
            ("NotifyContentFormat", subscription.content_format),
            ("CreateTime", since),
            ("LastModifyTime", since),
        ]
        if subscription.filter_tag is not None:
            fields.append(("FilterTag", subscription.filter_tag))
        return Answer(200, fields_document("Subscription", fields))

    def _topic(self, target: Target) -> Topic:
        topic = self._topics.find(target.topic)
        if topic is None:
            raise TopicNotExist(target.topic)
        return topic

    def _topic_fields(self, topic: Topic) -> list[tuple[str, str | int | bool]]:
        return [
            ("TopicName", topic.name),
            ("CreateTime", topic.created),
            ("LastModifyTime", topic.modified),
            ("MaximumMessageSize", topic.attributes.maximum_message_size),
            ("MessageRetentionPeriod", RETENTION_SECONDS),
            ("MessageCount", self._publisher.message_count(topic.name)),
            ("LoggingEnabled", topic.attributes.logging_enabled),
        ]


def check_size(body: str, topic: Topic) -> None:
    """Raise OutOfRange for a message that is empty or larger than its topic allows."""
    largest = topic.attributes.maximum_message_size
    if not 1 <= len(body.encode()) <= largest:
        raise OutOfRange("MessageBody", 1, largest)


def _attributes(body: bytes, current: Attributes | None = None) -> Attributes:
    current = current or Attributes()
    if not body:
        return current
    elements = read_document(body, "Topic", ("MaximumMessageSize", "LoggingEnabled"))
    size, logging = current.maximum_message_size, current.logging_enabled
    if "MaximumMessageSize" in elements:
        text = text_of(elements["MaximumMessageSize"])
        if not (text.isascii() and text.isdigit()):
            raise UnexpectedXml("MaximumMessageSize")
        size = int(text)
        if not _SMALLEST_LIMIT <= size <= LARGEST_MESSAGE:
            raise OutOfRange("MaximumMessageSize", _SMALLEST_LIMIT, LARGEST_MESSAGE)
    if "LoggingEnabled" in elements:
        text = text_of(elements["LoggingEnabled"])
        if text not in _FLAGS:
            raise UnexpectedXml("LoggingEnabled")
        logging = _FLAGS[text]
    return Attributes(size, logging)


def _page(
    items: Sequence[T], name_of: Callable[[T], str], headers: Mapping[str, str]
) -> tuple[Sequence[T], str | None]:
    """The page that the headers ask for, and the marker of the next one: the name of its first item."""
    size = headers.get("x-mns-ret-number", str(_LARGEST_PAGE))
    if not (size.isascii() and size.isdigit() and 1 <= int(size) <= _LARGEST_PAGE):
        raise OutOfRange("x-mns-ret-number", 1, _LARGEST_PAGE)
    prefix, marker = headers.get("x-mns-prefix", ""), headers.get("x-mns-marker", "")
    rest = [item for item in items if name_of(item).startswith(prefix) and name_of(item) >= marker]
    page = rest[: int(size)]
    return page, name_of(rest[len(page)]) if len(rest) > len(page) else None
