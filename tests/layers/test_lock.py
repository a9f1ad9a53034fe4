"""The lock file has to say exactly what is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.errors import RequirementNotLocked
from layers.lock import locked_for
from layers.target import RUNTIMES

HASH = "--hash=sha256:" + "0" * 64
PYTHON312, PYTHON310 = RUNTIMES["python3.12"], RUNTIMES["python3.10"]


def lock(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    return path


def test_names_are_canonical_and_continued_lines_are_one(tmp_path: Path) -> None:
    path = lock(
        tmp_path, f"# renewed by a tool\n\nTyping_Extensions==4.16.0 \\\n    {HASH} \\\n    {HASH}  # two\n"
    )
    locked = locked_for(PYTHON312, path)
    assert {name: str(one.version) for name, one in locked.items()} == {"typing-extensions": "4.16.0"}
    assert locked["typing-extensions"].line.split() == ["Typing_Extensions==4.16.0", HASH, HASH]


def test_markers_are_those_of_the_target_not_of_this_machine(tmp_path: Path) -> None:
    path = lock(
        tmp_path,
        f"multidict==7.1.0 ; python_full_version < '3.11' {HASH}\n"
        f"multidict==7.2.1 ; python_full_version >= '3.11' {HASH}\n"
        f"tzdata==2026.6 ; sys_platform == 'win32' {HASH}\n"
        f"cffi==2.1.1 ; platform_python_implementation != 'PyPy' and platform_machine == 'x86_64' {HASH}\n",
    )
    on_312, on_310 = locked_for(PYTHON312, path), locked_for(PYTHON310, path)
    assert {name: str(one.version) for name, one in on_312.items()} == {"multidict": "7.2.1", "cffi": "2.1.1"}
    assert {name: str(one.version) for name, one in on_310.items()} == {"multidict": "7.1.0", "cffi": "2.1.1"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (f"requests>=2 {HASH}", "does not name one version"),
        (f"requests==2.* {HASH}", "does not name one version"),
        (f"requests {HASH}", "does not name one version"),
        (f"requests==2.34.2,!=3 {HASH}", "does not name one version"),
        ("requests==2.34.2", "has no sha256 hash"),
        ("requests==2.34.2 --hash=md5:0123", "is no requirement with sha256 hashes"),
        ("-i https://packages.example.com", "is no requirement"),
        ("./requests", "is no requirement"),
        (f"requests==2.34.2 {HASH}\nRequests==2.34.1 {HASH}", "locks requests again for python3.12"),
    ],
)
def test_a_line_that_leaves_something_open_is_refused_by_name(tmp_path: Path, line: str, what: str) -> None:
    path = lock(tmp_path, line + "\n")
    with pytest.raises(RequirementNotLocked, match=what) as refused:
        locked_for(PYTHON312, path)
    assert line.splitlines()[-1].split(" --hash=sha256")[0] in str(refused.value)
