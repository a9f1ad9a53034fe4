"""An instance of ``tag_object``: what it keeps between invocations, and one invocation."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imm_label_tags.events.event import read_event
from imm_label_tags.results.outcome import Outcome
from imm_label_tags.results.target import ObjectPrefix, TargetObject
from imm_label_tags.retries import RetryPolicy
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.invocation import CONCURRENT_ITEMS, Services
from imm_label_tags.tagging.object_tagger import TaggingOptions
from imm_label_tags.tagging.settings import Settings, read_settings
from imm_label_tags.tagging.tagger import Archive, Tagger
from imm_label_tags.tags.plan import TagScheme, TaskKind
from imm_label_tags.tags.romanisation import make_ready

if TYPE_CHECKING:
    from imm_label_tags.services.oss import OssObjects

SDK_MODULES = (
    "imm_label_tags.services.connections",
    "imm_label_tags.services.imm",
    "imm_label_tags.services.oss",
)
CODE_ROOT = Path(__file__).parent.parent.parent


class Instance:
    """A started instance. Building one reads the settings and builds both SDKs' clients.

    ``others`` are kinds of tasks that it handles beside labels. Raises InvalidSetting.
    """

    def __init__(
        self,
        environment: MutableMapping[str, str],
        context: Any,
        retry_policy: RetryPolicy | None = None,
        others: tuple[TaskKind, ...] = (),
    ) -> None:
        settings = read_settings(environment, CODE_ROOT)
        endpoints = (settings.imm_endpoint, settings.oss_endpoint)
        self._services = Services(
            environment, context, settings.log_level, endpoints, SDK_MODULES, retry_policy
        )
        make_ready(settings.label_names, self._services.warn)
        self._tagger = _build_tagger(settings, settings.scheme(others), self._services)
        # Items of a list wait for calls, so the calls have threads of their own.
        self._items = ThreadPoolExecutor(CONCURRENT_ITEMS, thread_name_prefix="item")

    def handle(self, event: bytes, context: Any, *, spent_seconds: float = 0.0) -> dict[str, Any]:
        """Handle one invocation, of whose time some may be spent already; see Invocation.run."""
        with self._services.invocation(context, spent_seconds) as invocation:
            read = partial(read_event, event, self._tagger.task_types)
            return invocation.run(read, self._tagger.tag, Outcome.ignored, self._items)


def _build_tagger(settings: Settings, scheme: TagScheme, services: Services) -> Tagger:
    from imm_label_tags.services.imm import ImmTasks
    from imm_label_tags.services.oss import OssObjects

    # Beside an object's reading, its result may be written.
    beside = 1 if settings.result_archive is None else 2
    executor = ThreadPoolExecutor(beside * CONCURRENT_ITEMS, thread_name_prefix="call")
    objects = services.client(OssObjects, settings.oss_endpoint)
    archive = whole = None
    if settings.result_archive is not None:
        archive, whole = _archive(settings.result_archive, objects, executor)
    options = TaggingOptions(
        scheme, settings.allowed_objects, settings.stale_objects, settings.second_look_seconds
    )
    tasks = services.client(ImmTasks, settings.imm_endpoint, whole)
    return Tagger(tasks, objects, options, executor, services.retry_policy, archive)


def _archive(
    prefix: ObjectPrefix, objects: OssObjects, executor: Executor
) -> tuple[Archive, Callable[[bytes], bytes]]:
    """What keeps whole results below a prefix, and what of an answer is kept."""
    # Imported only where results are kept.
    from imm_label_tags.results import archive

    def begin(source: TargetObject, task_id: str, answer: bytes, calls: Calls) -> tuple[str, Future[None]]:
        # A document that is there is replaced, by the same bytes: whatever stands there instead is put right.
        place, document = archive.place(prefix, source, task_id), archive.document(answer, source)
        put = partial(objects.put, place, document)
        return place.uri, calls.submit(executor, "PutObject", put)

    return begin, archive.whole_answer
