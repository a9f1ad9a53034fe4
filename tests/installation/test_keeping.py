"""``doctor`` on the function that keeps failed events: one thing at a time that is not as it should be."""

from __future__ import annotations

import json
from pathlib import Path

import alibabacloud_oss_v2 as oss
import pytest

from cli import checkout
from cli.cloud import objects
from cli.installation import keeping, services
from imm_label_tags.results.target import ObjectPrefix
from tests.installation.account import (
    BUCKET,
    FAILED_BUCKET,
    FAILED_EVENTS,
    FAILED_PREFIX,
    FAILED_TOPIC,
    KEEPER,
    KEEPER_ROLE,
    ROLE,
    Account,
    deployment,
    failures,
    trust,
    verdicts,
)
from tests.installation.conftest import Deployed


def test_a_keeper_that_is_not_deployed(fresh: Account) -> None:
    fresh.setup("--yes")
    found = verdicts(fresh.doctor("--json"))
    assert found["keep_failed"] == "failed"
    names = ("keep_failed settings", "keep_failed destination", "keep_failed policies", "kept events")
    assert {found[name] for name in names} == {"not checked"}
    assert found["keep_failed role"] == "ok"


def test_a_keeper_that_was_deployed_otherwise(tmp_path: Path, deployed: Deployed) -> None:
    path = deployment(tmp_path, ("handler: keep_failed.handler", "handler: keep_failed.other"))
    with deployed(path) as account:
        (said, advice) = failures(account)["keep_failed"]
    assert "its handler is keep_failed.other and not keep_failed.handler" in said
    assert advice == "Run `s deploy`."


def test_a_keeper_without_a_place(deployed: Deployed) -> None:
    with deployed(checkout.DEPLOYMENT, FAILED_EVENTS="") as account:
        (said, advice) = failures(account)["keep_failed settings"]
    assert "The setting FAILED_EVENTS is ''" in said
    assert "Run `s deploy`." in advice


def test_a_keeper_with_another_place(installed: Account) -> None:
    (said, advice) = failures(installed, FAILED_EVENTS=f"oss://{BUCKET}/failed")["keep_failed settings"]
    assert said == f"Failed events are kept at {FAILED_EVENTS}, but s.yaml declares oss://{BUCKET}/failed."
    assert "export the FAILED_EVENTS that is deployed" in advice


def test_where_failed_events_are_kept_is_asked_of_the_function(installed: Account) -> None:
    found = verdicts(installed.doctor("--json", FAILED_EVENTS=""))
    assert set(found.values()) == {"ok"}


def test_a_keeper_with_a_place_that_no_policy_can_name(
    installed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ObjectPrefix(FAILED_BUCKET, "what?")
    monkeypatch.setattr(ObjectPrefix, "from_setting", lambda variable, uri: place)
    (said, _) = failures(installed)["keep_failed policies"]
    assert "placeholder failed_prefix" in said


def test_a_keeper_that_function_compute_cannot_act_for(installed: Account) -> None:
    installed.call(installed.access.roles.put, KEEPER_ROLE, trust("ecs.aliyuncs.com"))
    (said, _) = failures(installed)["keep_failed role"]
    assert f"role {KEEPER_ROLE} does not let fc.aliyuncs.com assume it" in said


def test_a_role_that_may_not_hand_over_what_fails(installed: Account) -> None:
    document = '{"Version":"1","Statement":[{"Effect":"Deny","Action":"fc:*","Resource":"*"}]}'
    installed.call(installed.access.policies.create, "no-calls", document, "")
    role = installed.access.roles.get(ROLE)
    installed.call(installed.access.attachments.attach, role, "Custom", "no-calls")
    (said, _) = failures(installed)["policies"]
    region, account = installed.config.region, installed.config.account_id
    assert f"fc:InvokeFunction on acs:fc:{region}:{account}:functions/{KEEPER} (denied)" in said


def test_a_keeper_whose_role_may_not_write(installed: Account) -> None:
    services = installed.services()
    (policy,) = services.ram.attached(KEEPER_ROLE)
    services.ram.detach(policy, KEEPER_ROLE)
    (said, advice) = failures(installed)["keep_failed policies"]
    account = installed.config.account_id
    assert f"oss:PutObject on acs:oss:cn-hangzhou:{account}:{FAILED_BUCKET}/{FAILED_PREFIX}/doctor" in said
    assert f"mns:PublishMessage on acs:mns:cn-hangzhou:{account}:/topics/{FAILED_TOPIC}/messages" in said
    assert "imm-label-tags setup" in advice


def test_nothing_is_written_to_try_the_keeper(installed: Account) -> None:
    installed.forget_calls()
    assert installed.run_command("doctor").exit_code == 0
    assert installed.writes() == []
    assert installed.kept() == {}


def kept(account: Account) -> str:
    (found,) = [
        check["found"]
        for check in json.loads(account.doctor("--json").output)["checks"]
        if check["name"] == "kept events"
    ]
    return str(found)


def test_kept_events_are_counted_and_nothing_else(installed: Account) -> None:
    assert kept(installed) == f"none at {FAILED_EVENTS}"
    for name in ("2026-01-01/1-2.json", "undated/1-3.json"):
        installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}/{name}", b"{}")
    for name in ("readme.txt", "2026-01-01/1-2.json.bak", "other/1-3.json", "2026-01-01/a/b.json"):
        installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}/{name}", b"{}")
    installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}-other/2026-01-01/1-2.json", b"{}")
    assert kept(installed) == f"2 at {FAILED_EVENTS}; look at `imm-label-tags failed list`"


def test_of_very_many_kept_events_some_are_counted(
    installed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_PAGE", 2)
    monkeypatch.setattr(keeping, "MOST_COUNTED", 4)
    for number in range(7):
        installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}/undated/{number}.json", b"{}")
    installed.forget_calls()
    assert kept(installed) == f"4 or more at {FAILED_EVENTS}; look at `imm-label-tags failed list`"
    installed.run(installed.calls.settled())
    assert len(installed.calls.list("oss", "ListObjectsV2")) == 2


def test_the_bucket_for_failed_events_is_gone(installed: Account) -> None:
    installed.oss().delete_bucket(oss.DeleteBucketRequest(bucket=FAILED_BUCKET))
    (said, advice) = failures(installed)["kept events"]
    assert said == f"There is no bucket {FAILED_BUCKET}. No failed event can be kept."
    assert "Create it in cn-hangzhou" in advice


def test_the_bucket_for_failed_events_is_in_another_region(
    installed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        services.Buckets, "region_of", lambda self, name: "cn-beijing" if name != BUCKET else "cn-hangzhou"
    )
    (said, _) = failures(installed)["kept events"]
    elsewhere = f"The bucket {FAILED_BUCKET} is in cn-beijing, the functions in cn-hangzhou."
    assert said == f"{elsewhere} No failed event can be kept."
