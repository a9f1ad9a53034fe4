"""``setup``: from an account without anything to one in which the function can be deployed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import checkout
from cli.installation import ram, services
from localcloud.faults import FaultKind
from tests.installation.account import (
    BUCKET,
    FAILED_BUCKET,
    FAILED_EVENTS,
    FAILED_TOPIC,
    FUNCTION,
    INVOCATION_ROLE,
    KEEPER,
    KEEPER_ROLE,
    PROJECT,
    ROLE,
    TOPIC,
    TRIGGER_ROLE,
    Account,
    deployment,
    printed,
    trust,
)
from tests.user import flat


def policy_of(account: Account, role: str = ROLE) -> tuple[str, dict[str, object]]:
    """The name and the content of the only policy that a role has."""
    (policy,) = account.services().ram.attached(role)
    document = account.services().ram.document(policy)
    assert document is not None
    return policy.name, json.loads(document)


# A fresh account


def test_everything_that_is_missing_is_created(fresh: Account) -> None:
    result = fresh.setup("--yes")
    assert result.exit_code == 0, result.output
    things = {thing.partition(":")[0] for thing in fresh.inventory()}
    name, document = policy_of(fresh)
    keepers, keepers_document = policy_of(fresh, KEEPER_ROLE)
    triggers, triggers_document = policy_of(fresh, TRIGGER_ROLE)
    assert things == {
        *(f"topic {TOPIC}", f"topic {FAILED_TOPIC}"),
        *(f"role {ROLE}", f"role {KEEPER_ROLE}", f"role {TRIGGER_ROLE}", "role AliyunIMMDefaultRole"),
        *(f"policy {name}", f"{name} on {ROLE}"),
        *(f"policy {keepers}", f"{keepers} on {KEEPER_ROLE}"),
        *(f"policy {triggers}", f"{triggers} on {TRIGGER_ROLE}"),
    }
    for thing in (f"topic {TOPIC}", f"role {ROLE}", f"policy {name}", f"role {KEEPER_ROLE}"):
        assert f"created {thing}" in flat(result)
    whole = json.loads(fresh.document("function", archive_bucket="archive", archive_prefix="labels"))
    # Without RESULT_ARCHIVE nothing of it.
    whole["Statement"] = [one for one in whole["Statement"] if one["Action"] != "oss:PutObject"]
    assert document == whole
    assert keepers_document == json.loads(fresh.document("keep-failed"))
    assert triggers_document == json.loads(fresh.document("trigger"))
    for role in (ROLE, KEEPER_ROLE):
        assert fresh.access.roles.get(role).trust.trusts("fc.aliyuncs.com")
    assert fresh.access.roles.get(TRIGGER_ROLE).trust.trusts("mns.aliyuncs.com")


def test_a_second_run_finds_everything_and_changes_nothing(fresh: Account) -> None:
    fresh.setup("--yes")
    fresh.forget_calls()
    result = fresh.setup()
    assert result.exit_code == 0
    assert "Nothing to do." in result.output
    assert fresh.writes() == []


def test_dry_run_shows_the_plan_and_changes_nothing(fresh: Account) -> None:
    before = fresh.inventory()
    fresh.forget_calls()
    result = fresh.setup("--dry-run")
    assert result.exit_code == 0
    assert "create role imm-label-tags" in flat(result)
    assert "Nothing was changed; 18 changes would be made." in result.output
    assert fresh.writes() == []
    assert fresh.inventory() == before


def test_the_plan_is_printed_as_the_readme_shows_it(fresh: Account) -> None:
    result = fresh.setup("--dry-run", FAILED_EVENTS="oss://media/failed", COLUMNS="200")
    _, _, plan = flat(result).partition(" what ")
    assert plan.startswith(" ".join(printed("setup")))
    assert plan.endswith("in milliseconds Nothing was changed; 18 changes would be made.")


def test_nothing_is_done_before_the_user_agrees(fresh: Account) -> None:
    refused = fresh.setup(stdin="n\n")
    assert refused.exit_code == 1
    assert "Make 18 changes?" in refused.output
    assert fresh.writes() == []
    assert fresh.setup(stdin="y\n").exit_code == 0
    assert "CreateRole" in fresh.writes()


def test_names_come_from_the_variables_of_s_yaml(fresh: Account) -> None:
    result = fresh.setup(
        "--dry-run",
        IMM_LABEL_TAGS_ROLE="tagger",
        IMM_LABEL_TAGS_TOPIC="ended",
        IMM_LABEL_TAGS_FUNCTION="f",
        IMM_LABEL_TAGS_FAILED_FUNCTION="g",
        IMM_LABEL_TAGS_FAILED_ROLE="keeper",
        IMM_LABEL_TAGS_TRIGGER_ROLE="notifier",
    )
    for text in ("functions f and g in cn-hangzhou", "create topic ended"):
        assert text in flat(result)
    for role in ("tagger", "keeper", "notifier"):
        assert f"create role {role}" in flat(result)
        assert f"policy {role}-" in flat(result)


def test_several_projects_are_in_one_policy(fresh: Account) -> None:
    fresh.call(fresh.media.put_project, "second")
    assert fresh.setup("--project", "second", "--yes").exit_code == 0
    _, document = policy_of(fresh)
    (statement,) = [each for each in document["Statement"] if "imm:GetTask" in each["Action"]]  # type: ignore[attr-defined]
    prefix = "acs:imm:cn-hangzhou:1234567890123456:project/"
    assert statement["Resource"] == [f"{prefix}{PROJECT}", f"{prefix}second"]


def test_other_objects_replace_the_policy_that_setup_made(fresh: Account) -> None:
    fresh.setup("--yes")
    earlier, _ = policy_of(fresh)
    result = fresh.setup("--prefix", "clips/", "--yes")
    assert result.exit_code == 0
    assert f"removed policy {earlier}" in flat(result)
    later, document = policy_of(fresh)
    assert later != earlier
    assert "clips/" in json.dumps(document)
    others = {policy_of(fresh, role)[0] for role in (KEEPER_ROLE, TRIGGER_ROLE)}
    assert {policy.name for policy in fresh.services().ram.policies()} == {later, *others}


def test_another_place_for_failed_events_replaces_the_policy_that_setup_made(fresh: Account) -> None:
    fresh.setup("--yes")
    before = policy_of(fresh)
    earlier, _ = policy_of(fresh, KEEPER_ROLE)
    result = fresh.setup("--yes", FAILED_EVENTS=f"oss://{BUCKET}/failed/")
    assert result.exit_code == 0
    assert f"removed policy {earlier}" in flat(result)
    assert f"acs:oss:*:1234567890123456:{BUCKET}/failed/*" in json.dumps(policy_of(fresh, KEEPER_ROLE)[1])
    assert policy_of(fresh) == before


def test_variables_may_stand_in_a_file_beside_s_yaml(
    fresh: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path))
    (tmp_path / ".env").write_text("IMM_LABEL_TAGS_ROLE=tagger\nIMM_LABEL_TAGS_TOPIC=ended\n")
    result = fresh.setup("--dry-run", IMM_LABEL_TAGS_TOPIC="won")
    for text in ("create role tagger", "create topic won"):
        assert text in flat(result)
    (tmp_path / ".env").write_text("NAME=tagger\nno assignment\nIMM_LABEL_TAGS_ROLE=$NAME\n")
    assert "create role tagger" in flat(fresh.setup("--dry-run"))


# What is there already


def test_what_was_there_before_stays_as_it_is(fresh: Account) -> None:
    fresh.call(fresh.messages.create_topic, TOPIC)
    document = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}'
    fresh.call(fresh.access.put_role, ROLE, trust("fc.aliyuncs.com"), {"of-the-owner": document})
    result = fresh.setup("--yes")
    assert result.exit_code == 0
    assert f"present topic {TOPIC}" in flat(result)
    assert f"present role {ROLE}" in flat(result)
    assert f"of-the-owner on {ROLE}" in fresh.inventory()
    assert fresh.services().messaging.topic(TOPIC).tags == {}  # type: ignore[union-attr]


@pytest.mark.parametrize("role", [ROLE, KEEPER_ROLE])
def test_a_role_that_function_compute_cannot_assume_is_in_the_way(fresh: Account, role: str) -> None:
    fresh.call(fresh.access.put_role, role, trust("ecs.aliyuncs.com"), {})
    fresh.forget_calls()
    result = fresh.setup("--yes")
    assert result.exit_code == 1
    assert "Nothing was changed. 1 problem first:" in result.output
    assert '"Principal": {"Service": ["fc.aliyuncs.com"]}' in flat(result)
    assert fresh.writes() == []


def test_a_trust_policy_that_cannot_be_judged_is_not_relied_on(
    fresh: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    federated = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":'
    federated += '{"Federated":["acs:ram::1234567890123456:saml-provider/company"]}}]}'
    monkeypatch.setattr(ram.Ram, "role", lambda self, name: ram.Role(name, "", federated))
    result = fresh.setup("--yes")
    assert result.exit_code == 1
    assert "does not let fc.aliyuncs.com assume it" in flat(result)


def test_a_policy_that_somebody_changed_is_not_overwritten(fresh: Account) -> None:
    fresh.setup("--yes")
    name, _ = policy_of(fresh)
    other = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}'
    fresh.call(fresh.access.policies.put, name, other)
    result = fresh.setup("--yes")
    assert result.exit_code == 1
    assert f"policy {name} Somebody has changed it" in flat(result)
    assert policy_of(fresh)[1] == json.loads(other)


def test_without_a_project_nothing_is_begun(fresh: Account) -> None:
    result = fresh.setup("--project", "elsewhere", "--yes")
    assert result.exit_code == 1
    assert "There is no IMM project elsewhere in cn-hangzhou" in flat(result)
    assert fresh.writes() == []


def test_without_the_service_role_nothing_is_begun(fresh: Account) -> None:
    fresh.call(fresh.access.roles.delete, "AliyunIMMDefaultRole")
    result = fresh.setup("--yes")
    assert result.exit_code == 1
    assert "Authorize IMM in its console" in flat(result)


def test_without_a_bucket_nothing_is_begun(fresh: Account) -> None:
    result = fresh.setup("--bucket", "elsewhere", "--yes")
    assert result.exit_code == 1
    assert "bucket elsewhere There is no bucket elsewhere." in flat(result)


@pytest.mark.parametrize("name", [BUCKET, FAILED_BUCKET])
def test_a_bucket_of_another_region_is_in_the_way(
    fresh: Account, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(
        services.Buckets, "region_of", lambda self, asked: "cn-beijing" if asked == name else "cn-hangzhou"
    )
    result = fresh.setup("--yes")
    assert result.exit_code == 1
    assert f"The bucket {name} is in cn-beijing, the functions in cn-hangzhou" in flat(result)
    assert fresh.writes() == []


def test_without_a_bucket_for_failed_events_nothing_is_begun(fresh: Account) -> None:
    result = fresh.setup("--yes", FAILED_EVENTS="oss://elsewhere/failed")
    assert result.exit_code == 1
    assert (
        "There is no bucket elsewhere. Create it in cn-hangzhou, or name another with FAILED_EVENTS."
        in flat(result)
    )
    assert fresh.writes() == []


def test_the_place_for_failed_events_need_not_have_anything_in_it(fresh: Account) -> None:
    assert fresh.kept() == {}
    result = fresh.setup("--dry-run")
    assert result.exit_code == 0
    assert f"present bucket {FAILED_BUCKET} keeps what failed" in flat(result)
    assert f"keep_failed stores them below {FAILED_EVENTS}" in flat(result)


@pytest.mark.parametrize("place", ["", "oss://failures", "oss://failures/a/../b", "failures/events"])
def test_without_a_usable_place_for_failed_events_nothing_is_begun(fresh: Account, place: str) -> None:
    result = fresh.setup("--yes", FAILED_EVENTS=place)
    assert result.exit_code == 1
    assert f"The setting FAILED_EVENTS is {place!r}, but must be oss://bucket/prefix" in flat(result)
    assert fresh.writes() == []


@pytest.mark.parametrize("place", ["videos", "videos/new", "videos/new/"])
def test_failed_events_are_not_kept_where_they_could_overwrite_videos(fresh: Account, place: str) -> None:
    result = fresh.setup("--yes", "--prefix", "videos/new/", FAILED_EVENTS=f"oss://{BUCKET}/{place}")
    assert result.exit_code == 1
    assert "keep_failed could overwrite them. Name a prefix of its own." in flat(result)
    assert fresh.writes() == []


# The role that invokes the function


def test_a_trigger_without_a_role_gets_none_here(
    fresh: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path, (INVOCATION_ROLE, "")))
    assert fresh.setup("--yes").exit_code == 0
    assert fresh.access.roles.find(TRIGGER_ROLE) is None
    assert (
        "role AliyunMNSNotificationRole MNS invokes tag_object in it; `s deploy` makes it, or name another "
        "as invocationRole"
    ) in flat(fresh.setup())


# Interruptions


@pytest.mark.parametrize("action", ["CreateTopic", "CreateRole", "CreatePolicy", "AttachPolicyToRole"])
@pytest.mark.parametrize("kind", [FaultKind.ANSWER, FaultKind.RESET_AFTER])
def test_an_interrupted_setup_is_completed_by_the_next(fresh: Account, action: str, kind: FaultKind) -> None:
    fresh.break_call(action, kind, status=503, body=b'{"Code":"ServiceUnavailable","Message":"later"}')
    interrupted = fresh.setup("--yes")
    assert interrupted.exit_code == 2
    assert action in interrupted.output
    assert "What was done stays." in interrupted.output
    completed = fresh.setup("--yes")
    assert completed.exit_code == 0, completed.output
    assert "Nothing to do." in fresh.setup().output
    assert fresh.teardown("--yes").exit_code == 0
    assert fresh.inventory() == {"role AliyunIMMDefaultRole"}


# What cannot be begun


@pytest.mark.parametrize(("variable", "name"), [("role", FUNCTION), ("failed_role", KEEPER)])
def test_a_file_without_a_role_cannot_be_installed(
    fresh: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, name: str
) -> None:
    line = f"      role: acs:ram::${{vars.account}}:role/${{vars.{variable}}}\n"
    monkeypatch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path, (line, "")))
    result = fresh.setup("--yes")
    assert result.exit_code == 2
    assert f"gives the function {name} no role" in flat(result)


def test_two_functions_with_one_role_cannot_be_installed(fresh: Account) -> None:
    result = fresh.setup("--yes", IMM_LABEL_TAGS_FAILED_ROLE=ROLE.upper())
    assert result.exit_code == 2
    assert f"gives both tag_object and keep_failed the role {ROLE}" in flat(result)


def test_a_file_with_another_function_cannot_be_installed(
    fresh: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = deployment(tmp_path)
    text = path.read_text("utf-8")
    resource = text[text.index("  tag_object:\n") :]
    again = resource.replace("tag_object:\n", "again:\n", 1).replace("${vars.function}", "another")
    path.write_text(text + again, "utf-8")
    monkeypatch.setattr(checkout, "DEPLOYMENT", path)
    result = fresh.setup("--yes")
    assert result.exit_code == 2
    assert "declares 2 functions with the handler tag_object.handler" in flat(result)


@pytest.mark.parametrize(
    "destination",
    [
        "acs:mns:${vars.region}:${vars.account}:/topics/${vars.failed_topic}/messages",
        "acs:fc:${vars.region}:${vars.account}:functions/${vars.function}",
        "acs:fc:${vars.region}:${vars.account}:functions/other",
    ],
)
def test_functions_that_are_not_connected_are_told_of_it(
    fresh: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, destination: str
) -> None:
    connected = "acs:fc:${vars.region}:${vars.account}:functions/${vars.failed_function}"
    monkeypatch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path, (connected, destination)))
    result = fresh.setup("--dry-run")
    assert result.exit_code == 0
    assert "not checked failure destination" in flat(result)
    assert "and not imm-label-tags-failed, for which the policies are" in flat(result)


def test_a_file_that_cannot_be_read_is_named(fresh: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "DEPLOYMENT", Path("/nowhere/s.yaml"))
    result = fresh.setup("--yes")
    assert result.exit_code == 2
    assert "/nowhere/s.yaml cannot be read" in flat(result)


def test_a_function_without_a_log_is_told_of_it(
    fresh: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = deployment(tmp_path)
    text = path.read_text("utf-8")
    begin, end = text.index("      logConfig:"), text.index("      instanceLifecycleConfig:")
    path.write_text(text[:begin] + text[end:], "utf-8")
    monkeypatch.setattr(checkout, "DEPLOYMENT", path)
    result = fresh.setup("--dry-run")
    assert result.exit_code == 0
    assert "not checked log of keep_failed" in flat(result)


def test_a_program_reads_what_is_planned_and_whether_it_was_done(fresh: Account) -> None:
    planned = json.loads(fresh.setup("--dry-run", "--json").stdout)
    assert (planned["ok"], planned["changed"]) == (True, False)
    done = json.loads(fresh.setup("--yes", "--json").stdout)
    assert (done["changed"], done["steps"]) == (True, planned["steps"])
    assert "create" in {step["state"] for step in done["steps"]}
    again = json.loads(fresh.setup("--json").stdout)
    assert (again["ok"], again["changed"]) == (True, False)
    removed = json.loads(fresh.teardown("--yes", "--json").stdout)
    assert (removed["changed"], "remove" in {step["state"] for step in removed["steps"]}) == (True, True)
