"""What setup and doctor know of the place where whole results are kept (RESULT_ARCHIVE)."""

from __future__ import annotations

import json

import pytest

from cli import checkout
from cli.installation import services
from tests.installation.account import BUCKET, FAILED_BUCKET, FAILED_EVENTS, ROLE, Account
from tests.installation.conftest import Deployed

ARCHIVE = f"oss://{FAILED_BUCKET}/labels"


def writing(account: Account) -> list[object]:
    """Where the function's role may write objects, by the policy that setup gave it."""
    ram = account.services().ram
    (policy,) = ram.attached(ROLE)
    statements = json.loads(ram.document(policy) or "")["Statement"]
    return [one["Resource"] for one in statements if one["Action"] == "oss:PutObject"]


def finding(account: Account, **environment: str) -> dict[str, str]:
    """What doctor says of it."""
    checks = json.loads(account.doctor("--json", **environment).output)["checks"]
    (found,) = [check for check in checks if check["name"] == "result archive"]
    assert isinstance(found, dict)
    return found


def test_setup_lets_the_function_write_there_and_nowhere_else(fresh: Account) -> None:
    result = fresh.setup("--yes", RESULT_ARCHIVE=ARCHIVE)
    assert result.exit_code == 0, result.output
    assert f"tag_object stores whole results below {ARCHIVE}" in " ".join(result.output.split())
    assert writing(fresh) == [f"acs:oss:*:{fresh.config.account_id}:{FAILED_BUCKET}/labels/*"]


def test_setup_takes_the_permission_back_where_the_setting_is_gone(fresh: Account) -> None:
    fresh.setup("--yes", RESULT_ARCHIVE=ARCHIVE)
    fresh.setup("--yes")
    assert writing(fresh) == []


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        ("oss://nowhere-at-all/labels", "Create it in cn-hangzhou, or name another with RESULT_ARCHIVE"),
        (f"oss://{BUCKET}/videos/labels", "and the videos are below videos/"),
        (f"oss://{BUCKET}/videos", "and the videos are below videos/"),
        (f"oss://{FAILED_BUCKET}/events", f"and failed events are kept at {FAILED_EVENTS}"),
        (f"{FAILED_EVENTS}/labels", f"and failed events are kept at {FAILED_EVENTS}"),
        ("labels", "The setting RESULT_ARCHIVE is 'labels', but must be oss://bucket/prefix"),
    ],
)
def test_setup_changes_nothing_where_the_place_is_none(fresh: Account, archive: str, said: str) -> None:
    before = fresh.inventory()
    result = fresh.setup("--yes", RESULT_ARCHIVE=archive)
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())
    assert fresh.inventory() == before


def test_a_prefix_beside_the_videos_is_good(fresh: Account) -> None:
    assert fresh.setup("--yes", RESULT_ARCHIVE=f"oss://{BUCKET}/labels").exit_code == 0


def test_doctor_finds_a_role_that_may_not_write_there(deployed: Deployed) -> None:
    with deployed(checkout.DEPLOYMENT, RESULT_ARCHIVE=ARCHIVE) as account:
        found = finding(account)
        assert found["verdict"] == "failed"
        assert (
            f"may not oss:PutObject on acs:oss:cn-hangzhou:1234567890123456:{FAILED_BUCKET}/labels/"
            in found["found"]
        )

        account.setup("--yes", RESULT_ARCHIVE=ARCHIVE)
        found = finding(account, RESULT_ARCHIVE=ARCHIVE)
        assert found["found"] == f"results are kept at {ARCHIVE}"


@pytest.mark.parametrize("declared", ["", f"oss://{FAILED_BUCKET}/elsewhere"])
def test_doctor_finds_another_place_than_is_declared(deployed: Deployed, declared: str) -> None:
    with deployed(checkout.DEPLOYMENT, RESULT_ARCHIVE=ARCHIVE) as account:
        account.setup("--yes", RESULT_ARCHIVE=ARCHIVE)
        found = finding(account, RESULT_ARCHIVE=declared)

    assert found["verdict"] == "failed"
    assert found["found"] == f"RESULT_ARCHIVE is {ARCHIVE}, but s.yaml declares {declared or 'none'}."
    assert "Or export the RESULT_ARCHIVE that is deployed" in found["advice"]


def test_doctor_finds_that_nothing_is_kept_where_it_is_declared(installed: Account) -> None:
    found = finding(installed, RESULT_ARCHIVE=ARCHIVE)

    assert found["found"] == f"RESULT_ARCHIVE is not set, but s.yaml declares {ARCHIVE}."


def test_doctor_finds_a_bucket_that_is_not_there(deployed: Deployed) -> None:
    with deployed(checkout.DEPLOYMENT, RESULT_ARCHIVE="oss://nowhere-at-all/labels") as account:
        found = finding(account)
    assert "no bucket nowhere-at-all. No result can be kept, so nothing is tagged." in found["found"]
    assert "RESULT_ARCHIVE" in found["advice"]


def test_doctor_finds_a_bucket_of_another_region(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    region_of = services.Buckets.region_of

    def moved(self: services.Buckets, name: str) -> str | None:
        return "cn-beijing" if name == FAILED_BUCKET else region_of(self, name)

    monkeypatch.setattr(services.Buckets, "region_of", moved)
    with deployed(checkout.DEPLOYMENT, RESULT_ARCHIVE=ARCHIVE) as account:
        assert f"The bucket {FAILED_BUCKET} is in cn-beijing" in finding(account)["found"]


def test_doctor_says_that_nothing_is_kept(installed: Account) -> None:
    assert finding(installed)["found"] == "RESULT_ARCHIVE is not set: whole results are not kept"
