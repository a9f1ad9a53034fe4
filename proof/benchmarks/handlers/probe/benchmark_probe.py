"""Looks at the process that it is called in; lies beside the handler of every subject."""

from __future__ import annotations

import resource
import sys
from typing import Any


def look(event: bytes, context: Any) -> dict[str, Any]:
    """CPU time in milliseconds since the process began, memory in MB, and the modules that are imported."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    modules = sorted(name for name in sys.modules if name != __name__)
    return {
        "cpu_milliseconds": (usage.ru_utime + usage.ru_stime) * 1000,
        "resident_megabytes": _resident(),
        "modules": modules,
    }


def _resident() -> float:
    with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - pathlib would be imported for it
        for line in status:
            if line.startswith(b"VmRSS:"):
                return int(line.split()[1]) / 1024
    raise RuntimeError("The system does not tell how much memory a process has.")
