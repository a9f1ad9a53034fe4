"""The local cloud of a benchmark, in a process of its own, with OSS and IMM over TLS.

So nothing that the cloud spends is part of what is measured. ``python -m proof.benchmarks.region FILE`` is
that process: FILE is the server's certificate with its key. One line of JSON on standard output tells where
everything is; the process ends when its standard input does.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import requests
import trustme

from cli.cloud.access import Access, Endpoints
from imm_label_tags.services.credentials import Keys
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.gateway import Gateway
from localcloud.imm.notification import notification
from localcloud.imm.tasks import TaskRecord
from localcloud.server import HttpServer, listen

PROJECT = "benchmark"
BUCKET = "benchmark-videos"
TOPIC = "imm-label-tags"
OWN_TAGS = {"team": "a", "retention": "30 days"}
CALL_SERVICES = ("oss", "imm")
# Later than any object's upload, so that no task is about an older one.
_AHEAD = timedelta(hours=1)
_SECONDS = 60

ENGLISH = ("chair", "furniture", "table", "living-room", "person", "window")
CHINESE = ("椅子", "家具", "桌子", "客厅", "人物", "窗户")
LABELS: Mapping[str, Sequence[str]] = {"ascii": ENGLISH, "chinese": CHINESE}


@dataclass(frozen=True)
class Task:
    """A finished task: its id, the key of its object, and the event that tells of it (an MNS message)."""

    task_id: str
    key: str
    message: Mapping[str, Any]

    @property
    def event(self) -> bytes:
        """The event of an invocation for this task alone."""
        return json.dumps(self.message).encode()


def batch(tasks: Iterable[Task]) -> bytes:
    """The event of an invocation for several tasks."""
    return json.dumps([task.message for task in tasks]).encode()


@dataclass(frozen=True)
class ServerCertificate:
    """Files in PEM: what clients have to trust, and the server's certificate with its private key."""

    authority: Path
    server: Path


def make_certificate(directory: Path) -> ServerCertificate:
    """Write both files, for 127.0.0.1: production speaks TLS, so the benchmark does."""
    authority = trustme.CA()
    files = ServerCertificate(directory / "authority.pem", directory / "server.pem")
    authority.cert_pem.write_to_path(str(files.authority))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(files.server))
    return files


class Region:
    """A local cloud that runs elsewhere; ``places`` are the addresses that its process has told."""

    def __init__(self, places: Mapping[str, str], session: requests.Session) -> None:
        self.oss, self.imm, self._control = places["oss"], places["imm"], places["control"]
        self._session = session
        self._number = 0
        about = self._ask("GET", "").json()
        self.account_id, self.name = about["account_id"], about["region"]
        self._ask("PUT", f"buckets/{BUCKET}")
        self._ask("PUT", f"projects/{PROJECT}")
        keys = about["access_key_id"], about["access_key_secret"]
        endpoints = Endpoints(oss=places["plain_oss"]).resolved(self.name, self.account_id)
        self._owner = Access(self.name, Keys(*keys, ""), endpoints).oss()

    def keys(self) -> Mapping[str, str]:
        """Temporary keys of the function's role."""
        order = {"role": "imm-label-tags", "lifetime_seconds": 36 * 3600}
        keys: Mapping[str, str] = self._ask("POST", "keys", order).json()
        return keys

    def upload(self, count: int = 1) -> list[str]:
        """New objects with tags of their own; returns their keys."""
        keys = [f"videos/{secrets.token_hex(6)}.mp4" for _ in range(count)]
        for key in keys:
            self._owner.put_object(oss.PutObjectRequest(bucket=BUCKET, key=key, body=b"a video"))
            tags = [oss.Tag(key=name, value=value) for name, value in OWN_TAGS.items()]
            tagging = oss.Tagging(tag_set=oss.TagSet(tags=tags))
            self._owner.put_object_tagging(
                oss.PutObjectTaggingRequest(bucket=BUCKET, key=key, tagging=tagging)
            )
        return keys

    def task(self, key: str, labels: Sequence[str]) -> Task:
        """A finished task about an object, newer than every earlier one."""
        self._number += 1
        start = datetime.now(timezone.utc) + _AHEAD + timedelta(seconds=self._number)
        order: dict[str, Any] = {
            "project": PROJECT,
            "task_id": f"VideoLabelClassification-{secrets.token_hex(16)}",
            "start_time": f"{start:%Y-%m-%dT%H:%M:%S.%f}000Z",
            "end_time": f"{start + timedelta(seconds=30):%Y-%m-%dT%H:%M:%S.%f}000Z",
            "status": "Succeeded",
            "labels": [_label(name, number) for number, name in enumerate(labels)],
            "request": {
                "ProjectName": PROJECT,
                "SourceURI": f"oss://{BUCKET}/{key}",
                "Notification": {"MNS": {"TopicName": TOPIC}},
            },
        }
        self._ask("POST", "tasks", order)
        message = {
            "TopicOwner": self.account_id,
            "Message": notification(TaskRecord(**order), self.name, self.account_id, start).decode(),
            "Subscriber": self.account_id,
            "PublishTime": 1550216480040,
            "SubscriptionName": "imm-tasks",
            "MessageMD5": secrets.token_hex(16).upper(),
            "TopicName": TOPIC,
            "MessageId": secrets.token_hex(16).upper(),
        }
        return Task(order["task_id"], key, message)

    def tags(self, key: str) -> dict[str, str]:
        """An object's tags."""
        result = self._owner.get_object_tagging(oss.GetObjectTaggingRequest(bucket=BUCKET, key=key))
        return {tag.key: tag.value or "" for tag in result.tag_set.tags or []}

    def delay(self, seconds: float) -> None:
        """Have every call to OSS and IMM take so much longer; 0 ends that."""
        self._ask("DELETE", "faults")
        if seconds:
            for service in CALL_SERVICES:
                order = {"kind": "delay", "service": service, "times": None, "delay_seconds": seconds}
                self._ask("POST", "faults", order)

    def forget_calls(self) -> None:
        """Begin a new list of calls."""
        self._ask("DELETE", "calls")

    def calls(self) -> list[tuple[float, float]]:
        """Begin and end, in seconds, of each call to OSS and IMM since ``forget_calls``."""
        calls = self._ask("GET", "calls").json()
        return sorted((call["started"], call["ended"]) for call in calls if call["service"] in CALL_SERVICES)

    def _ask(self, method: str, path: str, order: Any = None) -> requests.Response:
        answer = self._session.request(method, f"{self._control}/{path}", json=order, timeout=_SECONDS)
        answer.raise_for_status()
        return answer


@contextmanager
def running_region(certificate: Path) -> Iterator[Region]:
    """A local cloud with the server's certificate, while it runs. Raises RuntimeError where none starts."""
    command = [sys.executable, "-m", "proof.benchmarks.region", str(certificate)]
    root = Path(__file__).parent.parent.parent
    with (
        requests.Session() as session,
        # It ends its process's input, and waits for its end.
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process,
    ):
        session.trust_env = False
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("The local cloud did not start; what it said stands above.")
        yield Region(json.loads(line), session)


def serve(certificate: str) -> None:
    """Run a local cloud until standard input ends."""
    with LocalCloud(CloudConfig(task_seconds=0.0)) as cloud:
        places = {"control": cloud.endpoints.control, "plain_oss": cloud.endpoints.oss}
        servers = []
        for service in (cloud.objects, cloud.media):
            sock = listen(service.name.upper(), cloud.config.host, 0)
            places[service.name] = f"https://{cloud.config.host}:{sock.getsockname()[1]}"
            servers.append(
                HttpServer(Gateway(service, cloud.calls, cloud.faults), sock, certificate=certificate)
            )
            cloud.run(servers[-1].start())
        print(json.dumps(places), flush=True)
        sys.stdin.read()
        for server in servers:
            cloud.run(server.stop())


def _label(name: str, number: int) -> dict[str, Any]:
    return {
        "Language": "en" if name.isascii() else "zh-Hans",
        "LabelName": name,
        "LabelLevel": 2,
        "LabelConfidence": round(0.95 - number / 100, 2),
        "CentricScore": 0.5,
    }


if __name__ == "__main__":
    serve(sys.argv[1])
