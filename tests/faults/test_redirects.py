"""A redirect is never followed: it would take the signed request, with its token, to another host."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from imm_label_tags.errors import ServiceRejected
from localcloud.faults import Fault, FaultKind
from proof.faults.fault_case import Call
from tests.stage import CHAIR, Stage


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """Somebody who would like to be sent the keys."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 307) for call in Call), *((Call.READ, status) for status in (301, 302, 303, 308))],
)
def test_nobody_else_is_asked(stage: Stage, elsewhere: socket.socket, call: Call, status: int) -> None:
    # Given a service that sends the function to another address
    uri = stage.upload(tags={"team": "a"})
    task_id = stage.task(uri, CHAIR)
    uploads = stage.submission()
    location = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
    if call is Call.KEEP:
        stage.set(RESULT_ARCHIVE=stage.uri("labels"))
    stage.break_call(
        Fault(FaultKind.ANSWER, action=call, status=status, headers={"location": location}, times=None)
    )
    stage.forget_calls()

    # When the event is delivered
    with pytest.raises(ServiceRejected, match=f"HTTP {status}"):
        if call in (Call.ASK, Call.CREATE):
            uploads.handle(json.dumps([uri]).encode(), stage.context)
        else:
            stage.handle(task_id)

    # Then that address has not been asked, and the call has been made once
    with pytest.raises(BlockingIOError):
        elsewhere.accept()
    assert stage.calls().count(call) == 1
