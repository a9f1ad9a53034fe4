"""Reads the standing of every video below a prefix: its tags, and the archived result of its task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cli.bulk import side_by_side
from cli.cloud.access import Access
from cli.cloud.calls import CallFailed
from cli.cloud.ends import Failure, calls_about, failure_of, with_present_keys
from cli.cloud.objects import Objects
from cli.problems import Problem
from cli.report.standing import Judge, Standing
from cli.show.answer import LARGEST_ARCHIVE, Answer, NotAnAnswer
from imm_label_tags.errors import AccessDenied, TaggingError
from imm_label_tags.results.archive import place
from imm_label_tags.results.target import ObjectGone, ObjectHead, ObjectPrefix, TargetObject
from imm_label_tags.services.oss import OssObjects
from imm_label_tags.submission.selection import Exclusion, Selection
from imm_label_tags.tags.plan import TagSet

LISTED_IN = "deploy/policies/report.json"
THREADS = 16
# So many objects are begun ahead of the one that is looked at: a page of the listing takes its time.
_AHEAD = 32 * THREADS


@dataclass(frozen=True)
class Unread:
    """A video whose tags or archived result could not be read, or whose tags not written."""

    target: TargetObject
    failure: Failure


@dataclass(frozen=True)
class Skipped:
    """An object that is no video of the function's: its name or ALLOWED_OBJECTS says so."""

    reason: str


@dataclass(frozen=True)
class Gone:
    """An object that was removed after it was listed."""


Read = Standing | Unread | Skipped | Gone


class Reader:
    """Reads one bucket; ``archive`` is where results are kept, if anywhere.

    Tags are read by ``tagged``, the function's own client of OSS.
    """

    def __init__(
        self,
        access: Access,
        account_id: str,
        bucket: str,
        judge: Judge,
        selection: Selection,
        archive: ObjectPrefix | None,
    ) -> None:
        self.bucket = bucket
        self.objects = Objects(access.oss(THREADS + 1), account_id, LISTED_IN)
        self.tagged = access.function_client(OssObjects, "oss", account_id)
        self._judge = judge
        self._selection = selection
        self._archive = archive

    def below(self, prefix: str) -> Iterator[Read]:
        """Everything below a prefix, by key.

        Raises Problem where the bucket cannot be listed, or no object can be read.
        """
        return side_by_side(self._read, self.objects.listed(self.bucket, prefix), THREADS, _AHEAD)

    def videos(self, keys: Iterable[str]) -> Iterator[str]:
        """The URIs of the keys that are videos."""
        for key in keys:
            target = TargetObject(self.bucket, key)
            if self._selection.by_name(target) is None:
                yield target.uri

    def answer_place(self, standing: Standing) -> TargetObject | None:
        """Where the result of an object's task is archived, if it is."""
        if self._archive is None or standing.task is None:
            return None
        return place(self._archive, standing.target, standing.task.task_id)

    def archived(self, place: TargetObject) -> Answer | None:
        """The result that an archive keeps; None where there is none, or nothing that can be read.

        Raises CallFailed.
        """
        content = self.objects.read(place, LARGEST_ARCHIVE)
        try:
            return None if content is None or content.body is None else Answer.parse(content.body)
        except NotAnAnswer:
            return None

    def _read(self, listed: tuple[str, ObjectHead]) -> Read:
        key, head = listed
        target = TargetObject(self.bucket, key)
        excluded = self._selection.by_name(target)
        if excluded is not None:
            return Skipped(excluded.exclusion.value)
        if not head.size:
            return Skipped(Exclusion.NOT_VIDEO.value)
        try:
            # A key that cannot be addressed safely is not asked for either.
            TargetObject.from_uri(target.uri)
            standing = self._judge.standing(
                target, head.written, with_present_keys(lambda: self._tags(target))
            )
            return self._compared(standing)
        except ObjectGone:
            return Gone()
        except AccessDenied as error:
            raise Problem(f"{error} {LISTED_IN} lists all that is needed.") from None
        except (TaggingError, CallFailed) as error:
            return Unread(target, failure_of(error))

    def _tags(self, target: TargetObject) -> TagSet:
        calls = calls_about(target.uri)
        return calls.call_with_retry("GetObjectTagging", lambda timeouts: self.tagged.tags(target, timeouts))

    def _compared(self, standing: Standing) -> Standing:
        place = self.answer_place(standing) if self._judge.can_differ(standing) else None
        answer = self.archived(place) if place is not None else None
        return standing if answer is None else self._judge.compared(standing, answer)
