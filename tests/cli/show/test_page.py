"""The page of a video, in a browser."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from cli.show.view import View
from imm_label_tags.tags.provenance import Provenance
from tests.cli.show.chromium import Chromium, Page
from tests.cli.show.films import OWN_TAGS, STARTED, TASK, VIDEO_SECONDS, page_file, rule_file, view
from tests.cli.world import label

CHAIR = label("椅子", 0.95, (1000, 3000), (12_000, 15_000), ParentLabelName="家具", LabelAlias="座椅")
SOFA = label("沙发", 0.9, (5000, 6500))
NIGHT = label("夜景", 0.35, (16_000, 19_000))
LABELS = (CHAIR, SOFA, NIGHT)
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "<!--<script>",
    "@script@ @data@ @policy@ @style@",
    "'\"><svg/onload=alert(3)>",
    "\u202egnp.exe\u2028\u2029\x00",
    "\ud800",
    "__proto__",
    "constructor",
    "javascript:alert(4)",
]


def set_slider(page: Page, name: str, value: float) -> None:
    page.get(
        f"(slider => {{ slider.value = {value}; slider.dispatchEvent(new Event('input')); }})"
        f"(document.getElementById('{name}'))"
    )


def after(page: Page) -> dict[str, str]:
    rows = page.get(
        "[...document.querySelectorAll('#tag-set tbody tr')]"
        ".map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return {key: is_ for key, _, is_ in rows if is_}


def reasons(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.get(
        "Object.fromEntries([...document.querySelectorAll('.row')].filter(row => row.dataset.reason)"
        ".map(row => [row.querySelector('.name').firstChild.data, row.dataset.reason]))"
    )
    return found


def video(page: Page, expression: str) -> Any:
    return page.get(f"(video => {expression})(document.getElementById('video'))")


def open_with_video(page: Page, url: str) -> None:
    page.open(url)
    page.wait("document.getElementById('video').readyState > 0")


# What it shows


def test_it_shows_the_object_its_labels_and_its_tags_before_and_after(page: Page, tmp_path: Path) -> None:
    # Given a video with tags of its owner, and one that an older task has left
    page.open(page_file(tmp_path, view(LABELS, {**OWN_TAGS, "imm_old": "yes"})))

    assert page.text("#object") == "oss://media/videos/a.webm"
    assert TASK in page.text("#task")
    assert page.text("#count") == "3"
    assert page.text("#label-0 .name").splitlines() == ["椅子", "0.95 · imm_yi-zi · 2 clips"]
    assert page.text("#label-2 .name").splitlines() == ["夜景", "0.35 · below the minimum · 1 clip"]
    title = page.get("document.getElementById('label-0').title")
    assert title.splitlines() == [
        *("椅子", "座椅", "confidence 0.95", "level 2", "parent 家具", "imm_yi-zi", "2 clips")
    ]
    assert after(page) == {
        **OWN_TAGS,
        "imm": f"{STARTED.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}/{TASK}",
        "imm_yi-zi": "yes",
        "imm_sha-fa": "yes",
    }
    assert page.get("document.querySelector('tr.removed').cells[0].textContent") == "imm_old"


def test_raw_names_are_shown_where_the_object_has_a_tag_that_shows_that_its_bucket_takes_them(
    page: Page, tmp_path: Path
) -> None:
    for own, written, said in (({"team": "a"}, "imm_yi-zi", True), ({"项目": "甲"}, "imm_椅子", False)):
        shown = view([CHAIR], own, LABEL_NAMES="raw")
        page.open(page_file(tmp_path, shown, video=False))

        assert after(page) == dict(shown.after)
        assert list(shown.after) == [*own, "imm", written]
        assert page.get("document.getElementById('spelt').hidden") is not said
    assert not view([label("TV", 0.9)], LABEL_NAMES="raw").spelt


def test_a_label_whose_key_another_one_has_says_which(page: Page, tmp_path: Path) -> None:
    page.open(page_file(tmp_path, view([label("食物", 0.9), label("事物", 0.8)]), video=False))
    assert page.text("#label-1 .name").splitlines() == ["事物", "0.80 · imm_shi-wu is taken"]


NOT_WRITTEN: dict[str, tuple[dict[str, Any], str]] = {
    "stale": ({"written": STARTED.replace(year=2022)}, "may be of an older upload"),
    "superseded": ({"tags": {"imm": f"2022-01-01T00:00:00.000Z/{TASK}", "imm_sha-fa": "yes"}}, "newer task"),
    "tag_limit": ({"tags": {f"k{number}": "v" for number in range(10)}}, "ten tags of its own"),
    "not_allowed": ({"ALLOWED_OBJECTS": "other/*"}, "ALLOWED_OBJECTS"),
    "object_gone": ({"gone": True}, "does not exist any more"),
    "task_failed": (
        {"answer": {"Status": "Failed", "Code": "E1", "Message": "no film"}},
        "failed, so there are no labels. E1: no film",
    ),
    "running": ({"answer": {"Status": "Running"}}, "has not ended"),
}


@pytest.mark.parametrize("status", NOT_WRITTEN)
def test_where_nothing_would_be_written_it_says_why_and_shows_what_is_there(
    page: Page, tmp_path: Path, status: str
) -> None:
    given, said = NOT_WRITTEN[status]
    shown = view(LABELS, **given)
    page.open(page_file(tmp_path, shown, video=False))

    assert shown.status == status
    assert said in page.text("#status")
    assert after(page) == dict(shown.before or {}) == dict(shown.after)
    assert page.get("document.getElementById('minimum').disabled")
    assert reasons(page) == {}


def test_it_is_in_chinese_for_those_who_read_chinese_and_can_be_switched(
    browser: Chromium, tmp_path: Path
) -> None:
    with browser.page(language="zh-CN") as page:
        page.open(page_file(tmp_path, view(LABELS)))
        assert page.get("document.documentElement.lang") == "zh-CN"
        assert page.text("#tags-title") == "对象标签"
        page.get("document.getElementById('language').click()")
        assert page.text("#tags-title") == "Tags of the object"
        assert page.complaints == []


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ((0, VIDEO_SECONDS * 1000), "milliseconds fit"),
        ((0, VIDEO_SECONDS), "seconds fit"),
        ((0, VIDEO_SECONDS * 100_000), "neither"),
    ],
)
def test_the_length_of_the_video_settles_the_unit_of_clips_where_it_can(
    page: Page, tmp_path: Path, times: tuple[int, int], said: str
) -> None:
    open_with_video(page, page_file(tmp_path, view([label("a", 0.9, times)])))
    page.wait(f"document.getElementById('unit').textContent.includes({json.dumps(said)})")


def test_without_a_video_it_says_so_and_that_milliseconds_are_assumed(page: Page, tmp_path: Path) -> None:
    page.open(page_file(tmp_path, view(LABELS), video=False))

    assert page.text("#no-video") == "No video was given to this page."
    assert page.box("#video")[3] == 0
    assert "milliseconds are assumed" in page.text("#unit")


def test_a_video_without_labels_says_so(page: Page, tmp_path: Path) -> None:
    page.open(page_file(tmp_path, view([])))
    assert (page.text("#count"), page.text("#keys")) == ("0", "There are no labels.")


# Settings that are tried


def test_the_sliders_preview_other_settings_and_can_be_set_back(page: Page, tmp_path: Path) -> None:
    page.open(page_file(tmp_path, view(LABELS, LABEL_MIN_CONFIDENCE="0.555")))
    assert page.text("#minimum-value") == "0.555"
    deployed = after(page)

    set_slider(page, "minimum", 0.3)
    assert after(page) == {**deployed, "imm_ye-jing": "yes"}
    assert "nothing is written" in page.text("#status")
    set_slider(page, "limit", 0)
    assert not [key for key in after(page) if key.startswith("imm_")]
    page.get("document.getElementById('reset').click()")

    assert after(page) == deployed
    assert page.text("#minimum-value") == "0.555"


RULES = {
    "content": {"furniture": ["家具"], "late": {"labels": ["label 3"], "minimum": 0.2}, "other": "*"},
    "b c": {"yes": ["LABEL 1 "], "no": {"labels": ["alias"], "minimum": 0.9}},
    "key-2": {"never": ["nothing is called so"]},
}


def many_labels(seed: int) -> list[dict[str, Any]]:
    """Labels with equal ranks, equal keys, keys of rules, names twice, aliases and parents."""
    chance = random.Random(seed)
    names = [
        "椅子",
        "一子",
        "沙发",
        "沙 发",
        "key 2",
        "content",
        "A",
        "a",
        "ａ",
        *map("label {}".format, range(9)),
    ]
    return [
        label(
            chance.choice(names),
            chance.choice([0.2, 0.3, 0.5, 0.55, 0.8, 0.9, 1]),
            LabelLevel=chance.choice([1, 2, 3]),
            CentricScore=chance.choice([0.1, 0.9]),
            ParentLabelName=chance.choice(["", "家具", "B"]),
            LabelAlias=chance.choice(["", "alias", "x,label 1"]),
        )
        for _ in range(chance.randrange(25))
    ]


def planned(shown: View, minimum: float, limit: int) -> tuple[dict[str, str], dict[str, str]]:
    """Tags and dropped labels as the function plans them with other settings."""
    scheme = shown.scheme._replace(minimum_confidence=minimum, label_limit=limit)
    task = Provenance.of_task(STARTED, TASK)
    plan = scheme.plan(shown.before or {}, task, shown.answer.labels)
    return dict(plan.tags), {drop.label: drop.reason.value for drop in plan.dropped if "=" not in drop.label}


@pytest.mark.parametrize("seed", range(8))
def test_the_page_plans_as_the_function_does(page: Page, tmp_path: Path, seed: int) -> None:
    # Given labels of all kinds, rules, and an object with more or less room
    own = {f"own{number}": "v" for number in range((0, 1, 2, 3, 5, 7, 8, 9)[seed])}
    shown = view(
        many_labels(seed),
        {**own, "imm_stays-not": "yes"} if len(own) < 9 else own,
        root=tmp_path,
        TAG_RULES=rule_file(tmp_path, RULES),
        TAG_VALUE="{confidence}/{level}",
    )
    page.open(page_file(tmp_path, shown, video=False))

    # When the sliders are moved everywhere, then tags and reasons are those of the function's own plan
    for minimum in (0, 0.2, 0.25, 0.5, 0.55, 0.56, 0.81, 1):
        for limit in range(0, 11, 1 if minimum == 0.2 else 3):
            set_slider(page, "minimum", minimum)
            set_slider(page, "limit", limit)
            assert (after(page), reasons(page)) == planned(shown, minimum, limit), (minimum, limit)


# The video


def test_a_click_on_a_clip_seeks_to_it_and_plays(page: Page, tmp_path: Path) -> None:
    open_with_video(page, page_file(tmp_path, view(LABELS)))
    page.get("document.getElementById('label-0').scrollIntoView()")
    left, top, width, height = page.box("#label-0 canvas")

    page.click(left + 13_000 / (VIDEO_SECONDS * 1000) * width, top + height / 2)

    page.wait("!document.getElementById('video').seeking && !document.getElementById('video').paused")
    assert 12 <= video(page, "video.currentTime") < VIDEO_SECONDS
    assert page.text("#chosen") == "椅子, clip 2 of 2, 0:12.000 to 0:15.000"


def test_the_playhead_stands_where_the_video_is(page: Page, tmp_path: Path) -> None:
    open_with_video(page, page_file(tmp_path, view(LABELS)))
    for second in (5, 15):
        video(page, f"new Promise(done => {{ video.onseeked = done; video.currentTime = {second}; }})")
        left, _, width, _ = page.box("#label-0 canvas")
        assert page.box("#playhead")[0] == pytest.approx(left + second / VIDEO_SECONDS * width, abs=1.5)


def test_it_can_be_used_with_the_keyboard_alone(page: Page, tmp_path: Path) -> None:
    open_with_video(page, page_file(tmp_path, view(LABELS)))

    def seeked_to(second: float) -> None:
        page.wait(
            f"Math.abs(document.getElementById('video').currentTime - {second}) < 0.001 "
            "&& !document.getElementById('video').seeking"
        )

    page.press("ArrowDown")
    page.press("ArrowRight")
    seeked_to(12)
    page.press("ArrowLeft")
    seeked_to(1)
    page.press("ArrowDown")
    assert page.text("#chosen").startswith("沙发")
    page.press("Enter")
    page.wait("!document.getElementById('video').paused")
    page.press(" ")
    page.wait("document.getElementById('video').paused")
    page.press("End")
    assert page.text("#chosen").startswith("夜景")
    page.press("/")
    page.type("座")
    assert page.text("#count") == "1 of 3"
    page.press("Escape")
    assert page.text("#count") == "3"
    assert page.get("document.activeElement.id") == "rows"
    assert page.get("document.getElementById('rows').getAttribute('aria-activedescendant')") == "label-2"


def test_labels_are_filtered_by_name_alias_parent_and_key(page: Page, tmp_path: Path) -> None:
    page.open(page_file(tmp_path, view(LABELS), video=False))

    for text, count in {"椅": 1, "座椅": 1, "家具": 1, "imm_sha": 1, " IMM_ ": 3, "zz": 0, "": 3}.items():
        page.get("(filter => { filter.value = ''; filter.focus(); })(document.getElementById('filter'))")
        page.type(text)
        if not text:
            page.press("Escape")
        assert page.get("document.querySelectorAll('.row').length") == count, text


# What it must not do


def test_nothing_is_asked_for_but_the_video(page: Page, tmp_path: Path) -> None:
    url = page_file(tmp_path, view(LABELS))
    open_with_video(page, url)

    asked = {address for address in page.requests if not address.startswith("data:")}

    assert asked == {url, (tmp_path / "sample.webm").as_uri()}


def test_its_policy_allows_its_own_script_and_the_videos_origin_alone(page: Page, tmp_path: Path) -> None:
    page.open(page_file(tmp_path, view(LABELS)))
    policy = page.get("document.querySelector('meta[http-equiv]').content")

    digest = r"'sha256-[A-Za-z0-9+/]{43}='"
    assert re.fullmatch(
        rf"default-src 'none'; script-src {digest}; style-src {digest}; img-src data:; "
        r"base-uri 'none'; form-action 'none'; media-src file:",
        policy,
    )
    # What somebody would put in all the same does not run
    page.get(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    assert page.get("window.ran") is None
    assert len(page.complaints) == 1
    page.complaints.clear()


def test_what_others_have_written_is_text(page: Page, tmp_path: Path) -> None:
    # Given labels, aliases, parents, tags, a task and a message that are no plain words
    labels = [
        label(text, 0.9 - number / 100, (0, 1000), LabelAlias=text, ParentLabelName=text)
        for number, text in enumerate(HOSTILE)
    ]
    answer = {"TaskId": HOSTILE[1], "Code": HOSTILE[2], "Message": HOSTILE[0], "Status": "Failed"}
    tags = {HOSTILE[1]: HOSTILE[2], HOSTILE[7]: HOSTILE[0]}

    for shown in (view(labels, tags), view(labels, tags, answer=answer)):
        page.open(page_file(tmp_path, shown))

        # Then each is shown as it is, turns nothing around but itself, and no element comes of it
        names = page.get(
            "[...document.querySelectorAll('.row .name')].map(name => name.firstChild.data.toWellFormed())"
        )
        assert names == [text.replace("\ud800", "\ufffd") for text in HOSTILE]
        page.get("document.getElementById('label-5').click()")
        assert page.get("document.querySelector('#chosen bdi').textContent") == HOSTILE[5]
        found = after(page)
        assert (found[HOSTILE[1]], found[HOSTILE[7]]) == (HOSTILE[2], HOSTILE[0])
        assert page.get("document.querySelectorAll('img, svg, iframe, object, embed').length") == 0
        assert page.get("document.scripts.length") == 2


# How fast, and how it looks


def test_a_thousand_labels_with_two_hundred_clips_are_drawn_in_under_a_second(
    page: Page, tmp_path: Path
) -> None:
    labels = [
        label(f"label {number}", 0.3 + number % 70 / 100, *((100 * at, 100 * at + 60) for at in range(200)))
        for number in range(1000)
    ]
    url = page_file(tmp_path, view(labels))
    page.call("Performance.enable")

    open_with_video(page, url)
    page.wait("document.getElementById('label-0').dataset.drawn")

    metrics = {each["name"]: each["value"] for each in page.call("Performance.getMetrics")["metrics"]}
    assert page.get("document.querySelectorAll('.row').length") == 1000
    assert metrics["ScriptDuration"] < 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
def test_it_fits_wide_and_narrow_windows_light_and_dark(
    browser: Chromium, tmp_path: Path, screenshots: Path, width: int, dark: bool, language: str
) -> None:
    with browser.page(width, language=language) as page:
        page.darken(dark)
        open_with_video(page, page_file(tmp_path, view(LABELS, {**OWN_TAGS, "imm_old": "yes"})))
        page.screenshot(screenshots / f"video-{width}-{'dark' if dark else 'light'}-{language}.png")

        # Nothing sticks out, and it is as bright as is asked for
        assert page.get("document.documentElement.scrollWidth") == page.get("window.innerWidth") == width
        ground = page.get("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground))) < 300) == dark
        assert page.complaints == []
