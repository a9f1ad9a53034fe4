"""The function in a process of its own: a fresh interpreter that has a code root, a layer, and nothing else.

Run by path it is that process: it imports and initializes the function, answers ``{}``, then reads events as
lines of JSON and answers each with the outcomes or the error and with the requests that were sent.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # What that process imports for itself cannot be seen to be imported by the function.
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

# They tell of the moment, of chance, and of the signature over both.
CHANGING = frozenset({"authorization", "date", "x-acs-date", "x-acs-signature-nonce", "x-oss-date"})
# Importing these beforehand, in the ordinary way, leaves nothing that could be deferred.
WHOLE = ("alibabacloud_imm20200930.client", "alibabacloud_oss_v2")


class FunctionProcess:
    """Starts the process; ``whole`` has the SDKs imported without deferring anything."""

    def __init__(
        self, code: Path, layer: Path, environment: Mapping[str, str], *, whole: bool = False, entry: str = ""
    ) -> None:
        import subprocess

        self._process = subprocess.Popen(
            [sys.executable, "-S", "-B", "-W", "ignore", __file__, code, layer, str(whole), entry],
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", **environment},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> FunctionProcess:
        assert self._answer() == {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def handle(self, event: object) -> dict[str, Any]:
        """How the function ends for an event: ``end`` and ``requests``."""
        return self._ask({"event": event})

    def modules(self) -> list[str]:
        """The modules that have been imported, by the names under which they know themselves."""
        return list(self._ask({"modules": True})["modules"])

    def run(self, source: str) -> str:
        """Run Python there; returns what it left in ``said``."""
        return str(self._ask({"run": source})["said"])

    def logged(self) -> Sequence[str]:
        """The messages that the function has logged as warnings."""
        return list(self._ask({"logged": True})["logged"])

    def _ask(self, question: Mapping[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the function's process ended with {self._process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        return answer


def _serve(code: str, layer: str, whole: str, entry: str) -> None:
    sys.path[:] = [code, layer, *sys.path[1:]]
    answers, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115
    lines: list[str] = []
    sys.stdout.write = lambda text: lines.append(text) or len(text)  # type: ignore[method-assign,func-returns-value]
    before = set(sys.modules)
    if whole == "True":
        for name in WHOLE:
            importlib.import_module(name)
    context = SimpleNamespace(request_id="request", region="cn-hangzhou", account_id="1234567890123456")
    handle = _entry(entry, context)
    requests = _record_requests()
    answers.write("{}\n")
    answers.flush()
    for line in sys.stdin:
        question = json.loads(line)
        requests.clear()
        if "event" in question:
            answer: dict[str, object] = {"end": _end(handle, question["event"], context)}
            answer["requests"] = sorted(requests)
        elif "run" in question:
            scope: dict[str, object] = {}
            exec(question["run"], scope)
            answer = {"said": scope["said"]}
        elif "logged" in question:
            logged = [json.loads(one) for one in lines]
            answer = {"logged": [one["message"] for one in logged if one["level"] == "WARNING"]}
        else:
            # Some are known under a second name too.
            own = {name for name, module in sys.modules.items() if module.__name__ == name}
            answer = {"modules": sorted(own - before)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _entry(entry: str, context: Any) -> Any:
    """The entry point where one is named, else an instance for which waiting takes no time."""
    if entry:
        module = importlib.import_module(entry)
        module.initialize(context)
        return module.handler
    from imm_label_tags.retries import RetryPolicy
    from imm_label_tags.tagging.instance import Instance

    retry_policy = RetryPolicy(max_snapshot_age=math.inf, sleep=lambda seconds: None)
    return Instance(os.environ, context, retry_policy).handle


def _end(handle: Any, event: object, context: Any) -> object:
    try:
        return handle(json.dumps(event).encode(), context)
    except Exception as error:
        return {"error": type(error).__name__, "said": str(error)}


def _record_requests() -> list[str]:
    """What is sent from now on: each request with its headers, less what changes each time."""
    from http.client import HTTPConnection

    sent: list[str] = []
    put_request, put_header = HTTPConnection.putrequest, HTTPConnection.putheader
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

    end_headers = HTTPConnection.endheaders
    HTTPConnection.putrequest = request  # type: ignore[method-assign]
    HTTPConnection.putheader = header  # type: ignore[method-assign,assignment]
    HTTPConnection.endheaders = end  # type: ignore[method-assign]
    return sent


if __name__ == "__main__":
    _serve(*sys.argv[1:])
