"""``python -m proof.fuzz``: search for input that breaks a promise; exit status 1 where there is some.

Hypothesis makes input for every promise. Where atheris is installed, those about bytes are searched once
more, guided by the code that is reached.
"""

from __future__ import annotations

import importlib.util
import secrets
import sys
from pathlib import Path

import click
from hypothesis.database import DirectoryBasedExampleDatabase

from proof.fuzz import guided
from proof.fuzz.bounds import SECONDS_OF_A_SEARCH
from proof.fuzz.promises import PROMISES, search

FOUND = Path(__file__).parent.parent.parent / ".hypothesis" / "fuzz"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PROMISES)), metavar="[PROMISE]...")
@click.option("--seconds", default=30.0, show_default=True, help="For each promise.")
@click.option(
    "--batch", default=1000, show_default=True, help="The inputs that are tried before the time is looked at."
)
@click.option("--seed", type=int, help="The same seed tries the same inputs.")
def main(names: tuple[str, ...], seconds: float, batch: int, seed: int | None) -> None:
    """Search for input that breaks a promise, of those named or of all.

    What breaks one is shown, and tried first by the next search.
    """
    is_guided = importlib.util.find_spec("atheris") is not None
    if not is_guided:
        click.echo("atheris is not installed: no search is guided by the code that is reached.")
    seed = secrets.randbelow(2**31) if seed is None else seed
    click.echo(f"Seed {seed}.")
    broken = False
    for name in names or PROMISES:
        promise, database = PROMISES[name], DirectoryBasedExampleDatabase(FOUND / name)
        try:
            found = search(
                promise,
                seconds=seconds,
                batch=batch,
                seed=seed,
                database=database,
                limit=SECONDS_OF_A_SEARCH,
            )
            click.echo(f"{name:<14} {found.inputs:>9,} inputs  slowest {found.slowest_seconds:.3f} s")
        except Exception as error:
            broken = True
            notes = "\n".join(getattr(error, "__notes__", []))
            click.echo(f"BROKEN PROMISE of {name}: {type(error).__name__}: {error}\n{notes}")
        if is_guided and promise.data is not None:
            reached = guided.search(name, promise.data, seconds=seconds, seed=seed, findings=FOUND / name)
            if reached.broken:
                broken = True
                click.echo(f"BROKEN PROMISE of {name}: {reached.broken}")
            else:
                click.echo(
                    f"{name:<14} {reached.inputs:>9,} inputs  guided, {reached.kept} of them new and kept"
                )
    sys.exit(int(broken))


if __name__ == "__main__":
    main(prog_name="python -m proof.fuzz")
