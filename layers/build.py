"""Builds the layer and the code package of each runtime: ``python -m layers.build``.

For a runtime python3.12 it leaves, in ``layers/build``:

    python3.12/python/    the layer
    python3.12.zip        the same, to publish
    python3.12.json       its report
    python3.12.cdx.json   its bill of materials (SBOM), CycloneDX 1.6
    code-python3.12/      the code package, with a zip file and a report likewise

It builds on any machine what Function Compute's Linux loads, from the wheels and hashes in
``layers/requirements.txt``. Two builds of the same give the same bytes. With ``--local`` it builds what runs
on this machine: the same layer where that loads here, else one of its own. The layer leaves out what the
function never imports; with ``--complete`` it has everything and is called python3.12-complete.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from layers.assembly import Part, build
from layers.errors import BuildError
from layers.installer import WheelInstaller, find_uv
from layers.interpreters import Interpreter, find_interpreter
from layers.parts import code_part, layer_part
from layers.report import text
from layers.target import RUNTIMES, Target, local_target

HERE = Path(__file__).parent
PARTS = ("layer", "code")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 1 where something could not be built, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    targets = [RUNTIMES[name] for name in options.runtime or ([] if options.local else RUNTIMES)]
    if options.local:
        targets.append(local_target())
    try:
        for target in {target.name: target for target in targets}.values():
            _build_target(target, options)
    except (BuildError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0


def _build_target(target: Target, options: argparse.Namespace) -> None:
    compiler = find_interpreter(target.version, os.environ)
    for part in _parts(target, options, compiler):
        built = build(part, options.output, compiler, force=options.force)
        if built.fresh:
            print(text(built.report, _shown(built.place)), flush=True)
        else:
            print(f"{_shown(built.place)} is up to date.", flush=True)


def _parts(target: Target, options: argparse.Namespace, compiler: Interpreter | None) -> Iterator[Part]:
    """What is asked for; the code once the layer is there, with which it is tried."""
    if "layer" in (options.part or PARTS):
        installer, code = WheelInstaller(find_uv(), os.environ), options.code.absolute()
        lock = options.lock.absolute()
        yield layer_part(target, lock, code, installer, compiler, complete=options.complete)
    if "code" in (options.part or PARTS):
        yield code_part(target, options.code, options.output.absolute() / target.name / "python", compiler)


def _shown(path: Path) -> str:
    """A path as the user would type it."""
    here = Path.cwd()
    absolute = path.absolute()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def _existing(written: str) -> Path:
    path = Path(written)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{written} does not exist")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m layers.build", description="Build the layer and the code package of each runtime."
    )
    runtimes = ", ".join(RUNTIMES)
    add = parser.add_argument
    add("--runtime", action="append", choices=list(RUNTIMES), help=f"repeatable; by default {runtimes}")
    add("--local", action="store_true", help="build what runs on this machine")
    add("--complete", action="store_true", help="leave nothing out of the layer")
    add("--part", action="append", choices=PARTS, help="repeatable; by default both")
    add("--output", type=Path, default=HERE / "build", help="default: layers/build")
    add("--lock", type=_existing, default=HERE / "requirements.txt", help="default: layers/requirements.txt")
    add("--code", type=_existing, default=HERE.parent / "functions", help="the code root; default: functions")
    add("--force", action="store_true", help="build also what is up to date")
    return parser


if __name__ == "__main__":
    sys.exit(main())
