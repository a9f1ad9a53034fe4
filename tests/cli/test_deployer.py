"""What an ``s.yaml`` declares is deployed to the local cloud by the calls of its API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.checkout import DEPLOYMENT, KEEPING, ROOT, TAGGING
from cli.deployer import NotDeployed, deploy
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.fc.declaration import FunctionDeclaration

VARIABLES = {"FAILED_EVENTS": "oss://media/failed"}


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    (tmp_path / "layer" / "python").mkdir(parents=True)
    (tmp_path / "layer" / "python" / "dependency.py").write_text("")
    return tmp_path / "layer"


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig()) as cloud:
        yield cloud


def plain(function: FunctionDeclaration) -> FunctionDeclaration:
    """A function without what only the API knows of it, or only the file."""
    return replace(
        function,
        resource="",
        code=Path(),
        opt=None,
        package=None,
        changed=None,
        async_invoke=replace(function.async_invoke, changed=None),
        triggers=tuple(replace(trigger, changed=None) for trigger in function.triggers),
    )


@pytest.mark.parametrize("file", ["s.yaml", "s.eventbridge.yaml"])
def test_what_is_deployed_is_what_the_file_declares(cloud: LocalCloud, layer: Path, file: str) -> None:
    declared = deploy(cloud, ROOT / file, VARIABLES, layer)
    assert sorted(declared.resources) == [KEEPING, TAGGING]
    deployed = cloud.functions.deployment.functions
    assert {name: plain(one) for name, one in deployed.items()} == {
        name: plain(one) for name, one in declared.functions.items()
    }


def test_an_unchanged_layer_is_published_once_and_a_changed_setting_arrives(
    cloud: LocalCloud, layer: Path
) -> None:
    deploy(cloud, DEPLOYMENT, VARIABLES, layer)
    deploy(cloud, DEPLOYMENT, {**VARIABLES, "LABEL_LIMIT": "3"}, layer)
    tagging = cloud.functions.deployment.functions["imm-label-tags"]
    assert tagging.layers[0].endswith("/versions/1")
    assert tagging.environment["LABEL_LIMIT"] == "3"
    # Another layer is another version.
    (layer / "python" / "dependency.py").write_text("changed = True\n")
    deploy(cloud, DEPLOYMENT, VARIABLES, layer)
    assert cloud.functions.deployment.functions["imm-label-tags"].layers[0].endswith("/versions/2")


def test_what_function_compute_refuses_is_told(
    cloud: LocalCloud, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.fc.packages.INLINE_PACKAGE", 10)
    with pytest.raises(NotDeployed, match=r"s\.yaml cannot be deployed: code size exceeds"):
        deploy(cloud, DEPLOYMENT, VARIABLES, layer)
