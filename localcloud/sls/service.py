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
from collections.abc import Callable, Mapping
from typing import Any

import lz4.block
import zstd
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.accounts import Accounts
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.gateway import Operation
from localcloud.ram.authorization import AccessRefused, Authorization, request_context
from localcloud.sls.analysis import analyse
from localcloud.sls.index import Index
from localcloud.sls.query import matcher
from localcloud.sls.refusals import NotThere, ParameterInvalid, RequestRefused, Unauthorized
from localcloud.sls.signature import verify
from localcloud.sls.store import ALERT, INDEX, LOGSTORE, PROJECT, SEARCH, LogStores

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
_NAMED = "([^/]+)"
# The operations by method and path, each with its place in RAM: what a name in the path belongs to, and
# whether RAM is asked about everything of the sort.
_ROUTES = [
    ("POST", "/", "CreateProject", "project/*"),
    ("GET", "/", "GetProject", "project/{project}"),
    ("DELETE", "/", "DeleteProject", "project/{project}"),
    ("GET", "/logstores", "ListLogStores", "project/{project}/logstore/*"),
    ("POST", "/logstores", "CreateLogStore", "project/{project}/logstore/*"),
    ("GET", f"/logstores/{_NAMED}", "GetLogStore", "project/{project}/logstore/{name}"),
    ("DELETE", f"/logstores/{_NAMED}", "DeleteLogStore", "project/{project}/logstore/{name}"),
    ("POST", f"/logstores/{_NAMED}/index", "CreateIndex", "project/{project}/logstore/{name}"),
    ("PUT", f"/logstores/{_NAMED}/index", "UpdateIndex", "project/{project}/logstore/{name}"),
    ("GET", f"/logstores/{_NAMED}/index", "GetIndex", "project/{project}/logstore/{name}"),
    ("POST", f"/logstores/{_NAMED}/logs", "GetLogStoreLogs", "project/{project}/logstore/{name}"),
    ("GET", "/savedsearches", "ListSavedSearch", "project/{project}/savedsearch/*"),
    ("POST", "/savedsearches", "CreateSavedSearch", "project/{project}/savedsearch/*"),
    ("GET", f"/savedsearches/{_NAMED}", "GetSavedSearch", "project/{project}/savedsearch/{name}"),
    ("DELETE", f"/savedsearches/{_NAMED}", "DeleteSavedSearch", "project/{project}/savedsearch/{name}"),
    # Alerts have no resources of their own in RAM.
    ("POST", "/alerts", "CreateAlert", "*"),
    ("GET", "/alerts", "ListAlerts", "*"),
    ("GET", f"/alerts/{_NAMED}", "GetAlert", "*"),
    ("DELETE", f"/alerts/{_NAMED}", "DeleteAlert", "*"),
]


class LogService:
    """The Log Service of a region."""

    name = "sls"

    def __init__(
        self,
        *,
        region: str,
        account_id: str,
        database: Database,
        accounts: Accounts,
        clock: Clock,
        authorization: Authorization | None = None,
    ) -> None:
        self.app: ASGIApp = self._serve
        self.store = LogStores(database, clock)
        self._region = region
        self._account_id = account_id
        self._accounts = accounts
        self._clock = clock
        self._authorization = authorization
        self._actions: Mapping[str, Callable[[str, str, Any, Mapping[str, str]], Any]] = {
            "CreateProject": self._create_project,
            "GetProject": lambda project, name, body, query: self._get_project(project),
            "DeleteProject": lambda project, name, body, query: self.store.remove(project, PROJECT, project),
            "ListLogStores": self._list_logstores,
            "CreateLogStore": self._create_logstore,
            "GetLogStore": lambda project, name, body, query: self.store.get(project, LOGSTORE, name),
            "DeleteLogStore": lambda project, name, body, query: self.store.remove(project, LOGSTORE, name),
            "CreateIndex": self._create_index,
            "UpdateIndex": self._update_index,
            "GetIndex": self._get_index,
            "GetLogStoreLogs": self._get_logs,
            "ListSavedSearch": self._list_searches,
            "CreateSavedSearch": self._create_search,
            "GetSavedSearch": lambda project, name, body, query: self.store.get(project, SEARCH, name),
            "DeleteSavedSearch": lambda project, name, body, query: self.store.remove(project, SEARCH, name),
            "CreateAlert": self._create_alert,
            "ListAlerts": self._list_alerts,
            "GetAlert": lambda project, name, body, query: self.store.get(project, ALERT, name),
            "DeleteAlert": lambda project, name, body, query: self.store.remove(project, ALERT, name),
        }

    def operation(self, scope: Scope) -> Operation:
        """The action in RAM's words, and the resource behind ``acs:log:<region>:<account>:``."""
        project = self._project(dict(scope["headers"]).get(b"host", b"").decode("latin-1"))
        for method, pattern, action, resource in _ROUTES:
            match = re.fullmatch(pattern, scope["path"])
            if method == scope["method"] and match is not None:
                name = match[1] if match.re.groups else ""
                return Operation(action, resource.format(project=project, name=name))
        return Operation("", "")

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the form that every API of Log Service has."""
        return _response(status, {"errorCode": code, "errorMessage": message})

    def have(self, project: str, logstore: str, index: Mapping[str, Any]) -> None:
        """Have a project, a logstore in it and its index; what is there stays as it is."""
        if self.store.find(project, PROJECT, project) is None:
            self._create_project("", "", {"projectName": project, "description": ""}, {})
        if not self.store.has(project, logstore):
            self._create_logstore(project, "", {"logstoreName": logstore, "ttl": 30, "shardCount": 2}, {})
        if self.store.find(project, INDEX, logstore) is None:
            self._create_index(project, logstore, index, {})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        try:
            response = self._answer(request, body)
        except RequestRefused as refusal:
            response = self.error(refusal.status, refusal.code, refusal.message)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        scope, headers = request.scope, request.headers
        path, query = scope["path"], scope["query_string"]
        identity = verify(request.method, path, query, headers, body, self._accounts)
        action, resource = self.operation(scope)
        if not action:
            raise RequestRefused(404, "NotFound", f"the API {request.method} {path} is not found")
        place = resource if resource == "*" else f"acs:log:{self._region}:{self._account_id}:{resource}"
        if self._authorization is not None:
            try:
                self._authorization.check(identity, f"log:{action}", place, request_context(scope))
            except AccessRefused:
                raise Unauthorized(f"denied by sts or ram, action: log:{action}, resource: {place}") from None
        project, name = self._project(headers.get("host", "")), _name_in(path)
        if action != "CreateProject":
            self.store.get(project, PROJECT, project)
        content = self._actions[action](project, name, _content(body), request.query_params)
        if action == "GetLogStoreLogs":
            return _found(content, headers.get("accept-encoding", ""))
        return _response(200, content)

    def _project(self, host: str) -> str:
        return host.removesuffix(f".{self._region}.log.aliyuncs.com") if host.count(".") > 3 else ""

    def _create_project(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> None:
        wanted, description = body.get("projectName"), body.get("description")
        if not isinstance(wanted, str) or not _PROJECT_NAME.fullmatch(wanted):
            raise ParameterInvalid(f"project name {wanted!r} is invalid")
        if not isinstance(description, str) or not _DESCRIPTION.fullmatch(description):
            raise ParameterInvalid(f"project description {description!r} is invalid")
        now = self._clock.now().strftime("%Y-%m-%d %H:%M:%S")
        document = {
            "projectName": wanted,
            "description": description,
            "status": "Normal",
            "owner": self._account_id,
            "region": self._region,
            "createTime": now,
            "lastModifyTime": now,
        }
        self.store.add(wanted, PROJECT, wanted, document)

    def _get_project(self, project: str) -> dict[str, Any]:
        return self.store.get(project, PROJECT, project)

    def _list_logstores(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> dict[str, Any]:
        part = query.get("logstoreName", "")
        names, total = _page([one for one in self.store.names(project, LOGSTORE) if part in one], query)
        return {"count": len(names), "total": total, "logstores": names}

    def _create_logstore(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> None:
        wanted = body.get("logstoreName")
        if not isinstance(wanted, str) or not _LOGSTORE_NAME.fullmatch(wanted):
            raise ParameterInvalid(f"logstore name {wanted!r} is invalid")
        for field, most in (("ttl", 3650), ("shardCount", 10)):
            number = body.get(field)
            if not isinstance(number, int) or not 1 <= number <= most:
                raise ParameterInvalid(f"{field} must be 1 to {most}, and is {number!r}")
        if body.get("autoSplit") and not body.get("maxSplitShard"):
            raise ParameterInvalid("autoSplit needs maxSplitShard")
        now = int(self._clock.now().timestamp())
        document = {"mode": "standard", **body, "createTime": now, "lastModifyTime": now}
        self.store.add(project, LOGSTORE, wanted, document)

    def _create_index(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> None:
        self.store.get(project, LOGSTORE, name)
        Index(body)
        # Logs that were written before are not searched.
        document = {"index": body, "since": self._clock.now().timestamp()}
        self.store.add(project, INDEX, name, document)

    def _update_index(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> None:
        kept = self._kept_index(project, name)
        Index(body)
        self.store.keep(project, INDEX, name, {**kept, "index": body})

    def _get_index(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> dict[str, Any]:
        kept = self._kept_index(project, name)
        return {"index_mode": "v2", "storage": "pg", "ttl": 30, **kept["index"]}

    def _kept_index(self, project: str, logstore: str) -> dict[str, Any]:
        self.store.get(project, LOGSTORE, logstore)
        return self.store.get(project, INDEX, logstore)

    def _get_logs(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> dict[str, Any]:
        kept = self._kept_index(project, name)
        index = Index(kept["index"])
        begin, end = body.get("from"), body.get("to")
        if not isinstance(begin, int) or not isinstance(end, int) or begin >= end:
            raise ParameterInvalid(f"from {begin!r} must be an earlier second than to {end!r}")
        line, offset = body.get("line", MOST_LINES), body.get("offset", 0)
        if not isinstance(line, int) or not 0 <= line <= MOST_LINES:
            raise ParameterInvalid(f"line must be 0 to {MOST_LINES}")
        search, _, sql = str(body.get("query") or "*").partition("|")
        found, topic = matcher(search, index), body.get("topic") or ""
        logs = [
            log
            for log in self.store.logs(project, name, kept["since"])
            if begin <= int(log["__time__"]) < end and topic in ("", log["__topic__"]) and found(log)
        ]
        if sql.strip():
            rows: list[Any] = analyse(sql.strip(), index, logs)
        else:
            # Stable: logs of one second stay in the order in which they came.
            logs.sort(key=lambda log: int(log["__time__"]), reverse=bool(body.get("reverse")))
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

    def _list_searches(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> dict[str, Any]:
        names, total = _page(self.store.names(project, SEARCH), query)
        found = [self.store.get(project, SEARCH, one) for one in names]
        return {"count": len(found), "total": total, "savedsearchItems": found}

    def _create_search(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> None:
        for field in ("savedsearchName", "displayName", "logstore", "searchQuery"):
            if not isinstance(body.get(field), str) or not body[field]:
                raise ParameterInvalid(f"{field} is missing")
        _check_name("savedsearchName", body["savedsearchName"])
        self.store.get(project, LOGSTORE, body["logstore"])
        self.store.add(project, SEARCH, body["savedsearchName"], body)

    def _create_alert(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> None:
        for field in ("name", "displayName", "configuration", "schedule"):
            if not body.get(field):
                raise ParameterInvalid(f"{field} is missing")
        _check_name("name", body["name"])
        configuration = body["configuration"]
        missing = [field for field in _ALERT_NEEDS if configuration.get(field) in (None, [])]
        if missing:
            raise ParameterInvalid(f"configuration lacks {', '.join(missing)}")
        for asked in configuration["queryList"]:
            missing = [field for field in _QUERY_NEEDS if not asked.get(field)]
            if missing:
                raise ParameterInvalid(f"a query lacks {', '.join(missing)}")
            if self.store.find(asked["project"], LOGSTORE, asked["store"]) is None:
                raise NotThere(LOGSTORE, asked["store"])
        now = int(self._clock.now().timestamp())
        kept = {**body, "status": "ENABLED", "createTime": now, "lastModifiedTime": now}
        self.store.add(project, ALERT, body["name"], kept)

    def _list_alerts(self, project: str, name: str, body: Any, query: Mapping[str, str]) -> dict[str, Any]:
        names, total = _page(self.store.names(project, ALERT), query)
        found = [self.store.get(project, ALERT, one) for one in names]
        return {"count": len(found), "total": total, "results": found}


def _name_in(path: str) -> str:
    parts = path.split("/")
    return parts[2] if len(parts) > 2 else ""


def _content(body: bytes) -> Any:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        raise RequestRefused(400, "PostBodyInvalid", "the body is not JSON") from None
    if not isinstance(content, dict):
        raise RequestRefused(400, "PostBodyInvalid", "the body is no JSON object")
    return content


def _check_name(field: str, name: Any) -> None:
    if not isinstance(name, str) or not _THING_NAME.fullmatch(name):
        raise ParameterInvalid(f"{field} {name!r} is invalid")


def _page(items: list[str], query: Mapping[str, str]) -> tuple[list[str], int]:
    offset, size = query.get("offset", "0"), query.get("size", "100")
    if not (offset.isdigit() and size.isdigit()) or int(size) > 500:
        raise ParameterInvalid("offset and size must be numbers, size at most 500")
    return items[int(offset) : int(offset) + int(size)], len(items)


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
