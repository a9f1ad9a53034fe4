"""The policy of whoever runs ``submit`` and ``backfill`` is enough, and nothing of it is too much."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from cli.main import main
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.policies.documents import asked_about, filled, unneeded
from tests.stage import Stage
from tests.submission.test_inventory import Inventory
from tests.submission.world import TOPIC


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig(policies=True, task_seconds=0.0)) as cloud:
        cloud.call(cloud.messages.create_topic, TOPIC)
        yield cloud


def test_the_policy_is_enough_and_nothing_of_it_is_too_much(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given somebody who may do what the document says
    for name in ("a", "b", "c"):
        stage.upload(f"videos/{name}.mp4")
    config = stage.cloud.config
    policy = filled(
        "backfill",
        account=config.account_id,
        region=config.region,
        bucket=stage.bucket,
        prefix="videos/",
        project=stage.project,
    )
    documents = {"backfill": json.dumps(policy)}
    keys = stage.cloud.call(stage.cloud.access.put_user, stage.bucket, documents).keys
    urls = stage.cloud.endpoints
    for name, value in {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": "",
        "ALIBABA_CLOUD_ACCOUNT_ID": config.account_id,
        "FC_DEPLOY_REGION": config.region,
        "OSS_ENDPOINT": urls.oss,
        "IMM_ENDPOINT": urls.imm,
        "IMM_LABEL_TAGS_PROJECT": stage.project,
    }.items():
        monkeypatch.setenv(name, value)
    # The inventory lies where it may read anyway.
    inventory = Inventory(stage, folder="videos/inventory")
    inventory.add([inventory.row("videos/b.mp4")])
    manifest = inventory.write()

    # When it is used to the full
    with asked_about(keys) as asked:
        for words in (
            ("submit", stage.uri("videos/a.mp4")),
            ("backfill", "--yes", "--json", "--inventory", manifest),
            ("backfill", "--yes", "--json", "--bucket", stage.bucket, "--prefix", "videos/"),
        ):
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output

    # Then every action of it was needed
    assert unneeded(policy, asked) == set()
