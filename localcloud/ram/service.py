"""RAM and STS over HTTP, and what the other services and a test ask of them in process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.accounts import Accounts, Identity
from localcloud.acs3 import SignatureRefused, verify
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.gateway import Operation
from localcloud.ram.actions import Actions
from localcloud.ram.attachments import Attachments, Holder
from localcloud.ram.authorization import AccessRefused, Authorization, Principal, request_context
from localcloud.ram.conditions import Context
from localcloud.ram.parameters import RamParameters
from localcloud.ram.policies import CUSTOM, Policies
from localcloud.ram.refusals import (
    NoPermission,
    NotServedHere,
    UnknownAction,
    UnknownVersion,
    UnsupportedMethod,
)
from localcloud.ram.roles import Role, Roles
from localcloud.ram.sts import TokenActions
from localcloud.ram.users import User, Users
from localcloud.refusals import MissingParameter, RequestRefused

RAM_VERSION = "2015-05-01"
STS_VERSION = "2015-04-01"


class AccessManagement:
    """The RAM of an account, with its STS on the same endpoint.

    ``authorization`` is for the services that are to obey RAM's policies; RAM's own API always does.
    """

    name = "ram"

    def __init__(self, *, account_id: str, database: Database, accounts: Accounts, clock: Clock) -> None:
        self.app: ASGIApp = self._serve
        self._accounts = accounts
        self._policies = Policies(database, clock)
        self._attachments = Attachments(database, self._policies, clock)
        self._users = Users(database, accounts)
        self.roles = Roles(account_id, database, accounts, clock)
        self.authorization = Authorization(account_id, self, clock)
        self._actions = Actions(account_id, self.roles, self._policies, self._attachments)
        self._tokens = TokenActions(account_id, accounts, self.roles, self._users, self.authorization)

    def principal(self, identity: Identity) -> Principal | None:
        """The role or user whose policies limit an identity; None for the account itself.

        Keys of a role that does not exist (any more) have no policies at all.
        """
        if identity.role is not None:
            role = self.roles.find(identity.role)
            if role is None:
                return Principal("AssumedRoleUser", f"{identity.role}:{identity.session}", ())
            policies = self._attachments.policies_of(Holder("Role", role.name))
            return Principal("AssumedRoleUser", f"{role.name}:{identity.session}", policies)
        if identity.user is not None:
            user = self._users.find(identity.user)
            assert user is not None, "users are never deleted"
            return Principal(
                "SubUser", user.user_id, self._attachments.policies_of(Holder("User", user.name))
            )
        return None

    def put_role(self, name: str, trust_document: str, policies: Mapping[str, str]) -> Role:
        """Have a role of this name with exactly these policies, by their names; raises a RequestRefused."""
        if self.roles.find(name) is None:
            self.roles.create(name, trust_document)
        role = self.roles.update(name, trust_document)
        self._put_policies(Holder("Role", role.name), policies)
        return role

    def put_user(self, name: str, policies: Mapping[str, str]) -> User:
        """Have a RAM user with an access key and exactly these policies; raises a RequestRefused."""
        user = self._users.find(name) or self._users.create(name)
        self._put_policies(Holder("User", user.name), policies)
        return user

    def operation(self, scope: Scope) -> Operation:
        """The action, and ``role/<RoleName>`` and ``policy/<PolicyName>`` where they are named."""
        headers = dict(scope["headers"])
        query = parse_qs(scope["query_string"].decode("latin-1"))
        named = (("role", "RoleName"), ("policy", "PolicyName"))
        parts = [f"{kind}/{query[parameter][0]}" for kind, parameter in named if parameter in query]
        return Operation(headers.get(b"x-acs-action", b"").decode("latin-1"), "/".join(parts))

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the form of all OpenAPI services."""
        return self._error(status, code, message, {})

    def _put_policies(self, holder: Holder, documents: Mapping[str, str]) -> None:
        for attachment in self._attachments.of(holder):
            self._attachments.detach(holder, attachment.policy.kind, attachment.policy.name)
        known = {policy.name for policy in self._policies.all(CUSTOM)}
        for name, document in documents.items():
            if name in known:
                self._policies.add_version(name, document, as_default=True, rotate=True)
            else:
                self._policies.create(name, document, "")
            self._attachments.attach(holder, CUSTOM, name)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        request_id = _new_request_id()
        try:
            answer = self._answer(request, body)
            response = _response(200, request_id, {"RequestId": request_id, **answer})
        except SignatureRefused as refusal:
            response = self.error(refusal.status, refusal.code, refusal.message)
        except RequestRefused as refusal:
            response = self._error(refusal.status, refusal.code, refusal.message, refusal.detail)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> dict[str, Any]:
        scope, headers = request.scope, request.headers
        query: bytes = scope["query_string"]
        path = scope["raw_path"].decode("latin-1")
        identity = verify(request.method, path, query, headers, body, self._accounts)
        if request.method not in ("POST", "GET"):
            raise UnsupportedMethod(request.method)
        if path != "/":
            raise UnknownAction
        for name in ("Action", "Version"):
            if not headers.get(f"x-acs-{name.lower()}"):
                raise MissingParameter(name)
        if body:
            raise NotServedHere("parameters in the body: send them in the query")
        action, version = headers["x-acs-action"], headers["x-acs-version"]
        parameters, context = RamParameters(query), request_context(scope)
        if version == STS_VERSION:
            return self._tokens.carry_out(action, identity, parameters, context)
        if version != RAM_VERSION:
            raise UnknownVersion(RAM_VERSION, STS_VERSION)
        self._check(identity, action, parameters, context)
        return self._actions.carry_out(action, parameters)

    def _check(self, identity: Identity, action: str, parameters: RamParameters, context: Context) -> None:
        for permission in self._actions.permissions(action, parameters):
            try:
                self.authorization.check(identity, *permission, context)
            except AccessRefused as refused:
                message = (
                    "You are not authorized to do this action. "
                    f"Resource: {refused.resource} Action: {refused.action}"
                )
                raise NoPermission(message, refused.detail) from None

    def _error(self, status: int, code: str, message: str, detail: Mapping[str, str]) -> Response:
        request_id = _new_request_id()
        content: dict[str, Any] = {
            "RequestId": request_id,
            "HostId": "ram.aliyuncs.com",
            "Code": code,
            "Message": message,
            "Recommend": f"https://next.api.aliyun.com/troubleshoot?q={code}&product=Ram",
        }
        if detail:
            content["AccessDeniedDetail"] = dict(detail)
        return _response(status, request_id, content)


def _new_request_id() -> str:
    return str(uuid.uuid4()).upper()


def _response(status: int, request_id: str, content: dict[str, Any]) -> Response:
    return Response(
        json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        status,
        {"x-acs-request-id": request_id},
        media_type="application/json",
    )
