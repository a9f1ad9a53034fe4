"""The tree of errors, and what their messages say."""

from __future__ import annotations

import re

import pytest

from imm_label_tags import errors
from imm_label_tags.errors import BatchFailed, InvalidNotification, TaggingError, Throttled


def classes() -> list[type[TaggingError]]:
    return [
        member
        for member in vars(errors).values()
        if isinstance(member, type) and issubclass(member, TaggingError)
    ]


def test_the_tree_at_the_top_of_the_module_is_the_tree() -> None:
    drawn = {}
    parents = {-1: "Exception"}
    for indent, name in re.findall(r"^( *)[*+-] (\w+)$", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 2
        parents[depth] = name
        drawn[name] = parents[depth - 1]
    assert drawn == {member.__name__: member.__bases__[0].__name__ for member in classes()}


@pytest.mark.parametrize("member", classes())
def test_every_class_says_when_it_is_raised_and_whether_a_retry_helps(member: type[TaggingError]) -> None:
    assert member.__doc__
    assert member.retryable is issubclass(member, errors.TransientError)


def test_a_failed_batch_names_each_failed_item_and_is_retryable_if_any_item_is() -> None:
    permanent = [(index, InvalidNotification("odd")) for index in range(30)]
    error = BatchFailed(40, permanent)
    assert "30 of 40" in str(error)
    assert "[29] InvalidNotification" in str(error)
    assert not error.retryable
    assert BatchFailed(2, [*permanent, (1, Throttled("slow down"))]).retryable
