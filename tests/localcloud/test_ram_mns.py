"""MNS obeys RAM's policies, in its classic API and its OpenAPI."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Iterator

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.mns.openapi import VERSION
from localcloud.mns.service import Subscription
from tests.localcloud.mns_region import Endpoint, Reply, document, message, sign
from tests.localcloud.ram_cloud import ACCOUNT, REGION, Cloud
from tests.localcloud.ram_world import allow, deny, openapi

pytest_plugins = ["tests.localcloud.ram_fixtures"]

ALL = f"acs:mns:{REGION}:{ACCOUNT}:/topics"
MESSAGE = message("<MessageBody>hello</MessageBody>")
ATTRIBUTES = document("Topic", "<MaximumMessageSize>65536</MaximumMessageSize>")
# A request, and the path of the resource that it is about.
CLASSIC = {
    "ListTopic": ("GET", "/topics", "", "/topics"),
    "CreateTopic": ("PUT", "/topics/{topic}", ATTRIBUTES, "/topics/{topic}"),
    "SetTopicAttributes": ("PUT", "/topics/{topic}?metaoverride=true", ATTRIBUTES, "/topics/{topic}"),
    "GetTopicAttributes": ("GET", "/topics/{topic}", "", "/topics/{topic}"),
    "DeleteTopic": ("DELETE", "/topics/{topic}", "", "/topics/{topic}"),
    "PublishMessage": ("POST", "/topics/{topic}/messages", MESSAGE, "/topics/{topic}/messages"),
    "ListSubscriptionByTopic": (
        "GET",
        "/topics/{topic}/subscriptions",
        "",
        "/topics/{topic}/subscriptions",
    ),
    "GetSubscriptionAttributes": (
        "GET",
        "/topics/{topic}/subscriptions/tagger",
        "",
        "/topics/{topic}/subscriptions/tagger",
    ),
}


@pytest.fixture
def topic(obeying_cloud: LocalCloud) -> Iterator[str]:
    """A topic with a subscription."""
    name = f"labels-{secrets.token_hex(4)}"
    messages = obeying_cloud.messages
    obeying_cloud.call(messages.create_topic, name)
    obeying_cloud.call(
        messages.subscribe, Subscription(name, "tagger", "STREAM", "BACKOFF_RETRY", None, Endpoint().push)
    )
    yield name
    obeying_cloud.run(messages.settled())


def send(guarded: Cloud, identity: Identity, action: str, topic: str) -> Reply:
    """Call an operation of the classic API."""
    method, target, body, _ = CLASSIC[action]
    target = target.format(topic=topic)
    headers = {
        "date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "x-mns-version": "2015-06-06",
        **({"content-type": "text/xml;charset=UTF-8"} if body else {}),
        **({"security-token": identity.security_token} if identity.security_token else {}),
    }
    signature = sign(method, target, headers, identity.access_key_secret)
    headers["authorization"] = f"MNS {identity.access_key_id}:{signature}"
    connection = http.client.HTTPConnection(guarded.local.endpoints.mns.removeprefix("http://"))
    try:
        connection.request(method, target, body.encode() or None, headers)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.mark.parametrize("action", CLASSIC)
def test_an_operation_needs_its_permission(guarded: Cloud, topic: str, action: str) -> None:
    resource = f"acs:mns:{REGION}:{ACCOUNT}:{CLASSIC[action][3].format(topic=topic)}"
    # When somebody calls who may do everything else, or this with other topics, or nothing
    others = [f"mns:{other}" for other in CLASSIC if other != action]
    for keys in (
        guarded.caller(),
        guarded.caller(allow(others)),
        guarded.caller(allow(f"mns:{action}", f"{ALL}/other*")),
        guarded.caller(allow("*"), deny(f"mns:{action}", resource)),
    ):
        # Then they are refused, without being told what they lack
        reply = send(guarded, keys, action, topic)
        assert reply.refusal == (403, "AccessDenied")
        assert reply.fields["Message"] == (
            "The OwnerId that your Access Key Id associated to is forbidden for this operation."
        )
    # And who may do this and nothing else is not
    assert send(guarded, guarded.caller(allow(f"mns:{action}", resource)), action, topic).status < 300


def test_the_account_itself_needs_no_policy(guarded: Cloud, topic: str) -> None:
    assert send(guarded, guarded.owner, "PublishMessage", topic).status == 201


@pytest.mark.parametrize("action", ["GetTopicAttributes", "ListSubscriptionByTopic", "DeleteTopic"])
def test_the_openapi_needs_the_same_permissions(guarded: Cloud, topic: str, action: str) -> None:
    address = guarded.local.endpoints.mns.removeprefix("http://")
    resource = f"acs:mns:{REGION}:{ACCOUNT}:{CLASSIC[action][3].format(topic=topic)}"
    request = {"TopicName": topic}

    for statements in ([], [allow(f"mns:{action}", f"{ALL}/other*")], [allow("*"), deny(f"mns:{action}")]):
        with pytest.raises(ClientException) as caught:
            openapi(address, action, VERSION, guarded.caller(*statements), request)
        assert (caught.value.status_code, caught.value.code) == (403, "AccessDenied")

    allowed = guarded.caller(allow(f"mns:{action}", resource))
    assert openapi(address, action, VERSION, allowed, request)["Success"] is True
