"""Function Compute's HTTP API, version 2023-03-30: deploying, invoking and looking at functions.

Help pages developer-reference/api-fc-2023-03-30-<operation>, as fc3 and the SDK alibabacloud-fc20230330 call
them; tempBucketToken is of the API before (2016-08-15) and has its signature.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from localcloud.accounts import Accounts, Identity
from localcloud.acs3 import SignatureRefused, verify
from localcloud.fc import signature, trigger_api
from localcloud.fc.declaration import Deployment, FunctionDeclaration, HookDeclaration
from localcloud.fc.deployments import Deployments
from localcloud.fc.instance import InterpreterUnusable
from localcloud.fc.invocation import InvocationResult, new_request_id
from localcloud.fc.layers import Layers, check_name
from localcloud.fc.permissions import Permissions
from localcloud.fc.refusals import FunctionNotFound, InvalidArgument, NotConfigured, PathNotSupported
from localcloud.fc.trigger_api import LIST_LIMIT, LONGEST_LIST
from localcloud.gateway import Operation
from localcloud.refusals import RequestRefused

VERSION = "2023-03-30"
TOKEN_PATH = "/2016-08-15/tempBucketToken"
# Far more than any request needs but one that carries a package of code.
_LARGEST_DOCUMENT = 160 * 1024 * 1024

_FUNCTION = r"/functions/(?P<function>[^/]+)"
_ROUTES = [
    ("GetTempBucketToken", "GET", re.escape(TOKEN_PATH), ""),
    *(
        (action, method, f"/{VERSION}{path}", resource)
        for action, method, path, resource in (
            ("ListFunctions", "GET", "/functions", ""),
            ("CreateFunction", "POST", "/functions", ""),
            ("GetFunction", "GET", _FUNCTION, "{function}"),
            ("UpdateFunction", "PUT", _FUNCTION, "{function}"),
            ("DeleteFunction", "DELETE", _FUNCTION, "{function}"),
            ("InvokeFunction", "POST", f"{_FUNCTION}/invocations", "{function}"),
            ("ListTriggers", "GET", f"{_FUNCTION}/triggers", "{function}"),
            ("CreateTrigger", "POST", f"{_FUNCTION}/triggers", "{function}"),
            (
                "GetTrigger",
                "GET",
                f"{_FUNCTION}/triggers/(?P<trigger>[^/]+)",
                "{function}/triggers/{trigger}",
            ),
            (
                "UpdateTrigger",
                "PUT",
                f"{_FUNCTION}/triggers/(?P<trigger>[^/]+)",
                "{function}/triggers/{trigger}",
            ),
            (
                "DeleteTrigger",
                "DELETE",
                f"{_FUNCTION}/triggers/(?P<trigger>[^/]+)",
                "{function}/triggers/{trigger}",
            ),
            ("GetAsyncInvokeConfig", "GET", f"{_FUNCTION}/async-invoke-config", "{function}"),
            ("PutAsyncInvokeConfig", "PUT", f"{_FUNCTION}/async-invoke-config", "{function}"),
            ("DeleteAsyncInvokeConfig", "DELETE", f"{_FUNCTION}/async-invoke-config", "{function}"),
            ("ListAsyncInvokeConfigs", "GET", "/async-invoke-configs", ""),
            ("ListVpcBindings", "GET", f"{_FUNCTION}/vpc-bindings", "{function}"),
            ("GetScalingConfig", "GET", f"{_FUNCTION}/scaling-config", "{function}"),
            ("GetConcurrencyConfig", "GET", f"{_FUNCTION}/concurrency", "{function}"),
            ("GetProvisionConfig", "GET", f"{_FUNCTION}/provision-config", "{function}"),
            ("ListAliases", "GET", f"{_FUNCTION}/aliases", "{function}"),
            ("ListFunctionVersions", "GET", f"{_FUNCTION}/versions", "{function}"),
            ("ListScalingConfigs", "GET", "/scaling-configs", ""),
            ("ListLayerVersions", "GET", "/layers/(?P<layer>[^/]+)/versions", "layers/{layer}"),
            ("CreateLayerVersion", "POST", "/layers/(?P<layer>[^/]+)/versions", "layers/{layer}"),
            (
                "GetLayerVersion",
                "GET",
                r"/layers/(?P<layer>[^/]+)/versions/(?P<version>\d{1,9})",
                "layers/{layer}/versions/{version}",
            ),
            (
                "DeleteLayerVersion",
                "DELETE",
                r"/layers/(?P<layer>[^/]+)/versions/(?P<version>\d{1,9})",
                "layers/{layer}/versions/{version}",
            ),
        )
    ),
]


class _Route(NamedTuple):
    action: str
    method: str
    path: re.Pattern[str]
    resource: str


_TABLE = [_Route(action, method, re.compile(path), resource) for action, method, path, resource in _ROUTES]


@dataclass(frozen=True)
class _Call:
    """A request whose sender is known; ``names`` are those in its path."""

    request: Request
    identity: Identity
    names: Mapping[str, str]
    body: bytes

    @property
    def function(self) -> str:
        return self.names["function"]

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; raises InvalidArgument."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise InvalidArgument("the request body must be a JSON object")
        return document


_Handler = Callable[[_Call], Awaitable[Response]]


class Uploads(Protocol):
    """Where packages of code are uploaded to."""

    def grant(self) -> tuple[str, Identity]:
        """A new object's name below the account's folder, and keys that may write it."""


class Functions(Protocol):
    """What the API is for."""

    region: str
    account_id: str

    @property
    def deployment(self) -> Deployment:
        """Every function."""

    async def invoke(self, function: str, event: bytes, *, request_id: str | None = None) -> InvocationResult:
        """Run a function and wait for its result."""

    async def invoke_async(self, function: str, event: bytes) -> str:
        """Accept an event and return its request id."""


class FunctionApi:
    """The API as an ASGI application; every request must be signed (ACS3-HMAC-SHA256)."""

    def __init__(
        self,
        functions: Functions,
        accounts: Accounts,
        permissions: Permissions,
        deployments: Deployments,
        layers: Layers,
        uploads: Uploads | None,
        upload_bucket: str,
    ) -> None:
        self._functions = functions
        self._accounts = accounts
        self._permissions = permissions
        self._deployments = deployments
        self._layers = layers
        self._uploads = uploads
        self._upload_bucket = upload_bucket
        self._operations: dict[str, _Handler] = {
            "GetTempBucketToken": self._get_temp_bucket_token,
            "ListFunctions": self._list,
            "CreateFunction": self._create,
            "GetFunction": self._get,
            "UpdateFunction": self._update,
            "DeleteFunction": self._delete,
            "InvokeFunction": self._invoke,
            "ListTriggers": self._list_triggers,
            "CreateTrigger": self._create_trigger,
            "GetTrigger": self._get_trigger,
            "UpdateTrigger": self._update_trigger,
            "DeleteTrigger": self._delete_trigger,
            "GetAsyncInvokeConfig": self._get_async_invoke_config,
            "PutAsyncInvokeConfig": self._put_async_invoke_config,
            "DeleteAsyncInvokeConfig": self._delete_async_invoke_config,
            "ListAsyncInvokeConfigs": self._list_async_invoke_configs,
            "ListVpcBindings": self._of_function({"vpcIds": []}),
            "GetScalingConfig": self._of_function(NotConfigured, "ScalingConfigNotFound", "scaling config"),
            "GetConcurrencyConfig": self._of_function({}),
            "GetProvisionConfig": self._of_function(
                {"target": 0, "current": 0, "currentError": "", "defaultTarget": 0}
            ),
            "ListAliases": self._of_function({"aliases": []}),
            "ListFunctionVersions": self._of_function({"versions": [], "direction": "BACKWARD"}),
            "ListScalingConfigs": self._list_scaling_configs,
            "ListLayerVersions": self._list_layer_versions,
            "CreateLayerVersion": self._create_layer_version,
            "GetLayerVersion": self._get_layer_version,
            "DeleteLayerVersion": self._delete_layer_version,
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        response = await self._answer(Request(scope, receive), self.operation(scope))
        await response(scope, receive, send)

    def operation(self, scope: Scope) -> Operation:
        """Name the operation of a request, and the function, trigger or layer that it is about."""
        route, names = _route(scope)
        if route is None:
            return Operation("Unknown", scope["path"])
        return Operation(route.action, route.resource.format(**names))

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
        route, names = _route(request.scope)
        try:
            identity = self._verified(request, operation, body)
            if route is None:
                raise PathNotSupported(request.method, operation.resource)
            if len(body) > _LARGEST_DOCUMENT:
                raise InvalidArgument("the request body is too large")
            call = _Call(request, identity, names, body)
            if operation.action == "CreateFunction":
                name = call.document().get("functionName")
                operation = Operation(operation.action, name if isinstance(name, str) else "*")
            if operation.action != "GetTempBucketToken":
                self._permissions.check_caller(identity, operation, request.scope)
            return await self._operations[operation.action](call)
        except SignatureRefused as refused:
            return self.error(refused.status, refused.code, refused.message)
        except RequestRefused as refused:
            return self.error(refused.status, refused.code, refused.message)
        except InterpreterUnusable as error:
            return self.error(500, "InternalServerError", str(error))

    def _verified(self, request: Request, operation: Operation, body: bytes) -> Identity:
        path = request.scope["raw_path"].decode("latin-1")
        if operation.action == "GetTempBucketToken":
            now = datetime.now(timezone.utc)
            return signature.verify(request.method, path, request.headers, self._accounts, now)
        query = request.scope["query_string"]
        return verify(request.method, path, query, request.headers, body, self._accounts)

    async def _get_temp_bucket_token(self, call: _Call) -> Response:
        if self._uploads is None:
            raise PathNotSupported("GET", TOKEN_PATH)
        name, keys = self._uploads.grant()
        assert keys.expires is not None, "temporary keys have an end"
        return self._json(
            {
                "credentials": {
                    "AccessKeyId": keys.access_key_id,
                    "AccessKeySecret": keys.access_key_secret,
                    "SecurityToken": keys.security_token,
                    "Expiration": keys.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
                },
                "ossRegion": f"oss-{self._functions.region}",
                "ossBucket": self._upload_bucket,
                "objectName": name,
            }
        )

    async def _create(self, call: _Call) -> Response:
        body = call.document()
        self._check_pass_role(call, body.get("role"))
        return self._json(self._shown(await self._deployments.create_function(body)))

    async def _update(self, call: _Call) -> Response:
        body = call.document()
        self._check_pass_role(call, body.get("role"))
        return self._json(self._shown(await self._deployments.update_function(call.function, body)))

    async def _delete(self, call: _Call) -> Response:
        await self._deployments.delete_function(call.function)
        return self._nothing()

    async def _invoke(self, call: _Call) -> Response:
        request, function = call.request, call.function
        _only_latest(request)
        invocation_type = _header(request, "x-fc-invocation-type", ("Sync", "Async"))
        log_type = _header(request, "x-fc-log-type", ("None", "Tail"))
        if "x-fc-async-task-id" in request.headers:
            raise InvalidArgument("asynchronous tasks are not enabled: omit x-fc-async-task-id")
        if invocation_type == "Async":
            request_id = await self._functions.invoke_async(function, call.body)
            return Response(status_code=202, headers={"X-Fc-Request-Id": request_id})
        result = await self._functions.invoke(function, call.body)
        headers = {
            "X-Fc-Request-Id": result.request_id,
            "X-Fc-Instance-Id": result.instance_id,
            "X-Fc-Invocation-Duration": f"{result.duration * 1000:.0f}",
            "X-Fc-Max-Memory-Usage": f"{result.memory:.2f}",
        }
        if result.error_type is not None:
            headers["X-Fc-Error-Type"] = result.error_type
        if result.code_checksum:
            headers["X-Fc-Code-Checksum"] = result.code_checksum
        if log_type == "Tail":
            headers["X-Fc-Log-Result"] = base64.b64encode(result.log_tail).decode()
        return Response(result.body, result.status, headers, media_type="application/octet-stream")

    async def _get(self, call: _Call) -> Response:
        _only_latest(call.request)
        return self._json(self._shown(self._declared(call.function)))

    async def _list_triggers(self, call: _Call) -> Response:
        query, account_id = call.request.query_params, self._functions.account_id
        page = trigger_api.list_triggers(
            self._declared(call.function),
            account_id,
            query.get("prefix", ""),
            query.get("nextToken", ""),
            query.get("limit", str(LIST_LIMIT)),
        )
        return self._json(page)

    async def _create_trigger(self, call: _Call) -> Response:
        body = call.document()
        self._check_pass_role(call, body.get("invocationRole"))
        self._check_subscribing(call, "mns:Subscribe", body.get("triggerName"), body.get("sourceArn"))
        await self._deployments.create_trigger(call.function, body)
        return self._trigger(call.function, body["triggerName"])

    async def _get_trigger(self, call: _Call) -> Response:
        return self._trigger(call.function, call.names["trigger"])

    async def _update_trigger(self, call: _Call) -> Response:
        body = call.document()
        self._check_pass_role(call, body.get("invocationRole"))
        await self._deployments.update_trigger(call.function, call.names["trigger"], body)
        return self._trigger(call.function, call.names["trigger"])

    async def _delete_trigger(self, call: _Call) -> Response:
        name = call.names["trigger"]
        for trigger in self._declared(call.function).triggers:
            if trigger.name == name:
                self._check_subscribing(call, "mns:Unsubscribe", name, trigger.source_arn)
        await self._deployments.delete_trigger(call.function, name)
        return self._nothing()

    def _trigger(self, function: str, name: str) -> Response:
        declared = self._declared(function)
        return self._json(trigger_api.get_trigger(declared, self._functions.account_id, name))

    async def _get_async_invoke_config(self, call: _Call) -> Response:
        _only_latest(call.request)
        return self._async_invoke_config(call.function)

    async def _put_async_invoke_config(self, call: _Call) -> Response:
        _only_latest(call.request)
        await self._deployments.put_async_invoke_config(call.function, call.document())
        return self._async_invoke_config(call.function)

    async def _delete_async_invoke_config(self, call: _Call) -> Response:
        _only_latest(call.request)
        await self._deployments.delete_async_invoke_config(call.function)
        return self._nothing()

    def _async_invoke_config(self, function: str) -> Response:
        declared = self._declared(function)
        return self._json(trigger_api.get_async_invoke_config(declared, self._functions.account_id))

    async def _list_async_invoke_configs(self, call: _Call) -> Response:
        wanted = call.request.query_params.get("functionName")
        functions = self._functions.deployment.functions
        if wanted and wanted not in functions:
            raise FunctionNotFound(wanted)
        page, rest = _page(call.request, [name for name in functions if wanted in (None, "", name)])
        configs = [
            trigger_api.get_async_invoke_config(functions[name], self._functions.account_id)
            for name in page
            if trigger_api.is_configured(functions[name].async_invoke)
        ]
        return self._json({"configs": configs, **rest})

    async def _list_scaling_configs(self, call: _Call) -> Response:
        return self._json({"scalingConfigs": []})

    def _of_function(self, content: Any, *arguments: str) -> _Handler:
        """Answer about something that a function could have and none of the local cloud's has."""

        async def answer(call: _Call) -> Response:
            self._declared(call.function)
            if isinstance(content, type):
                raise content(*arguments, call.function)
            return self._json(content)

        return answer

    async def _list_layer_versions(self, call: _Call) -> Response:
        check_name(call.names["layer"])
        query = call.request.query_params
        limit, start = query.get("limit", str(LIST_LIMIT)), query.get("startVersion", "1")
        if not limit.isdecimal() or not 1 <= int(limit) <= LONGEST_LIST:
            raise InvalidArgument(f"limit must be 1 to {LONGEST_LIST}, is '{limit}'")
        if not start.isdecimal() or len(start) > 9:
            raise InvalidArgument(f"startVersion must be a number, is '{start}'")
        page, following = self._layers.versions(call.names["layer"], int(start), int(limit))
        answer: dict[str, Any] = {"layers": [version.as_dict() for version in page]}
        if following is not None:
            answer["nextVersion"] = following
        return self._json(answer)

    async def _create_layer_version(self, call: _Call) -> Response:
        version = await self._deployments.create_layer_version(call.names["layer"], call.document())
        return self._json(version.as_dict())

    async def _get_layer_version(self, call: _Call) -> Response:
        return self._json(self._layers.get(call.names["layer"], int(call.names["version"])).as_dict())

    async def _delete_layer_version(self, call: _Call) -> Response:
        self._layers.delete(call.names["layer"], int(call.names["version"]))
        return self._nothing()

    def _check_pass_role(self, call: _Call, role: object) -> None:
        if isinstance(role, str) and role:
            self._permissions.check_pass_role(call.identity, role, call.request.scope)

    def _check_subscribing(self, call: _Call, action: str, trigger: object, source_arn: object) -> None:
        if isinstance(source_arn, str) and source_arn.startswith("acs:mns:"):
            resource = f"{source_arn}/subscriptions/{trigger}"
            self._permissions.check(call.identity, action, resource, call.request.scope)

    def _declared(self, function: str) -> FunctionDeclaration:
        if function not in self._functions.deployment.functions:
            raise FunctionNotFound(function)
        return self._functions.deployment.functions[function]

    async def _list(self, call: _Call) -> Response:
        functions = self._functions.deployment.functions
        prefix = call.request.query_params.get("prefix", "")
        page, rest = _page(call.request, [name for name in functions if name.startswith(prefix)])
        return self._json({"functions": [self._shown(functions[name]) for name in page], **rest})

    def _json(self, content: Any) -> Response:
        return JSONResponse(content, headers={"x-fc-request-id": new_request_id()})

    def _nothing(self) -> Response:
        return Response(status_code=204, headers={"x-fc-request-id": new_request_id()})

    def _shown(self, function: FunctionDeclaration) -> dict[str, Any]:
        hooks = {"initializer": function.initializer, "preStop": function.pre_stop}
        shown = {
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
            "lastUpdateStatus": "Successful",
        }
        if function.package is not None:
            shown["codeChecksum"], shown["codeSize"] = function.package.checksum, function.package.size
        if function.changed is not None:
            shown["createdTime"] = function.changed.created
            shown["lastModifiedTime"] = function.changed.modified
        return shown


def _route(scope: Scope) -> tuple[_Route | None, Mapping[str, str]]:
    path = scope["raw_path"].decode("latin-1")
    for route in _TABLE:
        match = route.path.fullmatch(path) if scope["method"] == route.method else None
        if match is not None:
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    return None, {}


def _shown_hook(hook: HookDeclaration) -> dict[str, Any]:
    return {"handler": hook.handler, "timeout": hook.timeout}


def _page(request: Request, names: list[str]) -> tuple[list[str], dict[str, str]]:
    """The page of some names that a request asks for, and the token of the next one."""
    query = request.query_params
    limit = query.get("limit", str(LIST_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= LONGEST_LIST:
        raise InvalidArgument(f"limit must be 1 to {LONGEST_LIST}, is '{limit}'")
    left = sorted(name for name in names if name >= query.get("nextToken", ""))
    page, rest = left[: int(limit)], left[int(limit) :]
    return page, {"nextToken": rest[0]} if rest else {}


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
