"""One upload, one task: every order of the calls, and the two races that are left."""

from __future__ import annotations

from collections import Counter

import pytest

from proof.races.scenario import Together, Trouble
from proof.races.submissions import SubmissionRace, tasks_created


@pytest.mark.parametrize("together", [Together.ONE_INSTANCE, Together.ONE_AFTER_THE_OTHER])
def test_events_of_one_instance_or_one_after_the_other_make_one_task(together: Together) -> None:
    assert set(tasks_created(SubmissionRace(3, together))) == {1}


@pytest.mark.parametrize("trouble", [Trouble.NOT_CARRIED_OUT, Trouble.CARRIED_OUT])
def test_a_new_task_whose_answer_is_lost_is_asked_for_before_another_is_created(trouble: Trouble) -> None:
    race = SubmissionRace(2, Together.ONE_AFTER_THE_OTHER, trouble)
    assert set(tasks_created(race)) == {1}


def test_two_instances_make_two_tasks_where_both_ask_before_either_creates() -> None:
    assert tasks_created(SubmissionRace(2)) == Counter({2: 4, 1: 2})


def test_a_task_that_imm_creates_after_it_was_asked_for_is_a_second_one() -> None:
    assert tasks_created(SubmissionRace(1, trouble=Trouble.LATE)) == Counter({2: 2, 1: 1})
