"""The engine for a Python that atheris has no release for: hypothesis, which mutates the kept inputs."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from proof.fuzz import corpus
from proof.fuzz.targets import load
from proof.fuzz.watchdog import Watchdog


def inputs(name: str) -> st.SearchStrategy[bytes]:
    """Any bytes, what a target's search begins with, and that with a piece replaced by bytes or by a word."""
    target = load(name)
    kept = st.sampled_from([b"", *target.seeds, *corpus.inputs(corpus.directory(name))])
    pieces = st.binary(max_size=16) | st.sampled_from(target.words or (b"",))
    return st.binary(max_size=2000) | st.builds(_replaced, kept, st.integers(0), st.integers(0, 16), pieces)


def _replaced(data: bytes, start: int, length: int, piece: bytes) -> bytes:
    start %= len(data) + 1
    return data[:start] + piece + data[start + length :]


def search(name: str, executions: int, first: int) -> tuple[int, float]:
    """Run a target so many times; returns how often it ran and the seconds of the slowest run.

    Raises what the target raises, with the smallest input that does so in a note.
    """
    target, watchdog = load(name), Watchdog()
    ran, slowest = 0, 0.0

    @seed(first)
    @settings(
        max_examples=executions,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(name))
    def execute(data: bytes) -> None:
        nonlocal ran, slowest
        ran += 1
        slowest = max(slowest, watchdog.run(target.run, data))

    execute()
    return ran, slowest
