"""From an upload and nothing else to its tags, with s.uploads.yaml deployed as it is."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import alibabacloud_oss_v2 as oss
import pytest

from cli.checkout import ROOT, layer
from cli.clients import Account, Project, Video
from cli.deployer import deploy
from localcloud.cloud import LocalCloud, base_interpreter
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from localcloud.imm.tasks import TaskRecord
from localcloud.upload_events import UploadEventOrder

BUCKET, PROJECT = "media", "immtest"
VARIABLES = {
    "FAILED_EVENTS": "oss://media/failed",
    "IMM_LABEL_TAGS_BUCKET": BUCKET,
    "IMM_LABEL_TAGS_PREFIX": "videos/",
    "IMM_LABEL_TAGS_PROJECT": PROJECT,
}
CREATE = "CreateVideoLabelClassificationTask"
OBJECTS = 40


class Library:
    """A bucket of videos on a region where s.uploads.yaml is deployed."""

    def __init__(self, cloud: LocalCloud) -> None:
        config, urls = cloud.config, cloud.endpoints
        self.cloud = cloud
        self._account = Account(
            config.region, config.access_key_id, config.access_key_secret, urls.oss, urls.imm
        )
        cloud.call(cloud.objects.create_bucket, BUCKET)
        Project(self._account, PROJECT).create()
        declared = deploy(cloud, ROOT / "s.uploads.yaml", VARIABLES, layer())
        self.functions = {resource: one.name for resource, one in declared.resources.items()}

    def upload(self, key: str) -> None:
        video = Video(self._account, BUCKET, key)
        video._client.put_object(oss.PutObjectRequest(bucket=BUCKET, key=key, body=key.encode()))

    def tags(self, key: str) -> dict[str, str]:
        return Video(self._account, BUCKET, key).tags()

    def settle(self) -> None:
        """Wait until no event, task or message is on its way."""
        running = True
        while running:
            self.cloud.run(self.cloud.settled())
            running = any(task.status == "Running" for task in self.cloud.call(self._tasks))
            time.sleep(0.01)
        self.cloud.run(self.cloud.settled())

    def tasks(self) -> Counter[str]:
        """How many tasks each object has."""
        return Counter(str(task.request["SourceURI"]) for task in self.cloud.call(self._tasks))

    def _tasks(self) -> list[TaskRecord]:
        return self.cloud.media.list_tasks(PROJECT)


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    config = CloudConfig(interpreter=base_interpreter(), task_seconds=0.0, time_scale=0.001, instance_limit=4)
    with LocalCloud(config) as cloud:
        yield Library(cloud)


def test_an_upload_and_nothing_else_ends_in_tags(library: Library) -> None:
    library.upload("videos/宜家 1.mp4")
    library.upload("videos/a.txt")
    library.upload("elsewhere/b.mp4")
    library.settle()
    assert library.tasks() == {"oss://media/videos/宜家 1.mp4": 1}
    assert "imm" in library.tags("videos/宜家 1.mp4")
    assert library.tags("elsewhere/b.mp4") == {}


def test_each_of_many_uploads_has_one_task_and_its_tags_whatever_happens(library: Library) -> None:
    """A tenth of the events come twice and in any order, functions are killed, IMM throttles."""
    # Given
    earlier = library.tasks()
    order = UploadEventOrder(duplicate_rate=0.1, spread_seconds=2.0, seed=12)
    library.cloud.call(library.cloud.uploads.order, BUCKET, order)
    for number, action in enumerate((CREATE, "ListTasks", "Get*")):
        throttled = Fault(
            FaultKind.ERROR, "imm", action, code="Throttling.User", times=None, rate=0.1, seed=number
        )
        library.cloud.call(library.cloud.faults.order, throttled)
    keys = [f"videos/{number:04}.mp4" for number in range(OBJECTS)]
    # When
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(library.upload, keys))
    for _ in range(3):
        time.sleep(0.5)
        for resource in ("submit_video", "tag_object"):
            library.cloud.call(library.cloud.functions.kill_instances, library.functions[resource])
    library.settle()
    # Then: what failed to the end is kept, and none is lost
    assert library.cloud.functions.lost == []
    tasks = library.tasks() - earlier
    twice = {uri for uri, number in tasks.items() if number > 1}
    assert set(tasks) == {f"oss://{BUCKET}/{key}" for key in keys}
    assert twice <= raced(library.cloud)
    assert [key for key in keys if "imm" not in library.tags(key)] == []


def raced(cloud: LocalCloud) -> set[str]:
    """The objects for which two invocations created a task at the same time: the race that remains."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for record in cloud.functions.invocations():
        if b'"submitted"' in record.body:
            (outcome,) = json.loads(record.body)["outcomes"]
            end = record.ended.timestamp()
            spans.setdefault(outcome["object"], []).append((end - record.duration, end))
    return {
        uri
        for uri, times in spans.items()
        for (one, other) in combinations(times, 2)
        if one[0] <= other[1] and other[0] <= one[1]
    }
