"""A witness: the real Serverless Devs with the real fc3 deploys this checkout to an empty local cloud.

It needs `s` (3.1), and fc3 in the component cache below ``$serverless_devs_config_home`` (or the
home directory), because `s` would fetch it from the network otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

from cli import sample
from cli.checkout import DEPLOYED_ACCOUNT, ROOT, variables
from cli.deployer import give_roles
from cli.deployment_check.serverless_devs import Absent
from cli.serving import deployment_variables
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.serverless_devs import HOME, PATH, installed
from tests.user import oss_client
from tests.waiting import until

TAGGING, KEEPING = "imm-label-tags", "imm-label-tags-failed"
# Serverless Devs spells it so.
CACHE_VARIABLE = "serverless_devs_config_home"
TOPICS = (TAGGING, KEEPING)


def _missing() -> str:
    found = installed()
    if isinstance(found, Absent):
        return found.why
    home = Path(os.environ.get(CACHE_VARIABLE) or Path.home())
    component = home / ".s" / "components" / "devsapp.cn" / "v3" / "fc3"
    if not (component / "dist" / "index.js").is_file():
        return f"the component fc3 is not in the cache of Serverless Devs: {component} has no dist/index.js"
    return ""


pytestmark = [
    pytest.mark.skipif(bool(_missing()), reason=_missing() or "everything is there"),
    pytest.mark.timeout(1200),
]


class Checkout:
    """This checkout in the hands of somebody who deploys it to a local cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self._variables = {**os.environ, "PATH": PATH, "HOME": HOME, **deployment_variables(cloud)}

    def s(self, *words: str, **variables: str) -> str:
        """What `s` prints; fails where it does."""
        return self._run("s", *words, **variables)

    def command(self, *words: str, **variables: str) -> str:
        """What `imm-label-tags` prints of the local cloud; fails where it does."""
        executable = str(ROOT / ".venv" / "bin" / "imm-label-tags")
        return self._run(executable, *words, "--local", self.cloud.endpoints.control, **variables)

    def _run(self, executable: str, *words: str, **variables: str) -> str:
        started = time.monotonic()
        told = subprocess.run(
            [executable, *words],
            cwd=ROOT,
            env={**self._variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - started
        print(f"{Path(executable).name} {' '.join(words)}: {seconds:.1f} s, status {told.returncode}")
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout + told.stderr

    @property
    def functions(self) -> Mapping[str, Any]:
        return self.cloud.functions.deployment.functions

    def uploads(self) -> int:
        return len(self.cloud.calls.list("fc", "GetTempBucketToken"))


@pytest.fixture
def fresh() -> Iterator[Checkout]:
    """An account with a bucket and a project, in which nothing of ours is."""
    with LocalCloud(CloudConfig(account_id=DEPLOYED_ACCOUNT, policies=True)) as cloud:
        sample.prepare(cloud)
        yield Checkout(cloud)


@pytest.fixture
def checkout(fresh: Checkout) -> Checkout:
    """The same with what `setup` makes."""
    cloud = fresh.cloud
    for topic in TOPICS:
        cloud.call(cloud.messages.create_topic, topic)
    account = {**variables({}), "ALIBABA_CLOUD_ACCOUNT_ID": cloud.config.account_id}
    give_roles(cloud, account, bucket=sample.BUCKET, project=sample.PROJECT)
    return fresh


def test_this_checkout_is_deployed_invoked_changed_and_removed(checkout: Checkout) -> None:
    cloud = checkout.cloud
    # A first deployment
    checkout.s("deploy", "-y")
    assert sorted(checkout.functions) == sorted(TOPICS)
    tagging = checkout.functions[TAGGING]
    assert (tagging.handler, tagging.environment["LABEL_LIMIT"]) == ("tag_object.handler", "9")
    assert tagging.async_invoke.on_failure.endswith(f":functions/{KEEPING}")
    uploaded = checkout.uploads()
    assert uploaded == 3, "the layer, and the code of both functions"
    # tags what it is invoked for
    answer = checkout.s("tag_object", "invoke", "-f", str(sample.EVENT))
    assert '"status": "tagged"' in answer
    # and what the topic notifies it of.
    notification = json.loads((ROOT / sample.EVENT).read_text("utf-8"))["Message"].encode()
    cloud.run(cloud.messages.publish(TAGGING, notification))
    cloud.run(cloud.settled())
    statuses = [json.loads(one.body)["outcomes"][0]["status"] for one in cloud.functions.invocations()]
    assert statuses == ["tagged", "unchanged"]

    # A second deployment uploads nothing, and a changed setting arrives.
    checkout.s("deploy", "-y", LABEL_LIMIT="3")
    assert checkout.uploads() == uploaded
    assert checkout.functions[TAGGING].environment["LABEL_LIMIT"] == "3"
    assert '"status": "tagged"' in checkout.s("tag_object", "invoke", "-f", str(sample.EVENT))
    tags = cloud.objects.stat(sample.BUCKET, "videos/sample.mp4")
    assert tags is not None
    assert len([tag for tag in tags.tags if tag.key.startswith("imm_")]) == 3

    # After the removal nothing is left, and nothing was lost.
    checkout.s("remove", "-y")
    until(lambda: not checkout.functions)
    assert cloud.functions.lost == []


def test_uploads_become_tags_by_the_steps_of_their_page(fresh: Checkout) -> None:
    cloud, template = fresh.cloud, ("--template", "s.uploads.yaml")
    names = {
        "IMM_LABEL_TAGS_BUCKET": sample.BUCKET,
        "IMM_LABEL_TAGS_PREFIX": "videos/",
        "IMM_LABEL_TAGS_PROJECT": sample.PROJECT,
    }
    fresh.command("setup", *template, "--yes", **names)
    fresh.s("deploy", *template, "-y", **names)
    assert '"ok": true' in fresh.command("doctor", *template, "--json", **names)

    upload(fresh, "videos/a.mp4")
    until(lambda: "imm" in tags(fresh, "videos/a.mp4"))

    # Another prefix: the roles and the triggers follow
    names["IMM_LABEL_TAGS_PREFIX"] = "films/"
    fresh.command("setup", *template, "--yes", **names)
    fresh.s("deploy", *template, "-y", **names)
    assert '"ok": true' in fresh.command("doctor", *template, "--json", **names)
    upload(fresh, "films/b.mov")
    until(lambda: "imm" in tags(fresh, "films/b.mov"))

    for resource in ("submit_video", "tag_object", "keep_failed"):
        fresh.s(resource, "remove", *template, "-y", **names)
    until(lambda: not fresh.functions)
    fresh.command("teardown", *template, "--yes", **names)
    assert {role.name for role in cloud.access.roles.all()} == {"AliyunIMMDefaultRole"}
    assert cloud.functions.lost == []


def upload(checkout: Checkout, key: str) -> None:
    """Upload a stand-in for a video with the official SDK."""
    request = oss.PutObjectRequest(bucket=sample.BUCKET, key=key, body=key.encode())
    oss_client(checkout.cloud).put_object(request)


def tags(checkout: Checkout, key: str) -> set[str]:
    """The keys of an object's tags."""
    request = oss.GetObjectTaggingRequest(bucket=sample.BUCKET, key=key)
    found = oss_client(checkout.cloud).get_object_tagging(request)
    return {tag.key or "" for tag in (found.tag_set.tags if found.tag_set else None) or []}
