"""A stand-in for atheris: it knows nothing of coverage, and gives a target the inputs that it was given.

As much of the real one's interface as ``proof.fuzz.guided`` uses: Setup, Fuzz, instrument_imports, options of
libFuzzer, an artifact and status 77 for a finding.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

_ended = 77
_setting: dict[str, object] = {}


@contextlib.contextmanager
def instrument_imports(include: list[str]) -> Iterator[None]:
    """Modules imported inside would be instrumented."""
    assert "imm_label_tags" in include
    yield
    if os.environ.get("ENGINE_BREAKS") and "proof.fuzz.targets.task" in sys.modules:
        sys.modules["proof.fuzz.targets.task"].__dict__["parse_time"] = lambda text: None


def Setup(arguments: list[str], target: Callable[[bytes], None]) -> None:  # noqa: N802
    """Take the options and the directories."""
    options = dict(word[1:].split("=", 1) for word in arguments[1:] if word.startswith("-"))
    folders = [Path(word) for word in arguments[1:] if not word.startswith("-")]
    _setting.update(target=target, options=options, folders=folders)


def Fuzz() -> None:  # noqa: N802
    """Run the inputs over and over; what is new goes into the first directory."""
    options, folders, target = _setting["options"], _setting["folders"], _setting["target"]
    assert isinstance(options, dict)
    assert isinstance(folders, list)
    assert callable(target)
    inputs = [path.read_bytes() for folder in folders for path in sorted(folder.iterdir())] or [b""]
    if os.environ.get("ENGINE_DIES"):
        os.kill(os.getpid(), 9)
    if os.environ.get("ENGINE_ENDS_EARLY"):
        sys.exit(0)
    for number in range(int(options["atheris_runs"])):
        data = inputs[number % len(inputs)] + bytes(number // len(inputs))
        (folders[0] / hashlib.sha256(data).hexdigest()).write_bytes(data)
        print(f"#{number} NEW cov: {number + 1} ft: 1")
        try:
            target(data)
        except BaseException:
            traceback.print_exc()
            Path(f"{options['artifact_prefix']}crash-1").write_bytes(data)
            sys.stdout.flush()
            os._exit(_ended)
    sys.exit(0)
