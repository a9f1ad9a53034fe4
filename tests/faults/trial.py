"""Carries a row of the tables out: an object, an event about it, a fault of one call, and what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Barrier
from typing import Any

import pytest

from imm_label_tags.errors import TaggingError
from imm_label_tags.submission.video_submission import VideoSubmission
from proof.faults.fault_case import IMM, OSS, Call, Row
from tests.faults.relay import CallBreak, ConnectionBreak, Line, Relay
from tests.stage import CHAIR, Stage

KEY = "videos/a.mp4"
# Every character that a tag may have, an empty value, and an order that is not the alphabet's.
FOREIGN = {"team": "a", "archived": "", " note+-=._:/": " 30 days +-=._:/ "}
MEETING_SECONDS = 60.0

_HEX_SIGNATURE = re.compile(r"[0-9A-Fa-f]{64}")
# The calls that are answered before another can be the next on a connection.
_BEFORE: Mapping[Call, tuple[Call, ...]] = {
    Call.WRITE: (Call.HEAD, Call.READ),
    Call.CREATE: (Call.ASK,),
}


@dataclass(frozen=True)
class End:
    """How an invocation ended: an error's class or an outcome, the error's message or the outcome's reason.

    ``log`` is the line that it logged.
    """

    name: str
    message: str
    log: Mapping[str, Any]

    def attempts(self, call: Call) -> int:
        """How often a call was tried."""
        made = call.value in (self.log.get("milliseconds") or {})
        repeated: dict[str, int] = self.log.get("repeated") or {}
        return int(made) + repeated.get(call.value, 0)


class Trial:
    """An object with tags of others, an event about it, and a fault of one call.

    The event is a notification of a finished task; see SubmissionTrial for the other one.
    """

    def __init__(self, stage: Stage, capsys: pytest.CaptureFixture[str], line: Line | None, row: Row) -> None:
        self._stage = stage
        self._capsys = capsys
        self._line = line
        self._case = row.fault
        self._call = row.call
        self.uri = stage.uri(KEY)
        stage.set(**row.fault.settings)
        stage.cloud.call(stage.cloud.objects.put_object, stage.bucket, KEY, b"a video", FOREIGN)
        if isinstance(row.fault.cause, ConnectionBreak) and row.call is Call.READ:
            # Whole connections break, and HeadObject is not to go first.
            stage.set(STALE_OBJECTS="tag")
        if row.call is Call.KEEP:
            stage.set(RESULT_ARCHIVE=stage.uri("labels"))

    @cached_property
    def task_id(self) -> str:
        """The task that the event is about."""
        return self._stage.task(self.uri, CHAIR)

    @property
    def subject(self) -> str:
        """What a message about the call names."""
        if self._call is Call.KEEP:
            return self._stage.uri(f"labels/{self._stage.bucket}/{KEY}/{self.task_id}.json")
        return self.uri if self._call in OSS else self.task_id

    def is_done(self) -> bool:
        """Whether the object has the task's tags behind those of others; else it has only theirs."""
        info = self._stage.cloud.objects.stat(self._stage.bucket, KEY)
        assert info is not None
        done = {**FOREIGN, "imm": f"2199-12-24T03:00:38.892Z/{self.task_id}", "imm_yi-zi": "yes"}
        assert list(info.tags) in (list(FOREIGN.items()), list(done.items()))
        return len(info.tags) == len(done)

    def break_always(self) -> None:
        """Have the call go wrong until ``mend``."""
        self._break(None)

    def break_once(self) -> None:
        """Have the call go wrong a single time."""
        if isinstance(self._case.cause, ConnectionBreak):
            self._mend_after_first_pauses()
        self._break(1)

    def mend(self) -> None:
        """Let everything work again."""
        self._stage.cloud.call(self._stage.cloud.faults.clear)
        if self._line is not None:
            self._line.restore()

    def deliver(self) -> End:
        """Hand the event to the function. Nothing that it says may have a secret in it."""
        self._stage.forget_calls()
        self._capsys.readouterr()
        shown = ""
        try:
            (outcome,) = self._invoke()["outcomes"]
            name, message = outcome["status"], outcome["reason"] or ""
        except TaggingError as error:
            name, message, shown = type(error).__name__, str(error), repr(error)
        (line,) = self._capsys.readouterr().out.splitlines()
        assert self._secrets_in(message + shown + line) == []
        return End(name, message, json.loads(line))

    def arrived(self) -> int:
        """How many requests of the call have arrived."""
        if self._line is None:
            return self._stage.calls().count(self._call)
        return self._relayed(self._line).asked[self._call]

    def _secrets_in(self, text: str) -> list[str]:
        keys = self._stage.keys
        secrets = (keys.access_key_id, keys.access_key_secret, keys.security_token or "no token")
        return [*(secret for secret in secrets if secret in text), *_HEX_SIGNATURE.findall(text)]

    def _invoke(self) -> dict[str, Any]:
        return self._stage.invoke(self._stage.notification(self.task_id))

    def _break(self, times: int | None) -> None:
        cause, call = self._case.cause, self._call
        if self._line is None:
            self._stage.break_call(self._case.order(call, times))
        elif isinstance(cause, CallBreak):
            self._relayed(self._line).break_call(call.value, cause, times)
        else:
            assert isinstance(cause, ConnectionBreak)
            before = [action.value for action in _BEFORE.get(call, ())]
            self._relayed(self._line).break_connections(cause, before)

    def _relayed(self, line: Line) -> Relay:
        return line.imm if self._call.service == "imm" else line.oss

    def _mend_after_first_pauses(self) -> None:
        # Calls that are made at the same time: both fail before both work again.
        mended = Barrier(2 if self._is_one_of_two() else 1, self.mend, MEETING_SECONDS)
        first: list[float] = []

        def pause(seconds: float) -> None:
            self._stage.pauses.append(seconds)
            first.append(seconds)
            if len(first) <= mended.parties:
                mended.wait()

        self._stage.retry_policy = self._stage.retry_policy._replace(sleep=pause)

    def _is_one_of_two(self) -> bool:
        return self._call in (*IMM, Call.HEAD)


class SubmissionTrial(Trial):
    """An object that was uploaded, and the event of that."""

    @cached_property
    def _instance(self) -> VideoSubmission:
        # Not before an event is delivered: its pauses are the trial's.
        return self._stage.submission()

    @property
    def subject(self) -> str:
        """What a message about the call names."""
        return self.uri

    def is_done(self) -> bool:
        """Whether the object has one task, as IMM knows it; else it has none."""
        tasks = self._stage.cloud.call(self._stage.cloud.media.list_tasks, self._stage.project)
        own = [task for task in tasks if task.request["SourceURI"] == self.uri]
        assert len(own) <= 1
        return bool(own)

    def _invoke(self) -> dict[str, Any]:
        return self._instance.handle(json.dumps([self.uri]).encode(), self._stage.context)

    def _is_one_of_two(self) -> bool:
        return False
