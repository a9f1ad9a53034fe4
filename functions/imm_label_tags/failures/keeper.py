"""An instance of ``keep_failed``: its settings, what it keeps between invocations, and one invocation."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from functools import partial
from typing import Any, NamedTuple

from imm_label_tags.environment import LOG_LEVELS, Endpoint, Variables, read_endpoint
from imm_label_tags.errors import TaggingError
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.results.target import ObjectPrefix, TargetObject
from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.calls import Calls, Trace
from imm_label_tags.services.invocation import Services

VARIABLE = "FAILED_EVENTS"
SDK_MODULES = ("imm_label_tags.services.connections", "imm_label_tags.services.oss")
# Names in a record may be of any length; a line of the log may not.
LONGEST_NAME = 256


class FailedSettings(NamedTuple):
    """Every setting of ``keep_failed``, checked; the endpoint is None where unset."""

    failed_events: ObjectPrefix
    oss_endpoint: Endpoint | None
    log_level: str


def read_failed_settings(environment: Mapping[str, str]) -> FailedSettings:
    """Read and check all settings; an empty variable counts as unset.

    Raises InvalidSetting.
    """
    variables = Variables(environment)
    return FailedSettings(
        failed_events=ObjectPrefix.from_setting(VARIABLE, variables.text(VARIABLE)),
        oss_endpoint=read_endpoint(variables, "OSS_ENDPOINT"),
        log_level=variables.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
    )


class Kept(NamedTuple):
    """An event that is kept as an object, ``uri``; ``message`` is what its error said."""

    uri: str
    error: str
    attempts: int | None
    message: str
    status: str = "kept"

    @property
    def sentence(self) -> str:
        """What happened."""
        return f"The failed event is kept as {self.uri}."

    @property
    def fields(self) -> dict[str, Any]:
        """The log's line has all that it should from the record."""
        return {}

    def as_dict(self) -> dict[str, Any]:
        """The handler's answer."""
        return {"kept": self.uri, "error": self.error, "attempts": self.attempts}


class FailedKeeper:
    """A started instance. Building one reads the settings and builds the SDK's client.

    Raises InvalidSetting.
    """

    def __init__(
        self, environment: MutableMapping[str, str], context: Any, retry_policy: RetryPolicy | None = None
    ) -> None:
        settings = read_failed_settings(environment)
        oss = settings.oss_endpoint
        self._place = settings.failed_events
        self._services = Services(environment, context, settings.log_level, (oss,), SDK_MODULES, retry_policy)
        from imm_label_tags.services.oss import OssObjects

        self._documents = self._services.client(OssObjects, oss)

    def handle(self, event: bytes, context: Any, *, spent_seconds: float = 0.0) -> dict[str, Any]:
        """Keep the failed event that Function Compute's record holds.

        Returns where it is kept, its error and how often it was tried. Raises InvalidFailureRecord, and the
        errors of ``OssObjects.put``.
        """
        with self._services.invocation(context, spent_seconds) as invocation:
            end = invocation.attempt(partial(self._keep, event, invocation.deadline))
            if isinstance(end, TaggingError):
                raise end
            # Its words may quote the event.
            invocation.debug(end.message)
            return end.as_dict()

    def _keep(self, event: bytes, deadline: Deadline, trace: Trace) -> Kept:
        failed = FailedEvent.read(event)
        target = TargetObject(self._place.bucket, failed.key(self._place.prefix))
        trace.told.update(
            failed_request_id=failed.request_id[:LONGEST_NAME],
            failed_function=failed.function[:LONGEST_NAME],
            failed_error=failed.error,
            failed_attempts=failed.attempts,
            bytes=len(failed.event),
            object=target.uri,
        )
        document = failed.document()
        calls = Calls(self._services.retry_policy, deadline, target.uri, trace)
        calls.call_with_retry("PutObject", lambda timeouts: self._documents.put(target, document, timeouts))
        return Kept(target.uri, failed.error, failed.attempts, failed.message)
