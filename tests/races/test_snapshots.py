"""Nothing is written from what has grown old: not the tags, and not what HeadObject said of an upload."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imm_label_tags.errors import ServiceUnavailable
from imm_label_tags.results.outcome import Outcome, Status
from imm_label_tags.retries import MAX_SNAPSHOT_AGE_SECONDS, RETRIES, Deadline, RetryPolicy
from imm_label_tags.services.calls import Trace
from imm_label_tags.tagging.object_tagger import TaggingOptions
from imm_label_tags.tagging.settings import StaleObjects
from imm_label_tags.tagging.tagger import Tagger
from localcloud.faults import Fault, FaultKind
from proof.races.race import SCHEME
from proof.races.schedules import AtOnce
from proof.races.storage import BEFORE, EXPECTED, NO_LIMITS
from tests.races.cloud_storage import CloudStorage
from tests.stage import Stage

HEAD, READ, WRITE = "HeadObject", "GetObjectTagging", "PutObjectTagging"
UPLOADED_WITH = {"camera": "c"}
PAUSE_SECONDS = 5.0
DEADLINE_SECONDS = 60.0


class Course:
    """A task's notification, handled by the real calls one after the other, HeadObject before the tags.

    No time passes but in the pauses before a call is made again, in which ``acts`` happen, one for each.
    """

    def __init__(self, stage: Stage, storage: CloudStorage) -> None:
        self.stage = stage
        self.storage = storage
        self.acts: list[Callable[[], None]] = []
        self.now = 0.0
        storage.begin()

    def handle(
        self,
        stale_objects: StaleObjects = StaleObjects.SKIP,
        *,
        max_snapshot_age: float = MAX_SNAPSHOT_AGE_SECONDS,
        pause: float = 0.0,
    ) -> Outcome:
        limits = RetryPolicy(
            max_snapshot_age=max_snapshot_age,
            first_pause=pause,
            max_pause=pause,
            sleep=self._sleep,
            jitter=lambda: 1.0,
            clock=self._clock,
        )
        options = TaggingOptions(SCHEME, None, stale_objects)
        tagger = Tagger(self.storage.tasks, self.storage.objects, options, AtOnce(), limits)
        return tagger.tag(
            self.storage.notification("newer"), Trace(), Deadline(DEADLINE_SECONDS, self._clock)
        )

    def fail(self, action: str, *, times: int = 1, skip: int = 0) -> None:
        self.stage.break_call(Fault(FaultKind.RESET_BEFORE, action=action, times=times, skip=skip))

    def upload(self) -> None:
        self.storage.upload(UPLOADED_WITH)

    def calls(self) -> list[str]:
        return [call.action for call in self.stage.raw_calls() if call.action in (HEAD, READ, WRITE)]

    def tags(self) -> dict[str, str]:
        return dict(self.storage.objects.tags(self.storage.target, NO_LIMITS))

    def _clock(self) -> float:
        return self.now

    def _sleep(self, seconds: float) -> None:
        self.now += PAUSE_SECONDS
        if self.acts:
            self.acts.pop(0)()


@pytest.fixture
def course(stage: Stage, storage: CloudStorage) -> Course:
    return Course(stage, storage)


def test_an_upload_between_the_head_and_tags_that_had_to_be_asked_for_twice(course: Course) -> None:
    # Given a HeadObject that is answered, tags that are not, and an upload before they are asked for again
    course.fail(READ)
    course.acts = [course.upload]

    # When the notification is handled, then the object is asked about anew, and the upload is left alone
    outcome = course.handle()
    assert outcome.status is Status.STALE
    assert course.calls() == [HEAD, READ, READ, HEAD, READ]
    assert outcome.tags == course.tags() == UPLOADED_WITH


def test_an_upload_before_a_write_is_repeated(course: Course) -> None:
    course.fail(WRITE)
    course.acts = [course.upload]
    outcome = course.handle()
    assert outcome.status is Status.STALE
    assert course.calls() == [HEAD, READ, WRITE, HEAD, READ]
    assert course.tags() == UPLOADED_WITH


def test_a_head_that_had_to_be_asked_for_twice_makes_the_tags_no_older(course: Course) -> None:
    course.fail(HEAD)
    assert course.handle().status is Status.TAGGED
    assert course.calls() == [HEAD, HEAD, READ, WRITE]


def test_tags_alone_are_as_old_as_their_own_answer(course: Course) -> None:
    course.fail(READ)
    assert course.handle(StaleObjects.TAG).status is Status.TAGGED
    assert course.calls() == [READ, READ, WRITE]
    assert course.tags() == {**BEFORE, **EXPECTED["newer"]}


def test_a_service_at_which_everything_grows_old_ends_in_an_error_that_a_retry_may_help(
    course: Course,
) -> None:
    # Given answers that are old as soon as they have come
    with pytest.raises(ServiceUnavailable) as caught:
        course.handle(max_snapshot_age=-1.0)

    # Then there is an end to it, nothing was written, and the error says what to do
    assert course.calls() == [HEAD, READ] * (1 + RETRIES)
    assert course.tags() == BEFORE
    for part in (course.storage.target.uri, "too slowly", "A retry may help"):
        assert part in str(caught.value)

    # And the next delivery does it
    assert course.handle().status is Status.TAGGED
    assert course.tags() == {**BEFORE, **EXPECTED["newer"]}


def test_readings_for_which_there_is_no_time_any_more_end_in_the_same_error(course: Course) -> None:
    # Given answers that are old as soon as they have come, and time for a single pause
    with pytest.raises(ServiceUnavailable, match="too slowly"):
        course.handle(max_snapshot_age=-1.0, pause=DEADLINE_SECONDS - PAUSE_SECONDS / 2)
    assert course.calls() == [HEAD, READ] * 2
    assert course.tags() == BEFORE
