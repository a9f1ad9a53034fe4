"""``doctor``: an installation that works, and then one thing at a time that does not."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from cli import checkout
from cli.installation import commands, ram, services
from cli.installation.examination import Finding, Verdict
from tests.installation.account import (
    BUCKET,
    FAILED_TOPIC,
    FUNCTION,
    INVOCATION_ROLE,
    KEY,
    OWN_TAGS,
    PROJECT,
    ROLE,
    TOPIC,
    TRIGGER_ROLE,
    URI,
    Account,
    deployment,
    failures,
    printed,
    trust,
    verdicts,
)
from tests.installation.conftest import Deployed
from tests.user import flat

RECORD = (Path(__file__).parents[2] / "examples" / "events" / "tasks" / "fc-failure-record.json").read_bytes()

# A sound installation


def test_a_sound_installation_is_ok_in_every_check(installed: Account) -> None:
    result = installed.doctor()
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert {line[0] for line in lines} == {"ok"}
    names = [
        *("keys", "region", "account", "IMM project", "bucket", f"topic {TOPIC}", f"topic {FAILED_TOPIC}"),
        *("function", "settings", "failure destination", "trigger imm-tasks", "role", "policies"),
        *("imm-tasks role", "imm-tasks policies", "result archive"),
        *("keep_failed", "keep_failed settings", "keep_failed destination", "keep_failed role"),
        *("keep_failed policies", "kept events", "log of tag_object", "log of keep_failed", "saved searches"),
        *("tag round trip", "Chinese tags"),
    ]
    assert list(verdicts(installed.doctor("--json"))) == names
    assert installed.tags() == OWN_TAGS


def test_it_prints_what_the_readme_shows(deployed: Deployed) -> None:
    where = {"FAILED_EVENTS": "oss://media/failed"}
    with deployed(checkout.DEPLOYMENT, **where) as account:
        account.setup("--yes", **where)
        account.put(BUCKET, "failed/2026-01-01/1-2.json", RECORD)
        lines = [" ".join(line.split()) for line in account.doctor(**where).output.splitlines()]
    shown = printed("doctor")
    assert [line for line in lines if line in shown] == shown


def test_what_was_not_asked_for_is_left_out(installed: Account) -> None:
    result = installed.run_command("doctor", "--json")
    assert result.exit_code == 0
    found = verdicts(result)
    left_out = {name for name, verdict in found.items() if verdict == "left out"}
    assert left_out == {"IMM project", "bucket", "policies", "tag round trip", "Chinese tags"}
    assert "oss://bucket/key" in installed.run_command("doctor").output


def test_a_bucket_and_a_project_are_enough_for_the_policies(installed: Account) -> None:
    result = installed.run_command(
        "doctor", "--json", "--bucket", BUCKET, "--prefix", "videos/", "--project", PROJECT
    )
    assert verdicts(result)["policies"] == "ok"


# Keys, region, account


def test_without_keys_nothing_that_needs_them_is_checked(installed: Account) -> None:
    result = installed.doctor("--json", ALIBABA_CLOUD_ACCESS_KEY_ID="")
    found = verdicts(result)
    assert result.exit_code == 1
    assert found.pop("keys") == "failed"
    assert found.pop("region") == "ok"
    assert set(found.values()) == {"not checked"}
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID not set" in flat(installed.doctor(ALIBABA_CLOUD_ACCESS_KEY_ID=""))


def test_expired_keys(installed: Account) -> None:
    keys = installed.accounts.issue_role_keys(ROLE, timedelta(seconds=60))
    installed.clock.advance(120)
    (said, advice) = failures(installed, **installed.environment(keys))["keys"]
    assert "InvalidSecurityToken.Expired" in said
    assert "have expired" in advice


def test_another_account(installed: Account) -> None:
    found = failures(installed, ALIBABA_CLOUD_ACCOUNT_ID="9999999999999999")
    assert list(found) == ["account"]
    assert "export ALIBABA_CLOUD_ACCOUNT_ID=1234567890123456" in found["account"][1]


def test_a_layer_of_another_region(
    installed: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = deployment(tmp_path, ("acs:fc:${vars.region}", "acs:fc:cn-beijing"))
    monkeypatch.setattr(checkout, "DEPLOYMENT", wrong)
    (said, advice) = failures(installed)["region"]
    assert "layer imm-label-tags/versions/1 in cn-beijing" in said
    assert "one region and account" in advice


# What the function works on


def test_no_such_project(installed: Account) -> None:
    found = failures(installed, "--project", "gone")
    assert found["IMM project"][0] == "There is no IMM project gone in cn-hangzhou."


def test_a_project_without_its_service_role(installed: Account) -> None:
    installed.call(installed.access.roles.delete, "AliyunIMMDefaultRole")
    (said, advice) = failures(installed)["IMM project"]
    assert "AliyunIMMDefaultRole" in said
    assert "Authorize IMM" in advice


def test_no_such_bucket(installed: Account) -> None:
    found = verdicts(installed.doctor("--json", "--bucket", "gone"))
    assert found["bucket"] == "failed"
    assert found["tag round trip"] == "not checked"


def test_a_bucket_of_another_region(installed: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.Buckets, "region_of", lambda self, name: "cn-beijing")
    (said, advice) = failures(installed)["bucket"]
    assert said == "The bucket media is in cn-beijing, the functions in cn-hangzhou."
    assert "deploy to the bucket's" in advice


# Topics, function, trigger


def test_a_topic_that_is_gone(installed: Account) -> None:
    installed.services().messaging.delete_topic(TOPIC)
    result = installed.doctor("--json")
    found = verdicts(result)
    assert found[f"topic {TOPIC}"] == "failed"
    assert found["trigger imm-tasks"] == "not checked"
    assert found[f"topic {FAILED_TOPIC}"] == "ok"
    assert "Run `imm-label-tags setup`." in result.output


def test_a_topic_that_was_made_anew_has_lost_its_subscription(installed: Account) -> None:
    installed.services().messaging.delete_topic(TOPIC)
    assert installed.setup("--yes").exit_code == 0
    (said, advice) = failures(installed)["trigger imm-tasks"]
    assert "has no subscription" in said
    assert "s tag_object remove --trigger imm-tasks" in advice


def test_a_function_that_is_not_deployed(fresh: Account) -> None:
    fresh.setup("--yes")
    found = verdicts(fresh.doctor("--json"))
    assert found["function"] == "failed"
    assert {found[name] for name in ("settings", "failure destination", "trigger imm-tasks")} == {
        "not checked"
    }
    assert found["tag round trip"] == "ok"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("IMM_LABEL_TAGS_RUNTIME", "python3.10", "its runtime is python3.12 and not python3.10"),
        ("IMM_LABEL_TAGS_ROLE", "other", "its role is imm-label-tags and not other"),
    ],
)
def test_a_function_that_is_not_as_declared(installed: Account, variable: str, value: str, said: str) -> None:
    assert said in failures(installed, **{variable: value})["function"][0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("handler: tag_object.handler", "handler: tag_object.other", "its handler is tag_object.other"),
        (
            "handler: tag_object.initialize",
            "handler: tag_object.other",
            "its initializer is tag_object.other",
        ),
        (
            "      layers:\n        - acs:fc:${vars.region}:${vars.account}:layers/${vars.layer}/versions/"
            "${vars.layer_version}\n",
            "",
            "it has no layer",
        ),
    ],
)
def test_a_function_that_was_deployed_otherwise(
    tmp_path: Path, old: str, new: str, said: str, deployed: Deployed
) -> None:
    with deployed(deployment(tmp_path, (old, new))) as account:
        (found, advice) = failures(account)["function"]
    assert said in found
    assert advice == "Run `s deploy`."


def test_a_setting_that_the_function_refuses(tmp_path: Path, deployed: Deployed) -> None:
    with deployed(checkout.DEPLOYMENT, LABEL_LIMIT="many") as account:
        (said, _) = failures(account)["settings"]
    assert "LABEL_LIMIT is 'many'" in said


def test_an_object_that_the_settings_exclude(tmp_path: Path, deployed: Deployed) -> None:
    with deployed(checkout.DEPLOYMENT, ALLOWED_OBJECTS=f"{BUCKET}/clips/*") as account:
        (said, advice) = failures(account)["settings"]
    assert f"ALLOWED_OBJECTS does not let the function tag {URI}" in said
    assert "Add a pattern" in advice


def without_destination(tmp_path: Path, resource: str) -> Path:
    path = deployment(tmp_path)
    text = path.read_text("utf-8")
    begin = text.index("      asyncInvokeConfig:", text.index(f"  {resource}:\n"))
    end = re.compile(r"^ {0,6}\w", re.MULTILINE).search(text, begin + 10)
    assert end
    path.write_text(text[:begin] + text[end.start() :], "utf-8")
    return path


FUNCTIONS = {"failure destination": "tag_object", "keep_failed destination": "keep_failed"}


@pytest.mark.parametrize("check", FUNCTIONS)
def test_a_function_without_a_failure_destination(tmp_path: Path, deployed: Deployed, check: str) -> None:
    with deployed(without_destination(tmp_path, FUNCTIONS[check])) as account:
        (said, advice) = failures(account)[check]
    assert "events that exhaust their retries are lost" in said
    assert advice == "Run `s deploy`."


def test_another_failure_destination(tmp_path: Path, deployed: Deployed) -> None:
    declared = "acs:fc:${vars.region}:${vars.account}:functions/${vars.failed_function}"
    topic = "acs:mns:${vars.region}:${vars.account}:/topics/${vars.failed_topic}/messages"
    with deployed(deployment(tmp_path, (declared, topic))) as account:
        (said, advice) = failures(account)["failure destination"]
    assert "topics/imm-label-tags-failed/messages, but s.yaml declares acs:fc:" in said
    assert advice == "Run `s deploy`."


def test_what_cannot_be_kept_goes_to_another_topic(tmp_path: Path, deployed: Deployed) -> None:
    with deployed(checkout.DEPLOYMENT, IMM_LABEL_TAGS_FAILED_TOPIC="elsewhere") as account:
        (said, _) = failures(account)["keep_failed destination"]
    assert "topics/elsewhere/messages, but s.yaml declares" in said


def test_a_destination_may_be_written_in_another_way(tmp_path: Path, deployed: Deployed) -> None:
    declared = "acs:fc:${vars.region}:${vars.account}:functions/${vars.failed_function}"
    with deployed(
        deployment(tmp_path, (declared, "acs:fc:::functions/${vars.failed_function}/LATEST"))
    ) as account:
        assert verdicts(account.doctor("--json"))["failure destination"] == "ok"


def test_a_trigger_with_another_topic(installed: Account) -> None:
    installed.call(installed.messages.create_topic, "ended")
    (said, advice) = failures(installed, IMM_LABEL_TAGS_TOPIC="ended")["trigger imm-tasks"]
    assert "its sourceArn is acs:mns:cn-hangzhou:1234567890123456:/topics/imm-label-tags and not" in said
    assert "No deployment changes that" in advice


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("notifyContentFormat: JSON", "notifyContentFormat: STREAM", "its notifyContentFormat is STREAM"),
        ("EXPONENTIAL_DECAY_RETRY", "BACKOFF_RETRY", "its notifyStrategy is BACKOFF_RETRY"),
        (
            "            notifyStrategy",
            "            filterTag: x\n            notifyStrategy",
            "its filterTag is x",
        ),
    ],
)
def test_a_trigger_with_other_settings(
    tmp_path: Path, old: str, new: str, said: str, deployed: Deployed
) -> None:
    with deployed(deployment(tmp_path, (old, new))) as account:
        assert said in failures(account)["trigger imm-tasks"][0]


def test_a_trigger_that_is_not_there(tmp_path: Path, deployed: Deployed) -> None:
    path = deployment(tmp_path, ("triggerName: imm-tasks", "triggerName: other"))
    with deployed(path) as account:
        (said, advice) = failures(account)["trigger imm-tasks"]
    assert said == "The function has no trigger imm-tasks."
    assert advice == "Run `s deploy`."


def test_a_trigger_of_another_type(tmp_path: Path, deployed: Deployed) -> None:
    path = deployment(tmp_path)
    text = path.read_text("utf-8")
    begin = text.index("          sourceArn: acs:mns")
    text = text[:begin].replace("triggerType: mns_topic", "triggerType: timer")
    text += '          triggerConfig: {enable: true, cronExpression: "@every 4m"}\n'
    path.write_text(text, "utf-8")
    with deployed(path) as account:
        account.call(account.messages.create_topic, TOPIC)
        assert "its triggerType is timer" in failures(account)["trigger imm-tasks"][0]


# The role and its policies


def test_a_role_that_is_gone(installed: Account) -> None:
    installed.call(installed.access.roles.delete, ROLE)
    found = verdicts(installed.doctor("--json"))
    assert found["role"] == "failed"
    assert found["policies"] == "not checked"


def test_a_role_that_function_compute_cannot_assume(installed: Account) -> None:
    installed.call(installed.access.roles.put, ROLE, trust("ecs.aliyuncs.com"))
    (said, advice) = failures(installed)["role"]
    assert "does not let fc.aliyuncs.com assume it" in said
    assert '"Service": ["fc.aliyuncs.com"]' in advice


def test_a_trust_policy_that_cannot_be_judged(installed: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ram.Ram.role
    document = '{"Version":"1","Statement":[]}'
    monkeypatch.setattr(
        ram.Ram,
        "role",
        lambda self, name: ram.Role(name, "", document) if name == ROLE else original(self, name),
    )
    assert "cannot be judged here" in failures(installed)["role"][0]


def test_a_role_without_its_policy(installed: Account) -> None:
    services = installed.services()
    (policy,) = services.ram.attached(ROLE)
    services.ram.detach(policy, ROLE)
    (said, advice) = failures(installed)["policies"]
    account = installed.config.account_id
    assert f"imm:GetTask on acs:imm:cn-hangzhou:{account}:project/{PROJECT}" in said
    assert f"oss:PutObjectTagging on acs:oss:cn-hangzhou:{account}:{BUCKET}/{KEY}" in said
    assert "imm-label-tags setup" in advice


def test_a_policy_that_denies(installed: Account) -> None:
    document = '{"Version":"1","Statement":[{"Effect":"Deny","Action":"oss:Put*","Resource":"*"}]}'
    installed.call(installed.access.policies.create, "read-only", document, "")
    role = installed.access.roles.get(ROLE)
    installed.call(installed.access.attachments.attach, role, "Custom", "read-only")
    (said, advice) = failures(installed)["policies"]
    assert f"{BUCKET}/{KEY} (denied)" in said
    assert "denied by another policy" in advice


def test_a_policy_that_cannot_be_judged(installed: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ram.Ram, "document", lambda self, policy: '{"Version":"2"}')
    assert "cannot be judged here" in failures(installed)["policies"][0]


def test_an_object_that_no_policy_can_name(installed: Account) -> None:
    (said, advice) = failures(installed, "--object", f"oss://{BUCKET}/videos/what?.mp4")["policies"]
    assert "placeholder prefix" in said
    assert "another object" in advice


def test_the_role_in_which_mns_invokes_is_checked(installed: Account) -> None:
    found = {
        check["name"]: check["found"] for check in json.loads(installed.doctor("--json").output)["checks"]
    }
    assert found["imm-tasks role"] == f"{TRIGGER_ROLE}, trusts mns.aliyuncs.com"
    assert found["imm-tasks policies"] == f"MNS may invoke {FUNCTION}"


def test_a_trigger_whose_role_is_gone(installed: Account) -> None:
    installed.call(installed.access.roles.delete, TRIGGER_ROLE)
    assert failures(installed)["imm-tasks role"] == (
        f"There is no role {TRIGGER_ROLE}.",
        "Run `imm-label-tags setup`.",
    )


def test_a_trigger_whose_role_mns_cannot_assume(installed: Account) -> None:
    installed.call(installed.access.roles.put, TRIGGER_ROLE, trust("fc.aliyuncs.com"))
    assert "does not let mns.aliyuncs.com assume it" in failures(installed)["imm-tasks role"][0]
    assert verdicts(installed.doctor("--json"))["imm-tasks policies"] == "not checked"


def test_a_trigger_whose_role_may_not_invoke(installed: Account) -> None:
    services = installed.services()
    (policy,) = services.ram.attached(TRIGGER_ROLE)
    services.ram.detach(policy, TRIGGER_ROLE)
    (said, advice) = failures(installed)["imm-tasks policies"]
    assert f"The role {TRIGGER_ROLE} may not fc:InvokeFunction on acs:fc:" in said
    assert "imm-label-tags setup" in advice


def test_a_trigger_with_another_role(installed: Account) -> None:
    (said, advice) = failures(installed, IMM_LABEL_TAGS_TRIGGER_ROLE="notifier")["trigger imm-tasks"]
    assert f"its invocationRole is {TRIGGER_ROLE} and not notifier" in said
    assert "run `s tag_object remove --trigger imm-tasks` first" in advice


def test_a_trigger_without_a_role_has_the_one_that_the_deployment_made(
    installed: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path, (INVOCATION_ROLE, "")))
    found = verdicts(installed.doctor("--json"))
    assert found["trigger imm-tasks"] == "ok"
    assert "imm-tasks role" not in found


# Calls that are refused, objects that are none


def test_a_check_that_may_not_look_says_which_permission_is_missing(installed: Account) -> None:
    user = installed.call(installed.access.put_user, "onlooker", {})
    (said, advice) = failures(installed, **installed.environment(user.keys))["role"]
    assert said.startswith("RAM GetRole on role imm-label-tags failed")
    assert "the action ram:GetRole on acs:ram:*:1234567890123456:role/imm-label-tags" in advice


@pytest.mark.parametrize("uri", ["https://media/videos/a.mp4", "oss://media", "oss://media/a/../b"])
def test_an_object_must_be_one(installed: Account, uri: str) -> None:
    result = installed.doctor("--object", uri)
    assert result.exit_code == 2
    assert "--object: " in flat(result)
    assert uri in flat(result)


# Where it is read


def test_the_findings_fit_into_80_columns() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    long = "acs:ram::1234567890123456:role/a-role-with-a-name-that-is-long " * 2
    commands._show(console, Finding("keys", Verdict.FAILED, long, long))
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line.rstrip()) for line in written.splitlines()) <= 80
    assert "".join(written.split()).count("a-role-with-a-name-that-is-long") == 4
