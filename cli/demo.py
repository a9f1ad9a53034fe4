"""The main job, played through on a local cloud and checked by reading the object back.

Its last steps are what the tags are for: a lifecycle rule, a policy and a search act on them.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cli.checkout import DEPLOYED_ACCOUNT, DEPLOYMENT, KEEPING, TAGGING, UPLOADS, layer, variables
from cli.clients import Bucket, Project, Video, access_to
from cli.cloud.access import Access
from cli.deployer import deploy, give_roles
from cli.narration import Narrator, new_console
from cli.problems import Problem
from cli.show.answer import Answer
from cli.show.terminal import show_labels
from cli.show.view import ObjectState, view_of
from imm_label_tags.environment import shut_out
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.tagging.settings import read_settings
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.fc.declaration import Deployment
from localcloud.fc.invocation import InvocationRecord
from localcloud.imm.notification import notification
from localcloud.imm.tasks import TaskRecord

BUCKET = "media"
# Only what is uploaded there is submitted by itself; of the other videos the demo creates the tasks.
WATCHED = "videos/宜家"
PROJECT = "immtest"
OWN_TAGS = {"team": "a", "retention": "30 days"}
OWN_TAGS_HEADER = "team=a&retention=30%20days"
PATIENCE_SECONDS = 60.0
TASK_SECONDS = 0.5
# Scales the waits that MNS and Function Compute impose between retries.
TIME_SCALE = 0.05
UNKNOWN_TASK = "VideoLabelClassification-00000000-0000-0000-0000-000000000000"

# What a user's rule file says, and where it lies in the code root.
RULES = {"content": {"advert": ["广告", "促销"], "night": ["夜景", "烟花"], "other": "*"}}
RULE_FILE = "rules.json"
ADVERT, NIGHT = ("imm_content", "advert"), ("imm_content", "night")
READER = "reader"
DENIED_TO_READER = {"StringEquals": {f"oss:ExistingObjectTag/{ADVERT[0]}": ADVERT[1]}}
READER_POLICY = {
    "Version": "1",
    "Statement": [
        {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": [f"acs:oss:*:*:{BUCKET}/*"]},
        {
            "Effect": "Deny",
            "Action": ["oss:GetObject"],
            "Resource": [f"acs:oss:*:*:{BUCKET}/*"],
            "Condition": DENIED_TO_READER,
        },
    ],
}


def _labels(*labels: tuple[str, str, float]) -> list[dict[str, Any]]:
    """Labels in IMM's form, of name, parent and confidence."""
    return [
        {"LabelName": name, "ParentLabelName": parent, "LabelLevel": 2, "LabelConfidence": confidence}
        | {"Language": "zh-Hans"}
        for name, parent, confidence in labels
    ]


NEWER_LABELS = _labels(
    ("夜景", "自然风景", 0.97),
    ("烟花", "夜景", 0.91),
    ("Night market", "场所", 0.64),
    ("人群", "人物", 0.42),
)
ADVERT_LABELS = _labels(("促销", "广告", 0.93), ("沙发", "家具", 0.88))


class DemoFailed(Problem):
    """Something was not as the demo expects it; what follows is what was found."""

    exit_code = 1


@click.command()
def demo() -> None:
    """Play the main job through on a local cloud and check every step.

    Exit status 0 only if each step was verified by reading the object back.
    """
    shut_out(os.environ)
    console = new_console()
    play(Narrator(console))
    console.print("\n[bold green]Every step was verified.[/]")


def play(narrator: Narrator) -> None:
    """Play the demo; raises DemoFailed where an expectation is not met."""
    narrator.step("A local cloud starts: IMM, OSS, MNS and Function Compute on this machine")
    environment = {
        **variables({}),
        "ALIBABA_CLOUD_ACCOUNT_ID": DEPLOYED_ACCOUNT,
        "IMM_LABEL_TAGS_BUCKET": BUCKET,
        "IMM_LABEL_TAGS_PROJECT": PROJECT,
        "IMM_LABEL_TAGS_PREFIX": WATCHED,
    }
    config = CloudConfig(
        account_id=DEPLOYED_ACCOUNT, task_seconds=TASK_SECONDS, time_scale=TIME_SCALE, policies=True
    )
    with LocalCloud(config) as cloud:
        urls = cloud.endpoints
        narrator.say(f"OSS {urls.oss}   IMM {urls.imm}")
        narrator.say(f"MNS {urls.mns}   FC  {urls.fc}")
        cloud.call(cloud.objects.create_bucket, BUCKET)
        give_roles(cloud, environment, bucket=BUCKET, project=PROJECT, template=UPLOADS)
        narrator.say("each function's role may do what deploy/policies says, and nothing else")

        narrator.step("s.uploads.yaml is deployed to it, by the calls that Serverless Devs makes")
        declared = deploy(cloud, UPLOADS, environment, layer())
        for function in cloud.functions.deployment.functions.values():
            layers = ", ".join(arn.partition(":layers/")[2] for arn in function.layers) or "no layer"
            narrator.say(f"function {function.name} ({function.runtime}) with {layers}")
        _Play(cloud, declared, narrator, environment).run()


class _Play:
    def __init__(
        self, cloud: LocalCloud, declared: Deployment, narrator: Narrator, environment: Mapping[str, str]
    ) -> None:
        self._cloud = cloud
        self._tell = narrator
        self._environment = environment
        access = access_to(cloud)
        self._video = Video(access, BUCKET, "videos/宜家.mp4")
        self._advert = Video(access, BUCKET, "videos/双十一.mp4")
        self._bucket = Bucket(access, BUCKET)
        self._project = Project(access, PROJECT)
        self._function = declared.resources[TAGGING].name
        self._keeper = declared.resources[KEEPING].name
        (trigger,) = declared.mns_topic_triggers
        self._topic = trigger.topic
        self._seen = 0

    def run(self) -> None:
        first = self._first_task()
        self._duplicate(first)
        newer = self._newer_task()
        self._late(first, newer)
        self._unknown()
        reader = self._reader()
        self._rules()
        self._lifecycle()
        self._denied(reader)
        self._search()
        self._expect("no event was lost", [], [str(event) for event in self._cloud.functions.lost])

    def _first_task(self) -> str:
        self._tell.step("A video is uploaded, with tags of its owner's: all else follows from that")
        self._project.create()
        self._video.upload(b"A stand-in for a video: nothing here looks at its content.", OWN_TAGS_HEADER)
        tags = self._video.tags()
        self._tell.say(f"{self._video.uri} has {', '.join(f'{key}={tags[key]}' for key in tags)}")
        self._expect("the object has its owner's tags", OWN_TAGS, tags)

        self._tell.step("OSS notifies submit_video, which creates an IMM task to look for labels")
        submitted = self._outcome("submitted")
        task_id = str(submitted["task_id"])
        self._expect("the uploaded video is submitted", self._video.uri, submitted["object"])
        self._tell.say(f"task {task_id} is {self._project.result(task_id).status}")
        self._tell.say(
            f"it will notify the topic {self._topic}, which triggers the function {self._function}"
        )
        outcome = self._outcome("tagged")
        result = self._project.result(task_id)
        self._tell.say(f"the task is {result.status}")

        self._tell.step("The function fetches the labels, reads the tags, merges and writes them")
        self._show_labels(result)
        self._tell.say(f"{len(outcome['dropped'])} of {len(result.labels)} labels are dropped")
        self._tell.change(OWN_TAGS, self._video.tags())
        self._expect_labels_of(task_id, outcome)
        return task_id

    def _show_labels(self, result: Any) -> None:
        """What IMM found in the video, and what became of it."""
        function = self._cloud.functions.deployment.functions[self._function]
        settings = read_settings(function.environment, function.code)
        answer = Answer.read({**result.to_map(), "ProjectName": self._project.name})
        assert answer.start is not None, "a task that has ended"
        state = ObjectState(self._video.tags(), answer.start)
        view = view_of(answer, self._video.place, state, settings)
        show_labels(self._tell.console, view.rows)

    def _duplicate(self, task_id: str) -> None:
        self._tell.step("MNS delivers the same notification a second time")
        before, writes = self._video.tags(), self._writes()
        self._cloud.run(self._cloud.media.notify(self._project.name, task_id))
        self._outcome("unchanged")
        self._expect("nothing was written", writes, self._writes())
        self._expect("the object's tags are the same", before, self._video.tags())

    def _newer_task(self) -> str:
        self._tell.step("The video is analysed again, and IMM finds other labels")
        self._video.describe(json.dumps(NEWER_LABELS, ensure_ascii=False).encode())
        before = self._video.tags()
        task_id = self._project.start_task(self._video.uri, self._topic)
        outcome = self._outcome("tagged")
        self._tell.change(before, self._video.tags())
        self._expect_labels_of(task_id, outcome)
        return task_id

    def _late(self, older: str, newer: str) -> None:
        self._tell.step("A late notification of the older task arrives")
        before = self._video.tags()
        self._cloud.run(self._cloud.media.notify(self._project.name, older))
        outcome = self._outcome("superseded")
        self._tell.say(f"because: {outcome['reason']}")
        tags = self._video.tags()
        self._expect("the object's tags are those of the newer task", before, tags)
        self._expect("its provenance names the newer task", newer, tags["imm"].partition("/")[2])

    def _unknown(self) -> None:
        self._tell.step("A notification arrives of a task that IMM does not know")
        before = self._video.tags()
        message = self._notification(UNKNOWN_TASK)
        self._cloud.run(self._cloud.messages.publish(self._topic, message))
        failures = []
        while (record := self._next_record()).function == self._function:
            failures.append(json.loads(record.body))
        self._tell.say(f"{failures[-1]['errorType']}: {failures[-1]['errorMessage']}")
        self._tell.say(f"Function Compute tried it {len(failures)} times, then handed it to {self._keeper}")
        place = self._answer(record)["kept"]
        kept = FailedEvent.read(self._video.read_beside(place))
        self._tell.say(f"which keeps it as {place}")
        self._tell.table(
            ("error", "attempts", "a retry may help", "event"),
            [(kept.error, str(kept.attempts), "yes" if kept.retryable else "no", f"{len(kept.event)} bytes")],
        )
        errors = {failure["errorType"] for failure in failures}
        self._expect("each attempt failed with TaskNotFound", {"TaskNotFound"}, errors)
        told = ("TaskNotFound", len(failures))
        self._expect("the record tells error and attempts", told, (kept.error, kept.attempts))
        # What MNS delivered, out of the event of its trigger.
        delivered = json.loads(kept.event)["Message"]
        self._expect("it holds the notification byte for byte", message.decode(), delivered)
        self._expect("the object's tags are the same", before, self._video.tags())

    def _reader(self) -> Access:
        """A RAM user who may read every video of the bucket but adverts."""
        self._tell.step("A user may read every object of the bucket but those tagged as adverts")
        self._advert.upload(b"Another stand-in for a video.", OWN_TAGS_HEADER)
        self._advert.describe(json.dumps(ADVERT_LABELS, ensure_ascii=False).encode())
        policy = json.dumps(READER_POLICY)
        keys = self._cloud.call(self._cloud.access.put_user, READER, {READER: policy}).keys
        reader = access_to(self._cloud, keys)
        self._tell.say(f"the policy of {READER} denies oss:GetObject where {json.dumps(DENIED_TO_READER)}")
        for video in (self._advert, self._video):
            self._expect(f"{READER} can read {video.uri}", None, self._refusal(reader, video))
        return reader

    def _rules(self) -> None:
        self._tell.step("The functions are deployed again, with tags in the owner's words (TAG_RULES)")
        rules = json.dumps(RULES, ensure_ascii=False)
        self._tell.say(f"{RULE_FILE}: {rules}")
        with tempfile.TemporaryDirectory() as folder:
            deployment, code = Path(folder, DEPLOYMENT.name), Path(folder, "functions")
            shutil.copy(DEPLOYMENT, deployment)
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(DEPLOYMENT.parent / "functions", code, ignore=left_out)
            (code / RULE_FILE).write_text(rules, encoding="utf-8")
            deploy(self._cloud, deployment, {**self._environment, "TAG_RULES": RULE_FILE}, layer())
        for video, (key, value) in ((self._advert, ADVERT), (self._video, NIGHT)):
            before = video.tags()
            self._project.start_task(video.uri, self._topic)
            self._tell.say(f"{video.uri} is analysed")
            self._outcome("tagged")
            found = video.tags()
            self._tell.change(before, found)
            self._expect(f"{key} is {value}", value, found.get(key))
            self._expect_own_tags(found)

    def _lifecycle(self) -> None:
        self._tell.step("A lifecycle rule moves adverts to the storage class IA, and leaves the rest")
        self._bucket.move_tagged(ADVERT, "IA", _next_midnight(self._cloud))
        done = self._cloud.call(self._cloud.objects.carry_out_lifecycle, BUCKET)
        for one in done:
            self._tell.say(f"the rule {one.rule_id} moved {one.key} to {one.storage_class}")
        advert, other = self._advert.place.key, self._video.place.key
        self._expect("the advert is in IA", "IA", self._bucket.storage_class(advert))
        self._expect("the other is in Standard", "Standard", self._bucket.storage_class(other))
        self._expect("nothing else was moved", [advert], [one.key for one in done])

    def _denied(self, reader: Access) -> None:
        self._tell.step(f"{READER} asks for both videos again")
        refusal = self._refusal(reader, self._advert)
        self._tell.say(f"{self._advert.uri}: {refusal or 'read'}")
        self._expect(f"{READER} is denied the advert now", "AccessDenied", refusal)
        self._expect(f"{READER} can read the other", None, self._refusal(reader, self._video))

    def _refusal(self, reader: Access, video: Video) -> str | None:
        return Video(reader, *video.place).refusal()

    def _search(self) -> None:
        self._tell.step("OSS searches the bucket for adverts (MetaQuery)")
        self._bucket.open_index()
        found = self._bucket.find_tagged(ADVERT)
        self._tell.say(f"{ADVERT[0]}={ADVERT[1]}: {', '.join(found)}")
        self._expect("the search finds the advert, and nothing else", [self._advert.place.key], found)

    def _notification(self, task_id: str) -> bytes:
        """What IMM would publish of a task that has just ended."""
        config, now = self._cloud.config, self._cloud.clock.now()
        time = now.isoformat().replace("+00:00", "Z")
        task = TaskRecord(self._project.name, task_id, time, end_time=time, status="Succeeded")
        return notification(task, config.region, config.account_id, now)

    def _outcome(self, status: str) -> dict[str, Any]:
        """Wait until a function has run once more, with one outcome, which has to be of a status."""
        record = self._next_record()
        (outcome,) = self._answer(record)["outcomes"]
        start = "cold start" if record.cold_start else "warm"
        ran = f"the function ran for {record.duration * 1000:.0f} ms ({start}, {record.max_memory:.0f} MB)"
        self._tell.say(f"outcome {outcome['status']}; {ran}")
        self._expect(f"the outcome is {status}", status, outcome["status"])
        return dict(outcome)

    def _next_record(self) -> InvocationRecord:
        """Wait until any function has run once more."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            records = self._cloud.functions.invocations()
            if len(records) > self._seen:
                self._seen += 1
                return records[self._seen - 1]
            if self._cloud.functions.lost:
                raise DemoFailed(f"An event is lost: {self._cloud.functions.lost[0].reason}.{self._log()}")
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"The function was not invoked within {PATIENCE_SECONDS:.0f} s.{self._log()}"
                )
            time.sleep(0.005)

    def _answer(self, record: InvocationRecord) -> dict[str, Any]:
        if record.error_type is not None:
            raise DemoFailed(f"The function failed: {record.body.decode('utf-8', 'replace')}{self._log()}")
        answer: dict[str, Any] = json.loads(record.body)
        return answer

    def _expect_labels_of(self, task_id: str, outcome: Mapping[str, Any]) -> None:
        found = self._video.tags()
        start = self._project.result(task_id).start_time
        self._expect_own_tags(found)
        self._expect("the tag imm names the task and its start", f"{start[:23]}Z/{task_id}", found.get("imm"))
        self._expect("the object's tags are those that the function reports", outcome["tags"], found)
        self._expect("there are labels, and no more than ten tags", True, 3 < len(found) <= 10)

    def _expect_own_tags(self, found: Mapping[str, str]) -> None:
        own = {key: found.get(key) for key in OWN_TAGS}
        self._expect("every tag of the owner is there, unchanged", OWN_TAGS, own)

    def _expect(self, what: str, expected: object, found: object) -> None:
        if found != expected:
            raise DemoFailed(f"Not so: {what}.\nexpected: {expected}\nfound:    {found}{self._log()}")
        self._tell.verified(what)

    def _writes(self) -> int:
        self._cloud.run(self._cloud.calls.settled())
        return len(self._cloud.calls.list("oss", "PutObjectTagging"))

    def _log(self) -> str:
        functions = self._cloud.functions
        lines = [line.text for name in (self._function, self._keeper) for line in functions.logs(name)]
        return "\nThe function's log:\n" + "\n".join(lines[-30:]) if lines else ""


def _next_midnight(cloud: LocalCloud) -> datetime:
    """A rule takes what was written before a midnight."""
    tomorrow = cloud.clock.now() + timedelta(days=1)
    return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
