"""The actions of STS: who calls, and temporary keys of a role.

Source: alibabacloud.com/help, API reference of STS, version 2015-04-01, and "FAQ about RAM roles and STS
tokens" (39744).
"""

from __future__ import annotations

import re
from datetime import timedelta

from localcloud.accounts import Identity
from localcloud.clock import in_seconds
from localcloud.openapi import Answer, Api, Call
from localcloud.ram.attachments import User
from localcloud.ram.authorization import AccessRefused
from localcloud.ram.conditions import CURRENT_TIME, EXTERNAL_ID
from localcloud.ram.parameters import InvalidParameter, incorrect
from localcloud.ram.roles import Roles
from localcloud.ram.trust import ASSUME_ROLE
from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

STS_VERSION = "2015-04-01"
MIN_SECONDS = 900
DEFAULT_SECONDS = 3600
_ROLE_ARN = re.compile(r"acs:ram::[0-9]+:role/[A-Za-z0-9.-]{1,64}", re.ASCII)
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9=,.@:/_-]{2,1224}", re.ASCII)
_NOT_AUTHORIZED = "You are not authorized to do this action. You should be authorized by RAM."


class TokenActions:
    """STS's actions for an account."""

    def __init__(self, tenant: Tenant, roles: Roles, users: Records[User]) -> None:
        self._tenant = tenant
        self._account_id = tenant.account_id
        self._roles = roles
        self._users = users
        # Whom AssumeRole is allowed to is decided beside the role's own trust.
        actions = {"GetCallerIdentity": self._get_caller_identity, "AssumeRole": self._assume_role}
        self.api = Api(STS_VERSION, actions, lambda call: (), incorrect)

    def _get_caller_identity(self, call: Call) -> Answer:
        identity = call.identity
        common = {"AccountId": self._account_id}
        prefix = f"acs:ram::{self._account_id}:"
        if identity.role is not None:
            role = self._roles.find(identity.role)
            name = role.name if role else identity.role.rpartition("/")[2]
            role_id = role.role_id if role else name
            return {
                **common,
                "IdentityType": "AssumedRoleUser",
                "RoleId": role_id,
                "PrincipalId": f"{role_id}:{identity.session}",
                "Arn": f"{prefix}assumed-role/{name}/{identity.session}",
            }
        user = self._users.find(identity.user) if identity.user else None
        kind, user_id = ("RAMUser", user.user_id) if user else ("Account", self._account_id)
        return {
            **common,
            "IdentityType": kind,
            "UserId": user_id,
            "PrincipalId": user_id,
            "Arn": prefix + (f"user/{user.name}" if user else "root"),
        }

    def _assume_role(self, call: Call) -> Answer:
        identity = call.identity
        call.refuse(("Policy", "SourceIdentity"), "AssumeRole")
        role_arn, session = call.text("RoleArn"), call.text("RoleSessionName")
        external_id = call.optional("ExternalId")
        for name, text, form in (
            ("RoleArn", role_arn, _ROLE_ARN),
            ("RoleSessionName", session, _SESSION_NAME),
            ("ExternalId", external_id, _EXTERNAL_ID),
        ):
            if text is not None and not form.fullmatch(text):
                raise InvalidParameter(name, f"The parameter {name} is wrongly formed.")
        names = self._names(identity)
        resource = role_arn.replace("acs:ram::", "acs:ram:*:", 1)
        try:
            self._tenant.check(identity, ASSUME_ROLE, resource, call.context)
        except AccessRefused as refused:
            raise RequestRefused(403, "NoPermission", _NOT_AUTHORIZED, refused.detail) from None
        role = self._roles.find(role_arn)
        if role is None:
            raise RequestRefused(404, "EntityNotExist.Role", f"The role not exists: {role_arn}.")
        seconds = call.integer("DurationSeconds", MIN_SECONDS, role.max_session_seconds)
        context = {**call.context, CURRENT_TIME: self._tenant.clock.timestamp()}
        if external_id is not None:
            context[EXTERNAL_ID] = external_id
        if not role.trust.trusts(*names, context=context):
            raise RequestRefused(403, "NoPermission", _NOT_AUTHORIZED)
        lifetime = timedelta(seconds=seconds or DEFAULT_SECONDS)
        keys = self._tenant.accounts.issue_role_keys(self._roles.arn(role), lifetime, session=session)
        assert keys.expires is not None, "temporary keys have an end"
        return {
            "AssumedRoleUser": {
                "Arn": f"{self._roles.arn(role)}/{session}",
                "AssumedRoleId": f"{role.role_id}:{session}",
            },
            "Credentials": {
                "AccessKeyId": keys.access_key_id,
                "AccessKeySecret": keys.access_key_secret,
                "SecurityToken": keys.security_token,
                "Expiration": in_seconds(keys.expires),
            },
        }

    def _names(self, identity: Identity) -> list[str]:
        """The ARNs by which a trust policy may name the caller, who must not be the account itself."""
        prefix = f"acs:ram::{self._account_id}:"
        if identity.role is not None:
            role = self._roles.find(identity.role)
            return [f"{prefix}root", *([self._roles.arn(role)] if role else [])]
        if identity.user is not None:
            return [f"{prefix}root", f"{prefix}user/{identity.user}"]
        raise RequestRefused(403, "NoPermission", "Roles may not be assumed by root accounts.")
