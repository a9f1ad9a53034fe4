"""Deployed, with everything switched on that makes the SDKs talk, no function writes or keeps a secret."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli.checkout import DEPLOYMENT, KEEPING, ROOT, TAGGING
from imm_label_tags.failures.failed_event import FailedEvent
from tests.end_to_end.test_deployed import Region, region


def talkative(directory: Path) -> Path:
    """The project's ``s.yaml``, with the SDKs' debugging switched on in both functions."""
    text = DEPLOYMENT.read_text("utf-8").replace("code: ./functions", f"code: {ROOT / 'functions'}")
    assert text.count("environmentVariables:\n") == 2
    path = directory / "s.yaml"
    path.write_text(
        text.replace("environmentVariables:\n", "environmentVariables:\n        DEBUG: sdk\n"), "utf-8"
    )
    return path


def spoil_keys(here: Region) -> list[str]:
    """Let no signature of the roles' present keys be right any more; returns all that is secret of them."""
    accounts = here.cloud.accounts
    issued = [identity for identity in accounts.identities() if identity.role]
    for identity in issued:
        here.cloud.call(accounts.add, replace(identity, access_key_secret="another"))
    return [
        secret
        for identity in issued
        for secret in (identity.access_key_id, identity.access_key_secret, identity.security_token or "")
    ]


@pytest.mark.parametrize("runtime", ["python3.12", "python3.10"])
def test_a_refused_signature_is_logged_and_kept_without_the_token_that_was_signed(
    tmp_path: Path, runtime: str
) -> None:
    settings = {
        "IMM_LABEL_TAGS_RUNTIME": runtime,
        "LOG_LEVEL": "DEBUG",
        "FAILED_EVENTS": "oss://media/failed",
    }
    with region(talkative(tmp_path), **settings) as here:
        # Given a function that has handled one event, whose keys do not sign rightly any more
        here.analyse()
        secrets = spoil_keys(here)

        # When the next event comes, IMM answers with the whole request that it thinks was signed
        here.publish(
            json.dumps({"TaskType": "VideoLabelClassification", "TaskId": "1", "ProjectName": "p"}).encode()
        )

        # Then the refusal is in the log and in the document that is kept, and nothing secret is
        names = [here.cloud.functions.deployment.resources[name].name for name in (TAGGING, KEEPING)]
        log = "\n".join(line.text for name in names for line in here.cloud.functions.logs(name))
        answers = "\n".join(record.body.decode() for record in here.records())
        kept = here.video.read_beside(json.loads(here.records()[-1].body)["kept"])
        for written in (log, answers, kept.decode()):
            assert "x-acs-security-token:***" in written
            assert [written[: written.index(one)][-40:] for one in secrets if one in written] == []
        assert FailedEvent.read(kept).error == "ServiceRejected"
