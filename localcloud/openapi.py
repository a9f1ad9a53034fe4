"""The OpenAPI gateway before IMM, RAM with STS, and MNS's management: who calls, what is asked, the answer.

A request names its action and version in headers, has its parameters in the query or in a form (the RPC
style), and is signed with ACS3-HMAC-SHA256. The gateway's own errors are those of the help page "Common error
codes" (alibabacloud.com/help/en/sdk/product-overview/common-error-codes).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from localcloud.accounts import Identity
from localcloud.acs3 import verify
from localcloud.gateway import Operation, application
from localcloud.ram.authorization import AccessRefused, request_context
from localcloud.ram.conditions import NO_CONTEXT, Context
from localcloud.refusals import NO_DETAIL, InvalidParameter, MissingParameter, Parameters, RequestRefused
from localcloud.tenant import Tenant

Answer = dict[str, Any]


class Need(NamedTuple):
    """What RAM is asked: an action, a resource, and condition keys beside those of every request."""

    action: str
    resource: str
    context: Context = NO_CONTEXT


class Call(Parameters):
    """A request whose sender is known; ``context`` has the condition keys of every request."""

    def __init__(self, action: str, identity: Identity, context: Context, *parameters: Any) -> None:
        super().__init__(*parameters)
        self.action = action
        self.identity = identity
        self.context = context
        self.request_id = new_request_id()


@dataclass(frozen=True)
class Api:
    """A version of a product's API: its actions by name, what an action needs, the error of bad parameters.

    An action gives the answer without its RequestId, or raises a RequestRefused; so may ``needs``.
    """

    version: str
    actions: Mapping[str, Callable[[Call], Answer]]
    needs: Callable[[Call], Iterable[Need]]
    invalid: Callable[[str, str], RequestRefused] = InvalidParameter


class OpenApi:
    """A service that is behind the gateway: the APIs of a product as an ASGI application.

    ``host`` and ``product`` stand in errors. ``kinds`` are the parameters that name what a call is about.
    """

    def __init__(
        self,
        *,
        product: str,
        host: str,
        kinds: Mapping[str, str],
        tenant: Tenant,
        apis: Sequence[Api],
    ) -> None:
        self._product = product
        self._host = host
        self._kinds = kinds
        self._tenant = tenant
        self._apis = {api.version: api for api in apis}
        self.app: ASGIApp = application(self._answer, self._refuse)

    def operation(self, scope: Scope) -> Operation:
        """The action, and such as ``project/<name>/task/<id>`` as far as the query tells it."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        named = [(kind, query[name]) for kind, name in self._kinds.items() if name in query]
        action = dict(scope["headers"]).get(b"x-acs-action", b"").decode("latin-1")
        return Operation(action, "/".join(f"{kind}/{name}" for kind, name in named))

    def error(self, status: int, code: str, message: str, detail: Mapping[str, str] = NO_DETAIL) -> Response:
        """An error in the form that all services behind the gateway have."""
        content: Answer = {
            "HostId": self._host,
            "Code": code,
            "Message": message,
            "Recommend": f"https://next.api.aliyun.com/troubleshoot?q={code}&product={self._product}",
        }
        if detail:
            content["AccessDeniedDetail"] = dict(detail)
        return _response(status, new_request_id(), content)

    def _refuse(self, refused: RequestRefused) -> Response:
        return self.error(refused.status, refused.code, refused.message, refused.detail)

    async def _answer(self, request: Request, body: bytes) -> Response:
        scope, headers, query = request.scope, request.headers, request.scope["query_string"]
        path = scope["raw_path"].decode("latin-1")
        identity = verify(request.method, path, query, headers, body, self._tenant.accounts)
        if request.method not in ("POST", "GET"):
            message = f"This http method is not supported: {request.method}. Use POST or GET."
            raise RequestRefused(403, "UnsupportedHTTPMethod", message)
        for name in ("Action", "Version"):
            if path == "/" and not headers.get(f"x-acs-{name.lower()}"):
                raise MissingParameter(name)
        api, action = self._apis.get(headers.get("x-acs-version", "")), headers.get("x-acs-action", "")
        if path == "/" and api is None:
            message = f"Specified parameter Version is not valid. It must be {' or '.join(self._apis)}."
            raise RequestRefused(400, "InvalidVersion", message)
        if path != "/" or api is None or action not in api.actions:
            message = "Specified api is not found, please check your url and method."
            raise RequestRefused(404, "InvalidAction.NotFound", message)
        form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        values = {**_pairs(query), **(_pairs(body) if form else {})}
        call = Call(action, identity, request_context(scope), values, api.invalid)
        for need in api.needs(call):
            self._check(identity, need, call.context)
        return _response(200, call.request_id, api.actions[action](call))

    def _check(self, identity: Identity, need: Need, context: Context) -> None:
        try:
            self._tenant.check(identity, need.action, need.resource, {**context, **need.context})
        except AccessRefused as refused:
            asked = f"Resource: {refused.resource} Action: {refused.action}"
            message = f"You are not authorized to do this action. {asked}"
            raise RequestRefused(403, "NoPermission", message, refused.detail) from None


def new_request_id() -> str:
    """``CA995EFD-083D-4F40-BE8A-BDF75FFFE0B6``, of a request to the OpenAPI gateway."""
    return str(uuid.uuid4()).upper()


def _pairs(encoded: bytes) -> dict[str, str]:
    return dict(parse_qsl(encoded.decode("latin-1"), keep_blank_values=True))


def _response(status: int, request_id: str, content: Answer) -> Response:
    return Response(
        json.dumps({"RequestId": request_id, **content}, ensure_ascii=False, separators=(",", ":")),
        status,
        {"x-acs-request-id": request_id},
        media_type="application/json",
    )
