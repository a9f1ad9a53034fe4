"""A deployment from an empty cloud to its removal, with tasks that end all the while; nothing is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cli.checkout import DEPLOYED_ACCOUNT, DEPLOYMENT, layer, variables
from cli.clients import Project, Video, access_to
from cli.deployer import deploy, give_roles
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.localcloud import fc_account
from tests.waiting import until

BUCKET, PROJECT = "media", "immtest"
OWN = {"team": "a", "archived": ""}
TOPIC = FUNCTION = "imm-label-tags"
KEEPER = "imm-label-tags-failed"


class Owner:
    """Whoever has the videos and deploys the functions."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self._access = access_to(cloud)
        self._project = Project(self._access, PROJECT)
        self._variables = {**variables({}), "ALIBABA_CLOUD_ACCOUNT_ID": cloud.config.account_id}
        self.tasks: dict[str, str] = {}

    def prepare(self) -> None:
        give_roles(self.cloud, self._variables, bucket=BUCKET, project=PROJECT)
        self._project.create()

    def deploy(self, layer: Path, **changed: str) -> None:
        deploy(self.cloud, DEPLOYMENT, {**self._variables, **changed}, layer)

    def video(self, key: str) -> Video:
        return Video(self._access, BUCKET, key)

    def analyse(self, *numbers: int) -> list[str]:
        """Upload videos and have each analysed; what follows is not waited for."""
        keys = [f"videos/{number:02}.mp4" for number in numbers]
        for key in keys:
            video = self.video(key)
            video.upload(b"a video", "&".join(f"{name}={value}" for name, value in OWN.items()))
            self.tasks[key] = self._project.start_task(video.uri, TOPIC)
        return keys

    def notify_again(self) -> None:
        for task_id in self.tasks.values():
            self.cloud.run(self.cloud.media.notify(PROJECT, task_id))

    def settle(self) -> None:
        """Wait until all that follows from the tasks has happened."""
        until(lambda: len(self.cloud.messages.deliveries) >= len(self.tasks))
        self.cloud.run(self.cloud.settled())

    def labels(self, keys: Sequence[str]) -> set[int]:
        """How many label tags the videos have, beside their own tags and those of their task."""
        found = set()
        for key in keys:
            tags = self.video(key).tags()
            assert {name: tags.pop(name) for name in OWN} == OWN
            assert tags.pop("imm").endswith(f"/{self.tasks[key]}")
            assert set(tags.values()) == {"yes"}
            found.add(len(tags))
        return found

    def remove(self) -> None:
        """As docs/DEPLOYING.md says: first the trigger, last what keeps what failed."""
        sdk = fc_account.Account(self.cloud, self.cloud.accounts.owner).sdk
        sdk.delete_trigger(FUNCTION, "imm-tasks")
        self.cloud.run(self.cloud.settled())
        sdk.delete_function(FUNCTION)
        sdk.delete_function(KEEPER)


@pytest.fixture
def owner() -> Iterator[Owner]:
    # Each version starts instances of its own; two are enough to have the old ones at work beside the new.
    config = CloudConfig(
        account_id=DEPLOYED_ACCOUNT, task_seconds=0.0, time_scale=0.001, policies=True, instance_limit=2
    )
    with LocalCloud(config) as cloud:
        owner = Owner(cloud)
        owner.prepare()
        yield owner


def layers_of(owner: Owner) -> dict[str, str]:
    functions = owner.cloud.functions.deployment.functions
    return {name: function.layers[0].rpartition("/")[2] for name, function in functions.items()}


def test_fifty_videos_are_tagged_while_the_deployment_changes(owner: Owner, tmp_path: Path) -> None:
    cloud, built = owner.cloud, layer()
    # Given an empty cloud, to which the functions are deployed
    assert not cloud.functions.deployment.functions
    owner.deploy(built)
    assert layers_of(owner) == {FUNCTION: "1", KEEPER: "1"}
    first = owner.analyse(*range(20))

    # When a setting is changed while their tasks end, later ones have it
    owner.deploy(built, LABEL_LIMIT="3")
    owner.settle()
    assert owner.labels(first) <= {3, 7}
    second = owner.analyse(*range(20, 30))
    owner.settle()
    assert owner.labels(second) == {3}

    # When another layer is deployed, its version is the next one
    changed = tmp_path / "layer"
    shutil.copytree(built, changed)
    (changed / "python" / "added.py").write_text("")
    third = owner.analyse(*range(30, 40))
    owner.deploy(changed, LABEL_LIMIT="3")
    assert layers_of(owner) == {FUNCTION: "2", KEEPER: "2"}
    owner.settle()
    assert owner.labels(third) == {3}

    # When all of it is rolled back, what is notified of again has what the first setting says
    fourth = owner.analyse(*range(40, 50))
    owner.deploy(built)
    assert layers_of(owner) == {FUNCTION: "3", KEEPER: "3"}
    owner.settle()
    assert owner.labels(fourth) <= {3, 7}
    owner.notify_again()
    cloud.run(cloud.settled())
    assert owner.labels([*first, *second, *third, *fourth]) == {7}

    # Then every notification had its outcome, once removed nothing is left, and nothing was lost
    answers = [json.loads(record.body) for record in cloud.functions.invocations()]
    assert {outcome["status"] for answer in answers for outcome in answer["outcomes"]} <= {
        "tagged",
        "unchanged",
    }
    assert len(answers) >= 2 * len(owner.tasks) == 100
    owner.remove()
    until(lambda: not cloud.functions.deployment.functions)
    assert cloud.functions.lost == []
    assert list(cloud.messages.undelivered) == []
