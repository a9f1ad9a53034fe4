"""Whatever stands in the file, the check tells what is wrong and never breaks off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.deployment_check.findings import Severity
from tests.deployment_check.checkout import Checkout, good

WORDS = st.sampled_from(
    [
        "",
        "auto",
        "a.b",
        "${vars.region}",
        "${env('X')}",
        "${",
        "{{x}}",
        "acs:mns:::",
        "acs:fc:x:1:layers/a",
        "\0",
        "é",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["x", "run", "triggers", "layers[0]", "a.b", "", "mode"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every mapping or list of a file, with each of its keys or indexes."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, item in items:
        found += [(value, key), *places(item)]
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    directory: Path = tmp_path_factory.mktemp("checkout")
    return Checkout(directory)


@pytest.mark.parametrize("name", ["s.yaml", "s.eventbridge.yaml"])
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_value_at_any_place(checkout: Checkout, name: str, data: st.DataObject) -> None:
    content = good(name)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(content)))
        container[key] = data.draw(VALUES)
    (file,) = checkout.check(checkout.write(content)).files
    for finding in file.findings:
        assert finding.severity in Severity
        assert finding.where
        assert finding.what
        assert finding.remedy


@given(content=VALUES)
@settings(max_examples=50)
def test_any_value_as_a_file(checkout: Checkout, content: Any) -> None:
    (file,) = checkout.check(checkout.write(content)).files
    assert file.findings
