"""The real layer and the real code, as they are deployed: the function runs from them and leaves no trace."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from layers import rehearsal
from layers.build import main
from layers.target import local_target
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


def test_two_builds_are_the_same_to_the_byte(build: Path, tmp_path: Path) -> None:
    assert main(["--local", "--output", str(tmp_path)]) == 0
    assert files_in(build) == files_in(tmp_path)
    assert not [
        path for path in files_in(build) if (build / path).read_bytes() != (tmp_path / path).read_bytes()
    ]


def unpacked(part: Path, directory: Path) -> Path:
    """What is uploaded, unpacked with new time stamps; what only this machine runs, as it is."""
    archive = Path(f"{part}.zip")
    if not archive.exists():
        return part
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory)
    return directory


def test_the_function_runs_from_read_only_directories_and_writes_nothing(build: Path, tmp_path: Path) -> None:
    """Given an interpreter without packages; when it makes every call, then only byte code is read."""
    name = local_target().name
    code = unpacked(build / f"code-{name}", tmp_path / "code")
    opt = unpacked(build / name, tmp_path / "opt")
    before = files_in(code), files_in(opt)
    directories = [path for place in (code, opt) for path in (place, *place.rglob("*")) if path.is_dir()]
    for directory in directories:
        directory.chmod(0o555)
    try:
        shown = subprocess.run(
            [
                *(sys.executable, "-S", "-v", "-W", "ignore", "-c", SCRIPT),
                *(rehearsal.__file__, str(code), str(opt / "python")),
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
