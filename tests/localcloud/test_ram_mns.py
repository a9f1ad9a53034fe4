"""MNS obeys RAM's policies: which action needs which permission."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_tea_openapi.exceptions import ClientException

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.mns.actions import VERSION
from localcloud.mns.service import Subscription
from tests.localcloud.mns_region import Endpoint
from tests.localcloud.ram_cloud import ACCOUNT, REGION, Cloud
from tests.localcloud.ram_world import allow, deny, openapi

pytest_plugins = ["tests.localcloud.ram_fixtures"]

TOPICS = f"acs:mns:{REGION}:{ACCOUNT}:/topics"
QUEUE = {"PushType": "queue", "Endpoint": f"acs:mns:{REGION}:{ACCOUNT}:queues/tasks"}
# What a request names beside its topic, and what its resource is below the topic.
ACTIONS: dict[str, tuple[dict[str, str], str]] = {
    "CreateTopic": ({}, ""),
    "GetTopicAttributes": ({}, ""),
    "DeleteTopic": ({}, ""),
    "Subscribe": ({"SubscriptionName": "queue", **QUEUE}, "/subscriptions/queue"),
    "Unsubscribe": ({"SubscriptionName": "tagger"}, "/subscriptions/tagger"),
    "ListSubscriptionByTopic": ({}, "/subscriptions"),
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


def call(guarded: Cloud, keys: Identity, action: str, topic: str) -> dict[str, Any]:
    address = guarded.local.endpoints.mns.removeprefix("http://")
    return openapi(address, action, VERSION, keys, {"TopicName": topic, **ACTIONS[action][0]})


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_needs_its_permission(guarded: Cloud, topic: str, action: str) -> None:
    topic = f"new-{topic}" if action == "CreateTopic" else topic
    resource = f"{TOPICS}/{topic}{ACTIONS[action][1]}"
    # When somebody calls who may do everything else, or this with other topics, or nothing
    others = [f"mns:{other}" for other in ACTIONS if other != action]
    for statements in (
        [],
        [allow(others)],
        [allow(f"mns:{action}", f"{TOPICS}/other*")],
        [allow("*"), deny(f"mns:{action}", resource)],
    ):
        # Then they are refused
        with pytest.raises(ClientException) as caught:
            call(guarded, guarded.caller(*statements), action, topic)
        assert (caught.value.status_code, caught.value.code) == (403, "NoPermission")
    # And who may do this and nothing else is not
    assert call(guarded, guarded.caller(allow(f"mns:{action}", resource)), action, topic)["Success"] is True
