"""Who looks after failed events may do what ``imm-label-tags failed`` does, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import checkout
from cli.failed.command import failed
from imm_label_tags.failures.failed_event import FailedEvent
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from tests.installation.account import deployment
from tests.localcloud.fc_world import function
from tests.localcloud.ram_functions import functions
from tests.policies.documents import VALUES, Permission, asked_about, filled, permissions, unneeded, without
from tests.user import environment

EVENTS = Path(__file__).parents[2] / "examples" / "events"
RECORD = (EVENTS / "tasks" / "fc-failure-record.json").read_bytes()
OF_INDEX = RECORD.replace(b"functions/imm-label-tags", b"functions/index")
BUCKET, FOLDER = VALUES["failed_bucket"], VALUES["failed_prefix"]
CODE = """
def handler(event, context):
    return {"outcomes": [{"status": "tagged"}]}
"""


@dataclass(frozen=True)
class Desk:
    """The commands, as somebody gives them who has the document's permissions or fewer."""

    cloud: LocalCloud

    def sit_down(self, policy: dict[str, object]) -> Identity:
        """Somebody with a policy."""
        user = self.cloud.call(self.cloud.access.put_user, "support", {"failed": json.dumps(policy)})
        keys: Identity = user.keys
        return keys

    def keep(self) -> str:
        """Have a failed event; returns the record's name."""
        event = FailedEvent.read(OF_INDEX)
        key = event.key(FOLDER)
        self.cloud.call(self.cloud.objects.put_object, BUCKET, key, event.document(), {})
        return key.removeprefix(f"{FOLDER}/")

    def give(self, keys: Identity, *arguments: str) -> Result:
        """Give a command of ``imm-label-tags failed``."""
        variables = {
            **environment(self.cloud, keys),
            "FAILED_EVENTS": f"oss://{BUCKET}/{FOLDER}",
            "IMM_LABEL_TAGS_FUNCTION": VALUES["function"],
        }
        return CliRunner().invoke(failed, arguments, env=variables)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("desk")
    (directory / "declared").mkdir()
    with functions(directory, function(), code=CODE) as deployed, pytest.MonkeyPatch.context() as patch:
        # A copy, because beside the real one there may be a developer's .env.
        patch.setattr(checkout, "DEPLOYMENT", deployment(directory / "declared"))
        deployed.cloud.call(deployed.cloud.objects.create_bucket, BUCKET)
        yield Desk(deployed.cloud)


def test_all_commands_are_possible_and_need_each_permission(desk: Desk) -> None:
    # Given a failed event, and somebody who may do what the document says
    keys, name = desk.sit_down(filled("failed")), desk.keep()
    with asked_about(keys) as asked:
        # Then it can be listed, shown, replayed through the deployed function and dropped
        assert "Throttled" in desk.give(keys, "list").output
        assert "GetTask was throttled" in desk.give(keys, "show", name).output
        assert desk.give(keys, "replay", "--yes").exit_code == 0
        desk.keep()
        assert desk.give(keys, "drop", "--all", "--yes").exit_code == 0
    assert "Throttled" not in desk.give(keys, "list").output
    # And each permission was needed for something
    assert unneeded(filled("failed"), asked) == set()


COMMANDS = {
    "oss:ListObjects": ("list",),
    "oss:GetObject": ("list", "--records"),
    "oss:DeleteObject": ("drop", "--all", "--yes"),
    "fc:InvokeFunction": ("replay", "--yes"),
}


@pytest.mark.parametrize("removed", permissions("failed"), ids=lambda removed: removed.action)
def test_without_a_permission_the_command_names_it_and_removes_nothing(
    desk: Desk, removed: Permission
) -> None:
    keys, name = desk.sit_down(without(filled("failed"), removed)), desk.keep()

    result = desk.give(keys, *COMMANDS[removed.action])

    assert result.exit_code != 0
    text = " ".join(result.output.split())
    assert f"the action {removed.action} on" in text
    assert "deploy/policies/failed.json" in text
    assert name in desk.give(desk.cloud.accounts.owner, "list", "--records").output
