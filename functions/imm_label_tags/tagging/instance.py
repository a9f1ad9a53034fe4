"""An instance of ``tag_object``: what it keeps between invocations, and one invocation."""

from __future__ import annotations

from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from imm_label_tags.events.event import read_event
from imm_label_tags.results.outcome import Outcome
from imm_label_tags.retries import RetryPolicy
from imm_label_tags.services.invocation import CONCURRENT_ITEMS, Services
from imm_label_tags.tagging.settings import Settings, read_settings
from imm_label_tags.tagging.tagger import Tagger, TaggingOptions
from imm_label_tags.tags.plan import TagScheme, TaskKind
from imm_label_tags.tags.romanisation import make_ready

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
        # Imported only where results are kept.
        from imm_label_tags.results.archive import whole_answer
        from imm_label_tags.tagging.result_archive import ResultArchive

        whole = whole_answer
        archive = ResultArchive(settings.result_archive, objects, executor)
    return Tagger(
        tasks=services.client(ImmTasks, settings.imm_endpoint, whole),
        objects=objects,
        options=TaggingOptions(
            scheme=scheme,
            allowed_objects=settings.allowed_objects,
            stale_objects=settings.stale_objects,
            second_look_seconds=settings.second_look_seconds,
        ),
        retry_policy=services.retry_policy,
        executor=executor,
        archive=archive,
    )
