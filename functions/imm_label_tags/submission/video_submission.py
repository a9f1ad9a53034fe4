"""An instance of ``submit_video``: what it keeps between invocations, and one invocation."""

from __future__ import annotations

from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from imm_label_tags.retries import RetryPolicy
from imm_label_tags.services.invocation import CONCURRENT_ITEMS, Services
from imm_label_tags.submission.settings import read_submission_settings
from imm_label_tags.submission.submitter import Destination, SubmissionOutcome, Submitter
from imm_label_tags.submission.upload_event import read_upload_event

SDK_MODULES = (
    "imm_label_tags.services.connections",
    "imm_label_tags.services.imm",
    "imm_label_tags.services.oss",
)


class VideoSubmission:
    """A started instance. Building one reads the settings and builds both SDKs' clients.

    Raises InvalidSetting.
    """

    def __init__(
        self, environment: MutableMapping[str, str], context: Any, retry_policy: RetryPolicy | None = None
    ) -> None:
        settings = read_submission_settings(environment)
        imm, oss = settings.imm_endpoint, settings.oss_endpoint
        self._services = Services(
            environment, context, settings.log_level, (imm, oss), SDK_MODULES, retry_policy
        )
        from imm_label_tags.services.imm import ImmTasks
        from imm_label_tags.services.oss import OssObjects

        self._submitter = Submitter(
            self._services.client(OssObjects, oss),
            self._services.client(ImmTasks, imm),
            settings.selection,
            Destination(settings.project, settings.topic),
            self._services.retry_policy,
        )
        self._items = ThreadPoolExecutor(CONCURRENT_ITEMS, thread_name_prefix="item")

    def handle(self, event: bytes, context: Any, *, spent_seconds: float = 0.0) -> dict[str, Any]:
        """Submit every object that an event names; see Invocation.run."""
        with self._services.invocation(context, spent_seconds) as invocation:
            read = partial(read_upload_event, event)
            return invocation.run(read, self._submitter.submit, SubmissionOutcome.ignored, self._items)
