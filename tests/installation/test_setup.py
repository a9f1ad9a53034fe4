"""``setup``: from an account without anything to one in which the function can be deployed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli import checkout
from cli.installation import ram
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


def test_nothing_is_done_before_the_user_agrees(fresh: Account) -> None:
    before = fresh.inventory()
    fresh.forget_calls()
    shown = fresh.setup("--dry-run")
    assert shown.exit_code == 0
    assert f"present bucket {FAILED_BUCKET} keeps what failed" in flat(shown)
    assert f"keep_failed stores them below {FAILED_EVENTS}" in flat(shown)
    assert "create role imm-label-tags" in flat(shown)
    assert "Nothing was changed; 18 changes would be made." in shown.output
    refused = fresh.setup(stdin="n\n")
    assert refused.exit_code == 1
    assert "Make 18 changes?" in refused.output
    assert fresh.writes() == []
    assert fresh.inventory() == before
    assert fresh.setup(stdin="y\n").exit_code == 0
    assert "CreateRole" in fresh.writes()


def test_the_plan_is_printed_as_the_readme_shows_it(fresh: Account) -> None:
    result = fresh.setup("--dry-run", FAILED_EVENTS="oss://media/failed", COLUMNS="200")
    _, _, plan = flat(result).partition(" what ")
    assert plan.startswith(" ".join(printed("setup")))
    assert plan.endswith("in milliseconds Nothing was changed; 18 changes would be made.")


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


def test_a_policy_that_somebody_changed_is_not_overwritten(fresh: Account) -> None:
    fresh.setup("--yes")
    name, _ = policy_of(fresh)
    other = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}'
    fresh.call(fresh.access.policies.put, name, other)
    result = fresh.setup("--yes")
    assert result.exit_code == 1
    assert f"policy {name} Somebody has changed it" in flat(result)
    assert policy_of(fresh)[1] == json.loads(other)


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


# What is in the way


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, furnished_state: Path) -> Iterator[Account]:
    """An account in which nothing of ours is, only looked at."""
    with Account.of(furnished_state, tmp_path_factory.mktemp("furnished")) as account:
        yield account


NO_PLACE = "but must be oss://bucket/prefix"
ABOVE = f"and failed events are kept at {FAILED_EVENTS}"


@pytest.mark.parametrize(
    ("options", "variables", "said"),
    [
        (("--project", "elsewhere"), {}, "There is no IMM project elsewhere in cn-hangzhou. Create it there"),
        (("--bucket", "elsewhere"), {}, "There is no bucket elsewhere. Create it in cn-hangzhou, or name"),
        ((), {"FAILED_EVENTS": "oss://elsewhere/failed"}, "or name another with FAILED_EVENTS."),
        *(
            ((), {"FAILED_EVENTS": place}, f"The setting FAILED_EVENTS is {place!r}, {NO_PLACE}")
            for place in ("", "oss://failures", "oss://failures/a/../b", "failures/events")
        ),
        *(
            (
                ("--prefix", "videos/new/"),
                {"FAILED_EVENTS": f"oss://{BUCKET}/{place}"},
                "keep_failed could overwrite them. Name a prefix of its own.",
            )
            for place in ("videos", "videos/new", "videos/new/")
        ),
        ((), {"RESULT_ARCHIVE": "oss://nowhere-at-all/labels"}, "or name another with RESULT_ARCHIVE"),
        ((), {"RESULT_ARCHIVE": f"oss://{BUCKET}/videos/labels"}, "and the videos are below videos/"),
        ((), {"RESULT_ARCHIVE": f"oss://{BUCKET}/videos"}, "and the videos are below videos/"),
        ((), {"RESULT_ARCHIVE": f"oss://{FAILED_BUCKET}/events"}, ABOVE),
        ((), {"RESULT_ARCHIVE": f"{FAILED_EVENTS}/labels"}, ABOVE),
        ((), {"RESULT_ARCHIVE": "labels"}, f"The setting RESULT_ARCHIVE is 'labels', {NO_PLACE}"),
    ],
)
def test_nothing_is_begun_where_something_is_named_that_cannot_be_used(
    furnished: Account, options: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    result = furnished.setup("--yes", *options, **variables)
    assert result.exit_code == 1
    assert "Nothing was changed. 1 problem first:" in result.output
    assert said in flat(result)
    assert furnished.writes() == []


FEDERATED = (
    '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":'
    '{"Federated":["acs:ram::1234567890123456:saml-provider/company"]}}]}'
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        *(
            (
                lambda account, role=role: account.call(
                    account.access.put_role, role, trust("ecs.aliyuncs.com"), {}
                ),
                '"Principal": {"Service": ["fc.aliyuncs.com"]}',
            )
            for role in (ROLE, KEEPER_ROLE)
        ),
        (
            lambda account: account.call(account.access.roles.delete, "AliyunIMMDefaultRole"),
            "Authorize IMM in its console",
        ),
        *(
            (
                lambda account, bucket=bucket: account.move(bucket),
                f"The bucket {bucket} is in cn-beijing, the functions in cn-hangzhou",
            )
            for bucket in (BUCKET, FAILED_BUCKET)
        ),
    ],
)
def test_nothing_is_begun_where_something_cannot_be_used_as_it_is(
    fresh: Account, change: Callable[[Account], object], said: str
) -> None:
    change(fresh)
    fresh.forget_calls()
    result = fresh.setup("--yes")
    assert result.exit_code == 1
    assert said in flat(result)
    assert fresh.writes() == []


def test_a_trust_policy_that_cannot_be_judged_is_not_relied_on(
    furnished: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ram.Ram, "role", lambda self, name: ram.Role(name, "", FEDERATED))
    result = furnished.setup("--yes")
    assert result.exit_code == 1
    assert "does not let fc.aliyuncs.com assume it" in flat(result)


def again(text: str) -> str:
    """A file with another function that tags."""
    resource = text[text.index("  tag_object:\n") :]
    return text + resource.replace("tag_object:\n", "again:\n", 1).replace("${vars.function}", "another")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace("      role: acs:ram::${vars.account}:role/${vars.role}\n", ""),
            f"gives the function {FUNCTION} no role",
        ),
        (
            lambda text: text.replace("      role: acs:ram::${vars.account}:role/${vars.failed_role}\n", ""),
            f"gives the function {KEEPER} no role",
        ),
        (
            lambda text: text.replace("role/${vars.failed_role}", f"role/{ROLE.upper()}"),
            f"gives both tag_object and keep_failed the role {ROLE}",
        ),
        (again, "declares 2 functions with the handler tag_object.handler"),
        (
            lambda text: text.replace("keep_failed.handler", "index.handler"),
            "declares 0 functions with the handler keep_failed.handler",
        ),
    ],
)
def test_a_file_that_cannot_be_installed(
    furnished: Account, tmp_path: Path, change: Callable[[str], str], said: str
) -> None:
    path = deployment(tmp_path)
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    result = furnished.setup("--yes", "--template", str(path))
    assert result.exit_code == 2
    assert said in flat(result)


def test_a_file_that_cannot_be_read_is_named(furnished: Account) -> None:
    result = furnished.setup("--yes", "--template", "/nowhere/s.yaml")
    assert result.exit_code == 2
    assert "/nowhere/s.yaml cannot be read" in flat(result)


@pytest.mark.parametrize(
    "destination",
    [
        "acs:mns:${vars.region}:${vars.account}:/topics/${vars.failed_topic}/messages",
        "acs:fc:${vars.region}:${vars.account}:functions/${vars.function}",
        "acs:fc:${vars.region}:${vars.account}:functions/other",
    ],
)
def test_functions_that_are_not_connected_are_told_of_it(
    furnished: Account, tmp_path: Path, destination: str
) -> None:
    connected = "acs:fc:${vars.region}:${vars.account}:functions/${vars.failed_function}"
    template = deployment(tmp_path, (connected, destination))
    result = furnished.setup("--dry-run", "--template", str(template))
    assert result.exit_code == 0
    assert "not checked failure destination" in flat(result)
    assert "and not imm-label-tags-failed, for which the policies are" in flat(result)


def test_a_function_without_a_log_is_told_of_it(furnished: Account, tmp_path: Path) -> None:
    path = deployment(tmp_path)
    text = path.read_text("utf-8")
    begin, end = text.index("      logConfig:"), text.index("      instanceLifecycleConfig:")
    path.write_text(text[:begin] + text[end:], "utf-8")
    result = furnished.setup("--dry-run", "--template", str(path))
    assert result.exit_code == 0
    assert "not checked log of keep_failed" in flat(result)


# Results that are kept whole


def test_the_function_may_write_where_results_are_kept_as_long_as_they_are(fresh: Account) -> None:
    def writing() -> list[object]:
        statements = policy_of(fresh)[1]["Statement"]
        return [one["Resource"] for one in statements if one["Action"] == "oss:PutObject"]  # type: ignore[attr-defined]

    archive = f"oss://{FAILED_BUCKET}/labels"
    result = fresh.setup("--yes", RESULT_ARCHIVE=archive)
    assert f"tag_object stores whole results below {archive}" in flat(result)
    assert writing() == [f"acs:oss:*:{fresh.config.account_id}:{FAILED_BUCKET}/labels/*"]
    fresh.setup("--yes")
    assert writing() == []
    # A prefix beside the videos is good
    assert fresh.setup("--yes", RESULT_ARCHIVE=f"oss://{BUCKET}/labels").exit_code == 0


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
