"""The table that takes pypinyin's place gives its answers, to the letter, or none at all."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin import lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from imm_label_tags.tags.pronunciation import HEADER, PLACE, Pronunciations, TableDamaged, find_table
from layers.pronunciations import Data, Unexpected, pypinyin_data, table
from tests.fresh import printed_by

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
PHRASES = sorted(PHRASES_DICT)
SMALL = Data(
    ranges=((0x4E00, 0x4E03), (0x4E05, 0x4E05)),
    characters={"一": "yi", "丁": "ding", "七": "qi"},
    phrases={"一丁": ["yi", "zheng"], "一丁七": ["yi", "ding", "qi"]},
)


@pytest.fixture(scope="module")
def data() -> Data:
    return pypinyin_data()


@pytest.fixture(scope="module")
def whole(data: Data) -> bytes:
    return table(data)


@pytest.fixture(scope="module")
def pronunciations(whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> Pronunciations:
    path = tmp_path_factory.mktemp("table") / "pronunciations.bin"
    path.write_bytes(whole)
    return Pronunciations(path)


def differing(pronunciations: Pronunciations, texts: list[str]) -> list[tuple[str, str]]:
    """The answers that differ. pypinyin takes a space for the end of a text, and is slow to begin one."""
    together = " ".join(texts)
    given, expected = pronunciations.syllables(together), lazy_pinyin(together)
    assert len(given) == len(expected)
    return [pair for pair in zip(given, expected, strict=True) if pair[0] != pair[1]]


def test_every_phrase(pronunciations: Pronunciations) -> None:
    assert len(PHRASES) > 40_000
    assert differing(pronunciations, PHRASES) == []


def test_every_phrase_but_its_end(pronunciations: Pronunciations) -> None:
    """pypinyin takes a text that ends within a phrase apart, whatever phrases are in it."""
    beginnings = {phrase[:-1] for phrase in PHRASES if len(phrase) > 2}
    assert differing(pronunciations, sorted(beginnings)) == []


def test_every_character(pronunciations: Pronunciations, data: Data) -> None:
    """Also those without a reading, which stand for themselves, and those beside the Chinese ones."""
    chinese = {chr(code) for first, last in data.ranges for code in range(first, last + 1)}
    assert {chr(code) for code in PINYIN_DICT} < chinese
    beside = [chr(code) for first, last in data.ranges for code in (first - 1, last + 1)]
    assert differing(pronunciations, sorted(chinese)) == []
    assert [one for one in beside if pronunciations.syllables(one) != lazy_pinyin(one)] == []


def test_what_is_not_chinese_stays_as_it_is(pronunciations: Pronunciations) -> None:
    for text in ("", "chair", "\n", "ソファー", "é́", "\ud800", "\U0010ffff", "a b\0", "한국"):
        assert pronunciations.syllables(text) == lazy_pinyin(text) == ([text] if text else [])


ANY_TEXT = st.lists(
    st.one_of(
        st.sampled_from(PHRASES),
        st.sampled_from(PHRASES).map(lambda phrase: phrase[:-1]),
        st.sampled_from(PHRASES).map(lambda phrase: phrase[1:]),
        st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF),
        st.characters(min_codepoint=0x20000, max_codepoint=0x323AF),
        st.characters(min_codepoint=0xE800, max_codepoint=0xFAFF),
        st.sampled_from(["〇", "嗯", "欸", "呣", "女", "略", "\U0001f600", "ア", "あ", "한", "！", "-", " "]),
        st.text(max_size=3),
    ),
    max_size=8,
).map("".join)


@settings(max_examples=1000)
@given(ANY_TEXT)
def test_any_text(pronunciations: Pronunciations, text: str) -> None:
    assert pronunciations.syllables(text) == lazy_pinyin(text)


def test_threads_share_a_table(pronunciations: Pronunciations) -> None:
    texts = PHRASES[::50]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda shift: spelt(pronunciations, texts, shift), range(8)))
    assert all(one == answers[0] for one in answers)


def spelt(pronunciations: Pronunciations, texts: list[str], shift: int) -> dict[str, list[str]]:
    turned = texts[shift * 100 :] + texts[: shift * 100]
    return {text: pronunciations.syllables(text) for text in turned}


def test_equal_data_gives_equal_bytes(whole: bytes, data: Data) -> None:
    turned = Data(
        data.ranges,
        dict(reversed(list(data.characters.items()))),
        dict(reversed(list(data.phrases.items()))),
    )
    assert table(turned) == whole


def test_the_format_is_the_one_described(tmp_path: Path) -> None:
    data = table(SMALL)
    _, size, _, ranges, starts, syllables = HEADER.unpack_from(data)
    assert (size, ranges, starts, syllables) == (len(data), 2, 1, len(b"ding qi yi"))
    assert data.endswith("ding qi yi\n丁 1zheng\n丁七\n".encode())
    (tmp_path / "small").write_bytes(data)
    small = Pronunciations(tmp_path / "small")
    assert small.syllables("一丁一丁七七丂x") == ["yi", "zheng", "yi", "ding", "qi", "qi", "丂", "x"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Data(SMALL.ranges, {}, {"一": ["yi"]}), "has 1 characters"),
        (Data(SMALL.ranges, {}, {"一" * 11: ["yi"] * 11}), "has 11 characters"),
        (Data(SMALL.ranges, {}, {"一丁": ["yi"]}), "has 1 syllables"),
        (Data(SMALL.ranges, {"一": "yī"}, {}), "'yī' is no syllable without a tone"),
        (Data(SMALL.ranges, {}, {"一丁": ["yi", "a b"]}), "'a b' is no syllable"),
        (Data(SMALL.ranges, {"a": "a"}, {}), "'a' is not among the Chinese characters"),
        (Data(SMALL.ranges, {}, {"一x": ["yi", "x"]}), "'x' is not among the Chinese characters"),
    ],
)
def test_data_that_the_table_cannot_hold_is_refused(data: Data, said: str) -> None:
    with pytest.raises(Unexpected, match=said):
        table(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: b"x" + data[1:],
        lambda data: data[:7] + b"\x02" + data[8:],
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data[:-9] + b"x" + data[-8:],
        lambda data: data[:12] + b"\0" + data[13:],
    ],
)
def test_a_table_that_is_damaged_is_not_used(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    path = tmp_path / "pronunciations.bin"
    path.write_bytes(damage(table(SMALL)))
    with pytest.raises(TableDamaged, match=r"pronunciations\.bin is"):
        Pronunciations(path)


def test_the_first_table_on_the_path_is_the_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for place in (first, second):
        (place / PLACE).parent.mkdir(parents=True)
        (place / PLACE).write_bytes(b"")
    assert find_table([str(tmp_path), str(first), str(second)]) == first / PLACE
    assert find_table([str(tmp_path)]) is None


# What a start of the function makes of it.

START = """
import sys
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.tags.naming import LabelNames
from imm_label_tags.tags.romanisation import make_ready, romanise
try:
    make_ready(LabelNames(sys.argv[1]), print)
    if sys.argv[1] != "base64":
        print(romanise("绿色音乐"), "pypinyin" in sys.modules)
except InvalidSetting as error:
    print("InvalidSetting:", error)
"""
MISSING = (
    "the layer, which brings imm_label_tags_data/pronunciations.bin, is missing or not the one of this "
    "project"
)


@pytest.fixture(scope="module")
def places(whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A layer with the table, one with a damaged one, and a place where there is pypinyin."""
    found = {"pypinyin": Path(sys.modules["pypinyin"].__file__ or "").parent.parent}
    for name, data in (("layer", whole), ("damaged", whole[:-1])):
        found[name] = tmp_path_factory.mktemp(name)
        (found[name] / PLACE).parent.mkdir()
        (found[name] / PLACE).write_bytes(data)
    return found


@pytest.mark.parametrize(
    ("names", "there", "said"),
    [
        ("pinyin", ["layer"], "lv-se-yin-yue False\n"),
        # The table serves even where there is pypinyin.
        ("raw", ["layer", "pypinyin"], "lv-se-yin-yue False\n"),
        ("pinyin", ["pypinyin"], "lv-se-yin-yue True\n"),
        (
            "pinyin",
            ["damaged", "pypinyin"],
            "pypinyin spells the labels, which takes longer: {table} is damaged\nlv-se-yin-yue True\n",
        ),
        # Labels under other names than ever would be worse than no start.
        *(
            (
                names,
                there,
                f"InvalidSetting: The setting LABEL_NAMES is '{names}', but must be base64 where Chinese "
                f"cannot be spelt: {why}. Publish the layer that `make layer` builds.\n",
            )
            for names in ("pinyin", "raw")
            for there, why in (
                ([], MISSING),
                (["damaged"], "{table} is damaged"),
            )
        ),
        ("base64", ["damaged"], ""),
    ],
)
def test_a_start_uses_the_table_or_pypinyin_or_says_what_is_missing(
    places: dict[str, Path], names: str, there: list[str], said: str
) -> None:
    shown = printed_by(START, names, path=(FUNCTIONS, *(places[name] for name in there)))
    assert shown == said.replace("{table}", str(places["damaged"] / PLACE))
