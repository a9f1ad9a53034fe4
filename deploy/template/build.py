"""Builds the package of the template: what is beside this file, and this checkout as its ``src``.

    python -m deploy.template.build

``package/imm-label-tags`` is what `s registry publish` takes, and ``package/imm-label-tags.zip`` the same for
`s init NAME --uri`. The project that `s init` makes of it is this checkout without its tests; the answers are
in its ``.env``. Names that end in ``.stpl``, and s.yaml, are rendered by Serverless Devs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from layers.archive import settle, write_zip

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = Path("deploy/template")
NAME = "imm-label-tags"
OUTPUT = ROOT / TEMPLATE / "package"
# What checks this checkout, measures it or makes the template is not part of a project.
NOT_IN_A_PROJECT = (".ci", "tests", "proof", str(TEMPLATE))
ACCESS = "access: default "
CHOSEN_ACCESS = 'access: "{{ access }}" '


class NotBuilt(Exception):
    """The message says why."""


def build(output: Path = OUTPUT) -> Path:
    """Build the package below a directory, which is replaced; gives its zip file. Raises NotBuilt."""
    tracked = _tracked()
    shutil.rmtree(output, ignore_errors=True)
    package = output / NAME
    for path in tracked:
        if path.is_relative_to(TEMPLATE):
            if path.suffix != ".py":
                _copy(path, package / path.relative_to(TEMPLATE))
        elif not any(path.is_relative_to(name) for name in NOT_IN_A_PROJECT):
            _copy(path, package / "src" / path)
    deployment = package / "src" / "s.yaml"
    text = deployment.read_text("utf-8")
    if text.count(ACCESS) != 1 or "{{" in text:
        raise NotBuilt(f"s.yaml must have `{ACCESS.strip()}` once, and no double brace of its own.")
    deployment.write_text(text.replace(ACCESS, CHOSEN_ACCESS), encoding="utf-8")
    settle(package)
    archive = output / f"{NAME}.zip"
    write_zip(package, archive)
    return archive


def _tracked() -> list[Path]:
    """The files under version control: nothing else that lies about may be published."""
    try:
        told = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        raise NotBuilt(f"{ROOT} is no checkout of git, which says what belongs to it.") from None
    return [Path(name) for name in told.split("\0") if name and (ROOT / name).exists()]


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / path, target)


def main() -> None:
    """Build it and say where it is."""
    try:
        archive = build()
    except NotBuilt as problem:
        sys.exit(f"error: {problem}")
    print(f"{archive.relative_to(ROOT)}: {archive.stat().st_size / 1e6:.1f} MB; try it:")
    print(f"s init my-project --uri {archive}")


if __name__ == "__main__":
    main()
