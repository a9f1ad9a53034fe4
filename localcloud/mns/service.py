"""MNS over HTTP and in process: topics, their subscribers, and the messages on their way."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.gateway import Operation
from localcloud.mns import openapi
from localcloud.mns.delivery import Courier, Delivery, Undelivered
from localcloud.mns.documents import fields_document
from localcloud.mns.messages import Message
from localcloud.mns.operations import Answer, Operations, check_size, target_of
from localcloud.mns.queues import Queues
from localcloud.mns.refusals import AccessDenied, TopicNotExist
from localcloud.mns.signature import VERSION, verify
from localcloud.mns.subscriptions import Subscription, Subscriptions
from localcloud.mns.topic_tags import TopicTags
from localcloud.mns.topics import Attributes, Topic, Topics
from localcloud.ram.authorization import AccessRefused, Authorization, request_context
from localcloud.refusals import RequestRefused

__all__ = ["Delivery", "MessageService", "Subscription", "Undelivered"]


class MessageService:
    """The MNS of a region, with its classic API and its OpenAPI (Mns-open).

    ``time_scale`` multiplies the waits between the attempts to deliver a message. Each delivery begins up
    to ``delivery_spread_seconds`` late, so that messages overtake each other. Without an ``authorization``
    everybody with keys may do everything.
    """

    name = "mns"

    def __init__(
        self,
        *,
        region: str,
        account_id: str,
        database: Database,
        accounts: Accounts,
        clock: Clock,
        time_scale: float = 1.0,
        delivery_spread_seconds: float = 0.01,
        randomness: random.Random | None = None,
        authorization: Authorization | None = None,
    ) -> None:
        self.app: ASGIApp = self._serve
        self._resources = f"acs:mns:{region}:{account_id}:"
        self._authorization = authorization
        self._host_id = f"http://{account_id}.mns.{region}.aliyuncs.com"
        self._accounts = accounts
        self._clock = clock
        self._topics = Topics(database)
        self._subscriptions = Subscriptions()
        self._duplicates: Counter[str] = Counter()
        self._courier = Courier(
            account_id, time_scale, delivery_spread_seconds, randomness or random.Random()
        )
        self.queues = Queues(region, account_id, clock)
        self._operations = Operations(
            region, account_id, clock, self._topics, self._subscriptions, self.queues, self
        )
        self._open_api = openapi.OpenApi(
            region=region,
            account_id=account_id,
            accounts=accounts,
            clock=clock,
            topics=self._topics,
            tags=TopicTags(database),
            subscriptions=self._subscriptions,
            counts=self,
            permit=self._permit,
        )

    @property
    def deliveries(self) -> list[Delivery]:
        """Every attempt to deliver a message, the oldest first."""
        return list(self._courier.deliveries)

    @property
    def undelivered(self) -> list[Undelivered]:
        """The messages that were given up."""
        return list(self._courier.undelivered)

    async def start(self) -> None:
        """Nothing is left over from an earlier process: messages and subscriptions do not outlive it."""

    async def stop(self) -> None:
        """Give up the messages that are on their way; ``undelivered`` lists them."""
        await self._courier.stop()

    async def settled(self) -> None:
        """Wait until every message is accepted or given up."""
        await self._courier.settled()

    def create_topic(self, name: str) -> None:
        """Have a topic of this name; one that exists stays as it is. Raises for an impossible name."""
        self._topics.add(name, Attributes(), self._clock.now())

    def has(self, topic: str) -> bool:
        """Whether there is such a topic."""
        return self._topics.find(topic) is not None

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription, in place of one of its name; raises TopicNotExist."""
        self._existing(subscription.topic)
        self._subscriptions.add(subscription, self._clock.now())

    def subscription(self, topic: str, name: str) -> Subscription | None:
        """A topic's subscription by its name, if there is one."""
        registered = self._subscriptions.find(topic, name)
        return None if registered is None else registered.subscription

    def unsubscribe(self, topic: str, name: str) -> None:
        """End a subscription; messages that are on their way to it still arrive."""
        self._subscriptions.remove_one(topic, name)

    async def publish(
        self,
        topic: str,
        body: bytes,
        *,
        tag: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a message, as the operation PublishMessage does, and give its id before it is delivered.

        Raises TopicNotExist, OutOfRange for an empty or too large body, and ValueError for one that is no
        UTF-8: MNS's bodies are texts.
        """
        text = body.decode()
        check_size(text, self._existing(topic))
        return self.accept(topic, text, tag, attributes or {}).message_id

    def duplicate_next(self, topic: str, extra: int) -> None:
        """Let the topic's next message be delivered so many more times to each subscriber."""
        self._duplicates[topic] += extra

    def accept(self, topic: str, body: str, tag: str | None, attributes: Mapping[str, str]) -> Message:
        """Take a message for an existing topic and begin to deliver it."""
        published = int(self._clock.now().timestamp() * 1000)
        message = Message(topic, body, published, tag, attributes)
        copies = 1 + self._duplicates.pop(topic, 0)
        self._courier.send(message, self._subscriptions.wanting(message), copies)
        return message

    def message_count(self, topic: str) -> int:
        """How many deliveries of a topic's messages are not yet decided."""
        return self._courier.pending()[topic]

    def operation(self, scope: Scope) -> Operation:
        """The operation as the API reference names it, and ``/topics/<topic>…`` as policies name it."""
        if openapi.addressed(scope):
            return openapi.operation(scope)
        path, query = _line(scope)
        target = target_of(scope["method"], path, query)
        return Operation(target.operation, path)

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the form of MNS's help page "Error codes"."""
        request_id = _new_request_id()
        fields = [
            ("Code", code),
            ("Message", message),
            ("RequestId", request_id),
            ("HostId", self._host_id),
        ]
        return _response(Answer(status, fields_document("Error", fields)), request_id)

    def _existing(self, name: str) -> Topic:
        topic = self._topics.find(name)
        if topic is None:
            raise TopicNotExist(name)
        return topic

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if openapi.addressed(scope):
            await self._open_api.serve(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        try:
            response = _response(self._answer(request, body), _new_request_id())
        except RequestRefused as refusal:
            response = self.error(refusal.status, refusal.code, refusal.message)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Answer:
        path, query = _line(request.scope)
        line = f"{path}?{query}" if query else path
        identity = verify(request.method, line, request.headers, body, self._accounts)
        target = target_of(request.method, path, query)
        self._operations.check(target)
        # An operation's action has its name, and its resource is its path (help page 27447).
        self._permit(identity, f"mns:{target.operation}", self._resources + unquote(path), request.scope)
        return self._operations.carry_out(target, query, request.headers, body)

    def _permit(self, identity: Identity, action: str, resource: str, scope: Scope) -> None:
        if self._authorization is None:
            return
        try:
            self._authorization.check(identity, action, resource, request_context(scope))
        except AccessRefused:
            raise AccessDenied from None


def _line(scope: Scope) -> tuple[str, str]:
    return scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")


def _new_request_id() -> str:
    return secrets.token_hex(12).upper()


def _response(answer: Answer, request_id: str) -> Response:
    headers = {"x-mns-request-id": request_id, "x-mns-version": VERSION}
    if answer.location is not None:
        headers["Location"] = answer.location
    response = Response(answer.document, answer.status, headers)
    if answer.document:
        response.headers["Content-Type"] = "text/xml;charset=utf-8"
    return response
