"""The command: ``python -m proof.fuzz run``, ``replay`` and ``reduce``.

run     search all targets, or those that are named; exit status 1 where a promise was broken
replay  give every kept input, or the files that are named, to its target
reduce  keep only the inputs that reach what the others do not
"""

from __future__ import annotations

import argparse
import importlib.util
import secrets
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from proof.fuzz import corpus, session
from proof.fuzz.targets import NAMES, load
from proof.fuzz.watchdog import Watchdog

EXECUTIONS = 1_000_000


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.command == "run":
        return _run(options)
    if options.command == "replay":
        return _replay(options)
    return _reduce(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proof.fuzz", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="search for bytes that break a promise")
    run.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    run.add_argument("--executions", type=int, default=EXECUTIONS, help="of all targets together")
    run.add_argument("--seed", type=int, help="repeats a run that began with the same kept inputs")
    run.add_argument("--engine", choices=["atheris", "hypothesis"], default="atheris")
    replay = commands.add_parser("replay", help="give inputs to their target again")
    replay.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    replay.add_argument("--input", type=Path, help="one file instead of the kept ones; needs one TARGET")
    reduce = commands.add_parser("reduce", help="drop kept inputs that reach nothing of their own")
    reduce.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    return parser


def _names(options: argparse.Namespace) -> list[str]:
    unknown = sorted(set(options.targets) - set(NAMES))
    if unknown:
        raise SystemExit(f"error: {', '.join(unknown)} is no target; there are {', '.join(NAMES)}")
    return options.targets or list(NAMES)


def _run(options: argparse.Namespace) -> int:
    names = _names(options)
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    parts = {name: load(name).share for name in names}
    executions = {name: -(-options.executions * part // sum(parts.values())) for name, part in parts.items()}
    print(f"{options.executions} executions over {len(names)} targets with {options.engine}, seed {seed}.")
    if options.engine == "hypothesis":
        return _run_undirected(executions, seed)
    if importlib.util.find_spec("atheris") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        print(
            f"error: atheris is not installed for Python {version}; add --engine hypothesis", file=sys.stderr
        )
        return 2
    started = time.monotonic()
    searches = []
    for name in names:
        searches.append(result := session.search(name, executions[name], seed))
        _show(result)
    broken = [result for result in searches if result.status]
    print(
        f"{sum(result.executions for result in searches)} executions in {time.monotonic() - started:.0f} s, "
        f"{sum(result.new_files for result in searches)} new files in {_relative(corpus.CORPUS)}, "
        f"{len(broken)} broken promises."
    )
    return 1 if broken else 0


def _show(result: session.Search) -> None:
    reached, there = result.lines
    print(
        f"{result.target:<13} {result.executions:>9} executions  {result.edges:>4} edges  "
        f"{reached:>3} of {there:>3} lines  slowest {result.slowest_seconds:.3f} s "
        f"({len(result.slowest)} bytes)  {result.kept_files} files kept, {result.new_files} of them new",
        flush=True,
    )
    if result.status:
        where = _relative(result.finding) if result.finding else f"no input (exit status {result.status})"
        print(f"\n{result.said[-6000:]}\nBROKEN PROMISE of {result.target}: {where}\n", flush=True)


def _run_undirected(executions: Mapping[str, int], seed: int) -> int:
    from proof.fuzz import undirected

    broken = 0
    for name, count in executions.items():
        try:
            ran, slowest = undirected.search(name, count, seed)
            print(f"{name:<13} {ran:>9} executions  slowest {slowest:.3f} s", flush=True)
        except Exception as error:
            broken += 1
            notes = "\n".join(getattr(error, "__notes__", []))
            print(f"BROKEN PROMISE of {name}: {type(error).__name__}: {error}\n{notes}", flush=True)
    return 1 if broken else 0


def _replay(options: argparse.Namespace) -> int:
    names = _names(options)
    if options.input is not None and len(options.targets) != 1:
        raise SystemExit("error: --input needs the one TARGET that the file is for")
    watchdog = Watchdog()
    for name in names:
        target = load(name)
        kept = corpus.inputs(corpus.directory(name))
        inputs = [options.input.read_bytes()] if options.input else kept
        slowest = max((watchdog.run(target.run, data) for data in inputs), default=0.0)
        print(f"{name:<13} {len(inputs):>4} inputs  slowest {slowest:.3f} s")
    return 0


def _reduce(options: argparse.Namespace) -> int:
    for name in _names(options):
        kept = corpus.inputs(corpus.directory(name))
        chosen = corpus.chosen(load(name), [], kept)
        corpus.replace(name, chosen)
        print(f"{name:<13} {len(chosen)} of {len(kept)} files kept")
    return 0


def _relative(path: Path) -> Path:
    return path.relative_to(session.ROOT)


if __name__ == "__main__":
    sys.path.insert(0, str(session.ROOT / "functions"))
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nInterrupted. What the finished targets found is kept.", file=sys.stderr)
        sys.exit(130)
