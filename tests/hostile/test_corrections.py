"""What fuzzing and hostile input have found so far, each as the smallest case of it."""

from __future__ import annotations

import io
import json

import pytest

from imm_label_tags.errors import MAX_MESSAGE, BatchFailed, InvalidNotification, ServiceRejected
from imm_label_tags.events.event import read_event
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.log import MAX_LINE_BYTES, Log
from imm_label_tags.results.target import ObjectPatterns, TargetObject
from imm_label_tags.results.task import parse_time, target_of_user_data
from imm_label_tags.tags.naming import LONGEST_LABEL, LabelNames, Naming, encode
from imm_label_tags.tags.romanisation import romanise
from imm_label_tags.text import escape_unprintable, truncate_middle
from proof.fuzz.bounds import bounded


def test_a_zone_of_ninety_minutes_is_no_zone() -> None:
    # Python's own reading takes +08:90 for +09:30
    assert parse_time("2023-01-04T13:20:23+08:90") is None
    assert parse_time("2023-01-04T13:20:23+08:59") is not None


@pytest.mark.parametrize("around", ["{}", " {}", "\t{}", "{}\n", "{}\r\n", "\n {}\n\n"])
def test_white_space_that_no_key_can_have_is_not_taken_for_a_part_of_it(around: str) -> None:
    user_data = around.format("oss://media/a.mp4")
    assert target_of_user_data(user_data) == TargetObject("media", "a.mp4")


@pytest.mark.parametrize("end", [" ", "  ", "\u3000", "\xa0"])
def test_an_object_whose_key_ends_in_a_space_is_not_taken_for_the_one_without(end: str) -> None:
    assert target_of_user_data(f"oss://media/a.mp4{end}") == TargetObject("media", f"a.mp4{end}")


@pytest.mark.parametrize("body", ["[1, 2]", '[{"a": 1}]', '["no JSON", [[3]]]'])
def test_a_list_in_a_foreign_rocketmq_event_is_as_foreign_as_anything_else(body: str) -> None:
    event = {"specversion": "1.0", "source": "acs.mq", "type": "mq:Topic:SendMessage", "data": {"body": body}}
    items = read_event(json.dumps(event).encode()).items
    assert items
    assert all(isinstance(item, IgnoredEvent) for item in items)


@pytest.mark.parametrize(
    ("patterns", "matches"),
    [
        ("media/*", True),
        ("media/videos/*.mp4", True),
        ("*", True),
        ("media/videos/a.mp4", True),
        ("*media*videos*a*", True),
        ("media/videos/*a.mp4", True),
        ("media/videos/a*a.mp4", False),
        ("media/videos", False),
        ("edia/*", False),
        ("Media/*", False),
        ("media/videos/?.mp4", False),
        ("media/videos/[a].mp4", False),
    ],
)
def test_a_pattern_matches_the_whole_name_of_an_object(patterns: str, matches: bool) -> None:
    assert ObjectPatterns((patterns,)).match(TargetObject("media", "videos/a.mp4")) is matches


def test_a_key_made_for_a_pattern_with_many_stars_is_compared_at_once() -> None:
    pattern = ObjectPatterns(("media/" + "*a" * 12 + "b",))
    assert bounded(lambda: pattern.match(TargetObject("media", "a" * 1000))) is False


@pytest.mark.parametrize("mode", LabelNames)
def test_a_label_that_is_longer_than_any_is_written_without_being_normalised(mode: LabelNames) -> None:
    # Normalising half a million accents in the wrong order takes minutes
    label = "e" + "\u0301\u0316" * 250_000
    naming = Naming(mode, {}, romanise)
    assert bounded(lambda: naming.write(label)) == encode(label)
    assert naming.write("x" * LONGEST_LABEL) == "x" * LONGEST_LABEL
    # Nor one that only becomes so long
    grown = "\ufdfa" * LONGEST_LABEL
    assert bounded(lambda: naming.write(grown)) == encode(grown)


def test_a_long_label_that_the_lexicon_lists_has_the_name_that_is_listed() -> None:
    label = "椅" * 1000
    assert Naming(LabelNames.PINYIN, {label: "Chair"}, romanise).write(label) == "chair"


def test_spelling_keeps_no_text_that_is_longer_than_a_label() -> None:
    asked: list[str] = []
    naming = Naming(LabelNames.PINYIN, {}, lambda text: asked.append(text))
    for label in ("椅" * 1_000_000, "椅" * (LONGEST_LABEL + 1), "㌀" * LONGEST_LABEL, "椅" * LONGEST_LABEL):
        naming.write(label)
    assert asked == ["椅" * LONGEST_LABEL]


@pytest.mark.parametrize(
    "text",
    [
        "\u061c",
        "\u206a",
        "\u206f",
        "\xad",
        "\u180e",
        "\ufff9",
        "\U000e0041",
        "\U0001d173",
        "\ue000",
        "\u3000",
        "\xa0",
    ],
    ids=ascii,
)
def test_what_hides_in_a_line_is_escaped_wherever_unicode_has_it(text: str) -> None:
    line = written(f"a{text}b")
    assert text not in line
    assert json.loads(line)["message"] == f"a{text}b"


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {"a": [float("nan")]}, CIRCLE, {(1, 2): 3}, Unshowable(), 10**5000],
    ids=["nan", "infinity", "nan inside", "a circle", "keys", "an object", "a number"],
)
def test_a_value_that_json_cannot_hold_does_not_cost_the_line(value: object) -> None:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    record = json.loads(written("Hello.", value=value), parse_constant=refuse)
    assert record["message"] == "Hello."
    assert isinstance(record["value"], (str, int))


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "椅" * 100_000, "\u202e" * 50_000, "\0" * 50_000, "🎉" * 50_000]
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_line_that_is_too_long_loses_the_middles_of_its_fields(text: str, encoding: str) -> None:
    line = written(f"begin {text} end", encoding=encoding, short="as it was", long=[text, text], number=3)
    assert len(line.encode(encoding)) <= MAX_LINE_BYTES
    record = json.loads(line)
    assert record["message"].startswith("begin ")
    assert record["message"].endswith(" end")
    assert "characters left out" in record["message"]
    assert (record["short"], record["number"]) == ("as it was", 3)


def test_no_part_of_a_secret_is_left_where_a_field_is_cut() -> None:
    secret = "0123456789" * 20
    text = "x" * 5000
    for offset in range(0, 400, 7):
        long = f"{text[offset:]}{secret}{text}{secret}{text[offset:]}" + "y" * 100_000
        line = written(long, redact=lambda said: said.replace(secret, "***"))
        assert "012345678" not in line


def test_a_message_is_one_line_that_leaves_room_for_the_event() -> None:
    error = ServiceRejected("begin\n" + "\x1b[31m" * 100_000 + "\nend", code="X")
    assert str(error).startswith("begin\\n\\u001b[31m")
    assert str(error).endswith("\\nend")
    assert len(str(error)) < MAX_MESSAGE + 50
    assert str(error).isprintable()


def test_a_failed_list_of_any_length_has_a_message_of_bounded_length() -> None:
    failures = [(index, InvalidNotification("x" * 10_000)) for index in range(20_000)]
    error = BatchFailed(20_000, failures)
    assert len(str(error)) < MAX_MESSAGE + 50
    assert str(error).endswith("[19999] InvalidNotification")
    assert len(error.failures) == 20_000


@pytest.mark.parametrize("year", ["0001", "0999", "1999"])
def test_the_date_in_a_records_key_has_four_digits_for_the_year(year: str) -> None:
    record = {
        "requestContext": {"requestId": "a"},
        "requestPayload": "{}",
        "timestamp": f"{year}-12-31T23:59:59Z",
    }
    assert FailedEvent.read(json.dumps(record).encode()).key("failed") == f"failed/{year}-12-31/a.json"


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("abc", 3, "abc"),
        ("abcdefgh", 4, "abc [4 characters left out] h"),
        ("abcdefgh", 3, "abc [5 characters left out] "),
        ("", 0, ""),
        ("a", 0, " [1 characters left out] "),
    ],
)
def test_an_excerpt_has_the_beginning_the_end_and_the_number_of_characters_between(
    text: str, limit: int, short: str
) -> None:
    assert truncate_middle(text, limit) == short


def test_a_printable_text_stays_as_it_is_and_json_stays_json() -> None:
    assert escape_unprintable('a "b" \\ 椅') == 'a "b" \\ 椅'
    text = json.dumps("\n\u202e\ud800🎉\u3000", ensure_ascii=False)
    assert json.loads(escape_unprintable(text)) == json.loads(text)


def written(message: str, *, encoding: str = "utf-8", redact: object = None, **fields: object) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    Log("INFO", redact if callable(redact) else str, stream).write("INFO", message, **fields)
    return raw.getvalue().decode(encoding)
