"""What the commands say where a service refuses a call, or does not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.cloud.access import Endpoints
from localcloud.faults import FaultKind
from tests.installation.account import Account
from tests.user import flat


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, furnished_state: Path) -> Iterator[Account]:
    """An account in which nothing of ours is, only looked at."""
    with Account.of(furnished_state, tmp_path_factory.mktemp("calls")) as account:
        yield account


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"ALIBABA_CLOUD_ACCESS_KEY_ID": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""},
            "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET not set",
        ),
        ({"ALIBABA_CLOUD_ACCOUNT_ID": "9" * 16}, "export ALIBABA_CLOUD_ACCOUNT_ID=1234567890123456"),
        ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}, "wrong, disabled or have expired"),
        (
            {"OSS_ENDPOINT": "http://127.0.0.1:9"},
            "OSS GetBucketInfo on bucket media failed: there was no usable answer",
        ),
        *(
            ({"RAM_ENDPOINT": endpoint}, "The endpoint of RAM is")
            for endpoint in ("ftp://127.0.0.1", "http://", "a host")
        ),
    ],
)
def test_what_is_wrong_with_keys_and_endpoints_is_told_and_nothing_is_changed(
    account: Account, variables: dict[str, str], said: str
) -> None:
    result = account.setup("--yes", **variables)
    assert result.exit_code == 2
    assert said in flat(result)
    assert account.writes() == []


ELSEWHERE = (
    b"<Error><Code>AccessDenied</Code><Message>The bucket you are attempting to access must be addressed "
    b"using the specified endpoint. Please send all future requests to this endpoint.</Message></Error>"
)


@pytest.mark.parametrize(
    ("action", "kind", "answer", "said"),
    [
        *(
            ("GetCallerIdentity", kind, {"times": None}, "STS GetCallerIdentity on the keys failed")
            for kind in (FaultKind.RESET_BEFORE, FaultKind.TRUNCATE)
        ),
        *(
            ("GetRole", FaultKind.ERROR, {"status": status, "code": code}, said)
            for status, code, said in (
                (500, "InternalError", "The service has a problem; try again."),
                (400, "Throttling.User", "Throttling.User"),
            )
        ),
        # Which is no matter of permissions
        (
            *("GetBucketInfo", FaultKind.ANSWER, {"status": 403, "body": ELSEWHERE}),
            "The bucket is in another region than the function",
        ),
    ],
)
def test_a_service_that_fails_or_does_not_answer_is_named(
    account: Account, action: str, kind: FaultKind, answer: dict[str, Any], said: str
) -> None:
    account.break_call(action, kind, **answer)
    result = account.setup("--yes")
    account.call(account.faults.clear)
    assert result.exit_code == 2
    assert said in flat(result)
    assert "oss:GetBucketInfo" not in result.output


def test_expired_keys_are_named_as_such(fresh: Account) -> None:
    keys = fresh.accounts.issue_role_keys("somebody", timedelta(seconds=60))
    fresh.clock.advance(120)
    result = fresh.setup("--yes", **fresh.environment(keys))
    assert result.exit_code == 2
    assert "InvalidSecurityToken.Expired" in result.output
    assert "have expired" in flat(result)


def test_a_missing_permission_is_named_with_its_resource(fresh: Account) -> None:
    user = fresh.call(fresh.access.put_user, "deployer", {})
    result = fresh.setup("--yes", **fresh.environment(user.keys))
    assert result.exit_code == 2
    text = flat(result)
    assert "RAM GetRole on role AliyunIMMDefaultRole failed" in text
    assert "the action ram:GetRole on acs:ram:*:1234567890123456:role/AliyunIMMDefaultRole" in text
    assert "deploy/policies/setup.json" in text


def test_the_permissions_in_policies_are_enough(fresh: Account) -> None:
    keys = fresh.environment(fresh.installer())
    assert fresh.setup("--yes", **keys).exit_code == 0
    assert fresh.setup("--prefix", "videos/new/", "--yes", **keys).exit_code == 0
    assert fresh.teardown("--yes", **keys).exit_code == 0
    result = fresh.doctor("--json", **keys)
    assert "NoPermission" not in result.output
    assert {
        check["name"] for check in json.loads(result.output)["checks"] if check["verdict"] == "failed"
    } == {
        *("topic imm-label-tags", "topic imm-label-tags-failed", "function", "role"),
        *("imm-tasks role", "keep_failed", "keep_failed role", "log of tag_object", "log of keep_failed"),
    }


def test_without_endpoints_the_regions_are_meant() -> None:
    endpoints = Endpoints().resolved("cn-beijing", "42")
    assert {name: endpoint.url for name, endpoint in endpoints.items()} == {
        "ram": "https://ram.aliyuncs.com",
        "sts": "https://sts.cn-beijing.aliyuncs.com",
        "mns": "https://mns-open.cn-beijing.aliyuncs.com",
        "fc": "https://42.cn-beijing.fc.aliyuncs.com",
        "imm": "https://imm.cn-beijing.aliyuncs.com",
        "oss": "https://oss-cn-beijing.aliyuncs.com",
        "sls": "https://cn-beijing.log.aliyuncs.com",
    }
