"""Carries a row of the tables out: an object, its task, a fault, and what came of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest

from imm_label_tags.errors import TaggingError
from imm_label_tags.submission.video_submission import VideoSubmission
from proof.faults.fault_case import IMM, OSS, Call, FaultCase
from tests.faults.line import Line
from tests.faults.relay import Relay
from tests.stage import CHAIR, Stage

KEY = "videos/a.mp4"
# Every character that a tag may have, an empty value, and an order that is not the alphabet's.
FOREIGN = {"team": "a", "archived": "", " note+-=._:/": " 30 days +-=._:/ "}
TOPIC = "imm-label-tags"
MEETING_SECONDS = 60.0

_HEX_SIGNATURE = re.compile(r"[0-9A-Fa-f]{64}")
# The calls that are answered before another can be the next on a connection.
_BEFORE: Mapping[Call, tuple[Call, ...]] = {
    Call.RESULT: (),
    Call.TASK: (),
    Call.HEAD: (),
    Call.READ: (),
    Call.WRITE: (Call.HEAD, Call.READ),
    Call.KEEP: (),
    Call.ASK: (),
    Call.CREATE: (Call.ASK,),
}


@dataclass(frozen=True)
class End:
    """How an invocation ended: an error's class or an outcome, the error's message or the outcome's reason.

    ``log`` is the line that it logged.
    """

    name: str
    message: str
    error: TaggingError | None
    log: Mapping[str, Any]

    def attempts(self, call: Call) -> int:
        """How often a call was tried."""
        made = call.value in (self.log.get("milliseconds") or {})
        repeated: dict[str, int] = self.log.get("repeated") or {}
        return int(made) + repeated.get(call.value, 0)


class Trial:
    """An object, an event about it, and a fault of one call."""

    def __init__(
        self, stage: Stage, capsys: pytest.CaptureFixture[str], line: Line | None, case: FaultCase, call: Call
    ) -> None:
        self._stage = stage
        self._capsys = capsys
        self._line = line
        self._case = case
        self._call = call
        self.uri = stage.uri(KEY)
        stage.set(**case.settings)
        stage.cloud.call(stage.cloud.objects.put_object, stage.bucket, KEY, b"a video", FOREIGN)

    @property
    def subject(self) -> str:
        """What a message about the call names."""
        raise NotImplementedError

    def break_always(self) -> None:
        """Have the call go wrong until ``mend``."""
        self._break(None)

    def break_once(self) -> None:
        """Have the call go wrong a single time."""
        if self._case.connection_break is not None:
            self._mend_after_first_pauses()
        self._break(1)

    def mend(self) -> None:
        """Let everything work again."""
        self._stage.cloud.call(self._stage.cloud.faults.clear)
        if self._line is not None:
            self._line.restore()

    def deliver(self) -> End:
        """Hand the event to the function."""
        self._stage.forget_calls()
        self._capsys.readouterr()
        error: TaggingError | None = None
        try:
            (outcome,) = self._invoke()["outcomes"]
            name, message = outcome["status"], outcome["reason"] or ""
        except TaggingError as raised:
            error = raised
            name, message = type(raised).__name__, str(raised)
        (line,) = self._capsys.readouterr().out.splitlines()
        return End(name, message, error, json.loads(line))

    def arrived(self) -> int:
        """How many requests of the call have arrived, where something counts them."""
        if self._case.faults:
            return self._stage.calls().count(self._call)
        assert self._line is not None
        return self._relay(self._line).asked[self._call]

    def secrets_in(self, end: End) -> list[str]:
        """The secrets in anything that an end says."""
        keys = self._stage.keys
        secrets = [keys.access_key_id, keys.access_key_secret, keys.security_token or "no token"]
        texts = [end.message, repr(end.error), json.dumps(dict(end.log))]
        return [
            found
            for text in texts
            for found in (*(secret for secret in secrets if secret in text), *_HEX_SIGNATURE.findall(text))
        ]

    def _invoke(self) -> dict[str, Any]:
        raise NotImplementedError

    def _break(self, times: int | None) -> None:
        case, call = self._case, self._call
        if case.faults:
            self._stage.break_call(case.order(call, times))
            return
        assert self._line is not None
        relay = self._relay(self._line)
        if case.call_break is not None:
            relay.break_call(call.value, case.call_break, times)
        else:
            assert case.connection_break is not None
            relay.break_connections(case.connection_break, [action.value for action in _BEFORE[call]])

    def _relay(self, line: Line) -> Relay:
        return line.imm if self._call.service == "imm" else line.oss

    def _mend_after_first_pauses(self) -> None:
        # Calls that are made at the same time: both fail before both work again.
        pair = isinstance(self, TaggingTrial) and self._call in (*IMM, Call.HEAD)
        mended = Barrier(2 if pair else 1, self.mend, MEETING_SECONDS)
        first: list[float] = []

        def pause(seconds: float) -> None:
            self._stage.pauses.append(seconds)
            first.append(seconds)
            if len(first) <= mended.parties:
                mended.wait()

        self._stage.retry_policy = self._stage.retry_policy._replace(sleep=pause)


class TaggingTrial(Trial):
    """An object with tags of others, a finished task, and one notification of it."""

    def __init__(
        self, stage: Stage, capsys: pytest.CaptureFixture[str], line: Line | None, case: FaultCase, call: Call
    ) -> None:
        super().__init__(stage, capsys, line, case, call)
        self.task_id = stage.task(self.uri, CHAIR)
        self._event = stage.notification(self.task_id)
        if case.connection_break is not None and call is Call.READ:
            # Whole connections break, and HeadObject is not to go first.
            stage.set(STALE_OBJECTS="tag")
        if call is Call.KEEP:
            stage.set(RESULT_ARCHIVE=stage.uri("labels"))

    @property
    def subject(self) -> str:
        """What a message about the call names."""
        if self._call is Call.KEEP:
            return self._stage.uri(f"labels/{self._stage.bucket}/{KEY}/{self.task_id}.json")
        return self.uri if self._call in OSS else self.task_id

    @property
    def tags(self) -> dict[str, str]:
        """The object's tags, as OSS has them."""
        info = self._stage.cloud.objects.stat(self._stage.bucket, KEY)
        assert info is not None
        return dict(info.tags)

    @property
    def tags_of_the_task(self) -> dict[str, str]:
        """The tags that the object is to have in the end."""
        provenance = f"2199-12-24T03:00:38.892Z/{self.task_id}"
        return {**FOREIGN, "imm": provenance, "imm_yi-zi": "yes"}

    def _invoke(self) -> dict[str, Any]:
        return self._stage.invoke(self._event)


class SubmissionTrial(Trial):
    """An object that was uploaded, and the event of that."""

    def __init__(
        self, stage: Stage, capsys: pytest.CaptureFixture[str], line: Line | None, case: FaultCase, call: Call
    ) -> None:
        super().__init__(stage, capsys, line, case, call)
        self._instance: VideoSubmission | None = None

    @property
    def subject(self) -> str:
        """What a message about the call names."""
        return self.uri

    @property
    def tasks(self) -> int:
        """How many tasks the object has, as IMM knows them."""
        tasks = self._stage.cloud.call(self._stage.cloud.media.list_tasks, self._stage.project)
        return sum(task.request["SourceURI"] == self.uri for task in tasks)

    def _invoke(self) -> dict[str, Any]:
        if self._instance is None:
            # Not before: its pauses are the trial's.
            self._instance = new_submission(self._stage)
        return submit(self._stage, self._instance, self.uri)


def new_submission(stage: Stage) -> VideoSubmission:
    """An instance of submit_video on a stage."""
    stage.cloud.call(stage.cloud.messages.create_topic, TOPIC)
    stage.set(IMM_PROJECT=stage.project, NOTIFICATION_TOPIC=TOPIC)
    return VideoSubmission(os.environ, stage.context, stage.retry_policy)


def submit(stage: Stage, instance: VideoSubmission, uri: str) -> dict[str, Any]:
    """Have an instance submit an object."""
    return instance.handle(json.dumps([uri]).encode(), stage.context)
