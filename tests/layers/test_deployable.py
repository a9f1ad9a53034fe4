"""The real layer and the real code, as they are deployed: the function runs from them and leaves no trace."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from layers import rehearsal
from layers.target import Host, local_target
from tests.layers.workshop import files_in

# Every call that the function makes, and where its modules have come from.
SCRIPT = """
import runpy, sys
rehearsal = runpy.run_path(sys.argv[1])
status = rehearsal["main"](*sys.argv[2:])
import tag_object
outside = [name for name, module in sys.modules.items()
           if "site-packages" in (getattr(module, "__file__", None) or "")]
print(status, tag_object.__file__, tag_object.__cached__, outside)
"""


def test_two_builds_are_the_same_to_the_byte(builds: tuple[Path, Path]) -> None:
    first, second = builds
    assert files_in(first) == files_in(second)
    assert not [
        path for path in files_in(first) if (first / path).read_bytes() != (second / path).read_bytes()
    ]


def unpacked(build: Path, directory: Path) -> Path:
    """What is uploaded, unpacked with new time stamps; what only this machine runs, as it is."""
    archive = Path(f"{build}.zip")
    if not archive.exists():
        return build
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory)
    return directory


def test_the_function_runs_from_read_only_directories_and_writes_nothing(
    builds: tuple[Path, Path], tmp_path: Path
) -> None:
    """Given an interpreter without packages; when it makes every call, then only byte code is read."""
    name = local_target(Host.running()).name
    code = unpacked(builds[0] / f"code-{name}", tmp_path / "code")
    opt = unpacked(builds[0] / name, tmp_path / "opt")
    before = files_in(code), files_in(opt)
    directories = [path for place in (code, opt) for path in (place, *place.rglob("*")) if path.is_dir()]
    for directory in directories:
        directory.chmod(0o555)
    try:
        shown = subprocess.run(
            [
                sys.executable,
                "-S",
                "-v",
                "-W",
                "ignore",
                "-c",
                SCRIPT,
                rehearsal.__file__,
                str(code),
                str(opt / "python"),
            ],
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for directory in directories:
            directory.chmod(0o755)
    assert shown.returncode == 0, shown.stderr[-2000:]
    cached = code / "__pycache__" / f"tag_object.{sys.implementation.cache_tag}.pyc"
    assert shown.stdout.split() == ["0", str(code / "tag_object.py"), str(cached), "[]"]
    # `python -v` says from which file each module's code comes.
    origins = [
        line.split()[-1].strip("'") for line in shown.stderr.splitlines() if "code object from" in line
    ]
    ours = [path for path in origins if path.startswith((str(code), str(opt)))]
    assert len(ours) > 150
    assert not [path for path in ours if not path.endswith(".pyc")]
    assert (files_in(code), files_in(opt)) == before
