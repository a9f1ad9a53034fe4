"""One run in a process of its own: ``python -m proof.buckets.measured bare|report BUCKET THREADS``.

Prints one JSON object: seconds and processor seconds of the work itself, without starting Python and
importing the SDKs, and the process's peak memory (VmHWM, in MB).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss

from cli.cloud.where import Where
from cli.main import main as imm_label_tags
from cli.report.command import report

_PAGE = 1000


def bare(bucket: str, threads: int) -> int:
    """List a bucket and read the tags of every object, as the SDK's documentation shows both."""
    config = oss.config.load_default()
    config.region = Where().access().region
    config.endpoint = os.environ["OSS_ENDPOINT"]
    config.credentials_provider = oss.credentials.EnvironmentVariableCredentialsProvider()
    client = oss.Client(config)

    def tags(key: str) -> int:
        result = client.get_object_tagging(oss.GetObjectTaggingRequest(bucket=bucket, key=key))
        return len(result.tag_set.tags or [])

    count = 0
    with ThreadPoolExecutor(threads) as executor:
        for page in client.list_objects_v2_paginator().iter_page(
            oss.ListObjectsV2Request(bucket=bucket, max_keys=_PAGE)
        ):
            count += sum(1 for _ in executor.map(tags, [item.key for item in page.contents or []]))
    return count


def reported(bucket: str, threads: int) -> int:
    """Run the command; ``threads`` is what it has anyway."""
    output = StringIO()
    with redirect_stdout(output), suppress(SystemExit):
        imm_label_tags(["report", "--bucket", bucket, "--json"], standalone_mode=False)
    count: int = json.loads(output.getvalue())["objects"]
    return count


SUBJECTS: dict[str, Callable[[str, int], int]] = {"bare": bare, "report": reported}


def main(subject: str, bucket: str, threads: str) -> None:
    """Run one subject and print what it took."""
    assert report.name == "report", "imported before the clock runs"
    began, spent = time.monotonic(), time.process_time()
    objects = SUBJECTS[subject](bucket, int(threads))
    measured: dict[str, Any] = {
        "objects": objects,
        "seconds": time.monotonic() - began,
        "processor": time.process_time() - spent,
        "memory": _peak(),
    }
    print(json.dumps(measured))


def _peak() -> float:
    status = Path("/proc/self/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
