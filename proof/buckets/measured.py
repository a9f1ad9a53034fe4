"""One run in a process of its own: ``python -m proof.buckets.measured bare BUCKET THREADS``, or a command.

Prints one JSON object: objects, seconds and processor seconds of the work itself, without starting Python and
importing the SDKs, and the process's peak memory (VmHWM, in MB).
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss

from cli.cloud.where import Where
from cli.main import main as imm_label_tags
from cli.report.command import report
from cli.submission.command import backfill

BARE = "bare"
_PAGE = 1000
# Commands are imported when they are called; importing them beforehand keeps that out of the seconds.
_IMPORTED = (report, backfill)


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


def commanded(*words: str) -> int:
    """Run a command that goes through a bucket, with ``--json``; how many objects it has gone through."""
    output = StringIO()
    with redirect_stdout(output), suppress(SystemExit):
        imm_label_tags([*words, "--json"], standalone_mode=False)
    document: dict[str, Any] = json.loads(output.getvalue())
    return int(document["found" if words[0] == backfill.name else "objects"])


def main(subject: str, *words: str) -> None:
    """Run one subject and print what it took."""
    began, spent = time.monotonic(), time.process_time()
    objects = bare(words[0], int(words[1])) if subject == BARE else commanded(subject, *words)
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
