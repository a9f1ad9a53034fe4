from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.report.library import PROJECT, Library


@pytest.fixture(scope="package")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig(policies=True)) as cloud:
        cloud.call(cloud.media.put_project, PROJECT)
        yield cloud


@pytest.fixture
def library(cloud: LocalCloud) -> Library:
    return Library(cloud, f"media-{secrets.token_hex(4)}")
