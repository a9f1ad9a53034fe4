"""The services' clock, whatever the machine's does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from localcloud.clock import Clock

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


class Machine:
    """A machine whose clock can be set."""

    def __init__(self) -> None:
        self.wall = NOON
        self.ticks = 5.0
        self.clock = Clock(lambda: self.wall, lambda: self.ticks)

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.ticks += seconds

    def seconds(self) -> float:
        return (self.clock.now() - NOON).total_seconds()


def test_it_shows_the_real_time() -> None:
    machine = Machine()
    machine.pass_by(3)
    assert machine.seconds() == 3


def test_a_machine_that_slept_has_the_time_of_its_waking() -> None:
    machine = Machine()
    machine.wall += timedelta(hours=8)
    assert machine.seconds() == 8 * 3600


def test_it_goes_on_where_the_machines_clock_leaps_back() -> None:
    machine = Machine()
    machine.pass_by(3)
    machine.wall -= timedelta(hours=1)
    assert machine.seconds() == 3
    machine.pass_by(2)
    assert machine.seconds() == 5


def test_it_can_be_moved() -> None:
    machine = Machine()
    machine.clock.advance(60)
    machine.pass_by(1)
    assert machine.seconds() == 61
