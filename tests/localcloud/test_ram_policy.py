"""What policy documents mean: read strictly, and evaluated by RAM's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.ram.document import MalformedPolicy, wildcard
from localcloud.ram.policy import Decision, Policy, evaluate, parse_policy

ACTION = "oss:GetObject"
OBJECT = "acs:oss:*:1234567890123456:media/videos/a.mp4"
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DENY: dict[str, Any] = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def document(*statements: Mapping[str, Any], **members: Any) -> str:
    return json.dumps({"Version": "1", "Statement": list(statements), **members})


def policy(*statements: Mapping[str, Any]) -> Policy:
    return parse_policy(document(*statements))


def decide(one: Policy, action: str, resource: str, context: Mapping[str, str]) -> Decision:
    return evaluate([one], action, resource, context)


def allows(
    statement: Mapping[str, Any], action: str = ACTION, resource: str = OBJECT, **context: str
) -> bool:
    return decide(policy(statement), action, resource, context) is Decision.ALLOWED


def allows_if(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    statement = {**ALLOW, "Condition": condition}
    return decide(policy(statement), ACTION, OBJECT, context) is Decision.ALLOWED


def denies_if(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    statement = {**DENY, "Condition": condition}
    return decide(policy(ALLOW, statement), ACTION, OBJECT, context) is Decision.EXPLICIT_DENY


class TestDecisions:
    def test_what_no_statement_allows_is_denied(self) -> None:
        assert decide(policy({**ALLOW, "Action": "oss:PutObject"}), ACTION, OBJECT, {}) is (
            Decision.IMPLICIT_DENY
        )
        assert evaluate([], ACTION, OBJECT, {}) is Decision.IMPLICIT_DENY

    def test_an_allow_of_any_policy_is_enough(self) -> None:
        others = policy({**ALLOW, "Action": "imm:*"})
        assert evaluate([others, policy(ALLOW)], ACTION, OBJECT, {}) is Decision.ALLOWED

    def test_a_deny_of_any_policy_wins(self) -> None:
        assert evaluate([policy(ALLOW), policy(DENY)], ACTION, OBJECT, {}) is Decision.EXPLICIT_DENY


class TestActions:
    @pytest.mark.parametrize("written", ["oss:GetObject", "oss:Get*", "oss:?etObject", "o?s:*", "*"])
    def test_wildcards_stand_for_characters(self, written: str) -> None:
        assert allows({**ALLOW, "Action": written})

    @pytest.mark.parametrize("written", ["oss:GetObjectTagging", "oss:Get?", "imm:*", "oss:Get"])
    def test_another_action_is_not_meant(self, written: str) -> None:
        assert not allows({**ALLOW, "Action": written})

    def test_not_action_means_all_others(self) -> None:
        statement = {"Effect": "Allow", "NotAction": ["oss:Put*", "oss:Delete*"], "Resource": "*"}
        assert allows(statement)
        assert not allows(statement, "oss:PutObject")

    def test_the_case_of_an_allow_has_to_be_right_and_that_of_a_deny_has_not(self) -> None:
        assert not allows({**ALLOW, "Action": "oss:getobject"})
        denying = policy(ALLOW, {**DENY, "Action": "oss:getobject"})
        assert decide(denying, ACTION, OBJECT, {}) is Decision.EXPLICIT_DENY

    def test_what_is_left_out_of_a_statement_is_read_in_the_same_spirit(self) -> None:
        assert not allows({"Effect": "Allow", "NotAction": "oss:getobject", "Resource": "*"})
        sparing = policy(ALLOW, {"Effect": "Deny", "NotAction": "oss:getobject", "Resource": "*"})
        assert decide(sparing, ACTION, OBJECT, {}) is Decision.EXPLICIT_DENY


class TestResources:
    @pytest.mark.parametrize(
        "written",
        [
            OBJECT,
            "*",
            "acs:oss:*:*:*",
            "acs:oss:*:*:media/videos/*",
            "acs:oss:*:*:media/*.mp4",
            "acs:oss:*:1234567890123456:media/videos/?.mp4",
        ],
    )
    def test_wildcards_stand_for_characters(self, written: str) -> None:
        assert allows({**ALLOW, "Resource": written})

    @pytest.mark.parametrize(
        "written",
        [
            "acs:oss:*:*:media",
            "acs:oss:*:*:other/*",
            "acs:oss:*:9999999999999999:media/*",
            "acs:oss:cn-hangzhou:*:media/*",
            "acs:imm:*:*:media/*",
            "acs:oss:*:*:media/Videos/*",
            "acs:oss:*:*:media/videos/?",
        ],
    )
    def test_another_resource_is_not_meant(self, written: str) -> None:
        assert not allows({**ALLOW, "Resource": written})

    def test_a_wildcard_reaches_over_colons_in_the_last_segment_alone(self) -> None:
        assert allows({**ALLOW, "Resource": "acs:oss:*:*:media/*"}, resource="acs:oss:*:1:media/a:b")
        assert not allows({**ALLOW, "Resource": "acs:*:*:*:b"}, resource="acs:oss:*:1:media/a:b")

    def test_not_resource_means_all_others(self) -> None:
        statement = {"Effect": "Allow", "Action": "*", "NotResource": ["acs:oss:*:*:secret/*"]}
        assert allows(statement)
        assert not allows(statement, resource="acs:oss:*:1:secret/a")


class TestConditions:
    @pytest.mark.parametrize(
        ("operator", "key", "wanted", "given", "holds"),
        [
            ("StringEquals", "oss:Prefix", "a/", "a/", True),
            ("StringEquals", "oss:Prefix", "a/", "A/", False),
            ("StringEquals", "oss:Prefix", ["b", "a/"], "a/", True),
            ("StringNotEquals", "oss:Prefix", ["b", "a/"], "a/", False),
            ("StringNotEquals", "oss:Prefix", ["b", "a/"], "c", True),
            ("StringEqualsIgnoreCase", "oss:Prefix", "A/", "a/", True),
            ("StringNotEqualsIgnoreCase", "oss:Prefix", "A/", "a/", False),
            ("StringLike", "oss:Prefix", "a/*/?", "a/b/c", True),
            ("StringLike", "oss:Prefix", "a/*", "b/", False),
            ("StringNotLike", "oss:Prefix", "a/*", "b/", True),
            ("StringEquals", "oss:Delimiter", "/", "/", True),
            ("StringEquals", "acs:Service", "fc.aliyuncs.com", "fc.aliyuncs.com", True),
            ("Bool", "acs:SecureTransport", "true", "true", True),
            ("Bool", "acs:SecureTransport", [True], "false", False),
            ("IpAddress", "acs:SourceIp", "10.0.0.0/8", "10.1.2.3", True),
            ("IpAddress", "acs:SourceIp", ["10.0.0.0/8", "::1"], "::1", True),
            ("IpAddress", "acs:SourceIp", "10.0.0.0/8", "11.1.2.3", False),
            ("NotIpAddress", "acs:SourceIp", "10.0.0.0/8", "::1", True),
            ("DateLessThan", "acs:CurrentTime", "2026-01-01T08:00:00+08:00", "2025-12-31T23:59:59Z", True),
            (
                "DateGreaterThanEquals",
                "acs:CurrentTime",
                "2026-01-01T00:00:00Z",
                "2025-12-31T23:59:59Z",
                False,
            ),
            ("NumericGreaterThan", "oss:ExistingObjectTag/c", 0.9, "0.95", True),
            ("NumericLessThanEquals", "oss:ExistingObjectTag/c", "5", "6", False),
            ("NumericNotEquals", "oss:RequestObjectTag/c", 5, "5.0", False),
        ],
    )
    def test_operators(self, operator: str, key: str, wanted: object, given: str, holds: bool) -> None:
        condition = {operator: {key: wanted}}
        assert allows_if(condition, {key: given}) is holds
        assert denies_if(condition, {key: given}) is holds

    def test_all_operators_and_all_keys_have_to_hold(self) -> None:
        condition = {
            "StringEquals": {"oss:ExistingObjectTag/a": "1", "oss:ExistingObjectTag/b": "2"},
            "Bool": {"acs:SecureTransport": "false"},
        }
        fulfilling = {
            "oss:ExistingObjectTag/a": "1",
            "oss:ExistingObjectTag/b": "2",
            "acs:SecureTransport": "false",
        }
        assert allows_if(condition, fulfilling)
        for key in fulfilling:
            assert not allows_if(condition, {**fulfilling, key: "true"})

    @pytest.mark.parametrize(
        ("operator", "given"),
        [
            ("StringNotEquals", {}),
            ("NumericNotEquals", {}),
            ("NumericNotEquals", {"oss:ExistingObjectTag/team": "no number"}),
        ],
    )
    def test_what_is_not_there_matches_nothing_but_no_allow_is_built_on_that(
        self, operator: str, given: dict[str, str]
    ) -> None:
        condition = {operator: {"oss:ExistingObjectTag/team": "1"}}
        assert not allows_if(condition, given)
        assert denies_if(condition, given)
        positive = {operator.replace("Not", ""): {"oss:ExistingObjectTag/team": "1"}}
        assert not allows_if(positive, given)
        assert not denies_if(positive, given)


MALFORMED: list[tuple[str, str, str]] = [
    ("not JSON", "{", "the document: it is not JSON"),
    ("not an object", "[]", "the document: it must be an object"),
    ("a member twice", '{"Version": "1", "Version": "1", "Statement": []}', "two members 'Version'"),
    ("no version", '{"Statement": []}', "the document: Version is missing"),
    (
        "another version",
        json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]}),
        'Version: it must be "1"',
    ),
    ("an unknown member", document(ALLOW, Id="x"), "the document: Id is not known here"),
    ("no statements", document(), "Statement: it must be a list"),
    ("a statement alone", document(Statement=ALLOW), "Statement: it must be a list"),
    ("a statement that is a text", document(Statement=["x"]), "Statement[0]: it must be an object"),
    ("an unknown element", document({**ALLOW, "Sid": "x"}), "Statement[0]: Sid is not known here"),
    ("no effect", document({"Action": "*", "Resource": "*"}), "Statement[0]: Effect is missing"),
    ("a wrong effect", document(ALLOW, {**ALLOW, "Effect": "allow"}), "Statement[1].Effect: it must be"),
    ("an effect that is a list", document({**ALLOW, "Effect": ["Allow"]}), "Statement[0].Effect: it must be"),
    ("no action", document({"Effect": "Allow", "Resource": "*"}), "either Action or NotAction"),
    ("both actions", document({**ALLOW, "NotAction": "*"}), "either Action or NotAction"),
    ("no resource", document({"Effect": "Allow", "Action": "*"}), "either Resource or NotResource"),
    ("a principal", document({**ALLOW, "Principal": "*"}), "Principal is not known here"),
    ("an empty list", document({**ALLOW, "Action": []}), "Statement[0].Action: the list is empty"),
    ("a number", document({**ALLOW, "Action": ["oss:*", 1]}), "Statement[0].Action[1]: it must be a text"),
    ("an empty text", document({**ALLOW, "Resource": ""}), "Statement[0].Resource: it must be a text"),
    ("a bare action", document({**ALLOW, "Action": "GetObject"}), "Statement[0].Action: it must be *"),
    ("a blank", document({**ALLOW, "Action": "oss: GetObject"}), "Statement[0].Action: it must be *"),
    ("a bare resource", document({**ALLOW, "Resource": "media/*"}), "Statement[0].Resource: it must be *"),
    ("a short resource", document({**ALLOW, "Resource": "acs:oss:*:*"}), "acs:<service>:<region>"),
    ("another cloud", document({**ALLOW, "NotResource": "arn:aws:s3:::b"}), "either Resource"),
    ("an empty id", document({**ALLOW, "Resource": ["acs:oss:*:*:"]}), "Statement[0].Resource[0]: it must"),
]
CONDITIONS: list[tuple[Any, str]] = [
    ([], "Statement[0].Condition: it must be an object"),
    ({}, "Statement[0].Condition: it must be an object with one"),
    ({"StringMatches": {"oss:Prefix": "a"}}, "there is no operator StringMatches"),
    ({"StringEqualsIfExists": {"oss:Prefix": "a"}}, "there is no operator StringEqualsIfExists"),
    ({"StringEquals": {}}, "Statement[0].Condition.StringEquals: it must be an object with one"),
    ({"StringEquals": {"oss:BucketTag/a": "1"}}, "there is no key oss:BucketTag/a here"),
    ({"StringEquals": {"oss:ExistingObjectTag/": "1"}}, "there is no key oss:ExistingObjectTag/ here"),
    (
        {"StringEquals": {"acs:SourceIp": "1.2.3.4"}},
        "StringEquals does not fit acs:SourceIp; what fits is IpAddress",
    ),
    ({"IpAddress": {"oss:Prefix": "1.2.3.4"}}, "IpAddress does not fit oss:Prefix"),
    ({"IpAddress": {"acs:SourceIp": "10.0.0.1/8"}}, "acs:SourceIp: it must be an IP address or a CIDR block"),
    ({"IpAddress": {"acs:SourceIp": ["::1", "*"]}}, "acs:SourceIp[1]: it must be an IP address"),
    ({"Bool": {"acs:SecureTransport": "yes"}}, "acs:SecureTransport: it must be true or false"),
    ({"Bool": {"acs:SecureTransport": 1}}, "acs:SecureTransport: it must be true or false"),
    ({"DateEquals": {"acs:CurrentTime": "2026-01-01T00:00:00"}}, "acs:CurrentTime: it must be a time"),
    ({"DateEquals": {"acs:CurrentTime": "yesterday"}}, "acs:CurrentTime: it must be a time"),
    ({"NumericEquals": {"oss:ExistingObjectTag/a": "x"}}, "oss:ExistingObjectTag/a: it must be a number"),
    ({"NumericEquals": {"oss:ExistingObjectTag/a": True}}, "oss:ExistingObjectTag/a: it must be a number"),
    ({"StringEquals": {"oss:Prefix": 1}}, "oss:Prefix: it must be a text"),
    ({"StringEquals": {"oss:Prefix": []}}, "oss:Prefix: the list is empty"),
]


class TestMalformedDocuments:
    @pytest.mark.parametrize(
        ("text", "said"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
    )
    def test_the_place_and_the_problem_are_named(self, text: str, said: str) -> None:
        with pytest.raises(MalformedPolicy) as caught:
            parse_policy(text)
        assert said in str(caught.value)

    @pytest.mark.parametrize(("condition", "said"), CONDITIONS)
    def test_a_condition_that_is_not_understood_is_an_error_and_never_silently_true(
        self, condition: Any, said: str
    ) -> None:
        with pytest.raises(MalformedPolicy) as caught:
            policy({**ALLOW, "Condition": condition})
        assert said in str(caught.value)


# Names of few letters, so that patterns often match.
NAMES = st.text("ab:*?", max_size=6)
SERVICE_ACTIONS = st.sampled_from(["oss:GetObject", "oss:PutObject", "imm:GetTask", "mns:PublishMessage"])
ACTION_PATTERNS = st.sampled_from(["*", "oss:*", "oss:Get*", "imm:GetTask", "*:Put*", "???:*Object"])
OBJECTS = st.sampled_from(["acs:oss:*:1:b/k", "acs:oss:*:1:b", "acs:imm:cn:1:project/p", "acs:oss:*:2:b/k"])
OBJECT_PATTERNS = st.sampled_from(["*", "acs:oss:*:*:*", "acs:oss:*:1:b/*", "acs:*:*:1:*", "acs:imm:*:*:*"])
CONTEXTS = st.dictionaries(
    st.sampled_from(["oss:Prefix", "oss:ExistingObjectTag/a"]), st.sampled_from(["", "x", "y"])
)
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(ACTION_PATTERNS, min_size=1, max_size=2),
        "Resource": st.lists(OBJECT_PATTERNS, min_size=1, max_size=2),
    },
    optional={
        "Condition": st.fixed_dictionaries(
            {
                "StringEquals": st.dictionaries(
                    st.sampled_from(["oss:Prefix", "oss:ExistingObjectTag/a"]),
                    st.lists(st.sampled_from(["x", "y"]), min_size=1),
                    min_size=1,
                )
            }
        )
    },
)
POLICIES = st.lists(STATEMENTS, min_size=1, max_size=4)


def matches(pattern: str, text: str) -> bool:
    """The meaning of wildcards, spelt out."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


class TestProperties:
    @given(NAMES, NAMES)
    def test_a_wildcard_pattern_matches_what_its_meaning_says(self, pattern: str, text: str) -> None:
        assert bool(wildcard(pattern).fullmatch(text)) == matches(pattern, text)

    @given(st.text(max_size=8))
    def test_a_text_matches_itself_and_nothing_in_it_is_a_regular_expression(self, text: str) -> None:
        plain = re.sub(r"[*?]", "", text)
        assert wildcard(plain).fullmatch(plain)
        assert not wildcard(plain).fullmatch(plain + "x")

    @given(POLICIES, SERVICE_ACTIONS, OBJECTS, CONTEXTS)
    def test_a_deny_more_never_allows_anything_more(
        self, statements: list[Any], action: str, resource: str, context: dict[str, str]
    ) -> None:
        denying = policy(*statements, DENY)
        assert decide(denying, action, resource, context) is Decision.EXPLICIT_DENY

    @given(POLICIES, STATEMENTS, SERVICE_ACTIONS, OBJECTS, CONTEXTS)
    def test_an_allow_more_never_takes_anything_away(
        self, statements: list[Any], more: Any, action: str, resource: str, context: dict[str, str]
    ) -> None:
        before = decide(policy(*statements), action, resource, context)
        after = decide(policy(*statements, {**more, "Effect": "Allow"}), action, resource, context)
        assert after is before or before is Decision.IMPLICIT_DENY

    @given(POLICIES, SERVICE_ACTIONS, OBJECTS, CONTEXTS, st.randoms())
    def test_neither_order_nor_division_into_policies_matters(
        self, statements: list[Any], action: str, resource: str, context: dict[str, str], chance: Any
    ) -> None:
        together = decide(policy(*statements), action, resource, context)
        shuffled = list(statements)
        chance.shuffle(shuffled)
        apart = [policy(statement) for statement in shuffled]
        assert evaluate(apart, action, resource, context) is together

    @given(POLICIES, SERVICE_ACTIONS, OBJECTS, CONTEXTS)
    def test_one_value_and_a_list_of_it_mean_the_same(
        self, statements: list[Any], action: str, resource: str, context: dict[str, str]
    ) -> None:
        one_by_one = [
            {**statement, "Action": single, "Resource": target}
            for statement in statements
            for single in statement["Action"]
            for target in statement["Resource"]
        ]
        assert decide(policy(*one_by_one), action, resource, context) is (
            decide(policy(*statements), action, resource, context)
        )

    @given(POLICIES, SERVICE_ACTIONS, OBJECTS, CONTEXTS)
    def test_an_action_that_is_not_named_is_decided_as_its_counterpart_says(
        self, statements: list[Any], action: str, resource: str, context: dict[str, str]
    ) -> None:
        statement = {**statements[0], "Effect": "Allow"}
        inverse = {**statement, "NotAction": statement["Action"]}
        del inverse["Action"]
        both = decide(policy(statement, inverse), action, resource, context)
        anything = decide(policy({**statement, "Action": "*"}), action, resource, context)
        assert both is anything
