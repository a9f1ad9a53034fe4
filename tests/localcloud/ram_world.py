"""The statements and documents of policies, and callers who have them, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.accounts import Identity
from localcloud.ram.service import AccessManagement


def document(*statements: Mapping[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "1", "Statement": statements})


def allow(action: str | list[str], resource: str | list[str] = "*", **members: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


def deny(action: str | list[str], resource: str | list[str] = "*", **members: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **members}


def trust(**principals: str | list[str]) -> str:
    """A trust policy, such as ``trust(Service="fc.aliyuncs.com")``."""
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principals})


FC_TRUST = trust(Service="fc.aliyuncs.com")
ANYTHING = document(allow("*"))


def caller(
    access: AccessManagement, *statements: Mapping[str, Any], name: str = "worker", service: str = "fc"
) -> Identity:
    """Temporary keys of a role with a policy of these statements."""
    policies = {name: document(*statements)} if statements else {}
    access.put_role(name, trust(Service=f"{service}.aliyuncs.com"), policies)
    return access.roles.assume(name, f"{service}.aliyuncs.com")
