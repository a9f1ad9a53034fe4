"""Every input that fuzzing kept, given to every target once more, and some that hypothesis makes of them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proof.fuzz import corpus, undirected
from proof.fuzz.targets import NAMES, Target, load
from proof.fuzz.watchdog import Watchdog
from tests.hostile.bounds import MEGABYTES, SECONDS

KEPT = {name: corpus.inputs(corpus.directory(name)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_kept_and_small(name: str) -> None:
    assert 5 <= len(KEPT[name]) <= corpus.MOST_FILES
    assert max(map(len, KEPT[name])) <= corpus.MOST_BYTES
    for path in corpus.directory(name).iterdir():
        assert path.name == corpus.file_name(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_no_kept_input_breaks_a_promise_of_any_target(name: str) -> None:
    watchdog, target = Watchdog(SECONDS, MEGABYTES), load(name)
    inputs = {data for kept in KEPT.values() for data in kept} | set(target.seeds)
    for data in inputs:
        watchdog.run(target.run, data)
    assert len(inputs) > 100


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_made_of_them_does(name: str) -> None:
    target, watchdog = load(name), Watchdog(SECONDS, MEGABYTES)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def explore(data: st.DataObject) -> None:
        watchdog.run(target.run, data.draw(undirected.inputs(name)))

    explore()


@pytest.mark.parametrize("name", NAMES)
def test_the_kept_inputs_reach_the_lines_that_the_target_is_about(name: str) -> None:
    from proof.fuzz.reach import Reach

    target: Target = load(name)
    reached, there = Reach(target).lines(KEPT[name])
    assert reached > there / 2
