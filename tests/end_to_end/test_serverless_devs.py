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

import pytest

from cli import sample
from cli.checkout import ROOT, cloud_config, variables
from cli.deployment_check.serverless_devs import Absent
from cli.role import give_roles
from cli.serving import deployment_variables
from localcloud.cloud import LocalCloud
from localcloud.config import Ports
from tests.localcloud.serving import until
from tests.serverless_devs import PATH, installed

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
        self._variables = {**os.environ, "PATH": PATH, **deployment_variables(cloud)}

    def s(self, *words: str, **variables: str) -> str:
        """What `s` prints; fails where it does."""
        started = time.monotonic()
        told = subprocess.run(
            ["s", *words],
            cwd=ROOT,
            env={**self._variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - started
        print(f"s {' '.join(words)}: {seconds:.1f} s, status {told.returncode}")
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout + told.stderr

    @property
    def functions(self) -> Mapping[str, Any]:
        return self.cloud.functions.deployment.functions

    def uploads(self) -> int:
        return len(self.cloud.calls.list("fc", "GetTempBucketToken"))


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    environment = variables({})
    config = cloud_config(ports=Ports(), variables=environment, policies=True, empty=True)
    with LocalCloud(config) as cloud:
        sample.prepare(cloud)
        for topic in TOPICS:
            cloud.call(cloud.messages.create_topic, topic)
        account = {**environment, "ALIBABA_CLOUD_ACCOUNT_ID": config.account_id}
        give_roles(cloud, account, bucket=sample.BUCKET, project=sample.PROJECT)
        yield Checkout(cloud)


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
