"""A workshop for each test, cut off from the package indexes of this machine."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from layers.build import main
from tests.layers.workshop import Workshop


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv")


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two builds of the real layer and the real code for this machine, made apart, once for all workers."""
    of_worker = tmp_path_factory.getbasetemp()
    shared = of_worker.parent if "PYTEST_XDIST_WORKER" in os.environ else of_worker
    places = shared / "one", shared / "two"
    with (shared / "builds.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for place in places:
            if not place.exists():
                assert main(["--local", "--output", str(place)]) == 0
    return places


@pytest.fixture
def workshop(
    tmp_path: Path,
    uv_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Workshop:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    workshop = Workshop(tmp_path, capsys)
    settings = tmp_path / "uv.toml"
    settings.write_text(f"no-index = true\nfind-links = [{json.dumps(str(workshop.house))}]\n")
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    monkeypatch.setenv("UV_CACHE_DIR", str(uv_cache))
    return workshop
