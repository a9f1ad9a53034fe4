"""Which tag set an object gets: foreign tags kept, ours as the newest task wants them."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imm_label_tags.results.labels import Label
from imm_label_tags.results.outcome import Status
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.plan import TagPlan, TagScheme, TagSet
from imm_label_tags.tags.provenance import Provenance
from imm_label_tags.tags.romanisation import romanise
from imm_label_tags.tags.rules import NO_RULES, TagRules
from imm_label_tags.tags.value_template import ValueTemplate

START = datetime(2021, 12, 24, 3, 0, 38, 892462, tzinfo=timezone.utc)
TASK = Provenance.of_task(START, "task-1")
PROVENANCE = "2021-12-24T03:00:38.892Z/task-1"


def scheme(
    *,
    namespace: str = "imm",
    value: str = "{confidence}",
    names: LabelNames = LabelNames.PINYIN,
    lexicon: dict[str, str] | None = None,
    minimum: float = 0.5,
    limit: int = 9,
    rules: TagRules = NO_RULES,
) -> TagScheme:
    naming = Naming(names, lexicon or {}, romanise)
    return TagScheme(namespace, ValueTemplate(value), naming, minimum, limit, rules)


def plan_tags(current: TagSet, task: Provenance, labels: tuple[Label, ...], scheme: TagScheme) -> TagPlan:
    return scheme.plan(current, task, labels)


def foreign(count: int) -> dict[str, str]:
    return {f"key{number}": f"value {number}" for number in range(count)}


def chosen(
    labels: list[Label], tag_scheme: TagScheme | None = None, current: TagSet | None = None
) -> list[str]:
    plan = plan_tags(current or {}, TASK, tuple(labels), tag_scheme or scheme())
    return [key for key in plan.tags if key.startswith("imm_")]


def drops(labels: list[Label], tag_scheme: TagScheme | None = None) -> list[tuple[str, str]]:
    plan = plan_tags({}, TASK, tuple(labels), tag_scheme or scheme())
    return [(drop.label, drop.reason.value) for drop in plan.dropped]


def test_labels_and_provenance_are_added_behind_the_tags_that_are_there() -> None:
    # Given an object with tags of its own, one of them with an empty value
    current = {"team": "a", "archived": ""}

    # When the labels of a task are planned
    plan = plan_tags(current, TASK, (Label("椅子", 0.95), Label("家具", 0.9)), scheme())

    # Then they stand behind them, in order
    assert plan.status is Status.TAGGED
    assert list(plan.tags.items()) == [
        ("team", "a"),
        ("archived", ""),
        ("imm", PROVENANCE),
        ("imm_yi-zi", "0.95"),
        ("imm_jia-ju", "0.90"),
    ]


def test_the_order_in_which_oss_returns_tags_does_not_matter() -> None:
    labels = (Label("椅子", 0.95), Label("家具", 0.9))
    first = plan_tags({"team": "a"}, TASK, labels, scheme())
    shuffled = dict(reversed(list(first.tags.items())))
    assert plan_tags(shuffled, TASK, labels, scheme()).status is Status.UNCHANGED


def test_our_tags_that_are_no_longer_wanted_are_removed() -> None:
    current = {
        "imm_old": "0.90",
        "imm": "2020-01-01T00:00:00.000Z/task-0",
        "imm-x": "foreign",
        "immense": "foreign",
    }
    plan = plan_tags(current, TASK, (), scheme())
    assert plan.tags == {"imm-x": "foreign", "immense": "foreign", "imm": PROVENANCE}


def test_keys_are_compared_with_regard_to_case() -> None:
    current = {"IMM": "foreign", "Imm_x": "foreign"}
    assert plan_tags(current, TASK, (), scheme()).tags == {**current, "imm": PROVENANCE}


def test_a_task_that_started_earlier_than_the_recorded_one_changes_nothing() -> None:
    current = {"imm": "2021-12-24T03:00:38.893Z/task-0", "imm_x": "0.9"}
    plan = plan_tags(current, TASK, (Label("y", 1.0),), scheme())
    assert plan.status is Status.SUPERSEDED
    assert plan.tags == current


@pytest.mark.parametrize(
    ("recorded", "status"), [("task-0", "tagged"), ("task-1", "tagged"), ("task-2", "superseded")]
)
def test_of_two_tasks_with_one_start_the_greater_id_wins(recorded: str, status: str) -> None:
    plan = plan_tags({"imm": f"2021-12-24T03:00:38.892Z/{recorded}"}, TASK, (Label("y", 1.0),), scheme())
    assert plan.status.value == status


def test_labels_below_the_minimum_are_dropped() -> None:
    labels = [Label("a", 0.5), Label("b", 0.4999)]
    assert chosen(labels) == ["imm_a"]
    assert drops(labels) == [("b", "confidence")]


def test_the_same_label_twice_counts_once_with_its_highest_confidence() -> None:
    plan = plan_tags({}, TASK, (Label("a", 0.6), Label("a", 0.8), Label("a", 0.7)), scheme())
    assert plan.tags["imm_a"] == "0.80"
    assert plan.dropped == ()


def test_labels_are_ranked_by_confidence_then_level_then_centric_score_then_name() -> None:
    ranked = [
        Label("z", 0.9, level=1),
        Label("y", 0.8, level=3),
        Label("x", 0.8, level=2, centric_score=0.7),
        Label("b", 0.8, level=2, centric_score=0.6),
        Label("c", 0.8, level=2, centric_score=0.6),
    ]
    for shuffled in itertools.permutations(ranked):
        assert chosen(list(shuffled)) == ["imm_z", "imm_y", "imm_x", "imm_b", "imm_c"]


def test_the_limit_leaves_the_best_labels() -> None:
    labels = [Label(name, 0.5 + number / 100) for number, name in enumerate("abcd")]
    assert chosen(labels, scheme(limit=2)) == ["imm_d", "imm_c"]
    assert drops(labels, scheme(limit=2)) == [("b", "limit"), ("a", "limit")]


def test_of_two_labels_with_one_name_the_better_stays() -> None:
    # 食物 (food) and 事物 (thing) are both shi-wu
    labels = [Label("事物", 0.7), Label("食物", 0.8)]
    assert chosen(labels) == ["imm_shi-wu"]
    assert drops(labels) == [("事物", "collision")]


@pytest.mark.parametrize("limit", [0, 1, 9])
def test_between_labels_of_one_rank_the_choice_does_not_depend_on_their_order(limit: int) -> None:
    equals = [Label("事物", 0.8), Label("食物", 0.8), Label("家具", 0.3), Label("椅子", 0.3)]
    plans = [plan_tags({}, TASK, tuple(labels), scheme(limit=limit)) for labels in (equals, equals[::-1])]
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    ("others", "limit", "labels", "provenance"),
    [
        (0, 9, 9, 1),
        (0, 10, 9, 1),
        (0, 3, 3, 1),
        (3, 9, 6, 1),
        (8, 9, 1, 1),
        (9, 9, 1, 0),
        (0, 0, 0, 1),
        (9, 0, 0, 0),
    ],
)
def test_the_room_that_foreign_tags_leave_is_shared(
    others: int, limit: int, labels: int, provenance: int
) -> None:
    found = tuple(Label(f"label-{number}", 0.9) for number in range(20))
    plan = plan_tags(foreign(others), TASK, found, scheme(limit=limit))
    assert len(plan.tags) == others + labels + provenance
    assert sum(key.startswith("imm_") for key in plan.tags) == labels
    assert ("imm" in plan.tags) == bool(provenance)


def test_ten_foreign_tags_leave_no_room_and_are_all_kept() -> None:
    plan = plan_tags(foreign(10), TASK, (Label("a", 1.0),), scheme())
    assert plan.status is Status.TAG_LIMIT
    assert plan.tags == foreign(10)


def test_a_long_label_is_cut_and_stays_apart_from_another_with_the_same_start() -> None:
    labels = [Label("a" * 200 + "1", 0.9), Label("a" * 200 + "2", 0.9)]
    keys = chosen(labels)
    assert len(set(keys)) == 2
    assert all(len(key) == 128 and key.startswith("imm_aaa") and key[-9] == "-" for key in keys)


def test_names_are_not_worked_out_for_labels_that_have_no_place() -> None:
    asked: list[str] = []

    def spell(text: str) -> str:
        asked.append(text)
        return f"label-{len(asked)}"

    labels = tuple(Label(f"椅子{number}", 0.5 + number / 10000) for number in range(1000))
    naming = Naming(LabelNames.PINYIN, {}, spell)
    plan_tags({}, TASK, labels, TagScheme("imm", ValueTemplate("1"), naming, 0.5, 9))
    assert len(asked) == 9


# Properties, beside those that ``proof.fuzz.tags`` has of every plan

legal_text = st.text(alphabet="abcXYZ019 +-=._:/", max_size=40)
tag_sets = st.dictionaries(
    st.one_of(
        legal_text.filter(bool),
        st.sampled_from(["imm", "imm_a", "imm_old", "imm_yi-zi", "team"]),
    ),
    st.one_of(legal_text, st.just(PROVENANCE), st.just("2030-01-01T00:00:00.000Z/task-9")),
    max_size=10,
)
label_names = st.text(max_size=30).filter(lambda name: bool(name.strip())) | st.sampled_from(
    ["椅子", "家具", "食物", "事物", "KTV包厢（室内）3D", "café", "x" * 300, "汉" * 100]
)
labels_found = st.lists(
    st.builds(
        Label,
        name=label_names,
        confidence=st.floats(0, 1),
        level=st.integers(0, 3),
        centric_score=st.floats(0, 1),
        parent=label_names | st.just(""),
        alias=label_names | st.just(""),
    ),
    max_size=15,
).map(tuple)
rule_labels = st.text("ab01椅子", min_size=1, max_size=3) | st.sampled_from(["椅子", "家具", "食物", "事物"])
rule_files = st.dictionaries(
    st.sampled_from(["content", "yi-zi", "kind of thing", "a"]),
    st.dictionaries(
        st.sampled_from(["advert", "sports", "", "1"]),
        st.one_of(
            st.lists(rule_labels, min_size=1, max_size=3),
            st.builds(
                lambda labels, minimum: {"labels": labels, "minimum": minimum},
                st.lists(rule_labels, min_size=1, max_size=3),
                st.floats(0, 1),
            ),
        ),
        min_size=1,
        max_size=3,
    ).flatmap(lambda values: st.sampled_from([values, {**values, "other": "*"}])),
    min_size=1,
    max_size=4,
)
rule_sets = st.just(NO_RULES) | rule_files.map(lambda content: TagRules.read(content, "imm"))


@given(
    st.dictionaries(legal_text.filter(bool).map(lambda key: "team" + key), legal_text, max_size=8),
    st.lists(st.tuples(st.integers(0, 3), labels_found), min_size=1, max_size=4),
    rule_sets,
    st.randoms(),
)
def test_the_order_of_notifications_does_not_matter_to_the_final_set(
    others: dict[str, str], tasks: list[tuple[int, tuple[Label, ...]]], rules: TagRules, random: object
) -> None:
    # With room for the provenance, which is what tells the tasks apart
    notifications = [
        (Provenance.of_task(START + timedelta(seconds=seconds), f"task-{number}"), labels)
        for number, (seconds, labels) in enumerate(tasks)
    ]
    assume(len(others) <= 8)

    def deliver(order: list[tuple[Provenance, tuple[Label, ...]]]) -> TagSet:
        tags: TagSet = others
        for task, labels in order:
            tags = plan_tags(tags, task, labels, scheme(rules=rules)).tags
        return tags

    shuffled = notifications + notifications
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert deliver(shuffled) == deliver(notifications)
