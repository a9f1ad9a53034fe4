"""What a log line looks like."""

from __future__ import annotations

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from imm_label_tags.environment import shut_out
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.log import Log
from imm_label_tags.services.credentials import RoleCredentials

ENVIRONMENT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.environment-id",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": 'environment"secret\n',
    "ALIBABA_CLOUD_SECURITY_TOKEN": "environment-token/+=",
}


def written(message: str, *, encoding: str = "utf-8", level: str = "INFO", **fields: object) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    Log(level, lambda text: text, stream).write("INFO", message, **fields)
    return raw.getvalue().decode(encoding)


def test_a_line_is_one_json_object_with_time_level_and_message_first() -> None:
    line = written("Hello.", object="oss://media/视频.mp4", none=None, count=3)
    record = json.loads(line)
    assert list(record) == ["time", "level", "message", "object", "count"]
    assert record["time"].endswith("Z")
    assert "视频" in line


@pytest.mark.parametrize(
    "text", ["a\nb\r\n", "a\u2028b\u2029\x85c", "\x1b[31m", "\u202egpj.mp4", "\ud800", "\x00"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_text_can_break_a_line_or_hide_in_it(text: str, encoding: str) -> None:
    line = written(text, encoding=encoding)
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert json.loads(line)["message"] == text


def test_lines_below_the_level_are_not_written() -> None:
    assert written("quiet", level="WARNING") == ""


def test_keys_are_taken_out_of_every_line_in_all_their_spellings() -> None:
    credentials = RoleCredentials(ENVIRONMENT)
    credentials.use(SimpleNamespace())
    stream = io.StringIO()
    said = " ".join(ENVIRONMENT.values()) + ' environment"secret.'
    Log("INFO", credentials.redact, stream).write("ERROR", said, field=list(ENVIRONMENT.values()))
    line = stream.getvalue()
    assert json.loads(line)["message"].count("***") == 4
    for secret in ("environment-id", "environment-token", "secret"):
        assert secret not in line
        assert secret not in credentials.redact(said)


def test_the_keys_of_the_context_win_over_those_of_the_environment_and_follow_it() -> None:
    credentials = RoleCredentials(ENVIRONMENT)
    for name in ("first", "second"):
        given = SimpleNamespace(access_key_id=name, access_key_secret="secret", security_token="token")
        credentials.use(SimpleNamespace(credentials=given))
        assert credentials.keys().access_key_id == name
    credentials.use(SimpleNamespace(credentials=SimpleNamespace(access_key_id=None, access_key_secret=None)))
    assert credentials.keys().access_key_id == "STS.environment-id"


def test_without_any_keys_the_error_says_to_give_the_function_a_role() -> None:
    with pytest.raises(InvalidSetting, match=r"ALIBABA_CLOUD_ACCESS_KEY_ID.*role"):
        RoleCredentials({}).use(SimpleNamespace())


def test_keys_do_not_show_in_a_representation() -> None:
    credentials = RoleCredentials(ENVIRONMENT)
    credentials.use(SimpleNamespace())
    assert "secret" not in repr(credentials.keys())


def test_variables_that_would_expose_signed_requests_are_removed_from_the_environment() -> None:
    environment = {"HTTP_PROXY": "x", "https_proxy": "x", "No_Proxy": "x", "DEBUG": "SDK", "PATH": "x"}
    assert set(shut_out(environment)) == {"HTTP_PROXY", "https_proxy", "No_Proxy", "DEBUG"}
    assert environment == {"PATH": "x"}
    assert shut_out({"DEBUG": "1"}) == ()


THREADS = 16
LINES = 40
MESSAGE = "消息 " * 1000
SIP = 1000


@pytest.mark.parametrize(
    ("buffered", "blocking"),
    [(True, True), (False, True), (True, False), (False, False)],
    ids=["as usual", "python -u", "a pipe that refuses", "python -u and a pipe that refuses"],
)
def test_lines_of_threads_stay_whole_in_a_pipe_that_is_read_slowly(buffered: bool, blocking: bool) -> None:
    # Given a pipe that holds ten lines, and whose reader takes a seventh of a line at a time
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    raw = io.FileIO(writing, "w")
    stream = io.TextIOWrapper(
        io.BufferedWriter(raw) if buffered else raw, "utf-8", write_through=not buffered
    )
    log = Log("INFO", lambda text: text, stream)

    def write(thread: int) -> None:
        for number in range(LINES):
            log.write("INFO", MESSAGE, thread=thread, number=number)

    def read() -> bytes:
        return b"".join(iter(lambda: os.read(reading, SIP), b""))

    # When threads write at the same time
    with ThreadPoolExecutor(THREADS + 1) as executor:
        all_read = executor.submit(read)
        try:
            list(executor.map(write, range(THREADS)))
        finally:
            raw.close()
        output = all_read.result()
    os.close(reading)

    # Then every line is there, whole, and each thread's are in their order
    records = [json.loads(line) for line in output.splitlines()]
    assert all(record["message"] == MESSAGE for record in records)
    for thread in range(THREADS):
        numbers = [record["number"] for record in records if record["thread"] == thread]
        assert numbers == list(range(LINES))


def test_what_others_have_written_comes_before_a_line() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8")
    print("first", file=stream)
    Log("INFO", lambda text: text, stream).write("INFO", "second")
    assert [b"first" in line for line in raw.getvalue().splitlines()] == [True, False]
