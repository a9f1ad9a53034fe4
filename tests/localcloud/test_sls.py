"""The local Log Service as the official SDK sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from alibabacloud_sls20201230 import models
from alibabacloud_sls20201230.client import Client

from cli.checkout import POLICIES
from cli.cloud.access import Access, Endpoints
from cli.installation.templates import fill
from imm_label_tags.services.credentials import Keys
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig

PROJECT, LOGSTORE = "p-one", "lines"
INDEX: dict[str, Any] = {
    "line": {"token": [" ", ":", '"', ",", "{", "}"], "caseSensitive": False},
    "keys": {
        "message": {
            "type": "json",
            "token": [" ", ":", '"'],
            "doc_value": True,
            "json_keys": {
                "status": {"type": "text", "doc_value": True},
                "spent.GetTask": {"type": "long", "doc_value": True},
                "word": {"type": "text"},
            },
        }
    },
}
LINES = (
    '{"status": "failed", "word": "Chair", "spent": {"GetTask": 7}}',
    '{"status": "failed", "word": "table", "spent": {"GetTask": 5}}',
    '{"status": "tagged", "word": "table"}',
    "FC Invoke End RequestId: 1-2, Error: Function timed out after 3 seconds",
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig(policies=True)) as cloud:
        cloud.call(cloud.logs.have, PROJECT, LOGSTORE, INDEX)
        now = str(int(time.time()))
        for line in LINES:
            log = {"__time__": now, "__topic__": "FCLogs:one", "message": line}
            cloud.call(cloud.logs.store.write, PROJECT, LOGSTORE, log)
        yield cloud


def client_of(cloud: LocalCloud, keys: Identity | None = None) -> Client:
    keys, config = keys or cloud.accounts.owner, cloud.config
    endpoints = Endpoints(sls=cloud.endpoints.sls).resolved(config.region, config.account_id)
    known = Keys(keys.access_key_id, keys.access_key_secret, keys.security_token or "")
    return Client(Access(config.region, known, endpoints).sls())


def ask(cloud: LocalCloud, query: str, **options: Any) -> list[dict[str, str]]:
    now = int(time.time())
    request = models.GetLogsV2Request(from_=now - 600, to=now + 600, query=query, **options)
    return list(client_of(cloud).get_logs_v2(PROJECT, LOGSTORE, request).body.data or [])


def refused(call: Callable[[], object]) -> tuple[int, str]:
    """Status and code with which a call is refused."""
    with pytest.raises(Exception, match=r".") as caught:
        call()
    error: Any = caught.value
    inner = error.inner_exception
    return inner.data["httpCode"], inner.code


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("*", [0, 1, 2, 3]),
        ('__topic__: "FCLogs:one"', [0, 1, 2, 3]),
        ('__topic__: "FCLogs:on"', []),
        ("message.status: failed", [0, 1]),
        ("message.status: fail", []),
        ("message.status: fail*", [0, 1]),
        ("message.status: FAILED and not message.word: table", [0]),
        ("message.word: chair or message.status: tagged", [0, 2]),
        ("message.spent.GetTask > 5", [0]),
        ("message.spent.GetTask: *", [0, 1]),
        ("timed out", [3]),
        ('"out timed"', [3]),
        ("(timed or chair) and not RequestId", [0]),
    ],
)
def test_a_search_finds_by_words_keys_and_numbers(cloud: LocalCloud, query: str, found: list[int]) -> None:
    assert [LINES.index(log["message"]) for log in ask(cloud, query)] == found


def test_logs_come_in_pages_and_from_either_end(cloud: LocalCloud) -> None:
    assert [log["message"] for log in ask(cloud, "*", line=2, offset=1)] == list(LINES[1:3])
    assert len(ask(cloud, "*", reverse=True)) == len(LINES)


def test_what_is_found_can_be_counted(cloud: LocalCloud) -> None:
    query = '* | select "message.status" as status, count(1) as n group by status having n > 1'
    assert ask(cloud, query) == [{"status": "failed", "n": "2"}]


@pytest.mark.parametrize(
    "query",
    [
        "message.gone: 1",
        "message.status > 1",
        "(message.status: failed",
        "and",
        '* | select "message.gone" as x',
        # It can be searched only.
        '* | select "message.word" as x',
        "* | select approximately(1)",
        "* | delete from log",
    ],
)
def test_what_is_not_indexed_or_no_query_is_refused(cloud: LocalCloud, query: str) -> None:
    assert refused(lambda: ask(cloud, query)) == (400, "ParameterInvalid")


def test_logs_of_the_time_before_the_index_are_not_found(cloud: LocalCloud) -> None:
    client = client_of(cloud)
    request = models.CreateLogStoreRequest(logstore_name="late", shard_count=1, ttl=1)
    client.create_log_store(PROJECT, request)
    log = {"__time__": str(int(time.time())), "__topic__": "", "message": "early"}
    cloud.call(cloud.logs.store.write, PROJECT, "late", log)
    now = int(time.time())
    search = models.GetLogsV2Request(from_=now - 60, to=now + 60, query="*")
    assert refused(lambda: client.get_logs_v2(PROJECT, "late", search)) == (404, "IndexConfigNotExist")
    client.create_index(PROJECT, "late", models.CreateIndexRequest(body=models.Index().from_map(INDEX)))
    assert not client.get_logs_v2(PROJECT, "late", search).body.data


def test_things_come_and_go_with_the_codes_of_log_service(cloud: LocalCloud) -> None:
    client = client_of(cloud)
    named = models.CreateProjectRequest(project_name="p-two", description="x")
    client.create_project(named)
    assert refused(lambda: client.create_project(named)) == (400, "ProjectAlreadyExist")
    bad = models.CreateProjectRequest(project_name="P_two", description="x")
    assert refused(lambda: client.create_project(bad)) == (400, "ParameterInvalid")
    long = models.CreateProjectRequest(project_name="p-three", description="x" * 65)
    assert refused(lambda: client.create_project(long)) == (400, "ParameterInvalid")
    assert refused(lambda: client.get_log_store("p-two", "gone")) == (404, "LogStoreNotExist")
    logstore = models.CreateLogStoreRequest(logstore_name="two", shard_count=2, ttl=30)
    assert refused(lambda: client.create_log_store("p-gone", logstore)) == (404, "ProjectNotExist")
    client.create_log_store("p-two", logstore)
    assert client.get_log_store("p-two", "two").body.ttl == 30
    index = models.CreateIndexRequest(body=models.Index().from_map({"keys": {"x": {"type": "word"}}}))
    assert refused(lambda: client.create_index("p-two", "two", index)) == (400, "ParameterInvalid")
    search = models.CreateSavedSearchRequest().from_map(
        {"savedsearchName": "found", "displayName": 5, "logstore": "two", "searchQuery": "*"}
    )
    assert refused(lambda: client.create_saved_search("p-two", search)) == (400, "ParameterInvalid")
    for offset in (-1, "5"):
        assert refused(partial(ask, cloud, "*", offset=offset)) == (400, "ParameterInvalid")
    client.delete_project("p-two", models.DeleteProjectRequest())
    gone = models.GetProjectRequest()
    assert refused(lambda: client.get_project("p-two", gone)) == (404, "ProjectNotExist")


def test_only_what_its_owner_has_signed_is_answered(cloud: LocalCloud) -> None:
    owner, request = cloud.accounts.owner, models.GetProjectRequest()
    wrong = Identity(owner.access_key_id, "wrong")
    client = client_of(cloud, wrong)
    assert refused(lambda: client.get_project(PROJECT, request)) == (401, "SignatureNotMatch")
    unknown = Identity("LTAIunknown", "x")
    assert refused(lambda: client_of(cloud, unknown).get_project(PROJECT, request)) == (401, "Unauthorized")
    token = Identity(owner.access_key_id, owner.access_key_secret, "made-up")
    assert refused(lambda: client_of(cloud, token).get_project(PROJECT, request)) == (401, "Unauthorized")


def test_the_projects_policy_lets_somebody_search_and_nothing_else(cloud: LocalCloud) -> None:
    values = {"account": cloud.config.account_id, "region": cloud.config.region}
    document = fill(POLICIES / "logs.json", {**values, "log_project": PROJECT, "logstore": LOGSTORE})
    reader = cloud.call(cloud.access.put_user, "reader", {"read": document}).keys
    now = int(time.time())
    search = models.GetLogsV2Request(from_=now - 60, to=now + 60, query="*")
    assert client_of(cloud, reader).get_logs_v2(PROJECT, LOGSTORE, search).body.meta.progress == "Complete"
    request = models.GetProjectRequest()
    assert refused(lambda: client_of(cloud, reader).get_project(PROJECT, request)) == (401, "Unauthorized")


def test_projects_stay_over_a_restart(tmp_path: Any) -> None:
    for _ in range(2):
        with LocalCloud(CloudConfig(directory=tmp_path)) as cloud:
            cloud.call(cloud.logs.have, PROJECT, LOGSTORE, INDEX)
            assert cloud.logs.store.find(PROJECT, "IndexConfig", LOGSTORE) is not None
