"""What an instance of the function keeps between invocations: settings, clients, threads."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imm_label_tags.batches import CONCURRENT_ITEMS
from imm_label_tags.environment import Home, any_secure, read_home, shut_out
from imm_label_tags.log import Log
from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.answer_room import AnswerRoom
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.deferred_imports import import_deferring
from imm_label_tags.tagging.invocation import Invocation
from imm_label_tags.tagging.settings import Settings, read_settings
from imm_label_tags.tagging.tagger import Tagger, TaggingOptions, TaskKind
from imm_label_tags.tags.label_tags import LabelTags
from imm_label_tags.tags.naming import Naming
from imm_label_tags.tags.romanisation import make_ready, romanise

if TYPE_CHECKING:
    from imm_label_tags.services.connections import Connections

SDK_MODULES = (
    "imm_label_tags.services.connections",
    "imm_label_tags.services.imm",
    "imm_label_tags.services.oss",
    "imm_label_tags.services.video_labels",
)
CODE_ROOT = Path(__file__).parent.parent.parent


class Instance:
    """A started instance. Building one reads the settings and builds both SDKs' clients.

    ``kinds`` gives the kinds of tasks that it handles, in the order in which they claim their tags. Raises
    InvalidSetting.
    """

    def __init__(
        self,
        environment: MutableMapping[str, str],
        context: Any,
        retry_policy: RetryPolicy | None = None,
        kinds: Callable[[Settings], tuple[TaskKind, ...]] | None = None,
    ) -> None:
        settings = read_settings(environment, CODE_ROOT)
        home = read_home(environment, context)
        self._credentials = RoleCredentials(environment)
        self._log = Log(settings.log_level, self._credentials.redact)
        for name in shut_out(environment):
            self._log.write("WARNING", f"The variable {name} is not obeyed: it would expose signed requests.")
        self._credentials.use(context)
        make_ready(settings.label_names, lambda text: self._log.write("WARNING", text))
        # Imported here, so that a wrong setting is reported before the SDKs' import has been paid for.
        import_deferring(SDK_MODULES, lambda text: self._log.write("WARNING", text))
        from imm_label_tags.services.connections import Connections

        self._retry_policy = retry_policy or RetryPolicy()
        self._connections = Connections(
            secure=any_secure(settings.imm_endpoint, settings.oss_endpoint), room=AnswerRoom.of(context)
        )
        self._tagger = _build_tagger(
            settings,
            (kinds or video_labels)(settings),
            home,
            self._credentials,
            self._connections,
            self._retry_policy,
        )
        # Items of a list wait for calls, so the calls have threads of their own.
        self._items = ThreadPoolExecutor(CONCURRENT_ITEMS, thread_name_prefix="item")
        self._cold = True

    def handle(self, event: bytes, context: Any, *, spent_seconds: float = 0.0) -> dict[str, Any]:
        """Handle one invocation, of whose time some may be spent already; see Invocation.run."""
        deadline = Deadline.of(context, self._retry_policy.clock, spent_seconds)
        self._credentials.use(context)
        cold, self._cold = self._cold, False
        request_id = str(getattr(context, "request_id", "") or "")
        with self._connections.in_use():
            return Invocation(self._tagger, self._items, self._log, request_id, cold, deadline).run(event)


def video_labels(settings: Settings) -> tuple[TaskKind, ...]:
    """The one kind of task that is deployed. The SDKs must have been imported."""
    from imm_label_tags.services.video_labels import LABELS_RESULT

    tags = LabelTags(
        value=settings.tag_value,
        naming=Naming(settings.label_names, settings.lexicon, romanise),
        minimum_confidence=settings.minimum_confidence,
        label_limit=settings.label_limit,
        rules=settings.tag_rules,
    )
    return (TaskKind(LABELS_RESULT, tags),)


def _build_tagger(
    settings: Settings,
    kinds: tuple[TaskKind, ...],
    home: Home,
    credentials: RoleCredentials,
    connections: Connections,
    retry_policy: RetryPolicy,
) -> Tagger:
    from imm_label_tags.services.imm import ImmTasks
    from imm_label_tags.services.oss import OssObjects

    oss = (home.region, home.account_id, settings.oss_endpoint, credentials, connections)
    # Beside an object's reading, its result may be written.
    beside = 1 if settings.result_archive is None else 2
    executor = ThreadPoolExecutor(beside * CONCURRENT_ITEMS, thread_name_prefix="call")
    archive = whole = None
    if settings.result_archive is not None:
        # Imported only where results are kept.
        from imm_label_tags.results.archive import whole_answer
        from imm_label_tags.services.documents import OssDocuments
        from imm_label_tags.tagging.result_archive import ResultArchive

        whole = whole_answer
        archive = ResultArchive(settings.result_archive, OssDocuments(*oss), executor)
    return Tagger(
        tasks=ImmTasks(home.region, home.account_id, settings.imm_endpoint, credentials, connections, whole),
        objects=OssObjects(*oss),
        options=TaggingOptions(
            namespace=settings.namespace,
            kinds=kinds,
            allowed_objects=settings.allowed_objects,
            stale_objects=settings.stale_objects,
            second_look_seconds=settings.second_look_seconds,
        ),
        retry_policy=retry_policy,
        executor=executor,
        archive=archive,
    )
