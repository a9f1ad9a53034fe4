"""MNS's management API of the local cloud, through the official SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alibabacloud_mns_open20220119 import models
from alibabacloud_mns_open20220119.client import Client
from alibabacloud_tea_openapi.client import Client as AnyClient
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Identity
from tests.localcloud.mns_region import OWNER, Endpoint, Region, region


@pytest.fixture
def mns() -> Iterator[Region]:
    with region() as running:
        yield running


def config(mns: Region, identity: Identity = OWNER) -> Config:
    return Config(
        region_id="cn-beijing",
        endpoint=mns.serving.address,
        protocol="HTTP",
        access_key_id=identity.access_key_id,
        access_key_secret=identity.access_key_secret,
        security_token=identity.security_token,
    )


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(AlibabaCloudException) as refused:
        call()
    return refused.value.status_code, refused.value.code


def create(mns: Region, name: str, **options: Any) -> None:
    Client(config(mns)).create_topic(models.CreateTopicRequest(topic_name=name, **options))


def test_a_topic_is_made_with_its_tags_and_shown(mns: Region) -> None:
    tags = [models.CreateTopicRequestTag(key="made-by", value="a test")]
    create(mns, "ended", max_message_size=2048, enable_logging=True, tag=tags)
    answer = Client(config(mns)).get_topic_attributes(models.GetTopicAttributesRequest(topic_name="ended"))
    data = answer.body.data
    assert (data.topic_name, data.max_message_size, data.logging_enabled) == ("ended", 2048, True)
    assert [(tag.tag_key, tag.tag_value) for tag in data.tags] == [("made-by", "a test")]
    # The classic API knows it too.
    assert mns.send("GET", "/topics/ended").fields["MaximumMessageSize"] == "2048"


def test_tags_go_with_their_topic(mns: Region) -> None:
    create(mns, "ended", tag=[models.CreateTopicRequestTag(key="made-by", value="a test")])
    assert mns.send("DELETE", "/topics/ended").status == 204
    create(mns, "ended")
    answer = Client(config(mns)).get_topic_attributes(models.GetTopicAttributesRequest(topic_name="ended"))
    assert answer.body.data.tags == []


def test_topics_are_listed_in_pages_and_by_name_or_tag(mns: Region) -> None:
    client = Client(config(mns))
    for number in range(12):
        tag = models.CreateTopicRequestTag(key="parity", value=str(number % 2))
        create(mns, f"topic-{number:02}", tag=[tag])
    first = client.list_topic(models.ListTopicRequest(topic_name="topic", page_size=1)).body.data
    assert (first.total, first.page_size, len(first.page_data)) == (12, 10, 10)
    second = client.list_topic(
        models.ListTopicRequest(topic_name="topic", page_num=2, page_size=10)
    ).body.data
    assert [topic.topic_name for topic in second.page_data] == ["topic-10", "topic-11"]
    odd = models.ListTopicRequest(page_size=50, tag=[models.ListTopicRequestTag(key="parity", value="1")])
    assert client.list_topic(odd).body.data.total == 6


def test_a_deleted_topic_takes_its_subscriptions_along(mns: Region) -> None:
    client = Client(config(mns))
    mns.subscribe("function", Endpoint())
    client.delete_topic(models.DeleteTopicRequest(topic_name="labels"))
    request = models.ListSubscriptionByTopicRequest(topic_name="labels")
    assert refusal(lambda: client.list_subscription_by_topic(request)) == (404, "TopicNotExist")
    create(mns, "labels")
    assert client.list_subscription_by_topic(request).body.data.total == 0


def test_subscriptions_are_listed_and_shown(mns: Region) -> None:
    client = Client(config(mns))
    for name in ("one", "two"):
        mns.subscribe(name, Endpoint(), content_format="JSON", filter_tag="x", arn="acs:fc:…")
    listed = client.list_subscription_by_topic(models.ListSubscriptionByTopicRequest(topic_name="labels"))
    assert [item.subscription_name for item in listed.body.data.page_data] == ["one", "two"]
    request = models.GetSubscriptionAttributesRequest(topic_name="labels", subscription_name="two")
    data = client.get_subscription_attributes(request).body.data
    assert (data.notify_content_format, data.notify_strategy, data.filter_tag, data.endpoint) == (
        *("JSON", "BACKOFF_RETRY", "x"),
        "acs:fc:…",
    )
    request.subscription_name = "three"
    assert refusal(lambda: client.get_subscription_attributes(request)) == (404, "SubscriptionNotExist")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"topic_name": "labels"}, 409, "TopicAlreadyExist"),
        ({}, 400, "MissingTopicName"),
        ({"topic_name": "no/name"}, 400, "TopicNameInvalid"),
        ({"topic_name": "x", "max_message_size": 1}, 400, "InvalidMaxMessageSize"),
        ({"topic_name": "x", "max_message_size": "many"}, 400, "InvalidMaxMessageSize"),
        ({"topic_name": "x", "enable_logging": "perhaps"}, 400, "InvalidEnableLogging"),
        ({"topic_name": "x", "topic_type": "fifo"}, 501, "NotImplemented"),
    ],
)
def test_a_topic_that_cannot_be_made(mns: Region, options: dict[str, Any], status: int, code: str) -> None:
    assert refusal(lambda: create(mns, **{"name": None, **rename(options)})) == (status, code)


def rename(options: dict[str, Any]) -> dict[str, Any]:
    return {("name" if key == "topic_name" else key): value for key, value in options.items()}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"action": "DeleteEverything"}, 404, "InvalidAction.NotFound"),
        ({"pathname": "/topics"}, 404, "InvalidAction.NotFound"),
        ({"version": "2015-06-06"}, 400, "InvalidVersion"),
        ({"method": "PUT"}, 403, "UnsupportedHTTPMethod"),
    ],
)
def test_a_request_for_another_api(mns: Region, changes: dict[str, str], status: int, code: str) -> None:
    usual = {"action": "ListTopic", "version": "2022-01-19", "protocol": "HTTP", "pathname": "/"}
    usual |= {"method": "POST", "auth_type": "AK", "style": "RPC"}
    usual |= {"req_body_type": "formData", "body_type": "json"}
    params = Params(**{**usual, **changes})
    call = AnyClient(config(mns)).call_api
    assert refusal(lambda: call(params, OpenApiRequest(), RuntimeOptions())) == (status, code)


def test_a_wrong_signature_is_refused(mns: Region) -> None:
    stranger = Identity(OWNER.access_key_id, "another secret")
    client = Client(config(mns, stranger))
    assert refusal(lambda: client.list_topic(models.ListTopicRequest())) == (400, "SignatureDoesNotMatch")


def test_calls_are_recorded_by_action_and_resource(mns: Region) -> None:
    client = Client(config(mns))
    client.list_topic(models.ListTopicRequest())
    client.get_topic_attributes(models.GetTopicAttributesRequest(topic_name="labels"))
    mns.subscribe("one", Endpoint())
    request = models.GetSubscriptionAttributesRequest(topic_name="labels", subscription_name="one")
    client.get_subscription_attributes(request)
    mns.serving.run(mns.serving.calls.settled())
    assert [(call.action, call.resource) for call in mns.serving.calls.list()] == [
        ("ListTopic", "/topics"),
        ("GetTopicAttributes", "/topics/labels"),
        ("GetSubscriptionAttributes", "/topics/labels/subscriptions/one"),
    ]
