"""What Serverless Devs was recorded to make of a file; run as a program, it records anew what is installed.

A recording is what `s preview --template s.yaml --output json` printed, without the warnings before the
first brace, in an environment that sets none of the file's variables. It stands in for Serverless Devs where
that is not installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.deployment_check.serverless_devs import Absent, render
from tests.serverless_devs import PATH, ROOT, installed

RECORDINGS = Path(__file__).parent / "renderings"
# Every file that can be deployed, and one with what readers of YAML disagree about.
TEMPLATES = (*sorted(ROOT.glob("s*.yaml")), RECORDINGS / "quirks.yaml")


def recorded(template: Path) -> Mapping[str, Any]:
    """The recorded rendering of a file."""
    content: Mapping[str, Any] = json.loads(_recording(template).read_text("utf-8"))
    return content


def record() -> None:
    """Record every file."""
    found = installed()
    if isinstance(found, Absent):
        raise SystemExit(f"{found.why}: nothing is recorded.")
    for template in TEMPLATES:
        content = render(found, template, {"PATH": PATH})
        text = json.dumps(content, indent=2, ensure_ascii=False)
        _recording(template).write_text(f"{text}\n", encoding="utf-8")
        print(f"{template.name} as Serverless Devs {found.version} renders it")


def _recording(template: Path) -> Path:
    return RECORDINGS / f"{template.name}.json"


if __name__ == "__main__":
    record()
