"""The page of one video: one file that stands alone and asks for nothing but the video."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

_PARTS = Path(__file__).parent
_PLACE = re.compile(r"@(policy|title|style|body|scripts)@")


@dataclass(frozen=True)
class Footage:
    """Where the browser finds the video: a URL, or a path beside the page; until when, in UTC, or ""."""

    url: str
    expires: str = ""


def video_page(data: Mapping[str, Any], footage: Footage | None, *, home: str = "") -> str:
    """The page of a video as HTML; ``data`` is a View's, ``home`` a page to go back to.

    Whatever is shown of names, labels and keys is in a block of data, from which the script takes it as text.
    """
    content = {
        **data,
        "video": footage.url if footage else None,
        "expires": footage.expires if footage else "",
        "home": home,
    }
    return assembled(
        body=part("page.html"),
        title=str(data["object"]) or str(data["task"]),
        style=part("page.css"),
        script=part("page.js"),
        data=content,
        sources={"media-src": _source(footage)} if footage else {},
    )


def assembled(
    *,
    body: str,
    title: str,
    style: str,
    script: str = "",
    data: Mapping[str, Any] = MappingProxyType({}),
    sources: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A page out of its parts, ``body`` as HTML; ``data`` is what its script finds, if it has one.

    Its policy allows its own style and script, and what ``sources`` adds.
    """
    directives = {
        "default-src": "'none'",
        "script-src": _digest(script) if script else "'none'",
        "style-src": _digest(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        **sources,
    }
    # A script element ends at the first "</script", and takes "<!--" for a beginning.
    block = json.dumps(dict(data), separators=(",", ":")).replace("<", "\\u003c")
    scripts = f'<script type="application/json" id="data">{block}</script>\n<script>{script}</script>\n'
    parts = {
        "policy": html.escape("; ".join(f"{name} {value}" for name, value in directives.items())),
        "title": html.escape(title),
        "style": style,
        "body": body,
        "scripts": scripts if script else "",
    }
    # In one pass: what is put in may hold the mark of another place.
    return _PLACE.sub(lambda match: parts[match[1]], part("frame.html"))


def part(name: str) -> str:
    """A file that pages are made of."""
    return (_PARTS / name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _source(footage: Footage) -> str:
    """What the policy lets the video come from: its origin, or files for a path beside the page."""
    parts = urlsplit(footage.url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "file:"
