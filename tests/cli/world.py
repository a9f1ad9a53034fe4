"""A region with videos and IMM's tasks, and the commands as a user types them."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
from click.testing import CliRunner, Result

from cli.main import main
from localcloud.accounts import Identity
from localcloud.calls import Call
from localcloud.cloud import LocalCloud
from localcloud.faults import Fault, FaultKind
from localcloud.imm.tasks import TaskRecord
from tests.policies.documents import asked_about, filled, unneeded
from tests.user import environment, oss_client

TOPIC = "imm-label-tags"
# Later than any upload of a test, and earlier.
LATER, EARLIER = "2199-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z"
ARCHIVE = "archive/labels"


def label(name: str, confidence: float = 0.9, *clips: tuple[int, int], **more: Any) -> dict[str, Any]:
    """A label in IMM's form; clips in milliseconds."""
    return {
        "LabelName": name,
        "LabelConfidence": confidence,
        "LabelLevel": 2,
        "Language": "zh-Hans",
        "ParentLabelName": "",
        "Clips": [{"TimeRange": list(clip)} for clip in clips],
        **more,
    }


def result(labels: Iterable[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """IMM's answer about a task, as an archive has it."""
    return {
        "ProjectName": "immtest",
        "TaskType": "VideoLabelClassification",
        "TaskId": "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0001",
        "Status": "Succeeded",
        "StartTime": "2021-12-24T03:00:38.892462383Z",
        "SourceURI": "oss://media/videos/a.webm",
        "Labels": list(labels),
        **more,
    }


CHAIR, NIGHT = label("椅子", 0.95, LabelAlias="chair"), label("夜景", 0.6)


class World:
    """A bucket and a project of a test's own; ``settings`` of s.yaml differ from its defaults."""

    def __init__(self, cloud: LocalCloud, directory: Path) -> None:
        self.cloud = cloud
        self.directory = directory
        self.bucket = f"media-{secrets.token_hex(4)}"
        self.project = f"project-{secrets.token_hex(4)}"
        self.keys: Identity = cloud.accounts.owner
        self.settings: dict[str, str] = {}
        cloud.call(cloud.objects.create_bucket, self.bucket)
        cloud.call(cloud.media.put_project, self.project)

    # Objects and tasks

    def uri(self, key: str) -> str:
        return f"oss://{self.bucket}/{key}"

    def put(
        self, key: str = "videos/a.mp4", tags: Mapping[str, str] | None = None, content: bytes = b"a video"
    ) -> str:
        """Upload an object; returns its URI."""
        self.cloud.call(self.cloud.objects.put_object, self.bucket, key, content, tags or {})
        return self.uri(key)

    def tags(self, key: str) -> dict[str, str]:
        """The tags that an object has."""
        info = self.cloud.call(self.cloud.objects.stat, self.bucket, key)
        assert info is not None
        return {tag.key: tag.value for tag in info.tags}

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags."""
        tagging = oss.Tagging(tag_set=oss.TagSet(tags=[oss.Tag(key=k, value=v) for k, v in tags.items()]))
        request = oss.PutObjectTaggingRequest(bucket=self.bucket, key=key, tagging=tagging)
        self.oss().put_object_tagging(request)

    def oss(self) -> oss.Client:
        return oss_client(self.cloud)

    def archive(self, key: str, *labels: Mapping[str, Any], task: str = "task-1", start: str = LATER) -> None:
        """Keep the result of a task about an object, as the function does."""
        content = result(labels, TaskId=task, StartTime=start, SourceURI=self.uri(key))
        self.put(f"{ARCHIVE}/{self.bucket}/{key}/{task}.json", content=json.dumps(content).encode())

    def task(
        self,
        key: str,
        *labels: Mapping[str, Any],
        task: str = "task-1",
        status: str = "Succeeded",
        **more: Any,
    ) -> str:
        """Let IMM have a task about an object; returns its id."""
        record = TaskRecord(
            project=self.project,
            task_id=task,
            start_time=LATER,
            end_time=LATER,
            status=status,
            labels=list(labels),
            request={"ProjectName": self.project, "SourceURI": self.uri(key)},
            **more,
        )
        self.cloud.run(self.cloud.media.put_task(record, notify=False))
        return task

    def tasks(self, *statuses: str) -> Counter[str]:
        """How many tasks IMM has of each object, by its URI; of some statuses or of all."""
        records = self.cloud.call(self.cloud.media.list_tasks, self.project)
        wanted = (record for record in records if not statuses or record.status in statuses)
        return Counter(str(record.request["SourceURI"]) for record in wanted)

    # Commands

    @property
    def environment(self) -> dict[str, str]:
        """What a user exports."""
        return {
            **environment(self.cloud, self.keys),
            "ALIBABA_CLOUD_ACCOUNT_ID": self.cloud.config.account_id,
            "FAILED_EVENTS": self.uri("failed"),
            "IMM_LABEL_TAGS_PROJECT": self.project,
            **self.settings,
        }

    def run(self, *arguments: str, typed: str | None = None, **variables: str | None) -> Result:
        """Run a command; whatever it prints has no secret in it."""
        env = {**self.environment, **variables}
        found = CliRunner().invoke(main, arguments, env=env, input=typed)
        for secret in (self.keys.access_key_secret, self.keys.security_token):
            assert not secret or secret not in found.output
        return found

    def json(self, *arguments: str, **variables: str | None) -> Any:
        """The JSON document of a command."""
        found = self.run(*arguments, "--json", **variables)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    def become(self, policy: Mapping[str, Any] | None = None) -> None:
        """Be somebody else from now on, who may do what a policy says, or nothing."""
        documents = {"policy": json.dumps(policy)} if policy else {}
        self.keys = self.cloud.call(self.cloud.access.put_user, self.bucket, documents).keys

    def policy(self, name: str, **values: str) -> dict[str, Any]:
        """A document of deploy/policies for this place."""
        config = self.cloud.config
        place = {"account": config.account_id, "region": config.region, "bucket": self.bucket, "prefix": ""}
        return filled(name, **{**place, "project": self.project, **values})

    def check_policy(self, policy: dict[str, Any], *commands: Sequence[str]) -> None:
        """A policy is enough for commands, and nothing of it is too much."""
        self.become(policy)
        with asked_about(self.keys) as asked:
            for words in commands:
                done = self.run(*words)
                assert done.exit_code == 0, done.output
        assert unneeded(policy, asked) == set()

    # What happens meanwhile

    def break_call(self, action: str, kind: FaultKind = FaultKind.ERROR, **more: Any) -> None:
        """Break calls of an action, the next one only unless ``times`` says otherwise."""
        self.cloud.call(self.cloud.faults.order, Fault(kind, action=action, **more))

    def heal(self) -> None:
        self.cloud.call(self.cloud.faults.clear)

    def forget_calls(self) -> None:
        self.cloud.run(self.cloud.calls.settled())
        self.cloud.call(self.cloud.calls.clear)

    def calls(self, action: str) -> Sequence[Call]:
        """The calls of an action that have ended."""
        self.cloud.run(self.cloud.calls.settled())
        return self.cloud.calls.list(action=action)

    def most_at_once(self, action: str) -> int:
        """The greatest number of calls that were under way at the same moment."""
        calls = self.calls(action)
        return max(sum(other.started <= call.started < other.ended for other in calls) for call in calls)
