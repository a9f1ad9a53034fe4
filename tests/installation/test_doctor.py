"""``doctor``: an installation that works, and then one thing at a time that does not."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import alibabacloud_oss_v2 as oss
import pytest
from rich.console import Console

from cli import checkout
from cli.cloud import objects
from cli.installation import commands, keeping, ram
from cli.installation.examination import Finding, Verdict
from localcloud.sls.store import ALERT, INDEX, LOGSTORE, SEARCH
from localcloud.sls.store import PROJECT as LOG
from tests.installation.account import (
    BUCKET,
    FAILED_BUCKET,
    FAILED_EVENTS,
    FAILED_PREFIX,
    FAILED_TOPIC,
    FUNCTION,
    INVOCATION_ROLE,
    KEEPER,
    KEEPER_ROLE,
    KEY,
    LOG_PROJECT,
    OWN_TAGS,
    PROJECT,
    ROLE,
    TOPIC,
    TRIGGER_ROLE,
    URI,
    Account,
    deployment,
    failures,
    findings,
    printed,
    trust,
    verdicts,
)
from tests.installation.account import LOGSTORE as STORE
from tests.installation.conftest import Deployed
from tests.user import flat

RECORD = (Path(__file__).parents[2] / "examples" / "events" / "tasks" / "fc-failure-record.json").read_bytes()
ARCHIVE = f"oss://{FAILED_BUCKET}/labels"
SET_UP, DEPLOY = "Run `imm-label-tags setup`.", "Run `s deploy`."
ARN = "cn-hangzhou:1234567890123456"
TO_THE_KEEPER = "acs:fc:${vars.region}:${vars.account}:functions/${vars.failed_function}"
LAYERS = (
    "        - acs:fc:${vars.region}:${vars.account}:layers/${vars.layer}/versions/${vars.layer_version}\n"
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, set_up_state: Path) -> Iterator[Account]:
    """An account in which setup and the deployment are done, only looked at; there is one more topic."""
    with Account.of(set_up_state, tmp_path_factory.mktemp("sound"), checkout.DEPLOYMENT) as account:
        account.call(account.messages.create_topic, "ended")
        yield account


# A sound installation


def test_a_setting_that_topics_triggers_do_not_have_is_not_compared(sound: Account, tmp_path: Path) -> None:
    known = "            notifyStrategy:"
    template = deployment(tmp_path, (known, f"            labels: [1, 2]\n{known}"))

    assert failures(sound, "--template", str(template)) == {}


def test_a_sound_installation_is_ok_in_every_check(sound: Account) -> None:
    result = sound.doctor()
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert {line[0] for line in lines} == {"ok"}
    assert list(verdicts(sound.doctor("--json"))) == [
        *("keys", "region", "account", "IMM project", "bucket", f"topic {TOPIC}", f"topic {FAILED_TOPIC}"),
        *("function", "settings", "failure destination", "trigger imm-tasks", "role", "policies"),
        *("imm-tasks role", "imm-tasks policies", "result archive"),
        *("keep_failed", "keep_failed settings", "keep_failed destination", "keep_failed role"),
        *("keep_failed policies", "kept events", "log of tag_object", "log of keep_failed", "saved searches"),
        *("tag round trip", "Chinese tags"),
    ]
    assert sound.tags() == OWN_TAGS


def test_it_prints_what_the_readme_shows(deployed: Deployed) -> None:
    where = {"FAILED_EVENTS": "oss://media/failed"}
    with deployed(checkout.DEPLOYMENT, **where) as account:
        account.setup("--yes", **where)
        account.put(BUCKET, "failed/2026-01-01/1-2.json", RECORD)
        lines = [" ".join(line.split()) for line in account.doctor(**where).output.splitlines()]
    shown = printed("doctor")
    assert [line for line in lines if line in shown] == shown


def test_what_was_not_asked_for_is_left_out_and_nothing_is_written(sound: Account) -> None:
    sound.forget_calls()
    result = sound.run_command("doctor", "--json")
    assert result.exit_code == 0
    left_out = {name for name, verdict in verdicts(result).items() if verdict == "left out"}
    assert left_out == {"IMM project", "bucket", "policies", "tag round trip", "Chinese tags"}
    assert "oss://bucket/key" in result.output
    assert sound.writes() == []
    # A bucket and a project are enough to judge the policies
    named = ("--bucket", BUCKET, "--prefix", "videos/", "--project", PROJECT)
    assert verdicts(sound.run_command("doctor", "--json", *named))["policies"] == "ok"


def test_triggers_and_buckets_are_asked_for_once(sound: Account) -> None:
    sound.forget_calls()
    sound.doctor(RESULT_ARCHIVE=ARCHIVE)
    sound.run(sound.calls.settled())
    actions = [call.action for call in sound.calls.list()]
    assert actions.count("ListTriggers") == 1
    assert actions.count("GetBucketInfo") == 2


# Another account, another file, other variables than those that are deployed


class Case(NamedTuple):
    """What is other than it should be, and what the doctor finds and advises in which check."""

    check: str
    found: str
    advice: str = ""
    options: tuple[str, ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, str] = MappingProxyType({})


LOOKED_AT = {
    "another account": Case(
        *("account", "the account 9999999999999999", "export ALIBABA_CLOUD_ACCOUNT_ID=1234567890123456"),
        variables={"ALIBABA_CLOUD_ACCOUNT_ID": "9" * 16},
    ),
    "a layer of another region": Case(
        *("region", "layer imm-label-tags/versions/1 in cn-beijing", "one region and account"),
        replaced=(("acs:fc:${vars.region}", "acs:fc:cn-beijing"),),
    ),
    "no such project": Case(
        "IMM project", "There is no IMM project gone in cn-hangzhou.", options=("--project", "gone")
    ),
    "no such bucket": Case("bucket", "There is no bucket gone.", options=("--bucket", "gone")),
    "another runtime": Case(
        *("function", "its runtime is python3.12 and not python3.10", DEPLOY),
        variables={"IMM_LABEL_TAGS_RUNTIME": "python3.10"},
    ),
    "another role": Case(
        *("function", "its role is imm-label-tags and not other"), variables={"IMM_LABEL_TAGS_ROLE": "other"}
    ),
    "another topic": Case(
        "trigger imm-tasks",
        f"its sourceArn is acs:mns:{ARN}:/topics/imm-label-tags and not acs:mns:{ARN}:/topics/ended",
        "No deployment changes that: run `s tag_object remove --trigger imm-tasks` first.",
        variables={"IMM_LABEL_TAGS_TOPIC": "ended"},
    ),
    "another role of the trigger": Case(
        *("trigger imm-tasks", f"its invocationRole is {TRIGGER_ROLE} and not Notifier"),
        variables={"IMM_LABEL_TAGS_TRIGGER_ROLE": "Notifier"},
    ),
    "an object that no policy can name": Case(
        *("policies", "placeholder prefix", "another object"),
        options=("--object", f"oss://{BUCKET}/videos/what?.mp4"),
    ),
    "another place for failed events": Case(
        "keep_failed settings",
        f"Failed events are kept at {FAILED_EVENTS}, but s.yaml declares oss://{BUCKET}/failed.",
        "export the FAILED_EVENTS that is deployed",
        variables={"FAILED_EVENTS": f"oss://{BUCKET}/failed"},
    ),
    "results that are declared to be kept": Case(
        *("result archive", f"RESULT_ARCHIVE is not set, but s.yaml declares {ARCHIVE}."),
        variables={"RESULT_ARCHIVE": ARCHIVE},
    ),
}


@pytest.mark.parametrize("kind", LOOKED_AT)
def test_what_is_deployed_is_not_what_is_declared(sound: Account, tmp_path: Path, kind: str) -> None:
    case = LOOKED_AT[kind]
    template = ("--template", str(deployment(tmp_path, *case.replaced)))
    assert_told(failures(sound, *template, *case.options, **case.variables), case)


def assert_told(failed: dict[str, tuple[str, str]], case: Case) -> None:
    found, advice = failed[case.check]
    assert case.found in found
    assert case.advice in advice


@pytest.mark.parametrize("variables", [{"FAILED_EVENTS": ""}, {"RESULT_ARCHIVE": "nowhere"}])
def test_what_nobody_has_exported_is_asked_of_the_function(sound: Account, variables: dict[str, str]) -> None:
    assert set(verdicts(sound.doctor("--json", **variables)).values()) == {"ok"}


def test_a_trigger_without_a_role_has_the_one_that_the_deployment_made(
    sound: Account, tmp_path: Path
) -> None:
    template = deployment(tmp_path, (INVOCATION_ROLE, ""))
    found = verdicts(sound.doctor("--json", "--template", str(template)))
    assert found["trigger imm-tasks"] == "ok"
    assert "imm-tasks role" not in found


@pytest.mark.parametrize(
    ("written", "check"),
    [
        ("triggerName: imm-tasks", "triggers[0].triggerName"),
        ("notifyStrategy: EXPONENTIAL_DECAY_RETRY", "trigger imm-tasks"),
    ],
)
def test_what_of_a_trigger_only_serverless_devs_knows_is_not_checked(
    sound: Account, tmp_path: Path, written: str, check: str
) -> None:
    template = deployment(tmp_path, (written, f"{written.partition(':')[0]}: ${{sha256('x')}}"))
    found = verdicts(sound.doctor("--json", "--template", str(template)))
    assert found[check] == "not checked"


def test_without_keys_nothing_that_needs_them_is_checked(sound: Account) -> None:
    result = sound.doctor("--json", ALIBABA_CLOUD_ACCESS_KEY_ID="")
    found = verdicts(result)
    assert result.exit_code == 1
    assert found.pop("keys") == "failed"
    assert found.pop("region") == "ok"
    assert set(found.values()) == {"not checked"}
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID not set" in result.output


def test_a_check_that_may_not_look_says_which_permission_is_missing(sound: Account) -> None:
    user = sound.call(sound.access.put_user, "onlooker", {})
    said, advice = failures(sound, **sound.environment(user.keys))["role"]
    assert said.startswith("RAM GetRole on role imm-label-tags failed")
    assert "the action ram:GetRole on acs:ram:*:1234567890123456:role/imm-label-tags" in advice


@pytest.mark.parametrize("uri", ["https://media/videos/a.mp4", "oss://media", "oss://media/a/../b"])
def test_an_object_must_be_one(sound: Account, uri: str) -> None:
    result = sound.doctor("--object", uri)
    assert result.exit_code == 2
    assert "--object: " in flat(result)
    assert uri in flat(result)


# Deployed otherwise

DEPLOYED = {
    "another handler": Case(
        *("function", "its handler is tag_object.other", DEPLOY),
        replaced=(("handler: tag_object.handler", "handler: tag_object.other"),),
    ),
    "another initializer": Case(
        *("function", "its initializer is tag_object.other"),
        replaced=(("handler: tag_object.initialize", "handler: tag_object.other"),),
    ),
    "no layer": Case("function", "it has no layer", replaced=((f"      layers:\n{LAYERS}", ""),)),
    "a bad setting": Case("settings", "LABEL_LIMIT is 'many'", variables={"LABEL_LIMIT": "many"}),
    "an object that is not allowed": Case(
        *("settings", f"ALLOWED_OBJECTS does not let the function tag {URI}", "Add a pattern"),
        variables={"ALLOWED_OBJECTS": f"{BUCKET}/clips/*"},
    ),
    "another destination": Case(
        *(
            "failure destination",
            "topics/imm-label-tags-failed/messages, but s.yaml declares acs:fc:",
            DEPLOY,
        ),
        replaced=(
            (TO_THE_KEEPER, "acs:mns:${vars.region}:${vars.account}:/topics/${vars.failed_topic}/messages"),
        ),
    ),
    "another format": Case(
        *("trigger imm-tasks", "its notifyContentFormat is STREAM"),
        replaced=(("notifyContentFormat: JSON", "notifyContentFormat: STREAM"),),
    ),
    "another strategy": Case(
        *("trigger imm-tasks", "its notifyStrategy is BACKOFF_RETRY"),
        replaced=(("EXPONENTIAL_DECAY_RETRY", "BACKOFF_RETRY"),),
    ),
    "a filter": Case(
        *("trigger imm-tasks", "its filterTag is x and not unset"),
        replaced=(("            notifyStrategy", "            filterTag: x\n            notifyStrategy"),),
    ),
    "no trigger of that name": Case(
        *("trigger imm-tasks", "The function has no trigger imm-tasks.", DEPLOY),
        replaced=(("triggerName: imm-tasks", "triggerName: other"),),
    ),
    "another handler of the keeper": Case(
        *("keep_failed", "its handler is keep_failed.other and not keep_failed.handler", DEPLOY),
        replaced=(("handler: keep_failed.handler", "handler: keep_failed.other"),),
    ),
    "a keeper without a place": Case(
        *("keep_failed settings", "The setting FAILED_EVENTS is ''", DEPLOY), variables={"FAILED_EVENTS": ""}
    ),
    "another topic for what cannot be kept": Case(
        *("keep_failed destination", "topics/elsewhere/messages, but s.yaml declares"),
        variables={"IMM_LABEL_TAGS_FAILED_TOPIC": "elsewhere"},
    ),
    "no bucket for results": Case(
        "result archive",
        "There is no bucket nowhere-at-all. No result can be kept, so nothing is tagged.",
        "RESULT_ARCHIVE",
        variables={"RESULT_ARCHIVE": "oss://nowhere-at-all/labels"},
    ),
    "a role that may not write results": Case(
        *("result archive", f"may not oss:PutObject on acs:oss:{ARN}:{FAILED_BUCKET}/labels/", SET_UP),
        variables={"RESULT_ARCHIVE": ARCHIVE},
    ),
}


@pytest.mark.parametrize("kind", DEPLOYED)
def test_what_was_deployed_otherwise(tmp_path: Path, deployed: Deployed, kind: str) -> None:
    case = DEPLOYED[kind]
    with deployed(deployment(tmp_path, *case.replaced), **case.variables) as account:
        assert_told(failures(account), case)


@pytest.mark.parametrize(
    ("check", "resource"),
    [("failure destination", "tag_object"), ("keep_failed destination", "keep_failed")],
)
def test_a_function_without_a_failure_destination(
    tmp_path: Path, deployed: Deployed, check: str, resource: str
) -> None:
    path = deployment(tmp_path)
    text = path.read_text("utf-8")
    begin = text.index("      asyncInvokeConfig:", text.index(f"  {resource}:\n"))
    end = re.compile(r"^ {0,6}\w", re.MULTILINE).search(text, begin + 10)
    assert end
    path.write_text(text[:begin] + text[end.start() :], "utf-8")
    with deployed(path) as account:
        assert failures(account)[check] == (
            "The function has none: events that exhaust their retries are lost.",
            DEPLOY,
        )


def test_a_destination_may_be_written_in_another_way(tmp_path: Path, deployed: Deployed) -> None:
    path = deployment(tmp_path, (TO_THE_KEEPER, "acs:fc:::functions/${vars.failed_function}/LATEST"))
    with deployed(path) as account:
        assert verdicts(account.doctor("--json"))["failure destination"] == "ok"


def test_a_trigger_of_another_type(tmp_path: Path, deployed: Deployed) -> None:
    path = deployment(tmp_path)
    text = path.read_text("utf-8")
    begin = text.index("          sourceArn: acs:mns")
    text = text[:begin].replace("triggerType: mns_topic", "triggerType: timer")
    path.write_text(
        f'{text}          triggerConfig: {{enable: true, cronExpression: "@every 4m"}}\n', "utf-8"
    )
    with deployed(path) as account:
        account.call(account.messages.create_topic, TOPIC)
        assert "its triggerType is timer" in failures(account)["trigger imm-tasks"][0]


def test_results_are_kept_where_the_role_may_write_and_the_file_says(deployed: Deployed) -> None:
    with deployed(checkout.DEPLOYMENT, RESULT_ARCHIVE=ARCHIVE) as account:
        account.setup("--yes", RESULT_ARCHIVE=ARCHIVE)
        found = findings(account, RESULT_ARCHIVE=ARCHIVE)["result archive"]
        assert found["found"] == f"results are kept at {ARCHIVE}"
        for declared in ("", f"oss://{FAILED_BUCKET}/elsewhere"):
            said, advice = failures(account, RESULT_ARCHIVE=declared)["result archive"]
            assert said == f"RESULT_ARCHIVE is {ARCHIVE}, but s.yaml declares {declared or 'none'}."
            assert "Or export the RESULT_ARCHIVE that is deployed" in advice


# Changed since


def detach(role: str) -> Callable[[Account], None]:
    def change(account: Account) -> None:
        (policy,) = account.services().ram.attached(role)
        account.services().ram.detach(policy, role)

    return change


def trusting(role: str, service: str) -> Callable[[Account], Any]:
    return lambda account: account.call(account.access.roles.put, role, trust(service))


def removed(role: str) -> Callable[[Account], None]:
    return lambda account: account.call(account.access.roles.delete, role)


def denied(actions: str) -> Callable[[Account], None]:
    statement = {"Effect": "Deny", "Action": actions, "Resource": "*"}

    def change(account: Account) -> None:
        document = json.dumps({"Version": "1", "Statement": [statement]})
        account.call(account.access.policies.create, "denial", document, "")
        account.call(account.access.attachments.attach, account.access.roles.get(ROLE), "Custom", "denial")

    return change


def forgotten(kind: str, name: str) -> Callable[[Account], None]:
    return lambda account: account.call(account.logs.store.remove, LOG_PROJECT, kind, name)


def made_anew(account: Account) -> None:
    account.services().messaging.delete_topic(TOPIC)
    assert account.setup("--yes").exit_code == 0


def plain_index(account: Account) -> None:
    plain = {"index": {"keys": {"message": {"type": "text"}}}}
    kept = account.call(account.logs.store.find, LOG_PROJECT, INDEX, STORE) or {}
    account.call(account.logs.store.keep, LOG_PROJECT, INDEX, STORE, {**kept, **plain})


LOG_CHECK = "log of tag_object"
CHANGED: dict[str, tuple[Callable[[Account], Any], Case]] = {
    "the service role of IMM is gone": (
        removed("AliyunIMMDefaultRole"),
        Case("IMM project", "AliyunIMMDefaultRole", "Authorize IMM"),
    ),
    "the bucket is elsewhere": (
        lambda account: account.move(BUCKET),
        Case(
            *("bucket", "The bucket media is in cn-beijing, the functions in cn-hangzhou."),
            "deploy to the bucket's",
        ),
    ),
    "the topic is gone": (
        lambda account: account.services().messaging.delete_topic(TOPIC),
        Case(f"topic {TOPIC}", f"There is no topic {TOPIC} in cn-hangzhou.", SET_UP),
    ),
    "the topic was made anew": (
        made_anew,
        Case("trigger imm-tasks", "has no subscription", "s tag_object remove --trigger imm-tasks"),
    ),
    "the role is gone": (removed(ROLE), Case("role", f"There is no role {ROLE}.", SET_UP)),
    "the role trusts another service": (
        trusting(ROLE, "ecs.aliyuncs.com"),
        Case("role", "does not let fc.aliyuncs.com assume it", '"Service": ["fc.aliyuncs.com"]'),
    ),
    "the role lacks its policy": (
        detach(ROLE),
        Case("policies", f"imm:GetTask on acs:imm:{ARN}:project/{PROJECT}", "imm-label-tags setup"),
    ),
    "writing tags is denied": (
        denied("oss:Put*"),
        Case("policies", f"{BUCKET}/{KEY} (denied)", "denied by another policy"),
    ),
    "handing over what fails is denied": (
        denied("fc:*"),
        Case("policies", f"fc:InvokeFunction on acs:fc:{ARN}:functions/{KEEPER} (denied)"),
    ),
    "the trigger's role is gone": (
        removed(TRIGGER_ROLE),
        Case("imm-tasks role", f"There is no role {TRIGGER_ROLE}.", SET_UP),
    ),
    "the trigger's role trusts another service": (
        trusting(TRIGGER_ROLE, "fc.aliyuncs.com"),
        Case("imm-tasks role", "does not let mns.aliyuncs.com assume it"),
    ),
    "the trigger's role lacks its policy": (
        detach(TRIGGER_ROLE),
        Case("imm-tasks policies", f"{TRIGGER_ROLE} may not fc:InvokeFunction on acs:fc:", "setup"),
    ),
    "the keeper's role trusts another service": (
        trusting(KEEPER_ROLE, "ecs.aliyuncs.com"),
        Case("keep_failed role", f"role {KEEPER_ROLE} does not let fc.aliyuncs.com assume it"),
    ),
    "the keeper's role lacks its policy": (
        detach(KEEPER_ROLE),
        Case(
            "keep_failed policies", f"oss:PutObject on acs:oss:{ARN}:{FAILED_BUCKET}/{FAILED_PREFIX}/doctor"
        ),
    ),
    "the bucket for failed events is gone": (
        lambda account: account.oss().delete_bucket(oss.DeleteBucketRequest(bucket=FAILED_BUCKET)),
        Case(
            "kept events",
            f"There is no bucket {FAILED_BUCKET}. No failed event can be kept.",
            "Create it in cn-hangzhou",
        ),
    ),
    "the bucket for failed events is elsewhere": (
        lambda account: account.move(FAILED_BUCKET),
        Case("kept events", f"The bucket {FAILED_BUCKET} is in cn-beijing, the functions in cn-hangzhou."),
    ),
    "a field is not in the index": (
        lambda account: account.forget_in_index("status"),
        Case(LOG_CHECK, "lacks message.status", "imm-label-tags setup"),
    ),
    "lines are indexed as plain text": (plain_index, Case(LOG_CHECK, "message as plain text")),
    "there is no index": (forgotten(INDEX, STORE), Case(LOG_CHECK, "has no index")),
    "there is no logstore": (forgotten(LOGSTORE, STORE), Case(LOG_CHECK, "no logstore")),
    "there is no log project": (forgotten(LOG, LOG_PROJECT), Case(LOG_CHECK, "no log project")),
    "a saved search is gone": (
        forgotten(SEARCH, "imm-label-tags-events-kept"),
        Case("saved searches", "Log Service lacks the saved search imm-label-tags-events-kept.", SET_UP),
    ),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_was_changed_since(installed: Account, kind: str) -> None:
    change, case = CHANGED[kind]
    change(installed)
    assert_told(failures(installed), case)


def test_what_rests_on_a_failed_check_is_not_checked(fresh: Account) -> None:
    fresh.setup("--yes")
    found = verdicts(fresh.doctor("--json"))
    assert {name for name, verdict in found.items() if verdict == "failed"} == {"function", "keep_failed"}
    assert {name for name, verdict in found.items() if verdict == "not checked"} == {
        *("settings", "failure destination", "trigger imm-tasks", "result archive"),
        *("keep_failed settings", "keep_failed destination", "keep_failed policies", "kept events"),
    }
    assert verdicts(fresh.doctor("--json", "--bucket", "gone"))["tag round trip"] == "not checked"


def test_expired_keys(installed: Account) -> None:
    keys = installed.accounts.issue_role_keys(ROLE, timedelta(seconds=60))
    installed.clock.advance(120)
    said, advice = failures(installed, **installed.environment(keys))["keys"]
    assert "InvalidSecurityToken.Expired" in said
    assert "have expired" in advice


def test_policies_that_cannot_be_judged(sound: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ram.Ram.role
    document = '{"Version":"1","Statement":[]}'
    monkeypatch.setattr(
        ram.Ram,
        "role",
        lambda self, name: ram.Role(name, "", document) if name == ROLE else original(self, name),
    )
    assert "cannot be judged here" in failures(sound)["role"][0]
    monkeypatch.undo()
    monkeypatch.setattr(ram.Ram, "document", lambda self, policy: '{"Version":"2"}')
    assert "cannot be judged here" in failures(sound, **sound.environment())["policies"][0]


def test_the_role_in_which_mns_invokes_is_checked(sound: Account) -> None:
    found = findings(sound)
    assert found["imm-tasks role"]["found"] == f"{TRIGGER_ROLE}, trusts mns.aliyuncs.com"
    assert found["imm-tasks policies"]["found"] == f"MNS may invoke {FUNCTION}"


def test_alerts_are_told_and_one_of_two_is_missed(installed: Account) -> None:
    assert "alerts: none; `setup --alerts` makes them" in flat(installed.doctor())
    installed.setup("--alerts", "--yes")
    assert "alerts: imm-label-tags-event-kept, imm-label-tags-keep-failed-fails" in flat(installed.doctor())

    forgotten(ALERT, "imm-label-tags-event-kept")(installed)

    said, advice = failures(installed)["saved searches"]
    assert said == "Log Service lacks the alert imm-label-tags-event-kept."
    assert advice == "Run `imm-label-tags setup --alerts`."


# Kept events


def test_kept_events_are_counted_and_nothing_else_is(
    installed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> object:
        return findings(installed)["kept events"]["found"]

    assert kept() == f"none at {FAILED_EVENTS}"
    for name in ("2026-01-01/1-2.json", "undated/1-3.json"):
        installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}/{name}", b"{}")
    for name in ("readme.txt", "2026-01-01/1-2.json.bak", "other/1-3.json", "2026-01-01/a/b.json"):
        installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}/{name}", b"{}")
    installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}-other/2026-01-01/1-2.json", b"{}")
    assert kept() == f"2 at {FAILED_EVENTS}; look at `imm-label-tags failed list`"

    # Of very many, no more are listed than are counted
    monkeypatch.setattr(objects, "_PAGE", 2)
    monkeypatch.setattr(keeping, "MOST_COUNTED", 4)
    for number in range(7):
        installed.put(FAILED_BUCKET, f"{FAILED_PREFIX}/undated/{number}.json", b"{}")
    assert kept() == f"4 or more at {FAILED_EVENTS}; look at `imm-label-tags failed list`"


# Where it is read


def test_the_findings_fit_into_80_columns() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    long = "acs:ram::1234567890123456:role/a-role-with-a-name-that-is-long " * 2
    commands._show(console, Finding("keys", Verdict.FAILED, long, long))
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line.rstrip()) for line in written.splitlines()) <= 80
    assert "".join(written.split()).count("a-role-with-a-name-that-is-long") == 4
