"""The process of a kept cloud: it imports what a local cloud needs, and none of its clients' SDKs."""

from __future__ import annotations

import json
import resource
import sys
import threading
from pathlib import Path

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig

BUCKET, PROJECT = "media", "immtest"


def _serve(directory: Path, limits: dict[str, int | None]) -> None:
    for name, limit in limits.items():
        if limit is not None:
            resource.setrlimit(getattr(resource, name), (limit, limit))
    with LocalCloud(CloudConfig(directory=directory, task_seconds=0.0)) as cloud:
        cloud.call(cloud.objects.create_bucket, BUCKET)
        cloud.call(cloud.media.put_project, PROJECT)
        addresses = {name: getattr(cloud.endpoints, name).removeprefix("http://") for name in ("oss", "imm")}
        print(json.dumps(addresses), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), json.loads(sys.argv[2]))
