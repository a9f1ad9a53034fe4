"""For which interpreter and system a layer is built."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from layers.target import RUNTIMES, Host, local_target

LINUX = Host("cpython", "3.12", "linux", "x86_64", ("glibc", "2.36"), "linux-x86_64")


def test_the_runtimes_take_what_their_debian_loads() -> None:
    assert {name: (one.version, one.glibc, one.platform) for name, one in RUNTIMES.items()} == {
        "python3.12": ("3.12", (2, 31), "x86_64-manylinux2014"),
        "python3.10": ("3.10", (2, 28), "x86_64-manylinux2014"),
    }


@pytest.mark.parametrize("version", ["3.12", "3.10"])
def test_a_machine_like_the_runtime_runs_the_layer_that_is_deployed(version: str) -> None:
    host = dataclasses.replace(LINUX, version=version)
    assert local_target(host) is RUNTIMES[f"python{version}"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"version": "3.11"}, "python3.11"),
        ({"version": "3.13"}, "python3.13"),
        # The name of the deployed layer stays free.
        (
            {"system": "darwin", "libc": ("", ""), "platform": "macosx-14.0-arm64"},
            "python3.12-macosx-14.0-arm64",
        ),
        ({"machine": "aarch64", "platform": "linux-aarch64"}, "python3.12-linux-aarch64"),
        ({"libc": ("glibc", "2.28")}, "python3.12-linux-x86_64"),
        ({"libc": ("", "")}, "python3.12-linux-x86_64"),
        ({"implementation": "pypy"}, "python3.12-linux-x86_64"),
    ],
)
def test_any_other_machine_gets_a_layer_of_its_own(change: dict[str, Any], name: str) -> None:
    target = local_target(dataclasses.replace(LINUX, **change))
    assert (target.name, target.platform, target.glibc, target.is_deployed) == (name, None, None, False)
    assert "not for Function Compute" in target.description


def test_the_running_machine_can_be_asked() -> None:
    assert local_target().name.startswith("python3.")
