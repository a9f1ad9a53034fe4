"""Plays the function through with answers that are written down here; run in a fresh interpreter, by path.

    python3.12 -I -S -B layers/rehearsal.py CODE LAYER

Ends with 0 where every scene ended as it should, else it says on standard error which one did not. It is no
test of the function: it shows that the modules are there which the function and the SDKs import on the way
through each call, each answer and each error. Uses the standard library alone.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PROJECT = "rehearsal"
TASK = "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0000"
URI = "oss://media/videos/一.mp4"
CREATE = "CreateVideoLabelClassificationTask"
SECOND_URI = "oss://media/failed"
HTML = "<html><head><title>503 Service Temporarily Unavailable</title></head></html>"


class Answer(NamedTuple):
    """What a service says."""

    status: int
    body: str
    content_type: str = "application/xml"


class Scene(NamedTuple):
    """An answer instead of the usual one to an action, and how the notification then has to end."""

    action: str
    answer: Answer
    end: str


def imm_error(status: int, code: str) -> Answer:
    """An error as IMM sends it."""
    body = {"RequestId": "AAAA", "HostId": "imm.cn-hangzhou.aliyuncs.com", "Code": code, "Message": "No."}
    return Answer(status, json.dumps(body), "application/json")


def oss_error(status: int, code: str) -> Answer:
    """An error as OSS sends it."""
    return Answer(
        status,
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>No.</Message>'
        "<RequestId>AAAA</RequestId><HostId>media.oss-cn-hangzhou.aliyuncs.com</HostId><EC>0003-0</EC></Error>",
    )


LABELS = [
    {
        "Language": "zh-Hans",
        "LabelName": "卡通动漫",
        "LabelLevel": 2,
        "LabelConfidence": 1.0,
        "ParentLabelName": "动漫",
        "CentricScore": 0.877,
        "LabelAlias": "",
        "Clips": [{"TimeRange": [5000, 6000]}],
    },
    {"Language": "en", "LabelName": "Chair", "LabelLevel": 1, "LabelConfidence": 0.95},
]
RESULT = {
    "RequestId": "AAAA",
    "ProjectName": PROJECT,
    "EventId": "2F6",
    "Status": "Succeeded",
    "StartTime": "2199-12-24T03:00:38.892462383Z",
    "EndTime": "2199-12-24T03:00:42.134971294Z",
    "UserData": "",
    "TaskType": "VideoLabelClassification",
    "TaskId": TASK,
    "Labels": LABELS,
}
DEFINITION = {
    **{name: value for name, value in RESULT.items() if name != "Labels"},
    "Progress": 100,
    "Tags": {"test": "val1"},
    "TaskRequestDefinition": json.dumps({"ProjectName": PROJECT, "SourceURI": URI}),
}
TAGGING = (
    '<?xml version="1.0" encoding="UTF-8"?><Tagging><TagSet><Tag><Key>team</Key><Value>a</Value></Tag>'
    "</TagSet></Tagging>"
)
USUAL: Mapping[str, Answer] = {
    "GetVideoLabelClassificationResult": Answer(200, json.dumps(RESULT), "application/json"),
    "GetTask": Answer(200, json.dumps(DEFINITION), "application/json"),
    "HeadObject": Answer(200, "a video"),
    "ListTasks": Answer(200, json.dumps({"ProjectName": PROJECT, "Tasks": []}), "application/json"),
    CREATE: Answer(200, json.dumps({"EventId": "2F6", "TaskId": TASK}), "application/json"),
    "GetObjectTagging": Answer(200, TAGGING),
    "PutObjectTagging": Answer(200, ""),
    "PutObject": Answer(200, ""),
}
UNAVAILABLE = Answer(503, HTML, "text/html")
SCENES = (
    Scene("", Answer(0, ""), "tagged"),
    Scene("GetTask", imm_error(403, "NoPermission"), "AccessDenied"),
    Scene("GetTask", imm_error(400, "Throttling.User"), "Throttled"),
    Scene("GetTask", UNAVAILABLE, "ServiceUnavailable"),
    Scene("GetVideoLabelClassificationResult", imm_error(404, "ResourceNotFound"), "TaskNotFound"),
    Scene("GetVideoLabelClassificationResult", UNAVAILABLE, "ServiceUnavailable"),
    Scene("HeadObject", Answer(404, ""), "object_gone"),
    Scene("HeadObject", Answer(503, ""), "ServiceUnavailable"),
    Scene("GetObjectTagging", oss_error(403, "AccessDenied"), "AccessDenied"),
    Scene("GetObjectTagging", UNAVAILABLE, "ServiceUnavailable"),
    Scene("GetObjectTagging", Answer(200, TAGGING[:60]), "ServiceUnavailable"),
    Scene("PutObjectTagging", oss_error(400, "InvalidTag"), "ServiceRejected"),
    Scene("PutObjectTagging", oss_error(503, "ServiceUnavailable"), "ServiceUnavailable"),
)


LISTED = {"ProjectName": PROJECT, "Tasks": [{**DEFINITION, "TaskId": TASK, "Status": "Running"}]}
SUBMISSION_SCENES = (
    Scene("", Answer(0, ""), "submitted"),
    Scene("ListTasks", Answer(200, json.dumps(LISTED), "application/json"), "already_submitted"),
    Scene("ListTasks", imm_error(403, "NoPermission"), "AccessDenied"),
    Scene("HeadObject", Answer(404, ""), "object_gone"),
    Scene(CREATE, imm_error(400, "Throttling.User"), "Throttled"),
    Scene(CREATE, imm_error(404, "ResourceNotFound"), "ServiceRejected"),
    Scene(CREATE, UNAVAILABLE, "ServiceUnavailable"),
)


class Services(ThreadingHTTPServer):
    """IMM and OSS on one port. ``instead`` answers an action otherwise; ``bodies`` are what was sent last."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.instead: dict[str, Answer] = {}
        self.bodies: dict[str, str] = {}


class Conversation(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server: Services

    def answer(self) -> None:
        """Answer any request of IMM's or OSS's."""
        kind = "ObjectTagging" if "tagging" in urlsplit(self.path).query else "Object"
        action = self.headers["x-acs-action"] or f"{self.command.capitalize()}{kind}"
        length = int(self.headers.get("Content-Length") or 0)
        self.server.bodies[action] = self.rfile.read(length).decode()
        answer = self.server.instead.get(action, USUAL[action])
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in (
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(body))),
            ("x-oss-request-id", "AAAA"),
            ("x-acs-request-id", "AAAA"),
            ("Last-Modified", "Fri, 24 Dec 2021 02:00:00 GMT"),
            ("ETag", '"D41D8CD98F00B204E9800998ECF8427E"'),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 - names of the base class

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Nothing is logged."""


ENVIRONMENT = {
    "FAILED_EVENTS": SECOND_URI,
    "IMM_PROJECT": PROJECT,
    "NOTIFICATION_TOPIC": "rehearsal",
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.rehearsal",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret of the rehearsal",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "token of the rehearsal",
}
CONTEXT = SimpleNamespace(request_id="AAAA", region="cn-hangzhou", account_id="1234567890123456")


def play(server: Services) -> Iterator[str]:
    """Play every scene; yields what is wrong."""
    import keep_failed
    import tag_object
    from imm_label_tags.retries import RetryPolicy
    from imm_label_tags.submission.video_submission import VideoSubmission
    from imm_label_tags.tagging.instance import Instance

    announced = {name: RESULT[name] for name in ("ProjectName", "TaskType", "TaskId", "Status")}
    event = json.dumps(announced).encode()
    tag_object.initialize(CONTEXT)
    (outcome,) = tag_object.handler(event, CONTEXT)["outcomes"]
    if outcome["status"] != "tagged" or "imm_ka-tong-dong-man" not in (outcome["tags"] or {}):
        yield f"a notification ended as {outcome}"
    # Nobody has to wait for what is tried again.
    retries = RetryPolicy(sleep=lambda seconds: None)
    yield from play_scenes(server, SCENES, Instance(os.environ, CONTEXT, retries), event)
    keep_failed.initialize(CONTEXT)
    record = {
        "timestamp": 1640314900,
        "requestContext": {"requestId": "AAAA", "condition": "UnhandledInvocationError"},
        "requestPayload": event.decode(),
        "responsePayload": json.dumps({"errorMessage": "No.", "errorType": "Throttled"}),
    }
    kept = keep_failed.handler(json.dumps(record).encode(), CONTEXT)["kept"]
    if not kept.startswith(SECOND_URI) or TASK not in server.bodies["PutObject"]:
        yield f"a failed event was kept as {kept}"
    submission = VideoSubmission(os.environ, CONTEXT, retries)
    yield from play_scenes(server, SUBMISSION_SCENES, submission, json.dumps([URI]).encode())


def play_scenes(server: Services, scenes: Sequence[Scene], instance: Any, event: bytes) -> Iterator[str]:
    """Hand an instance the same event in each scene; yields what is wrong."""
    from imm_label_tags.errors import TaggingError

    for scene in scenes:
        server.instead = {scene.action: scene.answer}
        try:
            (outcome,) = instance.handle(event, CONTEXT)["outcomes"]
            end, said = outcome["status"], outcome["reason"]
        except TaggingError as error:
            end, said = type(error).__name__, error
        if end != scene.end:
            what = f"HTTP {scene.answer.status} to {scene.action}"
            yield f"{what} should end as {scene.end}, but ended as {end}: {said}"
    server.instead = {}


def main(code: str, layer: str) -> int:
    """Rehearse; returns the exit status."""
    sys.path[:0] = [code, layer]
    printed = io.StringIO()
    with Services() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            # The environment that the function has in the cloud.
            endpoint = f"http://127.0.0.1:{server.server_address[1]}"
            os.environ.update(ENVIRONMENT, IMM_ENDPOINT=endpoint, OSS_ENDPOINT=endpoint)
            with redirect_stdout(printed):
                wrong = list(play(server))
        finally:
            server.shutdown()
            thread.join()
    # Above all that the SDKs had to be imported whole.
    lines = map(json.loads, printed.getvalue().splitlines())
    wrong += [line["message"] for line in lines if line["level"] == "WARNING"]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
