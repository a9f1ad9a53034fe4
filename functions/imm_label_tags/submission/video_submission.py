"""An instance of ``submit_video``: what it keeps between invocations, and one invocation."""

from __future__ import annotations

from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from traceback import format_exc
from typing import Any

from imm_label_tags.batches import CONCURRENT_ITEMS, handle_items
from imm_label_tags.environment import any_secure, read_home, shut_out
from imm_label_tags.errors import BatchFailed, InvalidNotification, TaggingError
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.log import Log
from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.answer_room import AnswerRoom
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.deferred_imports import import_deferring
from imm_label_tags.submission.outcome import SubmissionOutcome, SubmissionStatus
from imm_label_tags.submission.settings import read_submission_settings
from imm_label_tags.submission.submitter import Destination, SubmissionTrace, Submitter
from imm_label_tags.submission.upload_event import Item, read_upload_event

SDK_MODULES = (
    "imm_label_tags.services.connections",
    "imm_label_tags.services.imm",
    "imm_label_tags.services.oss",
    "imm_label_tags.submission.services",
)


class VideoSubmission:
    """A started instance. Building one reads the settings and builds both SDKs' clients.

    Raises InvalidSetting.
    """

    def __init__(
        self, environment: MutableMapping[str, str], context: Any, retry_policy: RetryPolicy | None = None
    ) -> None:
        settings = read_submission_settings(environment)
        home = read_home(environment, context)
        self._retry_policy = retry_policy or RetryPolicy()
        self._credentials = credentials = RoleCredentials(environment)
        self._log = Log(settings.log_level, credentials.redact)
        for name in shut_out(environment):
            self._log.write("WARNING", f"The variable {name} is not obeyed: it would expose signed requests.")
        credentials.use(context)
        # Imported here, so that a wrong setting is reported before the SDKs' import has been paid for.
        import_deferring(SDK_MODULES, lambda text: self._log.write("WARNING", text))
        from imm_label_tags.services.connections import Connections
        from imm_label_tags.submission.services import ImmSubmissions, UploadedObjects

        imm, oss = settings.imm_endpoint, settings.oss_endpoint
        self._connections = Connections(secure=any_secure(imm, oss), room=AnswerRoom.of(context))
        self._submitter = Submitter(
            UploadedObjects(home.region, home.account_id, oss, credentials, self._connections),
            ImmSubmissions(home.region, home.account_id, imm, credentials, self._connections),
            settings.selection,
            Destination(settings.project, settings.topic),
            self._retry_policy,
        )
        self._items = ThreadPoolExecutor(CONCURRENT_ITEMS, thread_name_prefix="item")
        self._cold = True

    def handle(self, event: bytes, context: Any) -> dict[str, Any]:
        """Submit every object that an event names; returns the outcomes in the order of its items.

        Raises the error of a single item, or BatchFailed after all items of a list.
        """
        deadline = Deadline.of(context, self._retry_policy.clock)
        self._credentials.use(context)
        cold, self._cold = self._cold, False
        line = {"request_id": str(getattr(context, "request_id", "") or ""), "cold_start": cold}
        with self._connections.in_use():
            return self._handle(event, deadline, line)

    def _handle(self, raw_event: bytes, deadline: Deadline, line: dict[str, Any]) -> dict[str, Any]:
        try:
            event = read_upload_event(raw_event)
        except InvalidNotification as error:
            self._log_failure(error, line)
            raise
        ends = handle_items(
            event.items,
            lambda item: self._end(item, deadline, line),
            self._items,
            deadline,
            lambda error, number, first: self._log_failure(error, line, not_started=number),
        )
        failures = [(index, end) for index, end in enumerate(ends) if isinstance(end, TaggingError)]
        if failures and not event.batch:
            raise failures[0][1]
        if failures:
            raise BatchFailed(len(ends), failures)
        return {"outcomes": [end.as_dict() for end in ends if isinstance(end, SubmissionOutcome)]}

    def _end(self, item: Item, deadline: Deadline, line: dict[str, Any]) -> SubmissionOutcome | TaggingError:
        trace = SubmissionTrace()
        try:
            outcome = self._outcome(item, trace, deadline)
        except TaggingError as error:
            self._log_failure(error, line, **_told(trace))
            return error
        except Exception as error:
            unexpected = TaggingError(self._log.redact(f"Unexpected {type(error).__name__}: {error}"))
            self._log_failure(unexpected, line, traceback=format_exc(), **_told(trace))
            return unexpected
        self._log.write(
            "INFO",
            outcome.reason or f"Task {outcome.task_id} was created for {outcome.object}.",
            status=outcome.status.value,
            task_id=outcome.task_id,
            project=outcome.project_name,
            **{**_told(trace), "object": outcome.object},
            **line,
        )
        return outcome

    def _outcome(self, item: Item, trace: SubmissionTrace, deadline: Deadline) -> SubmissionOutcome:
        if isinstance(item, InvalidNotification):
            raise item
        if isinstance(item, IgnoredEvent):
            return SubmissionOutcome(SubmissionStatus.IGNORED, reason=item.reason)
        return self._submitter.submit(item, trace, deadline)

    def _log_failure(self, error: TaggingError, line: dict[str, Any], **fields: Any) -> None:
        self._log.write(
            "ERROR",
            str(error),
            status="failed",
            error=type(error).__name__,
            retryable=error.retryable,
            **fields,
            **line,
        )


def _told(trace: SubmissionTrace) -> dict[str, Any]:
    repeated = {action: number - 1 for action, number in trace.times.calls.items() if number > 1}
    return {
        "object": trace.target.uri if trace.target else None,
        "milliseconds": trace.times.milliseconds or None,
        "repeated": repeated or None,
    }
