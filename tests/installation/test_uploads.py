"""``setup``, ``doctor`` and ``teardown`` for ``s.uploads.yaml``: the function that submits videos."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from localcloud.ram.policy import Decision, evaluate, parse_policy
from tests.installation.account import (
    BUCKET,
    FAILED_BUCKET,
    NAMES,
    PREFIX,
    PROJECT,
    ROLE,
    TOPIC,
    UPLOADS_FUNCTION,
    UPLOADS_ROLE,
    UPLOADS_TRIGGER_ROLE,
    URI,
    Account,
    deployment,
    failures,
    trust,
    verdicts,
)
from tests.policies.documents import asked_about, unneeded
from tests.user import flat

# What docs/UPLOADS.md has the user export.
EXPORTED: dict[str, Any] = {
    "IMM_LABEL_TAGS_BUCKET": BUCKET,
    "IMM_LABEL_TAGS_PREFIX": PREFIX,
    "IMM_LABEL_TAGS_PROJECT": PROJECT,
}
TRIGGERS = [f"uploads-{suffix}" for suffix in ("mp4", "mov", "mkv", "avi", "flv")]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ``s.uploads.yaml`` beside one of ``s.yaml``."""
    directory = tmp_path_factory.mktemp("uploads")
    deployment(directory)
    return deployment(directory, name="s.uploads.yaml")


@pytest.fixture(scope="session")
def prepared_state(furnished_state: Path, template: Path) -> Path:
    """The state of an account in which setup is done for it."""
    state = furnished_state.parent / "set-up-for-uploads"
    shutil.copytree(furnished_state, state)
    with Account(state) as account:
        result = run(account, template, "setup", "--yes")
        assert result.exit_code == 0, result.output
    return state


@pytest.fixture
def watching(tmp_path: Path, prepared_state: Path, template: Path) -> Iterator[Account]:
    """An account in which setup and the deployment are done."""
    with Account.of(prepared_state, tmp_path, template, policies=True, **EXPORTED) as account:
        yield account


@pytest.fixture(scope="module")
def sound(
    tmp_path_factory: pytest.TempPathFactory, prepared_state: Path, template: Path
) -> Iterator[Account]:
    """The same, only looked at."""
    directory = tmp_path_factory.mktemp("sound")
    with Account.of(prepared_state, directory, template, **EXPORTED) as account:
        yield account


def run(account: Account, template: Path, command: str, *options: str, **environment: str) -> Result:
    """A command for the file, in a shell with what is exported for it."""
    return account.run_command(command, "--template", str(template), *options, **{**EXPORTED, **environment})


def found(account: Account, template: Path, **environment: str) -> dict[str, tuple[str, str]]:
    """What fails in ``doctor``: what was found, and what to do."""
    return failures(account, "--template", str(template), **{**EXPORTED, **environment})


def policy_of(account: Account, role: str) -> dict[str, object]:
    ram = account.services().ram
    (policy,) = ram.attached(role)
    document: dict[str, object] = json.loads(ram.document(policy) or "")
    return document


# setup


def test_both_roles_are_created_with_what_they_need(fresh: Account, template: Path) -> None:
    result = run(fresh, template, "setup", "--yes")

    assert result.exit_code == 0, result.output
    assert policy_of(fresh, UPLOADS_ROLE) == json.loads(fresh.document("submit-video"))
    assert policy_of(fresh, UPLOADS_TRIGGER_ROLE) == json.loads(fresh.document("uploads-trigger"))
    assert fresh.access.roles.get(UPLOADS_ROLE).trust.trusts("fc.aliyuncs.com")
    assert fresh.access.roles.get(UPLOADS_TRIGGER_ROLE).trust.trusts("oss.aliyuncs.com")
    assert "OSS invokes submit_video in it; trusts oss.aliyuncs.com" in flat(result)


def test_a_second_run_finds_everything_and_s_yaml_alone_asks_for_less(fresh: Account, template: Path) -> None:
    planned = json.loads(run(fresh, template, "setup", "--dry-run", "--json").stdout)
    steps = {one["what"]: one["state"] for one in planned["steps"]}
    assert steps[f"role {UPLOADS_ROLE}"] == steps[f"role {UPLOADS_TRIGGER_ROLE}"] == "create"
    run(fresh, template, "setup", "--yes")
    fresh.forget_calls()

    again, plain = run(fresh, template, "setup"), fresh.setup("--json", "--dry-run")

    assert "Nothing to do." in again.output
    assert fresh.writes() == []
    assert UPLOADS_ROLE not in plain.stdout


def test_bucket_prefix_and_project_come_from_the_file(fresh: Account, tmp_path: Path) -> None:
    # Given a .env beside the file, which Serverless Devs reads, and nothing exported
    deployment(tmp_path)
    template = deployment(tmp_path, name="s.uploads.yaml")
    lines = [f"{name}={value}" for name, value in EXPORTED.items()]
    (tmp_path / ".env").write_text("\n".join(lines), "utf-8")

    result = fresh.run_command("setup", "--template", str(template), "--yes")

    assert result.exit_code == 0, result.output
    assert policy_of(fresh, UPLOADS_ROLE) == json.loads(fresh.document("submit-video"))
    assert f"project/{PROJECT}" in json.dumps(policy_of(fresh, ROLE))


def test_s_yaml_names_no_bucket(fresh: Account) -> None:
    result = fresh.run_command("setup", "--project", PROJECT)

    assert result.exit_code == 2
    assert "Missing option '--bucket'" in flat(result)


@pytest.mark.parametrize(
    "elsewhere", [("--bucket", FAILED_BUCKET), ("--bucket", BUCKET, "--prefix", "films/")]
)
def test_what_is_submitted_must_be_what_may_be_tagged(
    fresh: Account, template: Path, elsewhere: tuple[str, ...]
) -> None:
    result = run(fresh, template, "setup", "--yes", *elsewhere)

    assert result.exit_code == 1
    assert "in the way trigger uploads-mp4" in flat(result)
    assert f"It submits what is uploaded to oss://{BUCKET}/{PREFIX}" in flat(result)


def test_a_project_has_to_be_named(fresh: Account, tmp_path: Path) -> None:
    deployment(tmp_path)
    template = deployment(
        tmp_path, ("IMM_PROJECT: ${vars.project}", "IMM_PROJECT: ''"), name="s.uploads.yaml"
    )

    result = run(fresh, template, "setup", "--yes")

    assert result.exit_code == 1
    assert "IMM_PROJECT is not set" in flat(result)


def test_who_may_do_what_the_policies_list_can_do_it_all_and_needs_each_permission(
    watching: Account, template: Path
) -> None:
    documents = {name: watching.document(name) for name in ("setup", "setup-uploads")}
    installer = watching.call(watching.access.put_user, "installer", documents).keys

    with asked_about(installer) as asked:
        for command, *options in (
            ("doctor", "--object", URI),
            ("teardown", "--yes", "--while-deployed"),
            ("setup", "--yes"),
        ):
            result = run(watching, template, command, *options, **watching.environment(installer))
            assert result.exit_code == 0, result.output

    document = documents["setup-uploads"]
    policies = [parse_policy(document)]
    own = [each for each in asked if evaluate(policies, *each) is Decision.ALLOWED]
    # The names of the one role's policies begin as the other's do.
    covered = f"acs:ram:*:{watching.config.account_id}:policy/{UPLOADS_TRIGGER_ROLE}-* of statement 1"
    assert unneeded(json.loads(document), own) == {covered}


# doctor


def test_a_sound_installation_is_ok_in_every_check_also_without_an_option(
    sound: Account, template: Path
) -> None:
    result = sound.run_command("doctor", "--json", "--template", str(template), **EXPORTED)

    assert result.exit_code == 0, result.output
    seen = verdicts(result)
    assert {name for name in seen if "submit_video" in name or "uploads" in name} == {
        "submit_video",
        *(
            f"submit_video {one}"
            for one in ("settings", "destination", "topic", "triggers", "role", "policies")
        ),
        *(f"trigger {name}" for name in TRIGGERS),
        *("uploads role", "uploads policies", "log of submit_video"),
    }
    left_out = [name for name, verdict in seen.items() if verdict != "ok"]
    assert left_out == ["tag round trip", "Chinese tags"]


@pytest.mark.parametrize(
    ("variables", "check", "said", "advice"),
    [
        (
            {"IMM_LABEL_TAGS_TOPIC": "other"},
            *("submit_video settings", f"NOTIFICATION_TOPIC is {TOPIC} and not other", "s deploy"),
        ),
        (
            {"IMM_LABEL_TAGS_PROJECT": "gone"},
            *("submit_video settings", f"IMM_PROJECT is {PROJECT} and not gone", "export the values"),
        ),
        (
            {"IMM_LABEL_TAGS_PROJECT": "gone"},
            *("IMM project", "There is no IMM project gone in cn-hangzhou.", "Create it there"),
        ),
        (
            {"IMM_LABEL_TAGS_PREFIX": ""},
            *("trigger uploads-mov", "filter.key.prefix is videos/ and not unset"),
            "Run `s deploy --template s.uploads.yaml`.",
        ),
        (
            {"IMM_LABEL_TAGS_BUCKET": FAILED_BUCKET},
            "trigger uploads-mov",
            f"its sourceArn is acs:oss:cn-hangzhou:1234567890123456:{BUCKET} and not",
            "`s submit_video remove --template s.uploads.yaml --trigger uploads-mov`",
        ),
        (
            {"IMM_LABEL_TAGS_BUCKET": "gone"},
            *("trigger uploads-mov", "There is no bucket gone.", "name another in s.uploads.yaml"),
        ),
    ],
)
def test_what_is_deployed_is_not_what_is_declared(
    sound: Account, template: Path, variables: dict[str, str], check: str, said: str, advice: str
) -> None:
    told = found(sound, template, **variables)[check]
    assert said in told[0]
    assert advice in told[1]


def test_a_topic_that_triggers_nothing(tmp_path: Path, prepared_state: Path) -> None:
    # Given a function that has IMM tell another topic than the one that triggers tag_object
    deployment(tmp_path)
    topic = ("NOTIFICATION_TOPIC: ${vars.topic}", "NOTIFICATION_TOPIC: elsewhere")
    template = deployment(tmp_path, topic, name="s.uploads.yaml")
    with Account.of(prepared_state, tmp_path, template, **EXPORTED) as account:
        assert "There is no topic elsewhere" in found(account, template)["submit_video topic"][0]
        account.call(account.messages.create_topic, "elsewhere")

        said, advice = found(account, template)["submit_video topic"]

    assert "does not trigger tag_object: nothing would be tagged" in said
    assert "NOTIFICATION_TOPIC" in advice


def test_a_project_that_is_not_there(watching: Account, template: Path) -> None:
    failing = found(watching, template, IMM_LABEL_TAGS_PROJECT="gone")

    assert failing["IMM project"][0] == "There is no IMM project gone in cn-hangzhou."
    assert f"IMM_PROJECT is {PROJECT} and not gone" in failing["submit_video settings"][0]


def test_triggers_of_another_place(watching: Account, template: Path) -> None:
    said, advice = found(watching, template, IMM_LABEL_TAGS_PREFIX="")["trigger uploads-mov"]

    assert "prefix is videos/ and not unset" in said
    assert advice == "Run `s deploy --template s.uploads.yaml`."


def test_a_trigger_of_another_bucket_has_to_be_removed_first(watching: Account, template: Path) -> None:
    said, advice = found(watching, template, IMM_LABEL_TAGS_BUCKET=FAILED_BUCKET)["trigger uploads-mov"]

    assert f"its sourceArn is acs:oss:cn-hangzhou:1234567890123456:{BUCKET} and not" in said
    assert "`s submit_video remove --template s.uploads.yaml --trigger uploads-mov`" in advice


def test_a_trigger_that_is_not_there_and_one_that_was_left(
    tmp_path: Path, prepared_state: Path, template: Path
) -> None:
    # Given a deployment with a trigger of another name
    deployment(tmp_path)
    other = deployment(tmp_path, ("uploads-flv", "uploads-webm"), name="s.uploads.yaml")
    with Account.of(prepared_state, tmp_path, other, **EXPORTED) as account:
        failing = found(account, template)

    assert failing["trigger uploads-flv"][0] == "The function has no trigger uploads-flv."
    assert "overlapping prefix and suffix" in failing["trigger uploads-flv"][1]
    said, advice = failing["submit_video triggers"]
    assert "It has also uploads-webm" in said
    assert "s submit_video remove --template s.uploads.yaml --trigger uploads-webm" in advice


def test_a_suffix_that_the_function_passes_over(tmp_path: Path, prepared_state: Path, template: Path) -> None:
    suffixes: dict[str, Any] = {"VIDEO_SUFFIXES": ".mp4,.mov,.mkv,.avi"}
    with Account.of(prepared_state, tmp_path, template, **EXPORTED, **suffixes) as account:
        said, _ = found(account, template, **suffixes)["submit_video triggers"]

    assert "uploads-flv brings .flv, which VIDEO_SUFFIXES does not name" in said


def test_roles_without_what_they_need(watching: Account, template: Path) -> None:
    watching.call(watching.access.put_role, UPLOADS_ROLE, trust("fc.aliyuncs.com"), {})
    watching.call(watching.access.put_role, UPLOADS_TRIGGER_ROLE, trust("mns.aliyuncs.com"), {})

    failing = found(watching, template)

    said, advice = failing["submit_video policies"]
    assert "imm:CreateVideoLabelClassificationTask" in said
    assert "`imm-label-tags setup --template s.uploads.yaml`" in advice
    assert "does not let oss.aliyuncs.com assume it" in failing["uploads role"][0]


def test_it_is_not_deployed_yet(fresh: Account, template: Path) -> None:
    run(fresh, template, "setup", "--yes")

    failing = found(fresh, template)

    assert failing["submit_video"][0] == f"The function {UPLOADS_FUNCTION} is not deployed in cn-hangzhou."
    assert "submit_video settings" not in failing


# teardown


def test_exactly_what_setup_created_goes(fresh: Account, template: Path) -> None:
    before = fresh.inventory()
    run(fresh, template, "setup", "--yes")

    # Without the file, what only that one names stays
    assert fresh.teardown("--yes").exit_code == 0
    assert {role.name for role in fresh.access.roles.all()} >= {UPLOADS_ROLE, UPLOADS_TRIGGER_ROLE}
    assert ROLE not in {role.name for role in fresh.access.roles.all()}

    result = run(fresh, template, "teardown", "--yes")
    assert result.exit_code == 0, result.output
    assert fresh.inventory() == before


def test_nothing_goes_while_it_is_deployed(watching: Account, template: Path) -> None:
    result = run(watching, template, "teardown", "--yes")

    assert result.exit_code == 1
    assert "run `s submit_video remove --template s.uploads.yaml` first" in flat(result)
    assert watching.access.roles.find(NAMES["uploads_role"]) is not None
