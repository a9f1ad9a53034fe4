"""MNS's management API on OpenAPI, product Mns-open, version 2022-01-19: topics and subscriptions.

Sources: alibabacloud.com/help/en/mns/developer-reference, api-mns-open-2022-01-19-createtopic and its
neighbours, and the official SDK alibabacloud-mns-open20220119. It works on the topics of the classic API.
Which HTTP status and code its errors have is not documented; here they are those of the classic API.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localcloud.accounts import Accounts, Identity
from localcloud.acs3 import SignatureRefused, verify
from localcloud.clock import Clock
from localcloud.gateway import Operation
from localcloud.mns.refusals import SubscriptionNotExist, TopicNotExist
from localcloud.mns.subscriptions import Registered, Subscriptions
from localcloud.mns.topic_tags import TopicTags
from localcloud.mns.topics import LARGEST_MESSAGE, RETENTION_SECONDS, Attributes, Topic, Topics
from localcloud.refusals import RequestRefused

VERSION = "2022-01-19"
_SMALLEST_LIMIT = 1_024
_SMALLEST_PAGE, _LARGEST_PAGE = 10, 50
_TAG = re.compile(r"Tag\.(\d+)\.(Key|Value)", re.ASCII)
_FLAGS = {"True": True, "true": True, "False": False, "false": False}
# Parameters that the real API has, and that would be ignored here.
_NOT_SERVED = (
    "EnableSSE",
    "KmsKeyId",
    "SseAlgorithm",
    "SseType",
    "TopicType",
    "EndpointType",
    "EndpointValue",
)

Parameters = Mapping[str, str]
Permit = Callable[[Identity, str, str, Scope], None]


class OpenApiRefused(RequestRefused):
    """A request that the OpenAPI gateway refuses before MNS sees it, or that lacks a parameter."""


class MessageCounts(Protocol):
    """Knows how many messages are on their way."""

    def message_count(self, topic: str) -> int:
        """How many deliveries of a topic's messages are not yet decided."""


def addressed(scope: Scope) -> bool:
    """Whether a request is for this API: it names its action in a header, the classic API in the path."""
    return any(name == b"x-acs-action" for name, _ in scope["headers"])


def operation(scope: Scope) -> Operation:
    """The action, and the path by which policies name its resource as far as the query tells it."""
    parameters = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    action = dict(scope["headers"])[b"x-acs-action"].decode("latin-1")
    return Operation(action, _resource(action, parameters))


class OpenApi:
    """The API over the topics and subscriptions of a cloud; ``permit`` raises what is to be answered."""

    def __init__(
        self,
        *,
        region: str,
        account_id: str,
        accounts: Accounts,
        clock: Clock,
        topics: Topics,
        tags: TopicTags,
        subscriptions: Subscriptions,
        counts: MessageCounts,
        permit: Permit = lambda identity, action, resource, scope: None,
    ) -> None:
        self._region = region
        self._account_id = account_id
        self._accounts = accounts
        self._clock = clock
        self._topics = topics
        self._tags = tags
        self._subscriptions = subscriptions
        self._counts = counts
        self._permit = permit
        self._actions: Mapping[str, Callable[[Parameters], dict[str, Any]]] = {
            "CreateTopic": self._create_topic,
            "DeleteTopic": self._delete_topic,
            "GetTopicAttributes": self._get_topic_attributes,
            "ListTopic": self._list_topics,
            "GetSubscriptionAttributes": self._get_subscription_attributes,
            "ListSubscriptionByTopic": self._list_subscriptions,
        }

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as an ASGI application."""
        request = Request(scope, receive)
        body = await request.body()
        try:
            data = self._answer(request, body)
            response = _response(
                200,
                {"Code": 200, "Data": data, "Message": "operation success", "Status": "Success"}
                | {"Success": True},
            )
        except (RequestRefused, SignatureRefused) as refusal:
            response = self._error(refusal.status, refusal.code, refusal.message)
        await response(scope, receive, send)

    def _error(self, status: int, code: str, message: str) -> Response:
        host = f"mns-open.{self._region}.aliyuncs.com"
        recommend = f"https://api.aliyun.com/troubleshoot?q={code}&product=Mns-open"
        return _response(status, {"HostId": host, "Code": code, "Message": message, "Recommend": recommend})

    def _answer(self, request: Request, body: bytes) -> dict[str, Any]:
        scope, headers = request.scope, request.headers
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"]
        identity = verify(request.method, path, query, headers, body, self._accounts)
        if request.method not in ("POST", "GET"):
            message = f"This http method is not supported: {request.method}. Use POST or GET."
            raise OpenApiRefused(403, "UnsupportedHTTPMethod", message)
        action = headers["x-acs-action"]
        if path != "/" or action not in self._actions:
            message = "Specified api is not found, please check your url and method."
            raise OpenApiRefused(404, "InvalidAction.NotFound", message)
        if headers.get("x-acs-version") != VERSION:
            message = f"Specified parameter Version is not valid. It must be {VERSION}."
            raise OpenApiRefused(400, "InvalidVersion", message)
        parameters = {**_pairs(query), **_pairs(body)}
        for name in _NOT_SERVED:
            if name in parameters:
                message = f"The local cloud does not implement the parameter {name} of {action}."
                raise OpenApiRefused(501, "NotImplemented", message)
        resource = f"acs:mns:{self._region}:{self._account_id}:{_resource(action, parameters)}"
        self._permit(identity, f"mns:{action}", resource, scope)
        return self._actions[action](parameters)

    def _create_topic(self, parameters: Parameters) -> dict[str, Any]:
        name = _mandatory(parameters, "TopicName")
        size = _number(parameters, "MaxMessageSize", LARGEST_MESSAGE)
        if not _SMALLEST_LIMIT <= size <= LARGEST_MESSAGE:
            raise _invalid("MaxMessageSize", f"It must be {_SMALLEST_LIMIT} to {LARGEST_MESSAGE}.")
        logging = parameters.get("EnableLogging", "false")
        if logging not in _FLAGS:
            raise _invalid("EnableLogging", "It must be true or false.")
        tags = _read_tags(parameters)
        # Whether the OpenAPI lets a second creation with the same attributes pass is not documented.
        if not self._topics.add(name, Attributes(size, _FLAGS[logging]), self._clock.now()):
            raise OpenApiRefused(409, "TopicAlreadyExist", f"The topic {name} already exists.")
        self._tags.put(name, tags)
        return {"Code": 201, "Message": "operation success", "Success": True}

    def _delete_topic(self, parameters: Parameters) -> dict[str, Any]:
        topic = self._topic(parameters)
        self._topics.remove(topic.name)
        self._subscriptions.remove(topic.name)
        return {}

    def _get_topic_attributes(self, parameters: Parameters) -> dict[str, Any]:
        return self._shown_topic(self._topic(parameters))

    def _list_topics(self, parameters: Parameters) -> dict[str, Any]:
        part, wanted = parameters.get("TopicName", ""), _read_tags(parameters)
        found = [
            topic
            for topic in self._topics.all()
            if part in topic.name and wanted.items() <= self._tags.of(topic.name).items()
        ]
        page = _page(found, parameters)
        page["PageData"] = [self._shown_topic(topic) for topic in page["PageData"]]
        return page

    def _get_subscription_attributes(self, parameters: Parameters) -> dict[str, Any]:
        name = _mandatory(parameters, "SubscriptionName")
        registered = self._subscriptions.find(self._topic(parameters).name, name)
        if registered is None:
            raise SubscriptionNotExist(name)
        return self._shown_subscription(registered)

    def _list_subscriptions(self, parameters: Parameters) -> dict[str, Any]:
        topic, part = self._topic(parameters).name, parameters.get("SubscriptionName", "")
        names = [name for name in self._subscriptions.names(topic) if part in name]
        page = _page([self._subscriptions.find(topic, name) for name in names], parameters)
        page["PageData"] = [self._shown_subscription(item) for item in page["PageData"]]
        return page

    def _topic(self, parameters: Parameters) -> Topic:
        name = _mandatory(parameters, "TopicName")
        topic = self._topics.find(name)
        if topic is None:
            raise TopicNotExist(name)
        return topic

    def _shown_topic(self, topic: Topic) -> dict[str, Any]:
        host = f"{self._account_id}.mns.{self._region}"
        return {
            "TopicName": topic.name,
            "TopicType": "normal",
            "CreateTime": topic.created,
            "LastModifyTime": topic.modified,
            "MaxMessageSize": topic.attributes.maximum_message_size,
            "MessageRetentionPeriod": RETENTION_SECONDS,
            "MessageCount": self._counts.message_count(topic.name),
            "LoggingEnabled": topic.attributes.logging_enabled,
            "EnableSSE": False,
            "EncryptionEnabled": False,
            "TopicUrl": f"http://{host}.aliyuncs.com/topics/{topic.name}",
            "TopicInnerUrl": f"http://{host}-internal.aliyuncs.com/topics/{topic.name}",
            "Tags": [{"TagKey": k, "TagValue": v} for k, v in self._tags.of(topic.name).items()],
        }

    def _shown_subscription(self, registered: Registered) -> dict[str, Any]:
        subscription, since = registered
        return {
            "SubscriptionName": subscription.name,
            "TopicName": subscription.topic,
            "TopicOwner": self._account_id,
            "Endpoint": subscription.endpoint,
            "FilterTag": subscription.filter_tag or "",
            "NotifyStrategy": subscription.strategy,
            "NotifyContentFormat": subscription.content_format,
            "CreateTime": since,
            "LastModifyTime": since,
        }


def _resource(action: str, parameters: Parameters) -> str:
    path = "/topics"
    if action != "ListTopic" and "TopicName" in parameters:
        path += f"/{parameters['TopicName']}"
        if "Subscription" in action:
            path += "/subscriptions"
            if action == "GetSubscriptionAttributes" and "SubscriptionName" in parameters:
                path += f"/{parameters['SubscriptionName']}"
    return path


def _pairs(encoded: bytes) -> dict[str, str]:
    return {name: value for name, value in parse_qsl(encoded.decode("latin-1")) if value}


def _mandatory(parameters: Parameters, name: str) -> str:
    if name not in parameters:
        raise OpenApiRefused(400, f"Missing{name}", f"{name} is mandatory for this action.")
    return parameters[name]


def _invalid(name: str, rule: str) -> OpenApiRefused:
    return OpenApiRefused(400, f"Invalid{name}", f"Specified parameter {name} is not valid. {rule}")


def _number(parameters: Parameters, name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise _invalid(name, "It must be a whole number.")
    return int(text)


def _read_tags(parameters: Parameters) -> dict[str, str]:
    keys: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, text in parameters.items():
        match = _TAG.fullmatch(name)
        if match is not None:
            (keys if match[2] == "Key" else values)[match[1]] = text
    return {key: values.get(number, "") for number, key in keys.items()}


def _page(items: Sequence[Any], parameters: Parameters) -> dict[str, Any]:
    """One page of a list; sizes and numbers outside their bounds are moved to them, as documented."""
    size = min(max(_number(parameters, "PageSize", _SMALLEST_PAGE), _SMALLEST_PAGE), _LARGEST_PAGE)
    number = max(_number(parameters, "PageNum", 1), 1)
    page = list(items[(number - 1) * size : number * size])
    pages = -(-len(items) // size)
    return {
        "PageData": page,
        "PageNum": number,
        "PageSize": size,
        "Pages": pages,
        "Size": len(page),
        "Total": len(items),
    }


def _response(status: int, content: dict[str, Any]) -> Response:
    request_id = str(uuid.uuid4()).upper()
    return Response(
        json.dumps({"RequestId": request_id, **content}, ensure_ascii=False, separators=(",", ":")),
        status,
        {"x-acs-request-id": request_id},
        media_type="application/json",
    )
