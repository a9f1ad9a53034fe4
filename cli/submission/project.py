"""The tasks of an IMM project as a whole: how many run, and for which objects there have been some lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from imm_label_tags.results.task import RUNNING, VERSION_TAG, SubmittedTask
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.imm import ImmTasks, submitted_task
from imm_label_tags.text import text_of


class Page(NamedTuple):
    """Tasks of one answer: how many, those of ours by their versions, and the token of the next answer."""

    number: int
    by_version: Mapping[str, list[SubmittedTask]]
    next_token: str


class RecentTasks:
    """The tasks of ours that a project had at one time, by version.

    Read once, they spare the question for each object of a library that has few. ``read`` gives None where
    there are more than MOST.
    """

    MOST = 10_000

    def __init__(self, by_version: Mapping[str, Sequence[SubmittedTask]]) -> None:
        self._by_version = by_version

    @classmethod
    def read(cls, page_at: Callable[[str], Page]) -> RecentTasks | None:
        """Read page after page, by their tokens; raises what a page raises."""
        by_version: dict[str, list[SubmittedTask]] = {}
        number, token = 0, ""
        while True:
            page = page_at(token)
            number += page.number
            if number > cls.MOST:
                return None
            for version, tasks in page.by_version.items():
                by_version.setdefault(version, []).extend(tasks)
            token = page.next_token
            if not token:
                return cls(by_version)

    def of(self, version: str) -> Sequence[SubmittedTask]:
        """The tasks that were created for a version."""
        return self._by_version.get(version, ())


class ProjectTasks(ImmTasks):
    """Lists tasks; each page is one call and one attempt."""

    def running(self, project: str, enough: int, timeouts: Timeouts) -> int:
        """How many tasks of a project run, counted up to ``enough``: ListTasks.

        Raises as ``tasks_of`` does.
        """
        number = 0
        for page in self._pages(project, timeouts, RUNNING):
            number += page.number
            if number >= enough:
                break
        return number

    def page(self, project: str, token: str, timeouts: Timeouts, status: str | None = None) -> Page:
        """A page of the tasks of the last seven days, the newest first: ListTasks. Raises as ``tasks_of``."""
        return self.list_tasks(
            project,
            f"the tasks of project {project}",
            timeouts,
            _read_page,
            status=status,
            next_token=token or None,
        )

    def _pages(self, project: str, timeouts: Timeouts, status: str) -> Iterator[Page]:
        token = ""
        while True:
            page = self.page(project, token, timeouts, status)
            yield page
            token = page.next_token
            if not token:
                return


def _read_page(body: Any) -> Page:
    by_version: defaultdict[str, list[SubmittedTask]] = defaultdict(list)
    for info in body.tasks:
        version = (info.tags or {}).get(VERSION_TAG)
        if version:
            by_version[version].append(submitted_task(info))
    return Page(len(body.tasks), by_version, text_of(body.next_token))
