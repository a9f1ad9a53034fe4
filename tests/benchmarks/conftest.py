"""One local cloud over TLS and the subjects of a benchmark, made of this environment's own packages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from cli.checkout import ROOT
from layers.target import Host
from localcloud.fc.environment import OWN_INTERPRETER
from proof.benchmarks.__main__ import declaration
from proof.benchmarks.function_process import Subject
from proof.benchmarks.measurements import Bench
from proof.benchmarks.region import Region, ServerCertificate, make_certificate, running_region
from proof.benchmarks.subjects import FUNCTION, HANDLERS, PROBE, Runtime


@pytest.fixture(scope="package")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="package")
def region(certificate: ServerCertificate) -> Iterator[Region]:
    with running_region(certificate.server) as region:
        yield region


@pytest.fixture(scope="package")
def runtime(certificate: ServerCertificate, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    directory = tmp_path_factory.mktemp("subjects")
    layer = directory / "layer"
    _link_packages(layer / "python", certificate.authority)
    subjects = {}
    for subject in ("function", "reference", "bare", "floor"):
        code = directory / subject
        shutil.copytree(ROOT / "functions" if subject == FUNCTION else HANDLERS / subject, code)
        shutil.copy(PROBE, code)
        name = f"python{Host.running().version}"
        subjects[subject] = Subject(subject, OWN_INTERPRETER, name, code, layer)
    return Runtime("3.12.1", subjects, {"function": 2_000_000, "reference": 16_000_000}, 200_000)


@pytest.fixture
def bench(runtime: Runtime, region: Region) -> Bench:
    return Bench(runtime, region, declaration(), runs=1, tell=lambda text: None)


def _link_packages(directory: Path, authority: Path) -> None:
    directory.mkdir(parents=True)
    bundle = Path(certifi.where())
    for entry in bundle.parent.parent.iterdir():
        if entry.name != bundle.parent.name:
            (directory / entry.name).symlink_to(entry)
    shutil.copytree(bundle.parent, directory / bundle.parent.name)
    trusted = bundle.read_bytes() + authority.read_bytes()
    (directory / bundle.parent.name / bundle.name).write_bytes(trusted)
