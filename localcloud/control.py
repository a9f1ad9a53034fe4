"""The control API: what a test or a curious user may arrange and look at, in JSON, unsigned, on loopback.

It has no counterpart in the real cloud. Whoever is on this machine may use it, but no page in a browser.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from localcloud.database import StateInaccessible
from localcloud.faults import Fault, FaultKind
from localcloud.imm.tasks import TaskRecord
from localcloud.refusals import RequestRefused
from localcloud.region import Region
from localcloud.same_origin import SameOrigin
from localcloud.upload_events import UploadEventOrder

Handler = Callable[[Request], Awaitable[Any]]


class Control:
    """Routes of the control API over one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        routes = Starlette(
            routes=[
                _route("GET", "/", self._describe),
                _route("GET", "/calls", self._list_calls),
                _route("DELETE", "/calls", self._forget_calls),
                _route("POST", "/faults", self._order_fault),
                _route("DELETE", "/faults", self._withdraw_faults),
                _route("POST", "/clock", self._advance_clock),
                _route("POST", "/keys", self._issue_keys),
                _route("PUT", "/buckets/{bucket}", self._put_bucket),
                _route("PUT", "/buckets/{bucket}/upload-events", self._order_upload_events),
                _route("GET", "/undelivered-uploads", self._list_undelivered_uploads),
                _route("POST", "/buckets/{bucket}/lifecycle", self._carry_out_lifecycle),
                _route("PUT", "/projects/{project}", self._put_project),
                _route("POST", "/tasks", self._put_task),
                _route("POST", "/tasks/failure", self._fail_next_task),
                _route("PUT", "/tasks/seconds", self._set_task_seconds),
                _route("POST", "/tasks/{project}/{task_id}/notifications", self._notify),
                _route("POST", "/topics/{topic}/messages", self._publish),
                _route("POST", "/topics/{topic}/duplicates", self._duplicate),
                _route("GET", "/deliveries", self._list_deliveries),
                _route("GET", "/undelivered", self._list_undelivered),
                _route("GET", "/invocations", self._list_invocations),
                _route("GET", "/instances/{function}", self._list_instances),
                _route("DELETE", "/instances/{function}/{instance_id}", self._kill_instance),
                _route("GET", "/logs/{function}", self._list_logs),
                _route("GET", "/lost", self._list_lost),
                _route("POST", "/settled", self._settle),
            ],
            exception_handlers={
                ValueError: _refuse(400),
                LookupError: _refuse(404),
                RequestRefused: _refuse(None),
                StateInaccessible: _refuse(500),
            },
        )
        self.app: ASGIApp = SameOrigin(routes)

    async def _describe(self, request: Request) -> dict[str, Any]:
        config = self._region.config
        return {
            "endpoints": asdict(self._region.endpoints),
            "region": config.region,
            "account_id": config.account_id,
            "access_key_id": config.access_key_id,
            "access_key_secret": config.access_key_secret,
            "functions": sorted(self._region.functions.deployment.functions),
            "handlers": {
                name: function.handler
                for name, function in sorted(self._region.functions.deployment.functions.items())
            },
            "unicode_tags": config.accept_unicode_tags,
            "topics": sorted({t.topic for t in self._region.functions.deployment.mns_topic_triggers}),
        }

    async def _list_calls(self, request: Request) -> list[dict[str, Any]]:
        query = request.query_params
        calls = self._region.calls.list(query.get("service"), query.get("action"))
        return [asdict(call) for call in calls]

    async def _forget_calls(self, request: Request) -> None:
        self._region.calls.clear()

    async def _order_fault(self, request: Request) -> None:
        order = await _body(request)
        if "kind" in order:
            order["kind"] = FaultKind(order["kind"])
        if "body" in order:
            order["body"] = str(order["body"]).encode()
        self._region.faults.order(_build(Fault, order))

    async def _withdraw_faults(self, request: Request) -> None:
        self._region.faults.clear()

    async def _advance_clock(self, request: Request) -> None:
        self._region.clock.advance(float(_value(await _body(request), "advance_seconds")))

    async def _issue_keys(self, request: Request) -> dict[str, Any]:
        order = await _body(request)
        lifetime = timedelta(seconds=float(order.get("lifetime_seconds", 3600)))
        keys = self._region.accounts.issue_role_keys(str(order.get("role", "test")), lifetime)
        return {
            "access_key_id": keys.access_key_id,
            "access_key_secret": keys.access_key_secret,
            "security_token": keys.security_token,
        }

    async def _put_bucket(self, request: Request) -> None:
        self._region.objects.create_bucket(request.path_params["bucket"])

    async def _order_upload_events(self, request: Request) -> None:
        order = _build(UploadEventOrder, await _body(request))
        self._region.uploads.order(request.path_params["bucket"], order)

    async def _list_undelivered_uploads(self, request: Request) -> list[dict[str, Any]]:
        return [asdict(one) for one in self._region.uploads.undelivered]

    async def _carry_out_lifecycle(self, request: Request) -> list[dict[str, Any]]:
        done = self._region.objects.carry_out_lifecycle(request.path_params["bucket"])
        return [asdict(one) for one in done]

    async def _put_project(self, request: Request) -> None:
        self._region.media.put_project(request.path_params["project"])

    async def _put_task(self, request: Request) -> None:
        order = await _body(request)
        notify = bool(order.pop("notify", False))
        await self._region.media.put_task(_build(TaskRecord, order), notify=notify)

    async def _fail_next_task(self, request: Request) -> None:
        order = await _body(request)
        self._region.media.fail_next_task(str(_value(order, "code")), str(_value(order, "message")))

    async def _set_task_seconds(self, request: Request) -> None:
        self._region.media.task_seconds = float(_value(await _body(request), "seconds"))

    async def _notify(self, request: Request) -> None:
        await self._region.media.notify(request.path_params["project"], request.path_params["task_id"])

    async def _publish(self, request: Request) -> dict[str, Any]:
        order = await _body(request)
        body, topic = str(_value(order, "body")), request.path_params["topic"]
        attributes = {name: str(value) for name, value in dict(order.get("attributes", {})).items()}
        publish = self._region.messages.publish
        message_id = await publish(topic, body.encode(), tag=order.get("tag"), attributes=attributes)
        return {"message_id": message_id}

    async def _duplicate(self, request: Request) -> None:
        extra = int(_value(await _body(request), "extra"))
        self._region.messages.duplicate_next(request.path_params["topic"], extra)

    async def _list_deliveries(self, request: Request) -> list[dict[str, Any]]:
        return [asdict(delivery) for delivery in self._region.messages.deliveries]

    async def _list_undelivered(self, request: Request) -> list[dict[str, Any]]:
        return [asdict(message) for message in self._region.messages.undelivered]

    async def _list_invocations(self, request: Request) -> list[dict[str, Any]]:
        return [record.as_dict() for record in self._region.functions.invocations()]

    async def _list_instances(self, request: Request) -> list[dict[str, Any]]:
        function = _known_function(self._region, request)
        return [asdict(instance) for instance in self._region.functions.instances(function)]

    async def _kill_instance(self, request: Request) -> None:
        function, instance_id = _known_function(self._region, request), request.path_params["instance_id"]
        if not self._region.functions.kill_instance(function, instance_id):
            raise LookupError(f"The function {function} has no instance {instance_id}.")

    async def _list_logs(self, request: Request) -> list[dict[str, Any]]:
        request_id = request.query_params.get("request_id")
        lines = self._region.functions.logs(request.path_params["function"], request_id)
        return [asdict(line) for line in lines]

    async def _list_lost(self, request: Request) -> list[dict[str, Any]]:
        return [event.as_dict() for event in self._region.functions.lost]

    async def _settle(self, request: Request) -> None:
        await self._region.settled()


def _known_function(region: Region, request: Request) -> str:
    function = str(request.path_params["function"])
    if function not in region.functions.deployment.functions:
        raise LookupError(f"There is no function {function}.")
    return function


def _route(method: str, path: str, handler: Handler) -> Route:
    async def answer(request: Request) -> Response:
        content = await handler(request)
        if content is None:
            return Response(status_code=204)
        return JSONResponse(json.loads(json.dumps(content, default=_plain)))

    return Route(path, answer, methods=[method], name=handler.__name__)


def _plain(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _refuse(status: int | None) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"message": str(error)}, status or int(getattr(error, "status", 400)))

    return answer


async def _body(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise ValueError("The body is not a JSON object.")
    return content


def _value(order: Mapping[str, Any], name: str) -> Any:
    if name not in order:
        raise ValueError(f"The body has no {name}.")
    return order[name]


def _build(kind: type[Any], order: Mapping[str, Any]) -> Any:
    try:
        return kind(**order)
    except TypeError as error:
        known = ", ".join(field.name for field in fields(kind))
        raise ValueError(f"The body does not fit: {error}. Its fields are {known}.") from None
