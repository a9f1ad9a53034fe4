"""``python -m proof.races``: run the races and print what they end in; ``--deep`` takes minutes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import click

from proof.races.cases import LOST_ANSWERS, SCHEDULES, SECOND_LOOK, TOOLS
from proof.races.end_states import Labels, Others
from proof.races.figures import Figures, count, courses, is_reduced_without_loss
from proof.races.scenario import ONE_TASK, TWO_TASKS, Handlers, Look, Other, Scenario, Trouble
from proof.races.scheduler import Workers

THREE = Handlers(newer="newer", older="older", again="newer")


def deep() -> Iterator[tuple[Scenario, bool]]:
    """Larger races, and whether every call of them is chosen."""
    for other in (None, *Other):
        yield Scenario(ONE_TASK, other, look=Look.ANY_TIME), True
    for other in (None, Other.ADDING):
        yield Scenario(TWO_TASKS, other), True
    for look in Look:
        yield Scenario(THREE, look=look), False
    yield Scenario(THREE, Other.ADDING), False
    for trouble in Trouble:
        for who in TWO_TASKS:
            for other in TOOLS:
                yield Scenario(TWO_TASKS, other, trouble=(who, trouble)), False
            yield Scenario(TWO_TASKS, Other.CAREFUL, look=Look.LATER, trouble=(who, trouble)), False


def line(scenario: Scenario, thorough: bool, found: Figures, seconds: float) -> str:
    """One race on one line."""
    words = [
        str(scenario.handlers),
        scenario.together.value if len(scenario.handlers) > 1 else "",
        scenario.other.value if scenario.other else "",
        f"second look {scenario.look.value}" if scenario.look is not Look.OFF else "",
        f"the first write of {scenario.trouble[0]} {scenario.trouble[1].value}" if scenario.trouble else "",
        "every call chosen" if thorough else "",
    ]
    labels = (f"{found.labels(kind)} {kind.value}" for kind in Labels if found.labels(kind))
    numbers = [*labels, f"{found.others(Others.UNDONE)} with a change undone", f"{seconds:.1f} s"]
    return f"{found.schedules:7,} schedules: {'; '.join(filter(None, words))}\n{'':19}{', '.join(numbers)}"


def broken(scenario: Scenario, found: Figures) -> list[str]:
    """The promises that a race does not keep."""
    promises = {
        "a tag of others was lost that had been read": found.forgetful,
        "labels were mixed": found.labels(Labels.MIXED),
        "tags of others were mixed": found.others(Others.MIXED),
    }
    if scenario.look is Look.LATER and _is_repairable(scenario):
        promises["a second look that came late enough left wrong labels"] = found.wrong
    return [f"{promise}: {number} schedules" for promise, number in promises.items() if number]


def _is_repairable(scenario: Scenario) -> bool:
    """Whether a second look can find all that is wrong.

    It cannot where the other comes later still, nor where a write that arrives late hides from it what a
    tool has read.
    """
    late = scenario.trouble is not None and scenario.trouble[1] is Trouble.LATE
    return scenario.other in (None, Other.CAREFUL, Other.ADDING) and not (late and scenario.other)


@click.command()
@click.option("--deep", "deeply", is_flag=True, help="Run the larger races too.")
def main(deeply: bool) -> None:
    """Run every order of the calls of each race, and print what it ends in."""
    races = [(scenario, False) for scenario in (*SCHEDULES, *SECOND_LOOK, *LOST_ANSWERS)]
    total, failed = 0, False
    with Workers() as workers:
        for scenario, thorough in races + list(deep() if deeply else ()):
            started = time.monotonic()
            found = count(scenario, courses(scenario, workers, thorough=thorough))
            click.echo(line(scenario, thorough, found, time.monotonic() - started))
            total += found.schedules
            promises = broken(scenario, found)
            if thorough and not is_reduced_without_loss(scenario, workers):
                promises.append("a step that is not chosen otherwise makes a difference")
            for promise in promises:
                failed = True
                click.echo(f"{'':19}BROKEN: {promise}")
    click.echo(f"{total:7,} schedules in all")
    sys.exit(int(failed))


if __name__ == "__main__":
    main(prog_name="python -m proof.races")
