"""Where the function's requests go."""

from __future__ import annotations

from typing import Any

import pytest
from urllib3 import PoolManager
from urllib3.exceptions import ProtocolError

from imm_label_tags.errors import ServiceUnavailable
from tests.stage import CHAIR, Stage


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that are asked while nothing can be reached."""
    urls: list[str] = []

    def refuse(self: PoolManager, method: str, url: str, **_: Any) -> None:
        urls.append(url)
        raise ProtocolError("unreachable")

    monkeypatch.setattr(PoolManager, "urlopen", refuse)
    return urls


def test_imm_is_asked_in_the_region_over_tls_by_default(stage: Stage, asked: list[str]) -> None:
    stage.set(IMM_ENDPOINT="")
    with pytest.raises(ServiceUnavailable, match="unreachable"):
        stage.handle("task-1")
    assert all(url.startswith("https://imm.cn-hangzhou.aliyuncs.com/?") for url in asked)


def test_oss_is_asked_at_its_internal_endpoint_over_tls_by_default(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    stage.set(OSS_ENDPOINT="")
    urls: list[str] = []
    original = PoolManager.urlopen

    def refuse_oss(self: PoolManager, method: str, url: str, **options: Any) -> Any:
        if "aliyuncs.com" in url:
            urls.append(url)
            raise ProtocolError("unreachable")
        return original(self, method, url, **options)

    monkeypatch.setattr(PoolManager, "urlopen", refuse_oss)
    with pytest.raises(ServiceUnavailable, match="unreachable"):
        stage.handle(task_id)
    host = f"https://{stage.bucket}.oss-cn-hangzhou-internal.aliyuncs.com/videos/a.mp4"
    assert urls
    assert all(url.startswith(host) for url in urls)


def test_a_local_host_is_addressed_by_path(stage: Stage) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    stage.set(OSS_ENDPOINT=stage.cloud.endpoints.oss.replace("127.0.0.1", "localhost"))
    assert stage.handle(task_id)["status"] == "tagged"
