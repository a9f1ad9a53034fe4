"""System policies, which Alibaba Cloud maintains; the local cloud has those that this project is near to.

Source: alibabacloud.com/help, RAM, the page of each policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "1", "Statement": statements}, indent=2)


def _allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


SYSTEM_POLICIES: Mapping[str, str] = MappingProxyType(
    {
        "AdministratorAccess": _document(_allow("*")),
        "AliyunFCInvocationAccess": _document(_allow("fc:InvokeFunction")),
        "AliyunIMMFullAccess": _document(
            _allow("imm:*"),
            _allow("oss:ListBuckets"),
            _allow("ram:ListRoles"),
            {
                **_allow("ram:PassRole"),
                "Condition": {"StringEquals": {"acs:Service": "imm.aliyuncs.com"}},
            },
        ),
        "AliyunIMMReadOnlyAccess": _document(_allow("imm:Get*", "imm:List*")),
        "AliyunMNSNotificationRolePolicy": _document(_allow("fc:InvokeFunction")),
        "AliyunSTSAssumeRoleAccess": _document(_allow("sts:AssumeRole")),
    }
)
