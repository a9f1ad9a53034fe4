"""How labels are written so that OSS can hold them."""

from __future__ import annotations

import base64
from pathlib import Path

import pypinyin
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.tags.charset import shorten
from imm_label_tags.tags.naming import LabelNames, Naming, encode
from imm_label_tags.tags.romanisation import romanise
from tests.fresh import printed_by

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"


def write(text: str, names: LabelNames = LabelNames.PINYIN, lexicon: dict[str, str] | None = None) -> str:
    return Naming(names, lexicon or {}, romanise).write(text)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("椅子", "yi-zi"),
        ("自然风景", "zi-ran-feng-jing"),
        ("长城", "chang-cheng"),
        ("重庆", "chong-qing"),
        ("音乐会", "yin-yue-hui"),
        ("绿色", "lv-se"),
        ("KTV包厢（室内）3D", "ktv-bao-xiang-shi-nei-3d"),
        ("卡通·动漫", "ka-tong-dong-man"),
        ("café", "cafe"),
        ("Tom & Jerry", "tom-jerry"),
    ],
)
def test_a_label_that_oss_cannot_hold_is_romanised(label: str, name: str) -> None:
    assert write(label) == name


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Chair", "chair"),
        ("  office  chair ", "office-chair"),
        ("ＴＶ", "tv"),
        ("a\u3000b\tc", "a-b-c"),
        ("C++", "c++"),
        ("TV/4k:hdr=1.0_x", "tv/4k:hdr=1.0_x"),
    ],
)
@pytest.mark.parametrize("names", LabelNames)
def test_a_label_that_oss_can_hold_is_taken_as_it_is_in_lower_case(
    label: str, name: str, names: LabelNames
) -> None:
    assert write(label, names) == name


@pytest.mark.parametrize(
    "label", ["セット", "椅子セット", "🎉", "a🎉", "مرحبا", "   ", "\ud800", "100€", "!!!"]
)
def test_a_label_that_cannot_be_spelt_without_loss_is_encoded(label: str) -> None:
    assert write(label) == encode(label)


def test_base64_decodes_back_to_the_label() -> None:
    assert write("椅子", LabelNames.BASE64) == "5qSF5a2Q"
    assert base64.b64decode("5qSF5a2Q").decode() == "椅子"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("椅子", "椅子"),
        ("ＫＴＶ 包厢", "ktv-包厢"),
        ("椅子&家具", "椅子-家具"),
        ("(椅子)\x7f", "椅子"),
        ("&&", "JiY="),
    ],
)
def test_raw_keeps_what_the_documentation_does_not_rule_out_for_certain(label: str, name: str) -> None:
    assert write(label, LabelNames.RAW) == name


def test_the_lexicon_wins_over_everything_else() -> None:
    lexicon = {"椅子": "Dining Chair", "tv": "television"}
    assert write("椅子", LabelNames.RAW, lexicon) == "dining-chair"
    assert write(" 椅子 ", LabelNames.PINYIN, lexicon) == "dining-chair"
    assert write("tv", LabelNames.PINYIN, lexicon) == "television"


@given(st.text(max_size=400), st.integers(20, 256))
def test_a_shortened_text_fits_and_a_short_one_is_untouched(text: str, limit: int) -> None:
    short = shorten(text, limit, text)
    assert len(short.encode("utf-8", "surrogatepass")) <= limit
    if len(text.encode("utf-8", "surrogatepass")) <= limit:
        assert short == text


def test_the_pronunciation_dictionary_is_loaded_only_when_a_label_needs_it() -> None:
    program = (
        "import sys; from imm_label_tags.tags.naming import *;"
        "from imm_label_tags.tags.romanisation import romanise;"
        "naming = Naming(LabelNames.PINYIN, {}, romanise);"
        "naming.write('Chair'); assert 'pypinyin' not in sys.modules;"
        "naming.write('椅子'); assert 'pypinyin' in sys.modules"
    )
    packages = Path(pypinyin.__file__).parent.parent
    assert printed_by(program, path=(FUNCTIONS, packages)) == ""
