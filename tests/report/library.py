"""A library of videos on a local cloud, and the commands that look at it as a user types them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from click.testing import CliRunner, Result

from cli.main import main
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.imm.tasks import TaskRecord
from tests.show.films import label, result
from tests.user import environment

PROJECT = "immtest"
ARCHIVE = "archive/labels"
CHAIR, NIGHT = label("椅子", 0.95, LabelAlias="chair"), label("夜景", 0.6)
# Later than any upload of a test, and earlier.
LATER, EARLIER = "2199-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z"


class Library:
    """One bucket. ``settings`` are those of s.yaml that differ from its defaults."""

    def __init__(self, cloud: LocalCloud, bucket: str) -> None:
        self.cloud = cloud
        self.bucket = bucket
        self.keys: Identity = cloud.accounts.owner
        self.settings: dict[str, str] = {"RESULT_ARCHIVE": f"oss://{bucket}/{ARCHIVE}"}
        cloud.call(cloud.objects.create_bucket, bucket)

    def put(self, key: str, tags: Mapping[str, str] | None = None, content: bytes = b"film") -> str:
        """Upload an object; returns its URI."""
        self.cloud.call(self.cloud.objects.put_object, self.bucket, key, content, tags or {})
        return f"oss://{self.bucket}/{key}"

    def archive(self, key: str, *labels: Mapping[str, Any], task: str = "task-1", start: str = LATER) -> None:
        """Keep the result of a task about an object, as the function does."""
        content = result(labels, TaskId=task, StartTime=start, SourceURI=f"oss://{self.bucket}/{key}")
        self.put(f"{ARCHIVE}/{self.bucket}/{key}/{task}.json", content=json.dumps(content).encode())

    def task(self, key: str, *labels: Mapping[str, Any], task: str = "task-1") -> None:
        """Let IMM have found labels in an object."""
        record = TaskRecord(
            project=PROJECT,
            task_id=task,
            start_time=LATER,
            end_time=LATER,
            status="Succeeded",
            labels=list(labels),
            request={"ProjectName": PROJECT, "SourceURI": f"oss://{self.bucket}/{key}"},
        )
        self.cloud.run(self.cloud.media.put_task(record, notify=False))

    def tags(self, key: str) -> dict[str, str]:
        """The tags that an object has."""
        info = self.cloud.call(self.cloud.objects.stat, self.bucket, key)
        assert info is not None
        return {tag.key: tag.value for tag in info.tags}

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which commands work on it."""
        return {**self._environment(), **self.settings}

    def run(self, *arguments: str, typed: str | None = None, **settings: str) -> Result:
        """Run a command with the settings of this library, or others."""
        environment = {**self.environment, **settings}
        found = CliRunner().invoke(main, arguments, env=environment, input=typed)
        assert self.keys.access_key_secret not in found.output
        return found

    def report(self, *arguments: str, **more: Any) -> Result:
        """Run ``report`` on the bucket."""
        return self.run("report", "--bucket", self.bucket, *arguments, **more)

    def json(self, *arguments: str, **settings: str) -> Any:
        """The JSON document of ``report``."""
        found = self.report(*arguments, "--json", **settings)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    def preview(self, *arguments: str, **settings: str) -> Any:
        """The JSON document of ``preview``."""
        found = self.run("preview", *arguments, "--project", PROJECT, "--json", **settings)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    def _environment(self) -> Mapping[str, str]:
        return {
            **environment(self.cloud, self.keys),
            "ALIBABA_CLOUD_ACCOUNT_ID": self.cloud.config.account_id,
            "FAILED_EVENTS": f"oss://{self.bucket}/failed",
        }


def read_header(text: str) -> dict[str, str]:
    """A tag set of a row, as a mapping."""
    pairs = (pair.split("=") for pair in text.split("&") if pair)
    return {unquote(key): unquote(value) for key, value in pairs}
