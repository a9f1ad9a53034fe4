"""Keys that change: the new ones are used at once, and neither kind is ever shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from imm_label_tags.errors import InvalidSetting, ServiceRejected, ServiceUnavailable, TaggingError
from localcloud.accounts import Identity
from proof.faults.fault_case import BY_DEFAULT, IMM, Call
from tests.faults.relay import Line
from tests.faults.trial import FOREIGN
from tests.stage import CHAIR, Stage
from tests.user import exported

PYTHON_3_10, PYTHON_3_12 = "python3.10", "python3.12"
RUNTIMES = [PYTHON_3_10, PYTHON_3_12]


@pytest.fixture
def task_id(stage: Stage) -> str:
    return stage.task(stage.upload(tags=FOREIGN), CHAIR)


def give(stage: Stage, keys: Identity, runtime: str) -> None:
    """Have the next invocation find these keys where its runtime has them."""
    stage.keys = keys
    if runtime == PYTHON_3_12:
        put_into_environment(stage, keys)
    stage.context = stage.context_of(runtime)


def put_into_environment(stage: Stage, keys: Identity) -> None:
    stage.set(**exported(keys))


def new_keys(stage: Stage, lifetime: timedelta = timedelta(hours=1)) -> Identity:
    accounts = stage.cloud.accounts
    return stage.cloud.call(lambda: accounts.issue_role_keys("imm-label-tags", lifetime))


def used(line: Line) -> dict[str, list[str]]:
    """The key that each call was signed with, by action."""
    return {**line.imm.access_key_ids, **line.oss.access_key_ids}


def told(error: TaggingError, capsys: pytest.CaptureFixture[str]) -> str:
    """Everything that anybody gets to see of a failed invocation."""
    return str(error) + repr(error) + capsys.readouterr().out


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_new_keys_are_used_at_once_for_every_call_and_over_kept_connections(
    stage: Stage, line: Line, task_id: str, runtime: str
) -> None:
    # Given an instance that has handled an event, and whose keys are then replaced
    give(stage, stage.keys, runtime)
    stage.handle(task_id)
    old, new = stage.keys, new_keys(stage)
    stage.cloud.call(stage.cloud.accounts.revoke, old.access_key_id)
    give(stage, new, runtime)

    # When the next event arrives
    newer = stage.task(stage.uri("videos/a.mp4"), CHAIR, start="2199-12-25T00:00:00Z")
    assert stage.handle(newer)["status"] == "tagged"

    # Then all five calls are signed with the new keys, over the two connections that each service may need
    expected = [old.access_key_id, new.access_key_id]
    assert used(line) == {call.value: expected for call in BY_DEFAULT}
    assert max(line.imm.accepted, line.oss.accepted) <= 2


def test_keys_that_change_during_an_invocation_are_used_from_then_on(
    stage: Stage, line: Line, task_id: str
) -> None:
    # Given an environment in which the keys are replaced once IMM has answered
    old, new = stage.keys, new_keys(stage)

    def clock() -> float:
        if all(line.imm.answered[call] for call in IMM):
            put_into_environment(stage, new)
        return 0.0

    stage.retry_policy = stage.retry_policy._replace(clock=clock)
    stage.new_instance()

    # When an event is handled
    assert stage.handle(task_id)["status"] == "tagged"

    # Then each call has the keys of its moment
    assert used(line) == {
        **{call.value: [old.access_key_id] for call in IMM},
        **{call.value: [new.access_key_id] for call in BY_DEFAULT if call not in IMM},
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_expired_keys_cost_one_attempt_and_the_next_invocation_has_others(
    stage: Stage, task_id: str, runtime: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given keys that have expired
    good, expired = stage.keys, new_keys(stage, timedelta(seconds=-1))
    give(stage, expired, runtime)
    stage.forget_calls()

    # When an event is handled
    with pytest.raises(ServiceUnavailable, match=r"had expired\. A retry may help") as caught:
        stage.handle(task_id)

    # Then no call is repeated with them, and none of them is shown
    assert stage.calls() == sorted(IMM)
    assert stage.pauses == []
    assert expired.access_key_secret not in (text := told(caught.value, capsys))
    assert str(expired.security_token) not in text

    # And with the next keys the same event is done
    give(stage, good, runtime)
    assert stage.handle(task_id)["status"] == "tagged"


@pytest.mark.parametrize("call", [Call.RESULT, Call.READ], ids=lambda call: call.value)
def test_what_a_service_says_of_a_wrong_signature_is_shown_without_the_keys(
    stage: Stage, line: Line, task_id: str, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a secret that is wrong from the first call of a service on
    right, wrong = stage.keys, "another-secret-that-nobody-may-see"

    def clock() -> float:
        if call is Call.RESULT or all(line.imm.answered[before] for before in IMM):
            stage.set(ALIBABA_CLOUD_ACCESS_KEY_SECRET=wrong)
        return 0.0

    stage.retry_policy = stage.retry_policy._replace(clock=clock)
    stage.new_instance()

    # When the service tells what it would have signed, which has the token in it
    with pytest.raises(ServiceRejected, match="SignatureDoesNotMatch") as caught:
        stage.handle(task_id)

    # Then neither keys nor signatures are shown
    text = told(caught.value, capsys)
    signatures = line.imm.signatures + line.oss.signatures
    assert signatures
    for secret in (wrong, right.access_key_id, str(right.security_token), *signatures):
        assert secret not in text
    assert stage.tags() == FOREIGN


def remove(*names: str) -> Callable[[Stage], None]:
    return lambda stage: stage.set(**dict.fromkeys(names, ""))


@pytest.mark.parametrize(
    "removal",
    [
        remove("ALIBABA_CLOUD_ACCESS_KEY_ID"),
        remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        remove("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
    ],
    ids=["no id", "no secret", "neither"],
)
def test_keys_that_vanish_are_missed_by_name_before_anything_is_called(
    stage: Stage, task_id: str, removal: Callable[[Stage], None]
) -> None:
    stage.handle(task_id)
    stage.forget_calls()
    removal(stage)
    with pytest.raises(InvalidSetting, match=r"ALIBABA_CLOUD_ACCESS_KEY_ID.*role"):
        stage.handle(task_id)
    assert stage.calls() == []
    put_into_environment(stage, stage.keys)
    assert stage.handle(task_id)["status"] == "unchanged"
