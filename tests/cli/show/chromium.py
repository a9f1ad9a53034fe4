"""Chromium without a window, driven through the DevTools protocol over a pipe (``--remote-debugging-pipe``).

Messages are JSON texts that end in a NUL byte: Chromium reads them from its descriptor 3 and writes to 4.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_SECONDS = 60.0
# Before Chromium starts, the pipe has to have the two numbers that it expects.
_START = (
    "import os, sys; read, write = map(int, sys.argv[1:3]); os.dup2(read, 3); os.dup2(write, 4); "
    "os.execvp(sys.argv[3], sys.argv[3:])"
)
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--hide-scrollbars=false",
)


def find_chromium() -> str | None:
    """The browser of this machine; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Chromium:
    """A running browser, with a new profile; ``page`` opens a tab of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()
        # Above the numbers that they are to have.
        inherited = [_above_ten(theirs[0]), _above_ten(ours[1])]
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START, *map(str, inherited), program),
                *_FLAGS,
                *as_root,
                f"--user-data-dir={profile}",
            ],
            pass_fds=inherited,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for descriptor in inherited:
            os.close(descriptor)
        self._in, self._out = ours[0], theirs[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._in, selectors.EVENT_READ)
        self._numbers = itertools.count(1)
        self._received = b""
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.call("Browser.close")
            self._process.wait(PATIENCE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._selector.close()
            os.close(self._in)
            os.close(self._out)

    @contextmanager
    def page(self, width: int = 1280, height: int = 900, language: str = "en-US") -> Iterator[Page]:
        """A tab with storage of its own, of a size in pixels."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.call(f"{domain}.enable")
            page.resize(width, height)
            page.call("Emulation.setLocaleOverride", locale=language)
            page.call("Network.setUserAgentOverride", userAgent="test", acceptLanguage=language)
            yield page
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)
            del self._pages[session]

    def call(self, method: str, session: str | None = None, /, **parameters: Any) -> Any:
        """Call a method of the protocol and give its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            answer = self.receive()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def receive(self) -> dict[str, Any]:
        """The next message; events are handed to their page first."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._received:
            assert self._selector.select(deadline - time.monotonic()), "Chromium does not answer"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "Chromium has ended"
            self._received += chunk
        text, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.hear(message["method"], message["params"])
        return message


class Page:
    """One tab. ``complaints`` is what its console says is wrong, ``requests`` every URL that it asked for."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self._loaded = False
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol for this tab."""
        return self._browser.call(method, self._session, **parameters)

    def hear(self, method: str, event: dict[str, Any]) -> None:
        """Take in an event of the protocol."""
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(event["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])

    def resize(self, width: int, height: int) -> None:
        """Give the tab another size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def darken(self, dark: bool = True) -> None:
        """Prefer a dark scheme, or a light one."""
        value = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def open(self, url: str) -> None:
        """Go to a URL and wait until it is loaded."""
        self._loaded = False
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self._browser.receive()

    def get(self, expression: str) -> Any:
        """The value of an expression of JavaScript, or what its promise gives."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true; it is looked at with every frame."""
        holds = self.get(
            "new Promise(resolve => { const ends = performance.now() + 20000; const look = () => "
            f"({condition}) ? resolve(true) : performance.now() > ends ? resolve(false) : "
            "setTimeout(look, 16); look(); })"
        )
        assert holds, f"It never became true: {condition}"

    def text(self, selector: str) -> str:
        """The text of an element as it is shown."""
        text: str = self.get(f"document.querySelector({json.dumps(selector)}).innerText")
        return text

    def press(self, key: str) -> None:
        """Press a key, as ``KeyboardEvent.key`` calls it."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Escape": 27, " ": 32, "ArrowUp": 38, "ArrowDown": 40}.get(key, 0)
        code = code or {"ArrowLeft": 37, "ArrowRight": 39, "Tab": 9, "Home": 36, "End": 35}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def type(self, text: str) -> None:
        """Write a text where the focus is."""
        self.call("Input.insertText", text=text)

    def click(self, x: float, y: float) -> None:
        """Click at a place in pixels."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Where an element is: left, top, width, height in pixels of the tab."""
        left, top, width, height = self.get(
            f"(box => [box.left, box.top, box.width, box.height])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        return left, top, width, height

    def screenshot(self, path: Path) -> None:
        """Keep the whole page as a PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))


def _above_ten(descriptor: int) -> int:
    import fcntl

    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)
    os.close(descriptor)
    return copy
