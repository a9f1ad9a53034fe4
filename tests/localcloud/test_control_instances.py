"""The control API's view of the instances of a function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.localcloud.fc_world import INTERPRETER, deployed

PLAIN = "def handler(event, context): return 'ok'"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    deployment = deployed(tmp_path, PLAIN)
    with LocalCloud(CloudConfig(deployment=deployment, interpreter=INTERPRETER)) as cloud:
        yield cloud


def test_instances_can_be_listed_and_killed(cloud: LocalCloud) -> None:
    url = f"{cloud.endpoints.control}/instances"
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{url}/index").json() == []
        result = cloud.run(cloud.functions.invoke("index", b""))
        (instance,) = session.get(f"{url}/index").json()
        assert instance["instance_id"] == result.instance_id
        assert (instance["busy"], instance["memory"] > 1) == (False, True)
        assert session.delete(f"{url}/index/{result.instance_id}").status_code == 204
        assert session.get(f"{url}/index").json() == []
        answer = session.delete(f"{url}/index/{result.instance_id}")
        assert (answer.status_code, "no instance" in answer.json()["message"]) == (404, True)
        answer = session.get(f"{url}/unknown")
        assert (answer.status_code, answer.json()["message"]) == (404, "There is no function unknown.")


def test_there_are_never_more_instances_than_the_limit(tmp_path: Path) -> None:
    deployment = deployed(tmp_path, "def handler(event, context): pass")
    config = CloudConfig(deployment=deployment, interpreter=INTERPRETER, instance_limit=2)
    with LocalCloud(config) as cloud:
        for _ in range(6):
            cloud.run(cloud.functions.invoke_async("index", b""))
        cloud.run(cloud.settled())
        assert len({record.instance_id for record in cloud.functions.invocations()}) <= 2
        assert len(cloud.functions.invocations()) == 6
