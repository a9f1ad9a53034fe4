"""EventBridge's patterns, as far as the check judges them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.deployment_check.event_bridge_rules import passes
from cli.deployment_check.spelling import slip

EVENT = {"source": "acs.imm", "type": "imm:Task:VideoLabelClassification"}


@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [
        ({}, True),
        ({"source": ["acs.imm"]}, True),
        ({"source": ["acs.oss"]}, False),
        ({"source": ["acs.oss", {"prefix": "acs.i"}]}, True),
        ({"type": [{"suffix": "Classification"}]}, True),
        ({"type": [{"suffix": "Convert"}]}, False),
        ({"type": [{"anything-but": "imm:Task:MediaConvert"}]}, True),
        ({"type": [{"anything-but": ["x", "imm:Task:VideoLabelClassification"]}]}, False),
        ({"type": [{"anything-but": {"prefix": "imm:"}}]}, False),
        ({"type": [{"exists": True}]}, True),
        ({"type": [{"exists": False}]}, False),
        ({"type": [{"numeric": [">", 0]}]}, None),
        ({"type": [{"numeric": [">", 0]}], "source": ["acs.oss"]}, False),
        ({"type": "imm:Task:VideoLabelClassification"}, None),
        ({"data": {"ProjectName": ["p"]}}, True),
    ],
)
def test_what_passes(pattern: dict[str, Any], verdict: bool | None) -> None:
    assert passes(pattern, EVENT) is verdict


@given(
    st.dictionaries(
        st.sampled_from(["source", "type", "data"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["prefix", "suffix", "exists", "anything-but", "x"]), inner, max_size=2
                )
            ),
            max_leaves=6,
        ),
    )
)
def test_any_pattern_is_judged(pattern: dict[str, Any]) -> None:
    assert passes(pattern, EVENT) in (True, False, None)


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("LABEL_LIMITS", "LABEL_LIMIT"),
        ("LABELLIMIT", "LABEL_LIMIT"),
        ("label_limit", "LABEL_LIMIT"),
        ("OSS_ENDPIONT", "OSS_ENDPOINT"),
        ("OSS_ENDPOIN", "OSS_ENDPOINT"),
        ("OSS_ENDPAINT", "OSS_ENDPOINT"),
        ("SLS_ENDPOINT", None),
        ("MNS_ENDPOINT", None),
        ("LIMIT", None),
    ],
)
def test_slips(name: str, like: str | None) -> None:
    assert slip(name, {"LABEL_LIMIT", "OSS_ENDPOINT"}) == like
