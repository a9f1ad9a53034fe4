"""``python -m proof.races``: run the races and print what they end in."""

from __future__ import annotations

import sys

import click

from proof.page import write_blocks
from proof.races.document import DOCUMENT, HANDLED, LOOK, LOST, OTHER, blocks, ends
from proof.races.figures import count, courses, figures
from proof.races.scenario import larger


@click.command()
@click.option("--write", is_flag=True, help="Write the tables into docs/RACES.md.")
@click.option("--deep", is_flag=True, help="Run larger races too, which takes minutes.")
def main(write: bool, deep: bool) -> None:
    """Run every order of the calls of each race, and print what it ends in.

    The exit status is 1 where a promise was broken: tags were mixed, or tags of others that had been read are
    lost.
    """
    found = figures()
    tables = blocks(found)
    click.echo("\n".join(tables.values()))
    if write:
        write_blocks(DOCUMENT, tables)
    if deep:
        more = {scenario: count(scenario, courses(scenario)) for scenario in larger()}
        click.echo(ends(more, more, HANDLED, OTHER, LOST, LOOK))
        found |= more
    click.echo(f"{sum(one.schedules for one in found.values()):,} schedules in all")
    if broken := sum(one.broken for one in found.values()):
        click.echo(f"BROKEN PROMISE in {broken} of them", err=True)
    sys.exit(int(broken > 0))


if __name__ == "__main__":
    main(prog_name="python -m proof.races")
