"""Something to try a running local cloud on: a video, its finished task, and the notification of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cli.clients import Video, access_to
from localcloud.cloud import LocalCloud
from localcloud.imm.labels import built_in_labels
from localcloud.imm.tasks import TaskRecord

# The task that the payloads in examples/events/tasks/ are about.
BUCKET = "media"
PROJECT = "immtest"
IMM_ROLE = "AliyunIMMDefaultRole"
IMM_TRUST = (
    '{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": ["imm.aliyuncs.com"]}}]}'
)
TASK_ID = "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0001"
EVENT = Path("examples/events/tasks/mns-topic-json.json")


def prepare(cloud: LocalCloud) -> str:
    """Upload the video and have its task finished, unless a kept state has them; returns its URI."""
    video = Video(access_to(cloud), BUCKET, "videos/sample.mp4")
    cloud.call(cloud.access.put_role, IMM_ROLE, IMM_TRUST, {})
    if cloud.objects.stat(*video.place) is not None:
        return video.uri
    # A test picture of 24 seconds: only a browser ever looks at it.
    video.upload(Path(__file__).with_name("sample.mp4").read_bytes(), "team=a")
    # A second later than the upload, so that the task is about this object and no older one.
    start = cloud.clock.now() + timedelta(seconds=1)
    times = [(start + timedelta(seconds=s)).isoformat().replace("+00:00", "Z") for s in (0, 3)]
    cloud.call(cloud.media.put_project, PROJECT)
    record = TaskRecord(
        project=PROJECT,
        task_id=TASK_ID,
        start_time=times[0],
        end_time=times[1],
        status="Succeeded",
        request={"ProjectName": PROJECT, "SourceURI": video.uri},
        labels=built_in_labels(),
    )
    cloud.run(cloud.media.put_task(record, notify=False))
    return video.uri
