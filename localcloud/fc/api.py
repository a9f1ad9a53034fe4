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
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Scope

from localcloud.accounts import Identity
from localcloud.acs3 import verify
from localcloud.clock import in_seconds
from localcloud.fc import shown, signature
from localcloud.fc.instance import InterpreterUnusable
from localcloud.fc.invocation import new_request_id
from localcloud.fc.layers import check_name
from localcloud.fc.permissions import Permissions
from localcloud.fc.refusals import InvalidArgument, NotThere, PathNotSupported
from localcloud.fc.service import FunctionCompute
from localcloud.gateway import Operation, application
from localcloud.oss.access.uploads import UPLOAD_BUCKET, Uploads
from localcloud.tenant import Tenant

VERSION = "2023-03-30"
TOKEN_PATH = "/2016-08-15/tempBucketToken"
LIST_LIMIT = 20
LONGEST_LIST = 100
# Far more than any request needs but one that carries a package of code.
_LARGEST_DOCUMENT = 160 * 1024 * 1024
_FORMS = {"version": r"\d{1,9}"}

Document = dict[str, Any]
T = TypeVar("T")


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

    def document(self) -> Document:
        """The body as a JSON object; raises InvalidArgument."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise InvalidArgument("the request body must be a JSON object")
        return document


# Gives what is answered in JSON, nothing (204), or an answer of another kind.
_Handler = Callable[[_Call], Awaitable["Document | Response | None"]]


class _Route(NamedTuple):
    """An operation by its method and path, and what it is about."""

    operation: str
    method: str
    path: re.Pattern[str]
    resource: str
    carry_out: _Handler


class FunctionApi:
    """The API as a service of the gateway; every request must be signed (ACS3-HMAC-SHA256)."""

    name = "fc"

    def __init__(
        self, functions: FunctionCompute, tenant: Tenant, permissions: Permissions, uploads: Uploads
    ) -> None:
        self._functions = functions
        self._tenant = tenant
        self._permissions = permissions
        self._deployments = functions.deployments
        self._layers = functions.layers
        self._uploads = uploads
        self._routes = self._table()
        self.app: ASGIApp = application(
            self._answer, lambda refused: self.error(refused.status, refused.code, refused.message)
        )

    def _table(self) -> list[_Route]:
        function, rules = "/functions/{function}", "/functions/{function}/async-invoke-config"
        triggers, trigger = f"{function}/triggers", f"{function}/triggers/{{trigger}}"
        layer, version = "/layers/{layer}/versions", "/layers/{layer}/versions/{version}"
        unprovided = {"target": 0, "current": 0, "currentError": "", "defaultTarget": 0}
        unversioned = {"versions": [], "direction": "BACKWARD"}
        rows: list[tuple[str, str, str, _Handler]] = [
            ("ListFunctions", "GET", "/functions", self._list),
            ("CreateFunction", "POST", "/functions", self._create),
            ("GetFunction", "GET", function, self._get),
            ("UpdateFunction", "PUT", function, self._update),
            ("DeleteFunction", "DELETE", function, self._delete),
            ("InvokeFunction", "POST", f"{function}/invocations", self._invoke),
            ("ListTriggers", "GET", triggers, self._list_triggers),
            ("CreateTrigger", "POST", triggers, self._create_trigger),
            ("GetTrigger", "GET", trigger, self._get_trigger),
            ("UpdateTrigger", "PUT", trigger, self._update_trigger),
            ("DeleteTrigger", "DELETE", trigger, self._delete_trigger),
            ("GetAsyncInvokeConfig", "GET", rules, self._get_async_invoke_config),
            ("PutAsyncInvokeConfig", "PUT", rules, self._put_async_invoke_config),
            ("DeleteAsyncInvokeConfig", "DELETE", rules, self._delete_async_invoke_config),
            ("ListAsyncInvokeConfigs", "GET", "/async-invoke-configs", self._list_async_invoke_configs),
            ("ListVpcBindings", "GET", f"{function}/vpc-bindings", self._of_function({"vpcIds": []})),
            ("GetScalingConfig", "GET", f"{function}/scaling-config", self._of_function(None)),
            ("GetConcurrencyConfig", "GET", f"{function}/concurrency", self._of_function({})),
            ("GetProvisionConfig", "GET", f"{function}/provision-config", self._of_function(unprovided)),
            ("ListAliases", "GET", f"{function}/aliases", self._of_function({"aliases": []})),
            ("ListFunctionVersions", "GET", f"{function}/versions", self._of_function(unversioned)),
            ("ListScalingConfigs", "GET", "/scaling-configs", self._list_scaling_configs),
            ("ListLayerVersions", "GET", layer, self._list_layer_versions),
            ("CreateLayerVersion", "POST", layer, self._create_layer_version),
            ("GetLayerVersion", "GET", version, self._get_layer_version),
            ("DeleteLayerVersion", "DELETE", version, self._delete_layer_version),
        ]
        token = _route("GetTempBucketToken", "GET", TOKEN_PATH, "", self._get_temp_bucket_token)
        return [token, *(_route(name, method, path, VERSION, act) for name, method, path, act in rows)]

    def operation(self, scope: Scope) -> Operation:
        """Name the operation of a request, and the function, trigger or layer that it is about."""
        route, names = self._routed(scope)
        if route is None:
            return Operation("Unknown", scope["path"])
        return Operation(route.operation, route.resource.format(**names))

    def _routed(self, scope: Scope) -> tuple[_Route | None, Mapping[str, str]]:
        path = scope["raw_path"].decode("latin-1")
        for route in self._routes:
            match = route.path.fullmatch(path) if scope["method"] == route.method else None
            if match is not None:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
        return None, {}

    def error(self, status: int, code: str, message: str) -> Response:
        """An error as the API gives it."""
        request_id = new_request_id()
        content = {"RequestId": request_id, "Code": code, "Message": message}
        return JSONResponse(content, status, {"x-fc-request-id": request_id})

    async def _answer(self, request: Request, body: bytes) -> Response:
        operation = self.operation(request.scope)
        route, names = self._routed(request.scope)
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
        try:
            content = await route.carry_out(call)
        except InterpreterUnusable as error:
            return self.error(500, "InternalServerError", str(error))
        if isinstance(content, Response):
            return content
        headers = {"x-fc-request-id": new_request_id()}
        if content is None:
            return Response(status_code=204, headers=headers)
        return JSONResponse(content, 200, headers)

    def _verified(self, request: Request, operation: Operation, body: bytes) -> Identity:
        path = request.scope["raw_path"].decode("latin-1")
        if operation.action == "GetTempBucketToken":
            now = datetime.now(timezone.utc)
            return signature.verify(request.method, path, request.headers, self._tenant.accounts, now)
        query = request.scope["query_string"]
        return verify(request.method, path, query, request.headers, body, self._tenant.accounts)

    # Functions

    async def _get_temp_bucket_token(self, call: _Call) -> Document:
        name, keys = self._uploads.grant()
        assert keys.expires is not None, "temporary keys have an end"
        return {
            "credentials": {
                "AccessKeyId": keys.access_key_id,
                "AccessKeySecret": keys.access_key_secret,
                "SecurityToken": keys.security_token,
                "Expiration": in_seconds(keys.expires),
            },
            "ossRegion": f"oss-{self._tenant.region}",
            "ossBucket": UPLOAD_BUCKET,
            "objectName": name,
        }

    async def _list(self, call: _Call) -> Document:
        page, rest = _page(call.request, self._deployments.functions)
        return {"functions": [self._shown(function.name) for function in page], **rest}

    async def _create(self, call: _Call) -> Document:
        body = call.document()
        self._check_pass_role(call, body.get("role"))
        await self._deployments.create_function(body)
        return self._shown(body["functionName"])

    async def _get(self, call: _Call) -> Document:
        _only_latest(call.request)
        return self._shown(call.function)

    async def _update(self, call: _Call) -> Document:
        body = call.document()
        self._check_pass_role(call, body.get("role"))
        await self._deployments.update_function(call.function, body)
        return self._shown(call.function)

    async def _delete(self, call: _Call) -> None:
        await self._deployments.delete_function(call.function)

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
        package = self._functions.declared(function).package
        record = await self._functions.invoke(function, call.body)
        headers = {
            "X-Fc-Request-Id": record.request_id,
            "X-Fc-Instance-Id": record.instance_id,
            "X-Fc-Invocation-Duration": f"{record.duration * 1000:.0f}",
            "X-Fc-Max-Memory-Usage": f"{record.max_memory:.2f}",
        }
        if record.error_type is not None:
            headers["X-Fc-Error-Type"] = record.error_type
        if package is not None:
            headers["X-Fc-Code-Checksum"] = package.checksum
        if log_type == "Tail":
            headers["X-Fc-Log-Result"] = base64.b64encode(self._functions.log_tail(record)).decode()
        return Response(record.body, record.status, headers, media_type="application/octet-stream")

    def _shown(self, function: str) -> Document:
        return shown.function(self._functions.declared(function), self._tenant.account_id)

    def _of_function(self, content: Document | None) -> _Handler:
        """Answer about something that a function could have and none of the local cloud's has."""

        async def answer(call: _Call) -> Document:
            function = self._functions.declared(call.function)
            if content is None:
                raise NotThere("ScalingConfigNotFound", f"scaling config of function '{function.name}'")
            return content

        return answer

    async def _list_scaling_configs(self, call: _Call) -> Document:
        return {"scalingConfigs": []}

    # Triggers

    async def _list_triggers(self, call: _Call) -> Document:
        of = self._functions.declared(call.function)
        page, rest = _page(call.request, {each.name: each for each in of.triggers})
        return {"triggers": [shown.trigger(each, of, self._tenant.account_id) for each in page], **rest}

    async def _create_trigger(self, call: _Call) -> Document:
        body = call.document()
        self._check_pass_role(call, body.get("invocationRole"))
        self._check_subscribing(call, "mns:Subscribe", body.get("triggerName"), body.get("sourceArn"))
        await self._deployments.create_trigger(call.function, body)
        return self._trigger(call.function, body["triggerName"])

    async def _get_trigger(self, call: _Call) -> Document:
        return self._trigger(call.function, call.names["trigger"])

    async def _update_trigger(self, call: _Call) -> Document:
        body = call.document()
        self._check_pass_role(call, body.get("invocationRole"))
        await self._deployments.update_trigger(call.function, call.names["trigger"], body)
        return await self._get_trigger(call)

    async def _delete_trigger(self, call: _Call) -> None:
        name = call.names["trigger"]
        for trigger in self._functions.declared(call.function).triggers:
            if trigger.name == name:
                self._check_subscribing(call, "mns:Unsubscribe", name, trigger.source_arn)
        await self._deployments.delete_trigger(call.function, name)

    def _trigger(self, function: str, name: str) -> Document:
        of = self._functions.declared(function)
        for each in of.triggers:
            if each.name == name:
                return shown.trigger(each, of, self._tenant.account_id)
        raise NotThere("TriggerNotFound", f"trigger '{name}'")

    # Asynchronous invocation

    async def _get_async_invoke_config(self, call: _Call) -> Document:
        _only_latest(call.request)
        function = self._functions.declared(call.function)
        config = shown.async_invoke_config(function, self._tenant.account_id)
        if config is None:
            raise NotThere("AsyncConfigNotExists", f"async config for function '{function.name}'")
        return config

    async def _put_async_invoke_config(self, call: _Call) -> Document:
        _only_latest(call.request)
        await self._deployments.put_async_invoke_config(call.function, call.document())
        return await self._get_async_invoke_config(call)

    async def _delete_async_invoke_config(self, call: _Call) -> None:
        _only_latest(call.request)
        await self._deployments.delete_async_invoke_config(call.function)

    async def _list_async_invoke_configs(self, call: _Call) -> Document:
        wanted = call.request.query_params.get("functionName")
        functions = {wanted: self._functions.declared(wanted)} if wanted else self._deployments.functions
        page, rest = _page(call.request, functions)
        configs = [shown.async_invoke_config(function, self._tenant.account_id) for function in page]
        return {"configs": [config for config in configs if config is not None], **rest}

    # Layers

    async def _list_layer_versions(self, call: _Call) -> Document:
        check_name(call.names["layer"])
        start = call.request.query_params.get("startVersion", "1")
        if not start.isdecimal() or len(start) > 9:
            raise InvalidArgument(f"startVersion must be a number, is '{start}'")
        page, following = self._layers.versions(call.names["layer"], int(start), _limit(call.request))
        answer: Document = {"layers": [version.as_dict() for version in page]}
        if following is not None:
            answer["nextVersion"] = following
        return answer

    async def _create_layer_version(self, call: _Call) -> Document:
        version = await self._deployments.create_layer_version(call.names["layer"], call.document())
        return version.as_dict()

    async def _get_layer_version(self, call: _Call) -> Document:
        return self._layers.get(call.names["layer"], int(call.names["version"])).as_dict()

    async def _delete_layer_version(self, call: _Call) -> None:
        self._layers.delete(call.names["layer"], int(call.names["version"]))

    # What a call needs beside its own permission

    def _check_pass_role(self, call: _Call, role: object) -> None:
        if isinstance(role, str) and role:
            self._permissions.check_pass_role(call.identity, role, call.request.scope)

    def _check_subscribing(self, call: _Call, action: str, trigger: object, source_arn: object) -> None:
        if isinstance(source_arn, str) and source_arn.startswith("acs:mns:"):
            resource = f"{source_arn}/subscriptions/{trigger}"
            self._permissions.check(call.identity, action, resource, call.request.scope)


def _route(operation: str, method: str, path: str, version: str, carry_out: _Handler) -> _Route:
    """A row of the table; in a path ``{name}`` stands for any part, and ``{version}`` for a number.

    An operation is about what its path names last, without ``/functions/`` before it.
    """
    about = path[: path.rfind("}") + 1].removeprefix("/functions/").removeprefix("/")
    pattern = re.sub(r"\{(\w+)\}", lambda part: f"(?P<{part[1]}>{_FORMS.get(part[1], '[^/]+')})", path)
    return _Route(
        operation, method, re.compile(f"/{version}{pattern}" if version else path), about, carry_out
    )


def _limit(request: Request) -> int:
    limit = request.query_params.get("limit", str(LIST_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= LONGEST_LIST:
        raise InvalidArgument(f"limit must be 1 to {LONGEST_LIST}, is '{limit}'")
    return int(limit)


def _page(request: Request, items: Mapping[str, T]) -> tuple[list[T], dict[str, str]]:
    """The page of some things that a request asks for by their names, and the token of the next one."""
    query, limit = request.query_params, _limit(request)
    prefix, token = query.get("prefix", ""), query.get("nextToken", "")
    left = sorted(name for name in items if name.startswith(prefix) and name >= token)
    rest = {"nextToken": left[limit]} if len(left) > limit else {}
    return [items[name] for name in left[:limit]], rest


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
