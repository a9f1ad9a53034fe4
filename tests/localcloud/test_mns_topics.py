"""The HTTP API of MNS's topics, by the API reference of version 2015-06-06."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.faults import Fault, FaultKind
from localcloud.mns.refusals import OutOfRange, TopicNameInvalid, TopicNotExist
from tests.localcloud.mns_region import ACCOUNT, Endpoint, Region, document, message, region
from tests.localcloud.serving import until

BASE = f"http://{ACCOUNT}.mns.cn-beijing.aliyuncs.com"


@pytest.fixture(scope="module")
def mns() -> Iterator[Region]:
    with region() as served:
        yield served


@pytest.fixture
def empty() -> Iterator[Region]:
    """An MNS that no other test uses."""
    with region() as served:
        yield served


def attributes(size: object = None, logging: object = None) -> str:
    elements = "" if size is None else f"<MaximumMessageSize>{size}</MaximumMessageSize>"
    elements += "" if logging is None else f"<LoggingEnabled>{logging}</LoggingEnabled>"
    return document("Topic", elements)


def test_a_topic_is_created_read_and_deleted(mns: Region) -> None:
    # when a topic is created
    created = mns.send("PUT", "/topics/my-topic", attributes(10240, "True"))

    # then it has a place, and the attributes that were asked for
    assert (created.status, created.body) == (201, b"")
    assert created.headers["Location"] == f"{BASE}/topics/my-topic"
    read = mns.send("GET", "/topics/my-topic")
    assert (read.status, read.headers["Content-Type"]) == (200, "text/xml;charset=utf-8")
    fields = read.fields
    assert fields["CreateTime"] == fields["LastModifyTime"]
    assert fields["CreateTime"].isdigit()
    assert {name: value for name, value in fields.items() if not name.endswith("Time")} == {
        "TopicName": "my-topic",
        "MaximumMessageSize": "10240",
        "MessageRetentionPeriod": "86400",
        "MessageCount": "0",
        "LoggingEnabled": "True",
    }

    # and it is gone once it is deleted
    assert mns.send("DELETE", "/topics/my-topic").status == 204
    assert mns.send("GET", "/topics/my-topic").refusal == (404, "TopicNotExist")
    assert mns.send("DELETE", "/topics/my-topic").refusal == (404, "TopicNotExist")


def test_every_answer_carries_its_request_and_version(mns: Region) -> None:
    for target in ("/topics", "/topics/unknown"):
        reply = mns.send("GET", target)

        assert len(reply.headers["x-mns-request-id"]) == 24
        assert reply.headers["x-mns-version"] == "2015-06-06"


def test_an_error_has_the_form_of_the_documentation(mns: Region) -> None:
    reply = mns.send("GET", "/topics/unknown")

    assert reply.fields == {
        "Code": "TopicNotExist",
        "Message": "The topic you provided does not exist: 'unknown'.",
        "RequestId": reply.headers["x-mns-request-id"],
        "HostId": BASE,
    }


def test_creating_a_topic_again_is_a_conflict_only_with_other_attributes(mns: Region) -> None:
    mns.send("PUT", "/topics/twice")

    assert mns.send("PUT", "/topics/twice", attributes(65536, "false")).status == 204
    assert mns.send("PUT", "/topics/twice", attributes(1024)).refusal == (409, "TopicAlreadyExist")


def test_attributes_are_changed_one_by_one(mns: Region) -> None:
    # given a topic
    mns.send("PUT", "/topics/changing", attributes(2048))
    mns.clock.advance(60)

    # when only one attribute is set
    changed = mns.send("PUT", "/topics/changing?metaoverride=true", attributes(logging="True"))

    # then the other stays
    assert changed.status == 204
    fields = mns.send("GET", "/topics/changing").fields
    assert (fields["MaximumMessageSize"], fields["LoggingEnabled"]) == ("2048", "True")
    assert int(fields["LastModifyTime"]) - int(fields["CreateTime"]) >= 60
    assert mns.send("PUT", "/topics/unknown?metaoverride=true").refusal == (404, "TopicNotExist")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (attributes(1023), "InvalidArgument"),
        (attributes(65537), "InvalidArgument"),
        (attributes("many"), "InvalidArgument"),
        (attributes(logging="yes"), "InvalidArgument"),
        (document("Topic", "<Size>1024</Size>"), "InvalidArgument"),
        (document("Topic", "<LoggingEnabled>True</LoggingEnabled>" * 2), "InvalidArgument"),
        (document("Topic", "<LoggingEnabled><b/></LoggingEnabled>"), "InvalidArgument"),
        (document("Queue", ""), "InvalidArgument"),
        ('<Topic xmlns="http://example.com/"/>', "InvalidArgument"),
        ("<Topic>", "MalformedXML"),
        ("<!DOCTYPE a><Topic/>", "MalformedXML"),
    ],
)
def test_attributes_that_no_topic_can_have_are_refused(mns: Region, body: str, code: str) -> None:
    assert mns.send("PUT", "/topics/refused", body).refusal == (400, code)
    assert mns.send("GET", "/topics/refused").status == 404


@pytest.mark.parametrize(
    "namespace", ["", "http://mns.aliyuncs.com/doc/v1", "http://mns.aliyuncs.com/doc/v1/"]
)
def test_the_namespaces_of_the_documentations_samples_are_understood(mns: Region, namespace: str) -> None:
    body = f'<Topic xmlns="{namespace}"><MaximumMessageSize>1024</MaximumMessageSize></Topic>'

    mns.send("PUT", "/topics/spaces", body)

    assert mns.send("GET", "/topics/spaces").fields["MaximumMessageSize"] == "1024"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a" * 256, "TopicNameLengthError"),
        ("-a", "TopicNameInvalid"),
        ("a_b", "TopicNameInvalid"),
        ("%E8%A7%86", "TopicNameInvalid"),
    ],
)
def test_a_name_that_no_topic_can_have_is_refused(mns: Region, name: str, code: str) -> None:
    assert mns.send("PUT", f"/topics/{name}").refusal == (400, code)


def test_topics_are_listed_in_pages_by_name(empty: Region) -> None:
    # given five topics
    for name in ("b2", "b1", "c", "b3"):
        empty.service.create_topic(name)

    # when they are listed two at a time
    first = empty.send("GET", "/topics", headers={"x-mns-ret-number": "2"})
    rest = {"x-mns-ret-number": "2", "x-mns-marker": first.fields["NextMarker"]}
    second = empty.send("GET", "/topics", headers=rest)
    rest["x-mns-marker"] = second.fields["NextMarker"]
    third = empty.send("GET", "/topics", headers=rest)

    # then every one is seen once, in order
    urls = [url for page in (first, second, third) for url in page.texts("TopicURL")]
    assert urls == [f"{BASE}/topics/{name}" for name in ("b1", "b2", "b3", "c", "labels")]
    assert third.texts("NextMarker") == []

    # and a prefix chooses among them
    chosen = empty.send("GET", "/topics", headers={"x-mns-prefix": "b"})
    assert len(chosen.texts("TopicURL")) == 3


def test_a_list_shows_attributes_when_asked(empty: Region) -> None:
    plain = empty.send("GET", "/topics")
    detailed = empty.send("GET", "/topics", headers={"x-mns-with-meta": "true"})

    assert plain.texts("TopicName") == []
    assert detailed.texts("TopicName") == ["labels"]
    assert detailed.texts("MaximumMessageSize") == ["65536"]


@pytest.mark.parametrize("number", ["0", "1001", "all"])
def test_a_page_of_an_impossible_size_is_refused(mns: Region, number: str) -> None:
    reply = mns.send("GET", "/topics", headers={"x-mns-ret-number": number})

    assert reply.refusal == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("method", "target", "answer"),
    [
        ("GET", "/", (400, "InvalidRequestURL")),
        ("GET", "/queues", (400, "InvalidRequestURL")),
        ("POST", "/topics/labels", (400, "InvalidRequestURL")),
        ("GET", "/topics/labels/messages", (400, "InvalidRequestURL")),
        ("GET", "/topics/labels/subscriptions/a/b", (400, "InvalidRequestURL")),
        ("GET", "/topics?prefix=a", (400, "InvalidQueryString")),
        ("PUT", "/topics/labels?metaoverride=false", (400, "InvalidQueryString")),
        ("PUT", "/topics/labels/subscriptions/a", (400, "MalformedXML")),
        ("PUT", "/topics/labels/subscriptions/a_b", (400, "SubscriptionNameInvalid")),
        ("PUT", "/topics/unknown/subscriptions/a", (404, "TopicNotExist")),
        ("DELETE", "/topics/unknown/subscriptions/a", (404, "TopicNotExist")),
        ("GET", "/topics/labels/subscriptions/a", (404, "SubscriptionNotExist")),
        ("GET", "/topics/unknown/subscriptions", (404, "TopicNotExist")),
        ("GET", "/topics/unknown/subscriptions/a", (404, "TopicNotExist")),
    ],
)
def test_what_is_no_operation_on_a_topic_is_refused(
    mns: Region, method: str, target: str, answer: tuple[int, str]
) -> None:
    assert mns.send(method, target).refusal == answer


def test_subscriptions_are_listed_and_described(empty: Region) -> None:
    # given two subscriptions
    arn = f"acs:fc:cn-beijing:{ACCOUNT}:functions/tag"
    empty.subscribe("tag", Endpoint(), content_format="JSON", filter_tag="video", arn=arn)
    empty.subscribe("archive", Endpoint(), strategy="EXPONENTIAL_DECAY_RETRY")

    # then they are listed by name
    listed = empty.send("GET", "/topics/labels/subscriptions")
    urls = [f"{BASE}/topics/labels/subscriptions/{name}" for name in ("archive", "tag")]
    assert listed.texts("SubscriptionURL") == urls

    # and each is described
    fields = empty.send("GET", "/topics/labels/subscriptions/tag").fields
    assert fields.pop("CreateTime") == fields.pop("LastModifyTime")
    assert fields == {
        "SubscriptionName": "tag",
        "Subscriber": ACCOUNT,
        "TopicOwner": ACCOUNT,
        "TopicName": "labels",
        "Endpoint": arn,
        "NotifyStrategy": "BACKOFF_RETRY",
        "NotifyContentFormat": "JSON",
        "FilterTag": "video",
    }
    other = empty.send("GET", "/topics/labels/subscriptions/archive").fields
    assert "FilterTag" not in other

    # and they go with their topic
    empty.send("DELETE", "/topics/labels")
    empty.send("PUT", "/topics/labels")
    assert empty.send("GET", "/topics/labels/subscriptions").texts("SubscriptionURL") == []


def test_a_message_is_published(mns: Region) -> None:
    body = "hello 视频 <&>"

    reply = mns.publish("labels", body)

    assert reply.status == 201
    assert reply.fields["MessageBodyMD5"] == hashlib.md5(body.encode()).hexdigest().upper()
    assert len(reply.fields["MessageId"]) == 32


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ("", "InvalidArgument"),
        ("<MessageBody/>", "InvalidArgument"),
        (f"<MessageBody>{'a' * 65537}</MessageBody>", "InvalidArgument"),
        (f"<MessageBody>{'视' * 21846}</MessageBody>", "InvalidArgument"),
        ("<MessageBody>a</MessageBody><MessageTag/>", "InvalidArgument"),
        (f"<MessageBody>a</MessageBody><MessageTag>{'t' * 17}</MessageTag>", "InvalidArgument"),
        ("<MessageBody>a</MessageBody><Priority>1</Priority>", "InvalidArgument"),
        ("<MessageBody>a<", "MalformedXML"),
    ],
)
def test_a_message_that_cannot_be_is_refused(mns: Region, elements: str, code: str) -> None:
    assert mns.send("POST", "/topics/labels/messages", message(elements)).refusal == (400, code)


def test_a_message_may_be_as_large_as_its_topic_allows(mns: Region) -> None:
    mns.send("PUT", "/topics/small", attributes(1024))

    assert mns.publish("labels", "a" * 65536).status == 201
    assert mns.publish("small", "a" * 1024).status == 201
    assert mns.publish("small", "a" * 1025).refusal == (400, "InvalidArgument")


def test_a_message_needs_a_topic(mns: Region) -> None:
    assert mns.publish("unknown", "hello").refusal == (404, "TopicNotExist")


def test_topics_outlive_the_process(tmp_path: Path) -> None:
    with region(tmp_path) as mns:
        mns.send("PUT", "/topics/kept", attributes(2048, "True"))
        fields = mns.send("GET", "/topics/kept").fields

    with region(tmp_path) as mns:
        assert mns.send("GET", "/topics/kept").fields == fields
        assert mns.service.has("labels")


def test_in_process_the_same_rules_hold(mns: Region) -> None:
    service, run = mns.service, mns.serving.run

    with pytest.raises(TopicNameInvalid):
        service.create_topic("a b")
    with pytest.raises(TopicNotExist):
        run(service.publish("unknown", b"hello"))
    with pytest.raises(TopicNotExist):
        mns.subscribe("tag", Endpoint(), topic="unknown")
    with pytest.raises(OutOfRange):
        run(service.publish("labels", b""))
    with pytest.raises(UnicodeDecodeError):
        run(service.publish("labels", b"\xff"))
    assert (service.has("labels"), service.has("unknown")) == (True, False)


def test_creating_a_topic_in_process_keeps_one_that_exists(mns: Region) -> None:
    mns.send("PUT", "/topics/mine", attributes(2048))

    mns.service.create_topic("mine")

    assert mns.send("GET", "/topics/mine").fields["MaximumMessageSize"] == "2048"


def test_calls_are_recorded_and_faults_look_like_mnss_own_errors(empty: Region) -> None:
    # given a fault of publishing
    empty.serving.faults.order(Fault(FaultKind.ERROR, service="mns", action="PublishMessage"))

    assert empty.publish("labels", "a").refusal == (503, "ServiceUnavailable")
    assert empty.publish("labels", "a").status == 201
    empty.send("PUT", "/topics/labels?metaoverride=true")
    empty.send("GET", "/topics/labels/subscriptions/a")
    empty.send("GET", "/queues")
    until(lambda: len(empty.serving.calls.list("mns")) == 5)
    assert [(call.action, call.resource, call.status) for call in empty.serving.calls.list("mns")] == [
        ("PublishMessage", "/topics/labels/messages", 503),
        ("PublishMessage", "/topics/labels/messages", 201),
        ("SetTopicAttributes", "/topics/labels", 204),
        ("GetSubscriptionAttributes", "/topics/labels/subscriptions/a", 404),
        ("Unknown", "/queues", 400),
    ]
