"""Function Compute's HTTP API, version 2023-03-30: invoking and looking at functions and their triggers.

Help pages developer-reference/api-fc-2023-03-30-invokefunction, …-getfunction and …-listfunctions.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from localcloud.accounts import Accounts
from localcloud.acs3 import SignatureRefused, verify
from localcloud.fc import trigger_api
from localcloud.fc.declaration import Deployment, FunctionDeclaration, HookDeclaration
from localcloud.fc.instance import InterpreterUnusable
from localcloud.fc.invocation import InvocationResult, new_request_id
from localcloud.fc.permissions import Permissions
from localcloud.fc.refusals import FunctionNotFound, InvalidArgument, PathNotSupported, RequestRefused
from localcloud.fc.trigger_api import LIST_LIMIT, LONGEST_LIST
from localcloud.gateway import Operation

VERSION = "2023-03-30"
_PATH = re.compile(rf"/{VERSION}/functions(?:/(?P<function>[^/]+)(?P<invocations>/invocations)?)?")

_Handler = Callable[[Request, str], Awaitable[Response]]


class Functions(Protocol):
    """What the API is for."""

    region: str
    account_id: str
    deployment: Deployment

    async def invoke(self, function: str, event: bytes, *, request_id: str | None = None) -> InvocationResult:
        """Run a function and wait for its result."""

    async def invoke_async(self, function: str, event: bytes) -> str:
        """Accept an event and return its request id."""


class FunctionApi:
    """The API as an ASGI application; every request must be signed (ACS3-HMAC-SHA256)."""

    def __init__(self, functions: Functions, accounts: Accounts, permissions: Permissions) -> None:
        self._functions = functions
        self._accounts = accounts
        self._permissions = permissions
        self._operations: dict[str, _Handler] = {
            "InvokeFunction": self._invoke,
            "GetFunction": self._get,
            "ListFunctions": self._list,
            "ListTriggers": self._list_triggers,
            "GetTrigger": self._get_trigger,
            "GetAsyncInvokeConfig": self._get_async_invoke_config,
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        request = Request(scope, receive)
        response = await self._answer(request, self.operation(scope))
        await response(scope, receive, send)

    def operation(self, scope: Scope) -> Operation:
        """Name the operation of a request."""
        match = _PATH.fullmatch(scope["path"])
        if match is not None:
            function, invocations = match["function"] or "", match["invocations"] is not None
            if scope["method"] == "POST" and invocations:
                return Operation("InvokeFunction", function)
            if scope["method"] == "GET" and not invocations:
                return Operation("GetFunction" if function else "ListFunctions", function)
        below = scope["path"].removeprefix(f"/{VERSION}/functions/")
        operation = trigger_api.operation_of(below) if scope["method"] == "GET" else None
        return operation or Operation("Unknown", scope["path"])

    def error(self, status: int, code: str, message: str, request_id: str | None = None) -> Response:
        """An error as the API gives it."""
        request_id = request_id or new_request_id()
        return JSONResponse(
            {"RequestId": request_id, "Code": code, "Message": message},
            status,
            {"x-fc-request-id": request_id},
        )

    async def _answer(self, request: Request, operation: Operation) -> Response:
        body = await request.body()
        try:
            identity = verify(
                request.method,
                request.scope["raw_path"].decode("latin-1"),
                request.scope["query_string"],
                request.headers,
                body,
                self._accounts,
            )
            if operation.action not in self._operations:
                raise PathNotSupported(request.method, operation.resource)
            self._permissions.check_caller(identity, operation, request.scope)
            return await self._operations[operation.action](request, operation.resource)
        except SignatureRefused as refused:
            return self.error(refused.status, refused.code, refused.message)
        except RequestRefused as refused:
            return self.error(refused.status, refused.code, refused.message)
        except InterpreterUnusable as error:
            return self.error(500, "InternalServerError", str(error))

    async def _invoke(self, request: Request, function: str) -> Response:
        _only_latest(request)
        invocation_type = _header(request, "x-fc-invocation-type", ("Sync", "Async"))
        log_type = _header(request, "x-fc-log-type", ("None", "Tail"))
        if "x-fc-async-task-id" in request.headers:
            raise InvalidArgument("asynchronous tasks are not enabled: omit x-fc-async-task-id")
        event = await request.body()
        if invocation_type == "Async":
            request_id = await self._functions.invoke_async(function, event)
            return Response(status_code=202, headers={"X-Fc-Request-Id": request_id})
        result = await self._functions.invoke(function, event)
        headers = {
            "X-Fc-Request-Id": result.request_id,
            "X-Fc-Instance-Id": result.instance_id,
            "X-Fc-Invocation-Duration": f"{result.duration * 1000:.0f}",
            "X-Fc-Max-Memory-Usage": f"{result.memory:.2f}",
        }
        if result.error_type is not None:
            headers["X-Fc-Error-Type"] = result.error_type
        if log_type == "Tail":
            headers["X-Fc-Log-Result"] = base64.b64encode(result.log_tail).decode()
        return Response(result.body, result.status, headers, media_type="application/octet-stream")

    async def _get(self, request: Request, function: str) -> Response:
        _only_latest(request)
        return self._json(self._shown(self._declared(function)))

    async def _list_triggers(self, request: Request, function: str) -> Response:
        query, account_id = request.query_params, self._functions.account_id
        page = trigger_api.list_triggers(
            self._declared(function),
            account_id,
            query.get("prefix", ""),
            query.get("nextToken", ""),
            query.get("limit", str(LIST_LIMIT)),
        )
        return self._json(page)

    async def _get_trigger(self, request: Request, path: str) -> Response:
        function, _, trigger = path.partition("/triggers/")
        declared = self._declared(function)
        return self._json(trigger_api.get_trigger(declared, self._functions.account_id, trigger))

    async def _get_async_invoke_config(self, request: Request, function: str) -> Response:
        _only_latest(request)
        declared = self._declared(function)
        return self._json(trigger_api.get_async_invoke_config(declared, self._functions.account_id))

    def _declared(self, function: str) -> FunctionDeclaration:
        if function not in self._functions.deployment.functions:
            raise FunctionNotFound(function)
        return self._functions.deployment.functions[function]

    async def _list(self, request: Request, _function: str) -> Response:
        query = request.query_params
        limit = query.get("limit", str(LIST_LIMIT))
        if not limit.isdecimal() or not 1 <= int(limit) <= LONGEST_LIST:
            raise InvalidArgument(f"limit must be 1 to {LONGEST_LIST}, is '{limit}'")
        names = sorted(
            name
            for name in self._functions.deployment.functions
            if name.startswith(query.get("prefix", "")) and name >= query.get("nextToken", "")
        )
        page, rest = names[: int(limit)], names[int(limit) :]
        answer: dict[str, Any] = {
            "functions": [self._shown(self._functions.deployment.functions[name]) for name in page]
        }
        if rest:
            answer["nextToken"] = rest[0]
        return self._json(answer)

    def _json(self, content: Any) -> Response:
        return JSONResponse(content, headers={"x-fc-request-id": new_request_id()})

    def _shown(self, function: FunctionDeclaration) -> dict[str, Any]:
        hooks = {"initializer": function.initializer, "preStop": function.pre_stop}
        return {
            "functionName": function.name,
            "functionArn": (
                f"acs:fc:{function.region}:{self._functions.account_id}:functions/{function.name}"
            ),
            "description": function.description,
            "runtime": function.runtime,
            "handler": function.handler,
            "cpu": function.cpu,
            "memorySize": function.memory_size,
            "diskSize": function.disk_size,
            "timeout": function.timeout,
            "internetAccess": function.internet_access,
            "instanceConcurrency": 1,
            "role": function.role or "",
            "layers": [{"arn": layer} for layer in function.layers],
            "environmentVariables": dict(function.environment),
            "logConfig": {
                "project": function.log.project,
                "logstore": function.log.logstore,
                "enableRequestMetrics": function.log.enable_request_metrics,
                "enableInstanceMetrics": function.log.enable_instance_metrics,
            },
            "instanceLifecycleConfig": {
                name: _shown_hook(hook) for name, hook in hooks.items() if hook is not None
            },
            "state": "Active",
        }


def _shown_hook(hook: HookDeclaration) -> dict[str, Any]:
    return {"handler": hook.handler, "timeout": hook.timeout}


def _only_latest(request: Request) -> None:
    qualifier = request.query_params.get("qualifier", "LATEST")
    if qualifier != "LATEST":
        raise InvalidArgument(f"there is no version or alias '{qualifier}'; only LATEST is deployed here")


def _header(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    """A header that has few values; the first is the default."""
    value = request.headers.get(name, allowed[0])
    if value not in allowed:
        raise InvalidArgument(f"{name} must be {' or '.join(allowed)}, is '{value}'")
    return value
