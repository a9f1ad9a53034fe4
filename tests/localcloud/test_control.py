"""What a test or a curious user may arrange and look at through the control API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
import requests

from cli.checkout import DEPLOYMENT, layer
from cli.clients import Project, Video, access_to
from cli.cloud.access import Access
from cli.local_deployment import load_deployment
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig, Ports
from tests.user import oss_client


class Control:
    """A client of the control API."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Content-Type"] = "application/json"

    def ask(self, method: str, path: str, body: object = None, *, status: int | None = None) -> Any:
        answer = self.session.request(method, self.cloud.endpoints.control + path, data=_encoded(body))
        if status is None:
            assert answer.ok, answer.text
        else:
            assert answer.status_code == status
        return answer.json() if answer.content else None


def _encoded(body: object) -> bytes | None:
    return body if isinstance(body, bytes) or body is None else json.dumps(body).encode()


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    config = CloudConfig(
        deployment=load_deployment(DEPLOYMENT, {}), layer=layer(), task_seconds=0.0, time_scale=0.001
    )
    with LocalCloud(config) as cloud:
        yield cloud


@pytest.fixture
def control(cloud: LocalCloud) -> Iterator[Control]:
    control = Control(cloud)
    yield control
    control.ask("DELETE", "/faults")
    control.session.close()


@pytest.fixture
def access(cloud: LocalCloud) -> Access:
    return access_to(cloud)


def test_the_cloud_describes_itself(control: Control) -> None:
    description = control.ask("GET", "/")
    assert set(description["endpoints"]) == {"oss", "imm", "mns", "fc", "control", "ram", "sls"}
    assert description["functions"] == ["imm-label-tags", "imm-label-tags-failed"]
    assert description["handlers"] == {
        "imm-label-tags": "tag_object.handler",
        "imm-label-tags-failed": "keep_failed.handler",
    }
    assert description["topics"] == ["imm-label-tags"]
    assert description["unicode_tags"] is False
    assert description["access_key_secret"]


def test_faults_can_be_ordered_and_withdrawn_and_calls_are_listed(control: Control, access: Access) -> None:
    control.ask("PUT", "/buckets/media")
    video = Video(access, "media", "a.mp4")
    control.ask("DELETE", "/calls")
    control.ask("POST", "/faults", {"kind": "answer", "action": "PutBucket", "status": 409, "body": "busy"})
    with pytest.raises(Exception, match="409"):
        video.upload(b"x", "")
    control.ask("POST", "/faults", {"kind": "error", "action": "PutBucket", "times": None})
    control.ask("DELETE", "/faults")
    video.upload(b"x", "")
    assert [call["status"] for call in control.ask("GET", "/calls?action=PutBucket")] == [409, 200]
    assert control.ask("GET", "/calls?service=imm") == []


def test_lifecycle_rules_are_carried_out_when_asked_for(control: Control, access: Access) -> None:
    # Given two videos, and a rule for one that has a tag
    control.ask("PUT", "/buckets/lifecycle")
    for key, tags in [("advert.mp4", "imm_content=advert"), ("news.mp4", "imm_content=news")]:
        Video(access, "lifecycle", key).upload(b"x", tags)
    rule = oss.LifecycleRule(
        id="adverts",
        prefix="",
        status="Enabled",
        tags=[oss.Tag(key="imm_content", value="advert")],
        transitions=[
            oss.LifecycleRuleTransition(
                created_before_date=datetime(2199, 1, 1, tzinfo=timezone.utc), storage_class="IA"
            )
        ],
    )
    oss_client(control.cloud).put_bucket_lifecycle(
        oss.PutBucketLifecycleRequest(
            bucket="lifecycle", lifecycle_configuration=oss.LifecycleConfiguration(rules=[rule])
        )
    )

    # When its day is over, then what it did is told
    done = control.ask("POST", "/buckets/lifecycle/lifecycle")
    assert done == [{"key": "advert.mp4", "rule_id": "adverts", "storage_class": "IA", "upload_id": None}]
    assert control.ask("POST", "/buckets/lifecycle/lifecycle") == []
    control.ask("POST", "/buckets/nowhere/lifecycle", status=404)
    assert "InvalidBucketName" in control.ask("PUT", "/buckets/No_Bucket", status=400)["message"]


def test_tasks_can_be_set_and_notified_of(control: Control, access: Access) -> None:
    # Given a task that is set with its notification
    control.ask("PUT", "/projects/immtest")
    control.ask("PUT", "/buckets/media")
    Video(access, "media", "b.mp4").upload(b"x", "team=a")
    before = len(control.ask("GET", "/invocations"))
    task = {
        "project": "immtest",
        "task_id": "task-1",
        "start_time": "2199-12-24T03:00:38Z",
        "status": "Succeeded",
        "labels": [{"LabelName": "椅子", "LabelConfidence": 0.9}],
        "request": {
            "SourceURI": "oss://media/b.mp4",
            "Notification": {"MNS": {"TopicName": "imm-label-tags"}},
        },
        "notify": True,
    }
    control.ask("POST", "/tasks", task)
    control.ask("POST", "/settled")

    # When it is notified of again, twice
    control.ask("POST", "/topics/imm-label-tags/duplicates", {"extra": 1})
    control.ask("POST", "/tasks/immtest/task-1/notifications")
    control.ask("POST", "/settled")

    # Then the function has run three times
    assert "imm_yi-zi" in Video(access, "media", "b.mp4").tags()
    invocations = control.ask("GET", "/invocations")[before:]
    assert json.loads(invocations[0]["body"])["outcomes"][0]["status"] == "tagged"
    assert len(invocations) == 3
    assert len(control.ask("GET", "/deliveries")) >= 3
    log = control.ask("GET", f"/logs/imm-label-tags?request_id={invocations[0]['request_id']}")
    assert any("tagged" in line["text"] for line in log)
    assert control.ask("GET", "/lost") == []
    assert control.ask("GET", "/undelivered") == []

    # And a message of somebody's own runs it too
    message = {"body": json.dumps({"TaskType": "Other"}), "tag": "a", "attributes": {"key": "value"}}
    published = control.ask("POST", "/topics/imm-label-tags/messages", message)
    control.ask("POST", "/settled")
    assert control.ask("GET", "/deliveries")[-1]["message_id"] == published["message_id"]
    last = json.loads(control.ask("GET", "/invocations")[-1]["body"])
    assert [outcome["status"] for outcome in last["outcomes"]] == ["ignored"]


def test_tasks_can_be_slowed_down_and_made_to_fail(control: Control, access: Access) -> None:
    control.ask("PUT", "/projects/immtest")
    video = Video(access, "media", "c.mp4")
    video.upload(b"x", "")
    project = Project(access, "immtest")
    control.ask("PUT", "/tasks/seconds", {"seconds": 600})
    running = project.start_task(video.uri, "imm-label-tags")
    assert project.result(running).status == "Running"
    control.ask("PUT", "/tasks/seconds", {"seconds": 0})
    control.ask("POST", "/tasks/failure", {"code": "InvalidVideo", "message": "It is broken."})
    failing = project.start_task(video.uri, "imm-label-tags")
    while project.result(failing).status == "Running":
        pass
    assert project.result(failing).code == "InvalidVideo"


def test_instances_can_be_listed_and_killed(control: Control, cloud: LocalCloud) -> None:
    place = "/instances/imm-label-tags"
    mine = cloud.run(cloud.functions.invoke("imm-label-tags", b'{"TaskType": "Other"}')).instance_id
    (found,) = [one for one in control.ask("GET", place) if one["instance_id"] == mine]
    assert (found["busy"], found["memory"] > 1) == (False, True)
    control.ask("DELETE", f"{place}/{mine}")
    assert mine not in [one["instance_id"] for one in control.ask("GET", place)]
    assert "no instance" in control.ask("DELETE", f"{place}/{mine}", status=404)["message"]
    assert control.ask("GET", "/instances/unknown", status=404) == {
        "message": "There is no function unknown."
    }


def test_the_clock_can_be_moved_and_keys_issued(control: Control, cloud: LocalCloud) -> None:
    keys = control.ask("POST", "/keys", {"lifetime_seconds": 100})
    identity = cloud.accounts.find(keys["access_key_id"])
    assert isinstance(identity, Identity)
    assert not cloud.accounts.expired(identity)
    control.ask("POST", "/clock", {"advance_seconds": 101})
    assert cloud.accounts.expired(identity)
    control.ask("POST", "/clock", {"advance_seconds": -101})


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", b"{", 400),
        ("POST", "/faults", [], 400),
        ("POST", "/faults", {"kind": "odd"}, 400),
        ("POST", "/faults", {"kind": "error", "odd": 1}, 400),
        ("POST", "/clock", {}, 400),
        ("POST", "/tasks", {"project": "nowhere", "task_id": "t", "start_time": "2021-01-01T00:00:00Z"}, 404),
        ("POST", "/tasks/immtest/unknown/notifications", None, 404),
        ("POST", "/topics/unknown/messages", {"body": "hello"}, 404),
        ("POST", "/topics/imm-label-tags/messages", {"body": ""}, 400),
        ("GET", "/nothing", None, 404),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(
    control: Control, method: str, path: str, body: object, status: int
) -> None:
    answer = control.session.request(method, control.cloud.endpoints.control + path, data=_encoded(body))
    assert answer.status_code == status
    assert answer.text


# What a page in somebody's browser may not do


OWN, FORM = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}
FOREIGN_REQUESTS: list[tuple[str, dict[str, str], int]] = [
    # The page's own name leads to this machine by now (DNS rebinding)
    ("GET", {"Host": "attacker.example:{port}"}, 403),
    ("POST", {**OWN, "Host": "attacker.example"}, 403),
    ("POST", {**OWN, "Host": "127.0.0.1.attacker.example:{port}"}, 403),
    ("POST", {**OWN, "Host": "127.0.0.1"}, 403),
    ("POST", {**OWN, "Host": "localhost:1"}, 403),
    # A page of another origin, of a file, or of another port asks
    ("GET", {"Origin": "https://attacker.example"}, 403),
    ("POST", {**OWN, "Origin": "https://attacker.example"}, 403),
    ("POST", {**OWN, "Origin": "null"}, 403),
    ("POST", {**OWN, "Origin": "http://127.0.0.1:1"}, 403),
    ("POST", {**OWN, "Origin": "https://127.0.0.1:{port}"}, 403),
    ("DELETE", {"Origin": "http://localhost:{port}"}, 403),
    ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    ("POST", {**OWN, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 403),
    # A form, and a request that needs no preflight
    ("POST", FORM, 415),
    ("POST", {"Content-Type": "text/plain"}, 415),
    ("POST", {"Content-Type": "multipart/form-data; boundary=application/json"}, 415),
    ("POST", {"Content-Type": "text/plain; application/json"}, 415),
    ("POST", {}, 415),
    ("PUT", FORM, 415),
]


@pytest.mark.parametrize(("method", "headers", "status"), FOREIGN_REQUESTS)
def test_what_a_page_of_others_can_send_is_refused_and_changes_nothing(
    control: Control, cloud: LocalCloud, method: str, headers: dict[str, str], status: int
) -> None:
    url = cloud.endpoints.control
    port = url.rpartition(":")[2]
    sent = {name: value.format(port=port) for name, value in headers.items()}
    body = None if method in ("GET", "DELETE") else b'{"kind": "error", "action": "PutBucket"}'

    answer = requests.request(method, f"{url}/faults", headers=sent, data=body, timeout=10)

    assert answer.status_code == status
    assert answer.json()["message"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    control.ask("PUT", "/buckets/unharmed")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
        {"Host": "LOCALHOST:{port}"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Content-Type": "application/json; charset=utf-8"},
    ],
)
def test_who_is_on_this_machine_is_answered(cloud: LocalCloud, headers: dict[str, str]) -> None:
    url = cloud.endpoints.control
    sent = {name: value.format(port=url.rpartition(":")[2]) for name, value in {**OWN, **headers}.items()}
    assert requests.post(f"{url}/settled", headers=sent, timeout=10).status_code == 204


def test_a_cloud_that_cannot_start_leaves_nothing_behind() -> None:
    with LocalCloud(CloudConfig()) as first:
        port = int(first.endpoints.control.rpartition(":")[2])
        with pytest.raises(Exception, match="in use"), LocalCloud(CloudConfig(ports=Ports(control=port))):
            raise AssertionError
    with LocalCloud(CloudConfig(ports=Ports(control=port))):
        pass


def test_a_message_that_function_compute_does_not_take_is_not_lost_silently() -> None:
    # Given a message that grows beyond the limit of asynchronous events when it is put into JSON
    config = CloudConfig(deployment=load_deployment(DEPLOYMENT, {}), layer=layer(), time_scale=0.000001)
    with LocalCloud(config) as cloud:
        cloud.run(cloud.messages.publish("imm-label-tags", b"\x01" * 60_000))
        cloud.run(cloud.messages.settled())
        assert [gone.subscription for gone in cloud.messages.undelivered] == ["imm-tasks"]
        assert cloud.functions.invocations() == []
