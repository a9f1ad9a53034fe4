"""An Alibaba Cloud account on loopback, as a user who is about to install finds it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import requests
from click.testing import CliRunner, Result

from cli import checkout
from cli.cloud.access import Access, Endpoints
from cli.cloud.target import read_target
from cli.installation.services import Services, connect
from cli.installation.templates import fill
from cli.local_deployment import load_deployment
from cli.main import main
from imm_label_tags.services.credentials import Keys
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from tests.user import environment, oss_client

BUCKET = "media"
PREFIX = "videos/"
PROJECT = "immtest"
KEY = "videos/a.mp4"
URI = f"oss://{BUCKET}/{KEY}"
OWN_TAGS = {"team": "a", "retention": "30 days"}
ROLE = "imm-label-tags"
TOPIC = "imm-label-tags"
FAILED_TOPIC = "imm-label-tags-failed"
FUNCTION = "imm-label-tags"
KEEPER = "imm-label-tags-failed"
KEEPER_ROLE = "imm-label-tags-failed"
TRIGGER_ROLE = "imm-label-tags-trigger"
UPLOADS_FUNCTION = "imm-label-tags-uploads"
UPLOADS_ROLE = "imm-label-tags-uploads"
UPLOADS_TRIGGER_ROLE = "imm-label-tags-uploads-trigger"
LOG_PROJECT = "imm-label-tags-1234567890123456"
LOGSTORE = "imm-label-tags"
FAILED_BUCKET = "failures"
FAILED_PREFIX = "events/failed"
FAILED_EVENTS = f"oss://{FAILED_BUCKET}/{FAILED_PREFIX}"
# The line of ``s.yaml`` that names the role in which MNS invokes.
INVOCATION_ROLE = "          invocationRole: acs:ram::${vars.account}:role/${vars.trigger_role}\n"


# The values of the placeholders in deploy/policies/, but for the account and the region.
NAMES = {
    "bucket": BUCKET,
    "prefix": PREFIX,
    "project": PROJECT,
    "role": ROLE,
    "topic": TOPIC,
    "failed_topic": FAILED_TOPIC,
    "function": FUNCTION,
    "failed_function": KEEPER,
    "failed_role": KEEPER_ROLE,
    "trigger_role": TRIGGER_ROLE,
    "queue": "imm-label-tags",
    "failed_queue": "imm-label-tags-failed",
    "uploads_function": UPLOADS_FUNCTION,
    "uploads_role": UPLOADS_ROLE,
    "uploads_trigger_role": UPLOADS_TRIGGER_ROLE,
    "failed_bucket": FAILED_BUCKET,
    "failed_prefix": FAILED_PREFIX,
    "log_project": LOG_PROJECT,
    "logstore": LOGSTORE,
}


def trust(service: str) -> str:
    return (
        '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        f'"Principal":{{"Service":["{service}"]}}}}]}}'
    )


class Account(LocalCloud):
    """Two buckets, a video, an IMM project with its service role, and nothing of ours unless deployed."""

    def __init__(
        self,
        directory: Path,
        deployment: Path | None = None,
        *,
        policies: bool = False,
        layer: Path | None = None,
        **variables: str,
    ) -> None:
        super().__init__(
            CloudConfig(
                directory=directory,
                deployment=load_deployment(deployment, {"FAILED_EVENTS": FAILED_EVENTS, **variables})
                if deployment
                else None,
                layer=layer,
                policies=policies,
                time_scale=0.001,
                task_seconds=0.0,
            )
        )
        self._session = requests.Session()
        self._session.trust_env = False

    @classmethod
    def of(cls, state: Path, directory: Path, deployment: Path | None = None, **options: Any) -> Account:
        """An account in a copy of a state, in which a file is deployed."""
        return cls(shutil.copytree(state, directory / "state"), deployment, **options)

    def __enter__(self) -> Account:
        super().__enter__()
        return self

    async def _stop(self) -> None:
        self._session.close()
        await super()._stop()

    def furnish(self) -> None:
        """What users have before they install."""
        for bucket in (BUCKET, FAILED_BUCKET):
            self.call(self.objects.create_bucket, bucket)
        self.call(self.media.put_project, PROJECT)
        self.call(self.access.put_role, "AliyunIMMDefaultRole", trust("imm.aliyuncs.com"), {})
        self.upload(OWN_TAGS)

    # Commands

    def setup(self, *options: str, stdin: str | None = None, **environment: str) -> Result:
        media = ("--bucket", BUCKET, "--prefix", PREFIX, "--project", PROJECT)
        return self.run_command("setup", *media, *options, stdin=stdin, **environment)

    def teardown(self, *options: str, stdin: str | None = None, **environment: str) -> Result:
        return self.run_command("teardown", *options, stdin=stdin, **environment)

    def doctor(self, *options: str, **environment: str) -> Result:
        return self.run_command("doctor", "--project", PROJECT, "--object", URI, *options, **environment)

    def run_command(
        self, command: str, *options: str, stdin: str | None = None, **environment: str
    ) -> Result:
        variables: Mapping[str, str | None] = {**self.environment(), **environment}
        return CliRunner().invoke(main, [command, *options], input=stdin, env=variables)

    def environment(self, keys: Identity | None = None) -> dict[str, str]:
        """What a user exports: the endpoints, and keys."""
        return {**environment(self, keys), "FAILED_EVENTS": FAILED_EVENTS}

    def installer(self, **names: str) -> Identity:
        """Somebody who may do what ``deploy/policies/setup.json`` lists, and nothing else."""
        user = self.call(self.access.put_user, "installer", {"setup": self.document("setup", **names)})
        keys: Identity = user.keys
        return keys

    # What is there

    def forget_in_index(self, field: str) -> None:
        """Take a field out of the index of the functions' log."""
        store = self.logs.store
        kept = self.call(store.get, LOG_PROJECT, "IndexConfig", LOGSTORE)
        del kept["index"]["keys"]["message"]["json_keys"][field]
        self.call(store.keep, LOG_PROJECT, "IndexConfig", LOGSTORE, kept)

    def document(self, name: str, **names: str) -> str:
        """A document of ``deploy/policies/``, filled for this account."""
        values = {"account": self.config.account_id, "region": self.config.region, **NAMES, **names}
        return fill(checkout.POLICIES / f"{name}.json", values)

    def services(self) -> Services:
        """The services as the commands see them, for a look of one's own."""
        target = read_target(checkout.DEPLOYMENT, {})
        keys = self.accounts.owner
        endpoints = Endpoints(ram=self.endpoints.ram, mns=self.endpoints.mns, fc=self.endpoints.fc)
        access = Access(
            target.region,
            Keys(keys.access_key_id, keys.access_key_secret, ""),
            endpoints.resolved(target.region, target.account_id),
        )
        return connect(access, target.account_id)

    def inventory(self) -> set[str]:
        """Everything in RAM and MNS, with its content."""
        services = self.services()
        topics = {topic for topic in (TOPIC, FAILED_TOPIC) if services.messaging.topic(topic)}
        things = {f"topic {topic}" for topic in topics}
        for role in self.access.roles.all():
            things.add(f"role {role.name}")
            things |= {f"{policy.name} on {role.name}" for policy in services.ram.attached(role.name)}
        return things | {
            f"policy {policy.name}: {services.ram.document(policy)}" for policy in services.ram.policies()
        }

    def writes(self) -> list[str]:
        """The calls so far that could have changed something."""
        self.run(self.calls.settled())
        return [call.action for call in self.calls.list() if not call.action.startswith(("Get", "List"))]

    def forget_calls(self) -> None:
        self.run(self.calls.settled())
        self.run(self.calls.settled())
        self.call(self.calls.clear)

    def break_call(self, action: str, kind: FaultKind = FaultKind.ERROR, **options: object) -> None:
        fault = Fault(kind, action=action, **options)  # type: ignore[arg-type]
        self.call(self.faults.order, fault)

    def move(self, bucket: str) -> None:
        """Let a bucket be in another region."""
        told = f"<Name>{bucket}</Name><Location>oss-cn-beijing</Location>"
        body = f"<BucketInfo><Bucket>{told}</Bucket></BucketInfo>".encode()
        answer = {"status": 200, "body": body, "times": None}
        self.break_call("GetBucketInfo", FaultKind.ANSWER, resource=f"*{bucket}*", **answer)

    # The object

    def upload(self, tags: Mapping[str, str]) -> None:
        self.put(BUCKET, KEY, b"a stand-in for a video")
        self.write_tags(tags)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.oss().put_object(oss.PutObjectRequest(bucket=bucket, key=key, body=body))

    def kept(self) -> dict[str, bytes]:
        """Every object in the bucket for failed events."""
        page = self.oss().list_objects_v2(oss.ListObjectsV2Request(bucket=FAILED_BUCKET))
        keys = [each.key for each in page.contents or []]
        return {
            key: self.oss().get_object(oss.GetObjectRequest(bucket=FAILED_BUCKET, key=key)).body.content
            for key in keys
        }

    def write_tags(self, tags: Mapping[str, str]) -> None:
        tag_set = oss.TagSet(tags=[oss.Tag(key=name, value=value) for name, value in tags.items()])
        self.oss().put_object_tagging(
            oss.PutObjectTaggingRequest(bucket=BUCKET, key=KEY, tagging=oss.Tagging(tag_set=tag_set))
        )

    def tags(self) -> dict[str, str]:
        result = self.oss().get_object_tagging(oss.GetObjectTaggingRequest(bucket=BUCKET, key=KEY))
        found = (result.tag_set.tags if result.tag_set else None) or []
        return {tag.key: tag.value or "" for tag in found}

    def oss(self) -> oss.Client:
        return oss_client(self, self._session)


def deployment(directory: Path, *replacements: tuple[str, str], name: str = "s.yaml") -> Path:
    """The project's ``s.yaml``, or another file of it, with something else in it."""
    text = (checkout.ROOT / name).read_text("utf-8")
    text = text.replace("./functions", str(checkout.ROOT / "functions"))
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def printed(command: str) -> list[str]:
    """The lines that docs/DEPLOYING.md shows below a command, each as running text."""
    text = (checkout.ROOT / "docs" / "DEPLOYING.md").read_text("utf-8")
    _, _, rest = text.partition(f".venv/bin/imm-label-tags {command} ")
    block, fence, _ = rest.partition("```")
    assert fence, command
    return [" ".join(line.split()) for line in block.splitlines()[1:] if line.strip()]


def verdicts(result: Result) -> dict[str, str]:
    """The verdict of each check in the output of ``doctor --json``."""
    return {check["name"]: check["verdict"] for check in json.loads(result.output)["checks"]}


def failures(account: Account, *options: str, **environment: str) -> dict[str, tuple[str, str]]:
    """What failed in ``doctor --json``: what was found, and what to do."""
    found = findings(account, *options, **environment)
    return {name: (one["found"], one["advice"]) for name, one in found.items() if one["verdict"] == "failed"}


def findings(account: Account, *options: str, **environment: str) -> dict[str, dict[str, str]]:
    """Every check in ``doctor --json``, by its name."""
    result = account.doctor("--json", *options, **environment)
    checks = json.loads(result.output)["checks"]
    assert result.exit_code == any(check["verdict"] == "failed" for check in checks), result.output
    return {check["name"]: check for check in checks}
