"""An MNS on loopback for tests, with a small client of its own that signs by the documentation alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.mns.service import MessageService, Subscription
from tests.localcloud.serving import Serving, serve

ACCOUNT = "1234567890123456"
OWNER = Identity("LTAItest", "secret")
NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"


class Reply(NamedTuple):
    """An answer of MNS; ``fields`` are the plain elements of its document."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def root(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.body)

    @property
    def fields(self) -> dict[str, str]:
        return {element.tag.removeprefix(NAMESPACE): element.text or "" for element in self.root}

    def texts(self, name: str) -> list[str]:
        return [element.text or "" for element in self.root.iter(NAMESPACE + name)]

    @property
    def refusal(self) -> tuple[int, str]:
        assert self.root.tag == f"{NAMESPACE}Error"
        return self.status, self.fields["Code"]


@dataclass
class Endpoint:
    """A function's endpoint: keeps the events, and accepts or refuses them as it is told.

    It refuses (or breaks at) so many events before it accepts one; None is for ever.
    """

    refusals: int | None = 0
    breaks: bool = False
    events: list[bytes] = field(default_factory=list)

    async def push(self, event: bytes) -> bool:
        self.events.append(event)
        if self.refusals is not None and len(self.events) > self.refusals:
            return True
        if self.breaks:
            raise ConnectionResetError("the endpoint broke")
        return False


@dataclass(frozen=True)
class Region:
    """MNS with all that a test sees of it."""

    service: MessageService
    serving: Serving
    accounts: Accounts
    clock: Clock

    def send(
        self,
        method: str,
        target: str,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
        identity: Identity = OWNER,
        secret: str | None = None,
    ) -> Reply:
        """Sign and send a request. Given headers are signed too; None leaves out one that is usual."""
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        usual: dict[str, str | None] = {"date": date, "x-mns-version": "2015-06-06"}
        if body:
            usual["content-type"] = "text/xml;charset=UTF-8"
        if identity.security_token:
            usual["security-token"] = identity.security_token
        signed = {name: value for name, value in {**usual, **(headers or {})}.items() if value is not None}
        signature = sign(method, target, signed, secret or identity.access_key_secret)
        signed.setdefault("authorization", f"MNS {identity.access_key_id}:{signature}")
        return self.send_as_it_is(method, target, body, signed)

    def send_as_it_is(self, method: str, target: str, body: str, headers: Mapping[str, str]) -> Reply:
        connection = http.client.HTTPConnection(self.serving.address)
        try:
            connection.request(method, target, body.encode() or None, dict(headers))
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def publish(self, topic: str, body: str, rest: str = "") -> Reply:
        document = message(f"<MessageBody>{escape(body)}</MessageBody>{rest}")
        return self.send("POST", f"/topics/{topic}/messages", document)

    def subscribe(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        topic: str = "labels",
        content_format: str = "STREAM",
        strategy: str = "BACKOFF_RETRY",
        filter_tag: str | None = None,
        arn: str = "",
    ) -> None:
        self.service.subscribe(
            Subscription(topic, name, content_format, strategy, filter_tag, endpoint.push, arn)
        )

    def settled(self) -> None:
        self.serving.run(self.service.settled())


@contextmanager
def region(
    directory: Path | None = None, time_scale: float = 0.0, seed: int | None = None
) -> Iterator[Region]:
    """An MNS with one topic, in which retries are made at once unless told otherwise."""
    clock, database = Clock(), Database(directory)
    accounts = Accounts(ACCOUNT, OWNER, clock)
    service = MessageService(
        region="cn-beijing",
        account_id=ACCOUNT,
        database=database,
        accounts=accounts,
        clock=clock,
        time_scale=time_scale,
        randomness=None if seed is None else random.Random(seed),
    )
    service.create_topic("labels")
    try:
        with serve(service) as serving:
            yield Region(service, serving, accounts, clock)
    finally:
        database.close()


def sign(method: str, target: str, headers: Mapping[str, str], secret: str) -> str:
    """The signature of the help page "Sign requests"."""
    own = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith("x-mns-"))
    date = headers.get("x-mns-date") or headers.get("date", "")
    digest, kind = headers.get("content-md5", ""), headers.get("content-type", "")
    text = f"{method}\n{digest}\n{kind}\n{date}\n{own}{target}"
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def message(elements: str) -> str:
    return document("Message", elements)


def document(root: str, elements: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><{root} xmlns="http://mns.aliyuncs.com/doc/v1/">{elements}</{root}>'
