"""How an instance of each function starts: keys, log, the SDKs, connections; and what it keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from imm_label_tags.environment import Endpoint, any_secure, read_home, shut_out
from imm_label_tags.log import Log
from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.answer_room import AnswerRoom
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.deferred_imports import import_deferring
from imm_label_tags.services.invocation import Invocation

_Client = TypeVar("_Client")


class Services:
    """What an instance needs for calls between invocations, and the start of each invocation.

    ``modules`` are those that import the SDKs. Raises InvalidSetting.
    """

    def __init__(
        self,
        environment: MutableMapping[str, str],
        context: Any,
        log_level: str,
        endpoints: Sequence[Endpoint | None],
        modules: Sequence[str],
        retry_policy: RetryPolicy | None,
    ) -> None:
        self.retry_policy = retry_policy or RetryPolicy()
        self._home = read_home(environment, context)
        self._credentials = RoleCredentials(environment)
        self._log = Log(log_level, self._credentials.redact)
        for name in shut_out(environment):
            self.warn(f"The variable {name} is not obeyed: it would expose signed requests.")
        self._credentials.use(context)
        # Imported here, so that a wrong setting is reported before the SDKs' import has been paid for.
        import_deferring(modules, self.warn)
        from imm_label_tags.services.connections import Connections

        self._connections = Connections(secure=any_secure(*endpoints), room=AnswerRoom.of(context))
        self._cold = True

    def warn(self, text: str) -> None:
        """Write a warning to the log."""
        self._log.write("WARNING", text)

    def client(self, kind: Callable[..., _Client], endpoint: Endpoint | None, *more: Any) -> _Client:
        """A client of IMM or OSS."""
        home = self._home
        return kind(home.region, home.account_id, endpoint, self._credentials, self._connections, *more)

    @contextmanager
    def invocation(self, context: Any, spent_seconds: float) -> Iterator[Invocation]:
        """One invocation, of whose time some may be spent already. Raises InvalidSetting without keys."""
        deadline = Deadline.of(context, self.retry_policy.clock, spent_seconds)
        self._credentials.use(context)
        cold, self._cold = self._cold, False
        request_id = str(getattr(context, "request_id", "") or "")
        with self._connections.in_use():
            yield Invocation(self._log, deadline, {"request_id": request_id, "cold_start": cold})
