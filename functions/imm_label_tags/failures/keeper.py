"""An instance of ``keep_failed``: what it keeps between invocations, and one invocation."""

from __future__ import annotations

from collections.abc import MutableMapping
from traceback import format_exc
from typing import Any

from imm_label_tags.environment import any_secure, read_home, shut_out
from imm_label_tags.errors import TaggingError
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.failures.settings import read_failed_settings
from imm_label_tags.log import Log
from imm_label_tags.results.target import TargetObject
from imm_label_tags.retries import Deadline, RetryBudget, RetryPolicy
from imm_label_tags.services.answer_room import AnswerRoom
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.deferred_imports import import_deferring
from imm_label_tags.services.responses import CallTimes

SDK_MODULES = ("imm_label_tags.services.connections", "imm_label_tags.services.documents")
# Names in a record may be of any length; a line of the log may not.
LONGEST_NAME = 256


class FailedKeeper:
    """A started instance. Building one reads the settings and builds the SDK's client.

    Raises InvalidSetting.
    """

    def __init__(
        self, environment: MutableMapping[str, str], context: Any, retry_policy: RetryPolicy | None = None
    ) -> None:
        settings = read_failed_settings(environment)
        home = read_home(environment, context)
        self._place = settings.failed_events
        self._retry_policy = retry_policy or RetryPolicy()
        self._credentials = RoleCredentials(environment)
        self._log = Log(settings.log_level, self._credentials.redact)
        for name in shut_out(environment):
            self._log.write("WARNING", f"The variable {name} is not obeyed: it would expose signed requests.")
        self._credentials.use(context)
        # Imported here, so that a wrong setting is reported before the SDK's import has been paid for.
        import_deferring(SDK_MODULES, lambda text: self._log.write("WARNING", text))
        from imm_label_tags.services.connections import Connections
        from imm_label_tags.services.documents import OssDocuments

        self._connections = Connections(secure=any_secure(settings.oss_endpoint), room=AnswerRoom.of(context))
        self._documents = OssDocuments(
            home.region, home.account_id, settings.oss_endpoint, self._credentials, self._connections
        )
        self._cold = True

    def handle(self, event: bytes, context: Any) -> dict[str, Any]:
        """Keep the failed event that Function Compute's record holds.

        Returns where it is kept, its error and how often it was tried. Raises InvalidFailureRecord, and the
        errors of ``OssDocuments.put``.
        """
        deadline = Deadline.of(context, self._retry_policy.clock)
        self._credentials.use(context)
        cold, self._cold = self._cold, False
        request_id = str(getattr(context, "request_id", "") or "")
        line: dict[str, Any] = {"request_id": request_id, "cold_start": cold}
        failure: TaggingError
        try:
            failed = FailedEvent.read(event)
            target = TargetObject(self._place.bucket, failed.key(self._place.prefix))
            line.update(_told(failed), object=target.uri)
            document = failed.document()
            calls = Calls(RetryBudget(self._retry_policy, deadline), CallTimes(), target.uri)
            with self._connections.in_use():
                calls.call_with_retry(
                    "PutObject", lambda timeouts: self._documents.put(target, document, timeouts)
                )
        except TaggingError as error:
            failure = error
        except Exception as error:
            failure = TaggingError(self._log.redact(f"Unexpected {type(error).__name__}: {error}"))
            line["traceback"] = format_exc()
        else:
            self._log.write("INFO", f"The failed event is kept as {target.uri}.", status="kept", **line)
            # Its words may quote the event.
            self._log.write("DEBUG", failed.message, status="kept", **line)
            return {"kept": target.uri, "error": failed.error, "attempts": failed.attempts}
        self._log_failure(failure, line)
        # Not inside a handler above: the SDK's error holds the signed request with its token.
        raise failure

    def _log_failure(self, error: TaggingError, line: dict[str, Any]) -> None:
        self._log.write(
            "ERROR",
            str(error),
            status="failed",
            error=type(error).__name__,
            retryable=error.retryable,
            **line,
        )


def _told(failed: FailedEvent) -> dict[str, Any]:
    """What a log line tells of an event, apart from anything that was in it."""
    return {
        "failed_request_id": failed.request_id[:LONGEST_NAME],
        "failed_function": failed.function[:LONGEST_NAME],
        "failed_error": failed.error,
        "failed_attempts": failed.attempts,
        "bytes": len(failed.event),
    }
