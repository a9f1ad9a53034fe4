"""What the layer is built in, and the real layer, which is built once for all workers."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from cli.checkout import ROOT
from layers.build import main
from layers.target import local_target
from tests.layers.workshop import Workshop

BUILT = ROOT / "layers" / "build"


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real layer and the real code for this machine: what `make setup` has built, and the rest of it.

    The first worker makes it for all of them.
    """
    of_worker = tmp_path_factory.getbasetemp()
    shared = of_worker.parent if "PYTEST_XDIST_WORKER" in os.environ else of_worker
    place, name = shared / "build", local_target().name
    with (shared / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            place.mkdir()
            if (BUILT / name).is_dir():
                shutil.copytree(BUILT / name, place / name)
            for file in BUILT.glob(f"{name}.*"):
                shutil.copy(file, place)
            assert main(["--local", "--output", str(place)]) == 0
    return place


@pytest.fixture
def workshop(tmp_path: Path, uv_cache: Path) -> Workshop:
    return Workshop(tmp_path, uv_cache)


@pytest.fixture(scope="module")
def new_workshop(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Workshop:
    """One for all tests of a module, which look at what was built there."""
    return Workshop(tmp_path_factory.mktemp("workshop"), uv_cache)
