"""The whole way with RAM's policies obeyed: set up, deploy, tag a video, examine, tear down."""

from __future__ import annotations

import shutil
from pathlib import Path

from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from localcloud.accounts import Identity
from localcloud.ram.templates import fill
from terminal import checkout
from terminal.installation.commands import doctor, setup, teardown
from tests.installation.account import BUCKET, OWN_TAGS, PREFIX, PROJECT, ROLE, TOPIC, URI, Account

VALUES = {
    "role": ROLE,
    "topic": TOPIC,
    "failed_topic": "imm-label-tags-failed",
    "project": PROJECT,
    "bucket": BUCKET,
    "prefix": PREFIX,
    "function": "imm-label-tags",
}


def installer(account: Account) -> Identity:
    """Somebody who may do what ``policies/setup.json`` lists, and nothing else."""
    values = {**VALUES, "account": account.config.account_id, "region": account.config.region}
    document = fill(checkout.ROOT / "policies" / "setup.json", values)
    keys: Identity = account.call(account.access.put_user, "installer", {"setup": document}).keys
    return keys


def start_task(account: Account) -> None:
    owner = account.accounts.owner
    client = Client(
        Config(
            region_id=account.config.region,
            endpoint=account.endpoints.imm.partition("://")[2],
            protocol="HTTP",
            access_key_id=owner.access_key_id,
            access_key_secret=owner.access_key_secret,
        )
    )
    notification = models.Notification(mns=models.MNS(topic_name=TOPIC))
    client.create_video_label_classification_task(
        models.CreateVideoLabelClassificationTaskRequest(
            project_name=PROJECT, source_uri=URI, notification=notification
        )
    )


def test_from_nothing_to_a_tagged_video_and_back(tmp_path: Path, furnished_state: Path) -> None:
    state = shutil.copytree(furnished_state, tmp_path / "state")
    media = ("--bucket", BUCKET, "--prefix", PREFIX, "--project", PROJECT)

    with Account(state, policies=True) as account:
        keys = account.environment(installer(account))
        # given an account without anything of ours, when it is set up by somebody with little permission
        assert account.run_command(setup, *media, "--yes", **keys).exit_code == 0

    with Account(
        state, checkout.DEPLOYMENT, policies=True, layer=checkout.layer(), LABEL_LIMIT="3"
    ) as account:
        keys = account.environment(installer(account))
        # then the function that is deployed tags a video in the role that was made for it
        start_task(account)
        account.run(account.settled())
        (invocation,) = account.functions.invocations()
        assert invocation.error_type is None, invocation.body
        tags = account.tags()
        assert OWN_TAGS.items() <= tags.items()
        assert any(key.startswith("imm_") for key in tags)
        # and every check is ok
        found = account.run_command(doctor, *media, "--object", URI, **keys)
        assert found.exit_code == 0, found.output
        assert "failed" not in found.output.replace("imm-label-tags-failed", "")
        assert account.tags() == tags

    with Account(state, policies=True) as account:
        keys = account.environment(installer(account))
        # and after the function was removed, everything that setup made goes
        assert account.run_command(teardown, "--yes", **keys).exit_code == 0
        left = {thing.partition(":")[0] for thing in account.inventory()}
        assert left == {"role AliyunIMMDefaultRole", "policy setup"}
