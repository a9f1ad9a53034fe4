"""The whole way with RAM's policies obeyed: set up, deploy, tag a video, fail, examine, tear down."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from cli import checkout
from localcloud.mns.service import Subscription
from tests.installation.account import (
    BUCKET,
    FAILED_EVENTS,
    FAILED_TOPIC,
    FUNCTION,
    KEEPER,
    OWN_TAGS,
    PREFIX,
    PROJECT,
    TOPIC,
    URI,
    Account,
    verdicts,
)
from tests.policies.documents import Asked, asked_about, unneeded
from tests.user import flat

# Their policies' names begin differently from those of the first role.
OTHER_ROLE = "keeper"
TRIGGER_ROLE = "notifier"
NAMED = {"IMM_LABEL_TAGS_FAILED_ROLE": OTHER_ROLE, "IMM_LABEL_TAGS_TRIGGER_ROLE": TRIGGER_ROLE}
PLACEHOLDERS = {"failed_role": OTHER_ROLE, "trigger_role": TRIGGER_ROLE}


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


def hear(account: Account, topic: str) -> list[dict[str, Any]]:
    """The messages that a topic gets from now on."""
    messages: list[dict[str, Any]] = []

    async def push(event: bytes) -> bool:
        messages.append(json.loads(event))
        return True

    subscription = Subscription(topic, "listener", "STREAM", "BACKOFF_RETRY", None)
    account.call(account.messages.subscribe, subscription, push)
    return messages


@contextmanager
def installer(account: Account, asked: list[Asked]) -> Iterator[dict[str, str]]:
    """The environment of somebody who may do what ``deploy/policies/setup.json`` lists, and nothing else."""
    identity = account.installer(**PLACEHOLDERS)
    with asked_about(identity) as heard:
        yield {**account.environment(identity), **NAMED}
    asked += heard


def test_from_nothing_to_a_tagged_video_and_back(tmp_path: Path, furnished_state: Path) -> None:
    state = shutil.copytree(furnished_state, tmp_path / "state")
    media = ("--bucket", BUCKET, "--prefix", PREFIX, "--project", PROJECT)
    asked: list[Asked] = []

    with Account(state, policies=True) as account, installer(account, asked) as keys:
        # given an account without anything of ours, when it is set up by somebody with little permission
        assert account.run_command("setup", *media, "--alerts", "--yes", **keys).exit_code == 0
        # and once more, after somebody has changed the index of the log
        account.forget_in_index("status")
        again = account.run_command("setup", *media, "--alerts", "--yes", **keys)
        assert again.exit_code == 0
        assert "adds message.status" in flat(again)

    with (
        Account(
            state, checkout.DEPLOYMENT, policies=True, layer=checkout.layer(), LABEL_LIMIT="3", **NAMED
        ) as account,
        installer(account, asked) as keys,
    ):
        # then the function that is deployed tags a video in the role that was made for it
        start_task(account)
        account.run(account.settled())
        (invocation,) = account.functions.invocations()
        assert invocation.error_type is None, invocation.body
        tags = account.tags()
        assert OWN_TAGS.items() <= tags.items()
        assert any(key.startswith("imm_") for key in tags)
        # and what it cannot handle is kept by the other function, in the other role
        account.run(account.functions.invoke_async(FUNCTION, b"not a notification"))
        account.run(account.settled())
        (document,) = account.kept().values()
        assert json.loads(document)["requestPayload"] == "not a notification"
        # and what that one cannot keep is in the topic
        messages = hear(account, FAILED_TOPIC)
        account.run(account.functions.invoke_async(KEEPER, b"not a record"))
        account.run(account.settled())
        assert [message["requestPayload"] for message in messages] == ["not a record"]
        assert account.functions.lost == []
        assert list(account.kept().values()) == [document]
        # and every check is ok
        found = account.run_command("doctor", *media, "--object", URI, "--json", **keys)
        assert found.exit_code == 0, found.output
        assert set(verdicts(found).values()) == {"ok"}
        assert f"1 at {FAILED_EVENTS}; look at `imm-label-tags failed list`" in found.output
        assert account.tags() == tags

    with Account(state, policies=True) as account, installer(account, asked) as keys:
        # and after the functions were removed, everything that setup made goes, and what was kept stays
        removed = account.run_command("teardown", "--yes", **keys)
        assert removed.exit_code == 0
        left = {thing.partition(":")[0] for thing in account.inventory()}
        assert left == {"role AliyunIMMDefaultRole", "policy setup"}
        assert f"what keep_failed stored below {FAILED_EVENTS} stays" in flat(removed)
        assert list(account.kept().values()) == [document]
    # and all of that needed each permission that it had
    assert unneeded(json.loads(account.document("setup", **PLACEHOLDERS)), asked) == set()
