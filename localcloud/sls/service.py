"""Simple Log Service over HTTP: projects, logstores, indexes, saved searches, alerts, and searching logs.

Sources: help pages sls/developer-reference/api-sls-2020-12-30-… and the official SDK
alibabacloud-sls20201230 5.15. The host has the project, ``<project>.<region>.log.aliyuncs.com``; clients
reach this service as an HTTP proxy, with absolute request targets, which leave the host as it is.
"""

from __future__ import annotations

import gzip
import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import lz4.block
import zstd
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from localcloud.gateway import Operation, application
from localcloud.ram.authorization import AccessRefused, request_context
from localcloud.refusals import RequestRefused
from localcloud.sls.analysis import analyse
from localcloud.sls.index import Index, ParameterInvalid
from localcloud.sls.query import matcher
from localcloud.sls.signature import unauthorized, verify
from localcloud.sls.store import ALERT, INDEX, LOGSTORE, PROJECT, SEARCH, LogStores
from localcloud.tenant import Tenant

MOST_LINES = 100
_PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)
_LOGSTORE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]", re.ASCII)
_THING_NAME = re.compile(r"[A-Za-z0-9_-]{2,63}", re.ASCII)
# What the console and the API's help page refuse in a description, and how long it may be.
_DESCRIPTION = re.compile(r"""[^<>'"\\]{0,64}""")
_ALERT_NEEDS = (
    *("autoAnnotation", "groupConfiguration", "noDataFire", "queryList", "sendResolved"),
    *("severityConfigurations", "threshold", "version"),
)
_QUERY_NEEDS = ("end", "project", "query", "region", "start", "store", "storeType", "timeSpanType")


# Actions by their methods and paths, and what RAM is asked about behind ``acs:log:<region>:<account>:``; a
# name in the path is that of a logstore, a search or an alert. Alerts have no resources of their own in RAM.
_IN_PROJECT, _IN_LOGSTORE = "project/{project}", "project/{project}/logstore/{name}"
_ONE_LOGSTORE, _ONE_INDEX = "/logstores/([^/]+)", "/logstores/([^/]+)/index"
_ROUTES = [
    ("CreateProject", "POST", "/", "project/*"),
    ("GetProject", "GET", "/", _IN_PROJECT),
    ("DeleteProject", "DELETE", "/", _IN_PROJECT),
    ("ListLogStores", "GET", "/logstores", f"{_IN_PROJECT}/logstore/*"),
    ("CreateLogStore", "POST", "/logstores", f"{_IN_PROJECT}/logstore/*"),
    ("GetLogStore", "GET", _ONE_LOGSTORE, _IN_LOGSTORE),
    ("DeleteLogStore", "DELETE", _ONE_LOGSTORE, _IN_LOGSTORE),
    ("CreateIndex", "POST", _ONE_INDEX, _IN_LOGSTORE),
    ("UpdateIndex", "PUT", _ONE_INDEX, _IN_LOGSTORE),
    ("GetIndex", "GET", _ONE_INDEX, _IN_LOGSTORE),
    ("GetLogStoreLogs", "POST", "/logstores/([^/]+)/logs", _IN_LOGSTORE),
    ("CreateSavedSearch", "POST", "/savedsearches", f"{_IN_PROJECT}/savedsearch/*"),
    ("GetSavedSearch", "GET", "/savedsearches/([^/]+)", f"{_IN_PROJECT}/savedsearch/{{name}}"),
    ("CreateAlert", "POST", "/alerts", "*"),
    ("GetAlert", "GET", "/alerts/([^/]+)", "*"),
]


class _Call(NamedTuple):
    """What is asked: a project, the name in the path or else the project's, the body and the query."""

    project: str
    name: str
    body: Mapping[str, Any]
    query: Mapping[str, str]


class LogService:
    """The Log Service of a region."""

    name = "sls"

    def __init__(self, tenant: Tenant) -> None:
        self.app: ASGIApp = application(
            self._answer, lambda refused: self.error(refused.status, refused.code, refused.message)
        )
        self.store = LogStores(tenant)
        self._tenant = tenant
        self._region = tenant.region
        self._clock = tenant.clock
        self._actions: Mapping[str, Callable[[_Call], Any]] = {
            "CreateProject": self._create_project,
            "GetProject": partial(self._get, PROJECT),
            "DeleteProject": partial(self._remove, PROJECT),
            "ListLogStores": self._list_logstores,
            "CreateLogStore": self._create_logstore,
            "GetLogStore": partial(self._get, LOGSTORE),
            "DeleteLogStore": partial(self._remove, LOGSTORE),
            "CreateIndex": self._create_index,
            "UpdateIndex": self._update_index,
            "GetIndex": self._get_index,
            "GetLogStoreLogs": self._get_logs,
            "CreateSavedSearch": self._create_search,
            "GetSavedSearch": partial(self._get, SEARCH),
            "CreateAlert": self._create_alert,
            "GetAlert": partial(self._get, ALERT),
        }

    def operation(self, scope: Scope) -> Operation:
        """The action in RAM's words, and the resource behind ``acs:log:<region>:<account>:``."""
        return self._routed(scope)[0]

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the form that every API of Log Service has."""
        return _response(status, {"errorCode": code, "errorMessage": message})

    def have(self, project: str, logstore: str, index: Mapping[str, Any]) -> None:
        """Have a project, a logstore in it and its index; what is there stays as it is."""
        if self.store.find(project, PROJECT, project) is None:
            self._create_project(_Call("", "", {"projectName": project, "description": ""}, {}))
        if self.store.find(project, LOGSTORE, logstore) is None:
            body = {"logstoreName": logstore, "ttl": 30, "shardCount": 2}
            self._create_logstore(_Call(project, "", body, {}))
        if self.store.find(project, INDEX, logstore) is None:
            self._create_index(_Call(project, logstore, index, {}))

    def _routed(self, scope: Scope) -> tuple[Operation, str, str]:
        """The operation that a request asks for, of which project, and the name in its path."""
        project = self._project(dict(scope["headers"]).get(b"host", b"").decode("latin-1"))
        for action, method, path, resource in _ROUTES:
            match = re.fullmatch(path, scope["path"]) if method == scope["method"] else None
            if match is not None:
                name = match[1] if match.re.groups else project
                return Operation(action, resource.format(project=project, name=name)), project, name
        return Operation("", ""), project, ""

    async def _answer(self, request: Request, body: bytes) -> Response:
        scope, headers = request.scope, request.headers
        path, query = scope["path"], scope["query_string"]
        identity = verify(request.method, path, query, headers, body, self._tenant.accounts)
        (action, resource), project, name = self._routed(scope)
        if not action:
            raise RequestRefused(404, "NotFound", f"the API {request.method} {path} is not found")
        place = resource if resource == "*" else self._tenant.arn("log", resource)
        try:
            self._tenant.check(identity, f"log:{action}", place, request_context(scope))
        except AccessRefused:
            message = f"denied by sts or ram, action: log:{action}, resource: {place}"
            raise unauthorized(message) from None
        if action != "CreateProject":
            self.store.get(project, PROJECT, project)
        content = self._actions[action](_Call(project, name, _content(body), request.query_params))
        if action == "GetLogStoreLogs":
            return _found(content, headers.get("accept-encoding", ""))
        return _response(200, content)

    def _get(self, kind: str, call: _Call) -> Mapping[str, Any]:
        return self.store.get(call.project, kind, call.name)

    def _remove(self, kind: str, call: _Call) -> None:
        self.store.remove(call.project, kind, call.name)

    def _project(self, host: str) -> str:
        return host.removesuffix(f".{self._region}.log.aliyuncs.com") if host.count(".") > 3 else ""

    def _create_project(self, call: _Call) -> None:
        wanted, description = call.body.get("projectName"), call.body.get("description")
        if not isinstance(wanted, str) or not _PROJECT_NAME.fullmatch(wanted):
            raise ParameterInvalid(f"project name {wanted!r} is invalid")
        if not isinstance(description, str) or not _DESCRIPTION.fullmatch(description):
            raise ParameterInvalid(f"project description {description!r} is invalid")
        now = self._clock.now().strftime("%Y-%m-%d %H:%M:%S")
        document = {
            "projectName": wanted,
            "description": description,
            "status": "Normal",
            "owner": self._tenant.account_id,
            "region": self._region,
            "createTime": now,
            "lastModifyTime": now,
        }
        self.store.add(wanted, PROJECT, wanted, document)

    def _list_logstores(self, call: _Call) -> dict[str, Any]:
        part, offset, size = (
            call.query.get(*one) for one in (("logstoreName", ""), ("offset", "0"), ("size", "100"))
        )
        if not (offset.isdecimal() and size.isdecimal()) or int(size) > 500:
            raise ParameterInvalid("offset and size must be numbers, size at most 500")
        names = [one for one in self.store.names(call.project, LOGSTORE) if part in one]
        page = names[int(offset) : int(offset) + int(size)]
        return {"count": len(page), "total": len(names), "logstores": page}

    def _create_logstore(self, call: _Call) -> None:
        wanted = call.body.get("logstoreName")
        if not isinstance(wanted, str) or not _LOGSTORE_NAME.fullmatch(wanted):
            raise ParameterInvalid(f"logstore name {wanted!r} is invalid")
        for field, most in (("ttl", 3650), ("shardCount", 10)):
            number = call.body.get(field)
            if not isinstance(number, int) or not 1 <= number <= most:
                raise ParameterInvalid(f"{field} must be 1 to {most}, and is {number!r}")
        if call.body.get("autoSplit") and not call.body.get("maxSplitShard"):
            raise ParameterInvalid("autoSplit needs maxSplitShard")
        now = int(self._clock.now().timestamp())
        document = {"mode": "standard", **call.body, "createTime": now, "lastModifyTime": now}
        self.store.add(call.project, LOGSTORE, wanted, document)

    def _create_index(self, call: _Call) -> None:
        self.store.get(call.project, LOGSTORE, call.name)
        Index(call.body)
        # Logs that were written before are not searched.
        document = {"index": call.body, "since": self._clock.now().timestamp()}
        self.store.add(call.project, INDEX, call.name, document)

    def _update_index(self, call: _Call) -> None:
        kept = self._kept_index(call)
        Index(call.body)
        self.store.keep(call.project, INDEX, call.name, {**kept, "index": call.body})

    def _get_index(self, call: _Call) -> dict[str, Any]:
        kept = self._kept_index(call)
        return {"index_mode": "v2", "storage": "pg", "ttl": 30, **kept["index"]}

    def _kept_index(self, call: _Call) -> Mapping[str, Any]:
        self.store.get(call.project, LOGSTORE, call.name)
        return self.store.get(call.project, INDEX, call.name)

    def _get_logs(self, call: _Call) -> dict[str, Any]:
        kept = self._kept_index(call)
        index = Index(kept["index"])
        begin, end = call.body.get("from"), call.body.get("to")
        if not isinstance(begin, int) or not isinstance(end, int) or begin >= end:
            raise ParameterInvalid(f"from {begin!r} must be an earlier second than to {end!r}")
        line, offset = call.body.get("line", MOST_LINES), call.body.get("offset", 0)
        if not isinstance(line, int) or not 0 <= line <= MOST_LINES:
            raise ParameterInvalid(f"line must be 0 to {MOST_LINES}")
        if not isinstance(offset, int) or offset < 0:
            raise ParameterInvalid("offset must be a number from 0 on")
        search, _, sql = str(call.body.get("query") or "*").partition("|")
        found, topic = matcher(search, index), call.body.get("topic") or ""
        logs = [
            log
            for log in self.store.logs(call.project, call.name, kept["since"])
            if begin <= int(log["__time__"]) < end and topic in ("", log["__topic__"]) and found(log)
        ]
        if sql.strip():
            rows: list[Any] = analyse(sql.strip(), index, logs)
        else:
            # Stable: logs of one second stay in the order in which they came.
            logs.sort(key=lambda log: int(log["__time__"]), reverse=bool(call.body.get("reverse")))
            rows = logs[offset : offset + line]
        keys = list(dict.fromkeys(key for row in rows for key in row))
        meta = {
            "progress": "Complete",
            "count": len(rows),
            "keys": keys,
            "hasSQL": bool(sql.strip()),
            "whereQuery": search.strip(),
            "aggQuery": sql.strip(),
            "processedRows": len(logs),
            "isAccurate": True,
        }
        return {"meta": meta, "data": rows}

    def _create_search(self, call: _Call) -> None:
        texts = ("savedsearchName", "displayName", "logstore", "searchQuery")
        _need(call.body, texts, "the search")
        for field in texts:
            if not isinstance(call.body[field], str):
                raise ParameterInvalid(f"{field} must be a text")
        _check_name("savedsearchName", call.body["savedsearchName"])
        self.store.get(call.project, LOGSTORE, call.body["logstore"])
        self.store.add(call.project, SEARCH, call.body["savedsearchName"], call.body)

    def _create_alert(self, call: _Call) -> None:
        _need(call.body, ("name", "displayName", "configuration", "schedule"), "the alert")
        _check_name("name", call.body["name"])
        configuration = call.body["configuration"]
        _need(configuration, _ALERT_NEEDS, "configuration")
        if not isinstance(configuration["queryList"], list):
            raise ParameterInvalid("queryList must be a list")
        for asked in configuration["queryList"]:
            _need(asked, _QUERY_NEEDS, "a query")
            self.store.get(asked["project"], LOGSTORE, asked["store"])
        now = int(self._clock.now().timestamp())
        kept = {**call.body, "status": "ENABLED", "createTime": now, "lastModifiedTime": now}
        self.store.add(call.project, ALERT, call.body["name"], kept)


def _content(body: bytes) -> Any:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        raise RequestRefused(400, "PostBodyInvalid", "the body is not JSON") from None
    if not isinstance(content, dict):
        raise RequestRefused(400, "PostBodyInvalid", "the body is no JSON object")
    return content


def _need(part: Any, fields: Iterable[str], what: str) -> None:
    if not isinstance(part, dict):
        raise ParameterInvalid(f"{what} must be an object")
    missing = [field for field in fields if part.get(field) in (None, "", [], {})]
    if missing:
        raise ParameterInvalid(f"{what} lacks {', '.join(missing)}")


def _check_name(field: str, name: Any) -> None:
    if not isinstance(name, str) or not _THING_NAME.fullmatch(name):
        raise ParameterInvalid(f"{field} {name!r} is invalid")


def _found(content: dict[str, Any], accepted: str) -> Response:
    """GetLogsV2 asks for a compressed document, and the older GetLogs for none and a list."""
    for name, compress in _COMPRESSIONS.items():
        if name in accepted:
            raw = json.dumps(content, ensure_ascii=False).encode()
            headers = {"x-log-bodyrawsize": str(len(raw)), "x-log-compresstype": name}
            return Response(compress(raw), 200, {**headers, **_id()}, media_type="application/json")
    meta = content["meta"]
    progress = {"x-log-progress": meta["progress"], "x-log-count": str(meta["count"])}
    return _response(200, content["data"], progress)


_COMPRESSIONS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": zstd.compress,
    "lz4": lambda raw: lz4.block.compress(raw, store_size=False),
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


def _response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
    return Response(body, status, {**(headers or {}), **_id()}, media_type="application/json")


def _id() -> dict[str, str]:
    return {"x-log-requestid": uuid.uuid4().hex.upper()[:24]}
