"""A local cloud in a process of its own that keeps its state, for tests that end it or fill its disk."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client

from localcloud.accounts import Identity
from localcloud.config import CloudConfig
from tests.localcloud.imm_world import VIDEO_LABELS
from tests.localcloud.kept_process import BUCKET, PROJECT
from tests.localcloud.oss_signing import Answer, send, sign
from tests.localcloud.tenancy import sdk

_DEFAULTS = CloudConfig()
_OWNER = Identity(_DEFAULTS.access_key_id, _DEFAULTS.access_key_secret)


@dataclass(frozen=True)
class KeptCloud:
    """The process, and its OSS and IMM as clients see them."""

    process: subprocess.Popen[str]
    oss: str
    imm: str

    def call(self, method: str, key: str, query: str = "", body: bytes = b"") -> Answer:
        """One request to the bucket."""
        return send(self.oss, sign(_OWNER, method, BUCKET, key, query), body)

    def connect(self) -> socket.socket:
        """A connection to OSS."""
        host, _, port = self.oss.partition(":")
        return socket.create_connection((host, int(port)), timeout=60)

    def request(self, method: str, key: str) -> bytes:
        """A request whose answer ends its connection."""
        signed = sign(_OWNER, method, BUCKET, key)
        headers = {**signed.headers, "Host": self.oss, "Connection": "close"}
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        return f"{method} {signed.path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()

    def create_task(self, key: str) -> str:
        """Create a task about an object; returns its id."""
        uri = f"oss://{BUCKET}/{key}"
        request = models.CreateVideoLabelClassificationTaskRequest(project_name=PROJECT, source_uri=uri)
        task_id: str = self._imm().create_video_label_classification_task(request).body.task_id
        return task_id

    def source_of_task(self, task_id: str) -> str:
        """The object that a task is about."""
        request = models.GetTaskRequest(
            project_name=PROJECT, task_type=VIDEO_LABELS, task_id=task_id, request_definition=True
        )
        source: str = self._imm().get_task(request).body.task_request_definition
        return str(json.loads(source)["SourceURI"])

    def _imm(self) -> Client:
        return Client(sdk(self.imm, _OWNER))


@contextmanager
def kept_cloud(
    directory: Path, largest_file: int | None = None, open_files: int | None = None
) -> Iterator[KeptCloud]:
    """Start the process; it is killed at the end.

    ``largest_file`` is how many bytes a file may have, ``open_files`` how many files may be open.
    """
    limits = json.dumps({"RLIMIT_FSIZE": largest_file, "RLIMIT_NOFILE": open_files})
    command = [sys.executable, "-m", "tests.localcloud.kept_process", str(directory), limits]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        addresses = json.loads(line)
        yield KeptCloud(process, addresses["oss"], addresses["imm"])
    finally:
        process.kill()
        process.communicate()
