"""Serves the pages on loopback. They only read: nothing that a browser can send changes anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from cli.clients import access_to
from cli.manifest.function import TAGGING_HANDLER
from cli.overview.contents import Contents
from cli.problems import Problem
from cli.show.lookup import Found, Lookup, NoResult
from cli.show.page import assembled, part, video_page
from imm_label_tags.errors import InvalidSetting, TargetUnknown
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.settings import Settings, read_settings
from localcloud.cloud import LocalCloud
from localcloud.same_origin import SameOrigin
from localcloud.server import HttpServer, listen

_LIFETIME = timedelta(days=1)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@contextmanager
def serving_pages(cloud: LocalCloud, port: int) -> Iterator[str]:
    """Serve a cloud's pages at a port, 0 for a free one, and give their URL; raises PortInUse."""
    sock = listen("The page", cloud.config.host, port)
    server = HttpServer(SameOrigin(Pages(cloud).app), sock)
    cloud.run(server.start())
    try:
        yield f"http://{cloud.config.host}:{sock.getsockname()[1]}/"
    finally:
        cloud.run(server.stop())


class Pages:
    """The list of everything, its contents as JSON, the log of an invocation, and the page of an object.

    They are answered in threads: what they look at is served by the event loop that serves them.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._contents = Contents(cloud)
        self.app = Starlette(
            routes=[
                Route("/", self._list, methods=["GET"]),
                Route("/contents", self._lists, methods=["GET"]),
                Route("/log", self._log, methods=["GET"]),
                Route("/video", self._video, methods=["GET"]),
            ]
        )

    def _list(self, request: Request) -> Response:
        page = assembled(
            body=_part("overview.html"),
            title="imm-label-tags serve",
            style=part("page.css") + _part("overview.css"),
            script=_part("overview.js"),
            sources={"connect-src": "'self'"},
        )
        return HTMLResponse(page, headers=_HEADERS)

    def _lists(self, request: Request) -> Response:
        content = json.dumps(self._contents.lists()).encode()
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        headers = {**_HEADERS, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="application/json", headers=headers)

    def _log(self, request: Request) -> Response:
        query = request.query_params
        lines = self._contents.log(query.get("function", ""), query.get("request", ""))
        return Response(json.dumps(lines), media_type="application/json", headers=_HEADERS)

    def _video(self, request: Request) -> Response:
        try:
            target = TargetObject.from_uri(request.query_params.get("uri", ""))
            page = self._page(target)
        except (TargetUnknown, InvalidSetting) as error:
            return PlainTextResponse(str(error), 404, _HEADERS)
        except Problem as error:
            return PlainTextResponse(error.message, 404, _HEADERS)
        return HTMLResponse(page, headers=_HEADERS)

    def _page(self, target: TargetObject) -> str:
        settings = self._settings()
        account, archive = self._cloud.config.account_id, settings.result_archive
        lookup = Lookup(access_to(self._cloud), account, (), settings.namespace, archive)
        try:
            found = lookup.by_object(target)
        except NoResult:
            found = Found.without_result(target, lookup.state(target))
        view = found.view(settings, self._cloud.config.accept_unicode_tags)
        return video_page(view.page(), lookup.footage(target, _LIFETIME), home="/")

    def _settings(self) -> Settings:
        """The settings of the function that is deployed, else the defaults."""
        function = self._contents.handled_by(TAGGING_HANDLER)
        return (
            read_settings({}, Path())
            if function is None
            else read_settings(function.environment, function.code)
        )


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")
