"""The pages of ``serve``: what they list, that they follow what happens, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from cli.checkout import DEPLOYMENT, FAILED_EVENTS, ROOT, layer
from cli.local_deployment import load_deployment
from cli.overview.server import serving_pages
from imm_label_tags.failures.failed_event import FailedEvent
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.imm.tasks import TaskRecord
from tests.cli.show.chromium import Chromium, Page
from tests.cli.show.films import VIDEO
from tests.cli.world import label

EVENTS = ROOT / "examples" / "events"
TOPIC = "imm-label-tags"
HOSTILE = "<img src=x onerror=alert(1)>"


class Region:
    """A local cloud with this checkout's functions, and its pages."""

    def __init__(self, cloud: LocalCloud, url: str) -> None:
        self.cloud = cloud
        self.url = url

    def upload(self, key: str, content: bytes = b"x", **tags: str) -> str:
        """An object; gives its URI."""
        self.cloud.call(self.cloud.objects.put_object, "media", key, content, tags)
        return f"oss://media/{key}"

    def analyse(self, uri: str, task_id: str, labels: list[dict[str, Any]], *, notify: bool) -> None:
        """A task about an object, that has ended."""
        start = (self.cloud.clock.now() + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
        request = {"SourceURI": uri, "Notification": {"MNS": {"TopicName": TOPIC}}}
        record = TaskRecord(
            project="immtest",
            task_id=task_id,
            start_time=start,
            status="Succeeded",
            labels=labels,
            request=request,
        )
        self.cloud.run(self.cloud.media.put_task(record, notify=notify))
        if notify:
            self.cloud.run(self.cloud.settled())


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    deployment = load_deployment(DEPLOYMENT, {"FAILED_EVENTS": FAILED_EVENTS})
    config = CloudConfig(deployment=deployment, layer=layer(), time_scale=0.001)
    with LocalCloud(config) as cloud, serving_pages(cloud, 0) as url:
        cloud.call(cloud.objects.create_bucket, "media")
        cloud.call(cloud.media.put_project, "immtest")
        yield Region(cloud, url)


def video_url(region: Region, uri: str) -> str:
    return f"{region.url}video?uri={quote(uri, safe='')}"


def test_it_lists_what_there_is_and_follows_what_happens(region: Region, page: Page) -> None:
    # Given the page, open
    page.open(region.url)
    page.wait("document.getElementById('state').textContent.includes('as it happens')")

    # When a video is uploaded, analysed and tagged
    uri = region.upload("videos/a b.webm", VIDEO.read_bytes(), team="a")
    region.analyse(uri, "task-1", [label("椅子", 0.9, (1000, 3000))], notify=True)

    # Then object, tags, task and invocation come up by themselves
    page.wait("document.getElementById('objects').textContent.includes('imm_yi-zi=yes')")
    assert "team=a" in page.text("#objects")
    assert "task-1" in page.text("#tasks")
    assert "1 label" in page.text("#tasks")
    page.wait("document.getElementById('invocations').textContent.includes('tagged')")
    # And the invocation's log is there on demand
    page.get("document.querySelector('#invocations summary').click()")
    page.wait("document.querySelector('#invocations pre').textContent.includes('tagged')")
    # And stays so while other things happen
    other = region.upload("videos/other.webm")
    page.wait(f"document.getElementById('objects').textContent.includes({json.dumps(other)})")
    assert page.get("document.querySelector('#invocations details').open")


def test_kept_events_are_listed_apart_from_objects(region: Region, page: Page) -> None:
    event = FailedEvent.read((EVENTS / "tasks" / "fc-failure-record.json").read_bytes())
    bucket, _, prefix = FAILED_EVENTS.removeprefix("oss://").partition("/")
    region.cloud.call(region.cloud.objects.put_object, bucket, event.key(prefix), event.document(), {})
    broken = f"{prefix}/2026-01-01/1-broken.json"
    region.cloud.call(region.cloud.objects.put_object, bucket, broken, b"{", {})

    page.open(region.url)

    page.wait("document.getElementById('kept').rows.length === 2")
    assert event.error in page.text("#kept")
    assert event.message[:40] in page.text("#kept")
    assert "cannot be read" in page.text("#kept")
    assert prefix not in page.text("#objects")


def test_every_object_leads_to_its_page_and_back(region: Region, page: Page) -> None:
    uri = region.upload("videos/linked.webm", VIDEO.read_bytes())
    region.analyse(uri, "task-2", [label("沙发", 0.9, (5000, 6000))], notify=False)
    page.open(region.url)
    page.wait(f"[...document.querySelectorAll('#objects a')].some(a => a.textContent === {json.dumps(uri)})")

    links = "[...document.querySelectorAll('#objects a')]"
    page.open(page.get(f"{links}.find(link => link.textContent === {json.dumps(uri)}).href"))

    assert page.text("#object") == uri
    page.wait("document.getElementById('video').readyState > 0")
    page.press("ArrowDown")
    page.press("Enter")
    page.wait("document.getElementById('video').currentTime >= 5")
    assert page.get("document.getElementById('home').href") == region.url


def test_an_object_without_a_task_has_a_page_too(region: Region, page: Page) -> None:
    page.open(video_url(region, region.upload("notes.txt", team="a")))
    assert "No task is known" in page.text("#status")
    assert "team" in page.text("#tag-set")
    page.wait("!document.getElementById('no-video').hidden")
    page.complaints.clear()


def test_what_others_have_named_is_text(region: Region, page: Page) -> None:
    uri = region.upload(f"videos/{HOSTILE}.webm")
    region.analyse(uri, HOSTILE, [label(HOSTILE, 0.9)], notify=True)

    page.open(region.url)
    page.wait(f"document.getElementById('tasks').textContent.includes({json.dumps(HOSTILE)})")
    assert HOSTILE in page.text("#objects")
    page.get("document.querySelectorAll('#invocations summary').forEach(each => each.click())")
    page.wait("document.querySelector('#invocations pre').textContent !== ''")
    assert page.get("document.querySelectorAll('img').length") == 0

    page.open(video_url(region, uri))
    assert page.text("#object") == uri
    assert page.get("document.querySelectorAll('img').length") == 0
    page.complaints.clear()


@pytest.mark.parametrize("uri", ["", "media/a", "oss://media/none.webm", f"oss://media/{HOSTILE}"])
def test_what_is_not_there_is_said_in_plain_text(region: Region, uri: str) -> None:
    answer = requests.get(video_url(region, uri), timeout=10)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text


@pytest.mark.parametrize("path", ["", "contents", "log?function=f&request=r", "video?uri=oss://media/a"])
def test_it_answers_no_page_of_others_and_changes_nothing(region: Region, path: str) -> None:
    url, json_type = region.url + path, {"Content-Type": "application/json"}
    for headers in ({"Host": "attacker.example"}, {"Origin": "https://attacker.example"}, {"Origin": "null"}):
        assert requests.get(url, headers=headers, timeout=10).status_code == 403
    assert requests.post(url, headers=json_type, data=b"{}", timeout=10).status_code == 405
    assert requests.delete(url, timeout=10).status_code == 405


def test_a_page_of_another_origin_cannot_order_anything(region: Region, page: Page) -> None:
    # Given a page of another port of this machine, which can send requests to the control endpoint
    control = region.cloud.endpoints.control
    page.call("Page.setBypassCSP", enabled=True)
    page.open(region.url)
    fault = json.dumps(json.dumps({"kind": "error", "action": "PutBucket", "times": None}))

    # When it tries what a browser lets it do
    for content_type in ("text/plain", "application/json"):
        page.get(
            f"fetch('{control}/faults', {{method: 'POST', body: {fault}, mode: 'cors', "
            f"headers: {{'Content-Type': '{content_type}'}}}}).catch(() => null).then(() => null)"
        )
    page.get(
        f"fetch('{control}/faults', {{method: 'POST', body: {fault}, mode: 'no-cors'}}).then(() => null)"
    )

    # Then nothing was ordered
    assert region.cloud.faults.take("oss", "PutBucket", "") is None
    page.complaints.clear()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_wide_and_narrow_windows(
    browser: Chromium, region: Region, screenshots: Path, width: int
) -> None:
    with browser.page(width, language="zh-CN" if width == 390 else "en-US") as page:
        page.darken(width == 390)
        region.upload("videos/" + "a-long-name-without-a-place-to-break-it" * 4 + ".webm", team="a")
        page.open(region.url)
        page.wait("document.getElementById('objects').rows.length > 0")
        page.screenshot(screenshots / f"overview-{width}.png")
        assert page.get("document.documentElement.scrollWidth") == width
        assert page.complaints == []
