"""Lies beside the function's code: what it has imported and sent, and a handler that never waits.

Each is called as a handler. What this module imports cannot be seen to be imported by the function.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from typing import Any

# Importing these beforehand, in the ordinary way, leaves nothing that could be deferred.
WHOLE = ("alibabacloud_imm20200930.client", "alibabacloud_oss_v2")
# They tell of the moment, of chance, and of the signature over both.
CHANGING = frozenset({"authorization", "date", "x-acs-date", "x-acs-signature-nonce", "x-oss-date"})

before = set(sys.modules)
sent: list[str] = []
handle: Any = None


def modules(event: bytes, context: Any) -> list[str]:
    """The modules that have been imported since this one, by the names under which they know themselves."""
    # Some are known under a second name too.
    own = {name for name, module in sys.modules.items() if module.__name__ == name}
    return sorted(own - before)


def run(event: bytes, context: Any) -> str:
    """Run Python; returns what it left in ``said``."""
    scope: dict[str, Any] = {}
    exec(event, scope)
    return str(scope["said"])


def begin(event: bytes, context: Any) -> None:
    """Build an instance that never waits, and record what it sends; with ``whole`` nothing is deferred."""
    global handle
    if event == b"whole":
        for name in WHOLE:
            importlib.import_module(name)
    from imm_label_tags.retries import RetryPolicy
    from imm_label_tags.tagging.instance import Instance

    retry_policy = RetryPolicy(max_snapshot_age=math.inf, sleep=lambda seconds: None)
    handle = Instance(os.environ, context, retry_policy).handle
    _record_requests()


def answer(event: bytes, context: Any) -> str:
    """How the function ends for an event, and the requests that it sends: each with its headers."""
    sent.clear()
    try:
        end = handle(event, context)
    except Exception as error:
        end = {"error": type(error).__name__, "said": str(error)}
    return json.dumps({"end": end, "requests": sorted(sent)})


def _record_requests() -> None:
    from http.client import HTTPConnection

    put_request, put_header = HTTPConnection.putrequest, HTTPConnection.putheader
    end_headers = HTTPConnection.endheaders
    parts: dict[int, list[str]] = {}

    def request(self: Any, method: str, url: str, *arguments: Any, **named: Any) -> None:
        parts[id(self)] = [f"{method} {url}"]
        put_request(self, method, url, *arguments, **named)

    def header(self: Any, name: Any, *values: Any) -> None:
        text = name.decode() if isinstance(name, bytes) else name
        shown = "" if text.lower() in CHANGING else " ".join(map(str, values))
        parts[id(self)].append(f"{text.lower()}: {shown}")
        put_header(self, name, *values)

    def end(self: Any, *arguments: Any, **named: Any) -> None:
        sent.append("\n".join([parts[id(self)][0], *sorted(parts[id(self)][1:])]))
        end_headers(self, *arguments, **named)

    HTTPConnection.putrequest = request  # type: ignore[method-assign]
    HTTPConnection.putheader = header  # type: ignore[method-assign,assignment]
    HTTPConnection.endheaders = end  # type: ignore[method-assign]
