"""``teardown``: what setup created goes, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.installation import marks
from localcloud.faults import FaultKind
from localcloud.mns.service import Subscription
from tests.installation.account import (
    FAILED_BUCKET,
    FAILED_PREFIX,
    FAILED_TOPIC,
    FUNCTION,
    KEEPER,
    KEEPER_ROLE,
    ROLE,
    TOPIC,
    TRIGGER_ROLE,
    Account,
    trust,
)
from tests.user import flat

ANYTHING = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}'


def subscribe(account: Account, name: str) -> None:
    async def push(event: bytes) -> bool:
        return True

    subscription = Subscription(TOPIC, name, "JSON", "BACKOFF_RETRY", None)
    account.call(account.messages.subscribe, subscription, push)


def test_exactly_what_setup_created_goes(fresh: Account) -> None:
    fresh.call(fresh.messages.create_topic, FAILED_TOPIC)
    fresh.call(fresh.access.put_role, "of-the-owner", trust("fc.aliyuncs.com"), {"of-the-owner": ANYTHING})
    before = fresh.inventory()
    assert fresh.setup("--yes").exit_code == 0
    assert fresh.inventory() != before
    result = fresh.teardown("--yes")
    assert result.exit_code == 0, result.output
    assert fresh.inventory() == before
    assert f"left as it is topic {FAILED_TOPIC} setup did not make it" in flat(result)
    assert "Nothing to do." in fresh.teardown().output


def test_where_failed_events_are_kept_need_not_be_known(fresh: Account) -> None:
    fresh.setup("--yes")
    fresh.put(FAILED_BUCKET, f"{FAILED_PREFIX}/2026-01-01/1-2.json", b"{}")
    result = fresh.teardown("--yes", FAILED_EVENTS="")
    assert result.exit_code == 0
    assert "what keep_failed stored stays" in flat(result)
    assert list(fresh.kept().values()) == [b"{}"]
    assert fresh.inventory() == {"role AliyunIMMDefaultRole"}


def test_nothing_goes_before_the_user_agrees(fresh: Account) -> None:
    fresh.setup("--yes")
    before = fresh.inventory()
    fresh.forget_calls()
    shown = fresh.teardown("--dry-run")
    assert shown.exit_code == 0
    for role in (ROLE, KEEPER_ROLE, TRIGGER_ROLE):
        assert f"remove role {role}" in flat(shown)
    assert fresh.teardown(stdin="n\n").exit_code == 1
    assert fresh.writes() == []
    assert fresh.inventory() == before
    assert fresh.teardown(stdin="y\n").exit_code == 0


@pytest.mark.parametrize("action", ["DetachPolicyFromRole", "DeletePolicy", "DeleteRole", "DeleteTopic"])
@pytest.mark.parametrize("kind", [FaultKind.ANSWER, FaultKind.RESET_AFTER])
def test_an_interrupted_teardown_is_completed_by_the_next(
    fresh: Account, action: str, kind: FaultKind
) -> None:
    fresh.setup("--yes")
    fresh.break_call(action, kind, status=503, body=b'{"Code":"ServiceUnavailable","Message":"later"}')
    interrupted = fresh.teardown("--yes")
    assert interrupted.exit_code == 2
    assert action in interrupted.output
    assert fresh.teardown("--yes").exit_code == 0
    assert fresh.inventory() == {"role AliyunIMMDefaultRole"}


def test_a_policy_that_was_made_but_not_attached_goes_too(fresh: Account) -> None:
    fresh.break_call("AttachPolicyToRole", FaultKind.RESET_BEFORE)
    fresh.setup("--yes")
    assert fresh.teardown("--yes").exit_code == 0
    assert fresh.inventory() == {"role AliyunIMMDefaultRole"}


def test_the_topics_of_a_deployed_function_are_needed(installed: Account) -> None:
    before = installed.inventory()
    result = installed.teardown("--yes")
    assert result.exit_code == 1
    for name, resource in ((FUNCTION, "tag_object"), (KEEPER, "keep_failed")):
        assert (
            f"function {name} It is deployed and needs what would be removed: run `s {resource} remove` first"
        ) in flat(result)
    assert installed.inventory() == before


def test_a_deployed_function_may_be_cut_off_on_purpose(installed: Account) -> None:
    result = installed.teardown("--yes", "--while-deployed")
    assert result.exit_code == 0
    for name in (FUNCTION, KEEPER):
        assert f"function {name} it will not work any more" in flat(result)
    assert installed.inventory() == {"role AliyunIMMDefaultRole"}


# What somebody has changed since


def test_a_topic_with_subscriptions_of_others_stays(installed: Account) -> None:
    subscribe(installed, "of-somebody-else")
    result = installed.teardown("--yes", "--while-deployed")
    assert result.exit_code == 0
    assert f"topic {TOPIC} it has 2 subscriptions, not all of them this function's" in flat(result)
    assert f"topic {TOPIC}" in installed.inventory()


def test_a_topic_that_was_changed_stays(fresh: Account) -> None:
    fresh.setup("--yes")
    topics = fresh.messages._topics
    changed = replace(topics.get(TOPIC), maximum_message_size=1024, logging_enabled=True)
    fresh.call(topics.remove, TOPIC)
    fresh.call(topics.add, changed)
    fresh.teardown("--yes")
    assert fresh.inventory() == {"role AliyunIMMDefaultRole", f"topic {TOPIC}"}


def test_a_policy_that_was_changed_stays_with_its_role(fresh: Account) -> None:
    fresh.setup("--yes")
    (policy,) = fresh.services().ram.attached(ROLE)
    fresh.call(fresh.access.policies.put, policy.name, ANYTHING)
    result = fresh.teardown("--yes")
    assert result.exit_code == 0
    assert f"policy {policy.name} somebody has changed it since setup made it" in flat(result)
    assert f"role {ROLE} somebody has attached {policy.name} to it" in flat(result)
    assert f"{policy.name} on {ROLE}" in fresh.inventory()


def test_a_role_that_somebody_else_uses_stays(fresh: Account) -> None:
    fresh.setup("--yes")
    fresh.call(fresh.access.policies.create, "of-somebody-else", ANYTHING, "")
    role = fresh.access.roles.get(ROLE)
    fresh.call(fresh.access.attachments.attach, role, "Custom", "of-somebody-else")
    fresh.call(fresh.access.roles.put, KEEPER_ROLE, trust("ecs.aliyuncs.com"))
    result = fresh.teardown("--yes")
    assert f"role {ROLE} somebody has attached of-somebody-else to it" in flat(result)
    assert "somebody has changed its trust policy since setup made it" in flat(result)
    assert {f"role {ROLE}", f"role {KEEPER_ROLE}"} <= fresh.inventory()


def test_a_policy_of_a_similar_name_is_not_ours(fresh: Account) -> None:
    fresh.setup("--yes")
    fresh.call(fresh.access.policies.create, f"{ROLE}-0123abcd", ANYTHING, "")
    fresh.call(fresh.access.policies.create, f"{ROLE}-of-mine", ANYTHING, marks.DESCRIPTION)
    assert fresh.teardown("--yes").exit_code == 0
    names = {policy.name for policy in fresh.services().ram.policies()}
    assert names == {f"{ROLE}-0123abcd", f"{ROLE}-of-mine"}
