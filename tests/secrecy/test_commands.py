"""No command shows its user's keys, whatever a service or something on the way to it repeats."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from cli.main import main
from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from tests.secrecy.parrot import Reply, parrot

MEDIA = ("--bucket", "media", "--project", "immtest")
COMMANDS = {
    "setup": ("setup", *MEDIA, "--yes"),
    "teardown": ("teardown", "--yes"),
    "doctor": ("doctor", *MEDIA, "--object", "oss://media/a.mp4"),
    "failed list": ("failed", "list"),
    "failed replay": ("failed", "replay", "--yes"),
    "failed drop": ("failed", "drop", "--all", "--yes"),
    "invoke": ("invoke", "examples/events/tasks/mns-topic-json.json"),
}
REPLIES = [
    Reply("imm", 403, "NoPermission"),
    Reply("oss", 403, "AccessDenied"),
    Reply("text", 502),
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: f"{reply.form}-{reply.status}")
@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS.keys())
def test_what_a_service_repeats_is_not_shown(arguments: tuple[str, ...], reply: Reply) -> None:
    # Given temporary keys, which a token goes with, and services that repeat all that they are sent
    keys = Accounts("1234567890123456", Identity("", ""), Clock()).issue_role_keys("operator")
    heard: set[str] = set()
    with parrot(reply, heard) as url:
        environment: dict[str, str | None] = {
            **{f"{service}_ENDPOINT": url for service in ("RAM", "STS", "MNS", "FC", "IMM", "OSS")},
            "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.access_key_secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": keys.security_token,
            "FAILED_EVENTS": "oss://media/failed",
            "DEBUG": "sdk",
        }
        # When a command calls them
        result = CliRunner().invoke(main, arguments, env=environment)

    # Then it fails, and shows nothing of that
    assert heard
    assert isinstance(result.exception, SystemExit), result.output
    assert result.exit_code != 0
    secrets = {keys.access_key_id, keys.access_key_secret, keys.security_token or "", *heard}
    shown = "".join(result.output.split())
    assert [shown[: shown.index(secret)][-40:] for secret in secrets if secret in shown] == []
