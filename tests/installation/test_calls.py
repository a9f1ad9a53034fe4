"""What the commands say where a service refuses a call, or does not answer."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from cli.cloud.access import Endpoints
from localcloud.faults import FaultKind
from tests.installation.account import BUCKET, PROJECT, Account
from tests.user import flat


def test_without_keys_nothing_is_called(fresh: Account) -> None:
    result = fresh.setup("--yes", ALIBABA_CLOUD_ACCESS_KEY_ID="", ALIBABA_CLOUD_ACCESS_KEY_SECRET="")
    assert result.exit_code == 2
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET not set" in flat(result)
    fresh.run(fresh.calls.settled())
    assert fresh.calls.list() == []


def test_the_keys_must_be_those_of_the_account(fresh: Account) -> None:
    result = fresh.setup("--yes", ALIBABA_CLOUD_ACCOUNT_ID="9999999999999999")
    assert result.exit_code == 2
    assert "export ALIBABA_CLOUD_ACCOUNT_ID=1234567890123456" in flat(result)
    assert fresh.writes() == []


def test_expired_keys_are_named_as_such(fresh: Account) -> None:
    keys = fresh.accounts.issue_role_keys("somebody", timedelta(seconds=60))
    fresh.clock.advance(120)
    result = fresh.run_command(
        "setup",
        *("--bucket", BUCKET, "--project", PROJECT),
        **fresh.environment(keys),
    )
    assert result.exit_code == 2
    assert "InvalidSecurityToken.Expired" in result.output
    assert "have expired" in flat(result)


def test_a_wrong_secret_is_named_as_such_and_no_more_is_shown(fresh: Account) -> None:
    result = fresh.setup("--yes", ALIBABA_CLOUD_ACCESS_KEY_SECRET="wrong")
    assert result.exit_code == 2
    assert "SignatureDoesNotMatch" in result.output
    assert "wrong, disabled or have expired" in flat(result)


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


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.TRUNCATE])
def test_a_service_that_does_not_answer_is_named(fresh: Account, kind: FaultKind) -> None:
    fresh.break_call("GetCallerIdentity", kind, times=None)
    result = fresh.setup("--yes")
    assert result.exit_code == 2
    assert "STS GetCallerIdentity on the keys failed" in flat(result)


def test_a_service_with_a_problem_is_named(fresh: Account) -> None:
    fresh.break_call("GetRole", status=500, code="InternalError")
    result = fresh.setup("--yes")
    assert result.exit_code == 2
    assert "The service has a problem; try again." in flat(result)


def test_oss_that_does_not_answer_is_named(fresh: Account) -> None:
    result = fresh.setup("--yes", OSS_ENDPOINT="http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "OSS GetBucketInfo on bucket media failed: there was no usable answer" in flat(result)


def test_a_bucket_behind_another_endpoint_is_told_from_a_missing_permission(fresh: Account) -> None:
    body = (
        b"<Error><Code>AccessDenied</Code><Message>The bucket you are attempting to access must be addressed "
        b"using the specified endpoint. Please send all future requests to this endpoint.</Message></Error>"
    )
    fresh.break_call("GetBucketInfo", FaultKind.ANSWER, status=403, body=body)
    result = fresh.setup("--yes")
    assert result.exit_code == 2
    assert "The bucket is in another region than the function" in flat(result)
    assert "oss:GetBucketInfo" not in result.output


def test_other_refusals_are_shown_as_they_are(fresh: Account) -> None:
    fresh.break_call("GetRole", status=400, code="Throttling.User")
    result = fresh.setup("--yes")
    assert result.exit_code == 2
    assert "Throttling.User" in result.output


@pytest.mark.parametrize("endpoint", ["ftp://127.0.0.1", "http://", "a host"])
def test_an_impossible_endpoint_is_named(fresh: Account, endpoint: str) -> None:
    result = fresh.setup("--yes", RAM_ENDPOINT=endpoint)
    assert result.exit_code == 2
    assert "The endpoint of RAM is" in flat(result)


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
