"""Reads the standing of every video below a prefix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cli.cloud.calls import LASTING, CallFailed
from cli.cloud.ends import end_of_run
from cli.problems import Problem
from cli.report.objects import LISTED_IN, Listed, Objects, side_by_side
from cli.report.standing import Judge, Standing
from imm_label_tags.errors import AccessDenied, TaggingError
from imm_label_tags.results.archive import place
from imm_label_tags.results.target import ObjectGone, ObjectPrefix, TargetObject
from imm_label_tags.submission.selection import Exclusion, Selection

# So many objects are begun ahead of the one that is looked at: a page of the listing takes its time.
_AHEAD = 32


@dataclass(frozen=True)
class Unread:
    """A video whose tags or archived result could not be read; a retry may help."""

    target: TargetObject
    error: str
    message: str
    retryable: bool


@dataclass(frozen=True)
class Skipped:
    """An object that is no video of the function's: its name or ALLOWED_OBJECTS says so."""

    reason: str


@dataclass(frozen=True)
class Gone:
    """An object that was removed after it was listed."""


Read = Standing | Unread | Skipped | Gone


class Reader:
    """Reads with the threads of ``objects``; ``archive`` is where results are kept, if anywhere."""

    def __init__(
        self, objects: Objects, judge: Judge, selection: Selection, archive: ObjectPrefix | None
    ) -> None:
        self._objects = objects
        self._judge = judge
        self._selection = selection
        self._archive = archive

    def below(self, prefix: str) -> Iterator[Read]:
        """Everything below a prefix, by key.

        Raises Problem where the bucket cannot be listed, or no object can be read.
        """
        return self._all(self._objects.listed(prefix))

    def videos(self, keys: Iterable[str]) -> Iterator[str]:
        """The URIs of the keys that are videos."""
        for key in keys:
            target = TargetObject(self._objects.bucket, key)
            if self._selection.by_name(target) is None:
                yield target.uri

    def answer_place(self, standing: Standing) -> TargetObject | None:
        """Where the result of an object's task is archived, if it is."""
        if self._archive is None or standing.task is None:
            return None
        return place(self._archive, standing.target, standing.task.task_id)

    def _all(self, listed: Iterable[Listed]) -> Iterator[Read]:
        executor = ThreadPoolExecutor(self._objects.threads, thread_name_prefix="reader")
        try:
            yield from side_by_side(self._read, listed, executor, _AHEAD * self._objects.threads)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _read(self, listed: Listed) -> Read:
        target = TargetObject(self._objects.bucket, listed.key)
        excluded = self._selection.by_name(target)
        if excluded is not None:
            return Skipped(excluded.exclusion.value)
        if not listed.size:
            return Skipped(Exclusion.NOT_VIDEO.value)
        try:
            # A key that cannot be addressed safely is not asked for either.
            TargetObject.from_uri(target.uri)
            standing = self._judge.standing(target, listed.written, self._objects.tags(target))
            return self._compared(standing)
        except ObjectGone:
            return Gone()
        except AccessDenied as error:
            raise Problem(f"{error} {LISTED_IN} lists all that is needed.") from None
        except TaggingError as error:
            ending = end_of_run(error)
            if ending is not None:
                raise ending from None
            return Unread(target, type(error).__name__, str(error), error.retryable)
        except CallFailed as failure:
            if failure.obstacle in LASTING:
                raise
            return Unread(target, failure.code or "NoAnswer", str(failure), retryable=True)

    def _compared(self, standing: Standing) -> Standing:
        place = self.answer_place(standing) if self._judge.can_differ(standing) else None
        answer = self._objects.archived(place) if place is not None else None
        return standing if answer is None else self._judge.compared(standing, answer)
