"""What a log line looks like."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest

from imm_label_tags.credentials import RoleCredentials
from imm_label_tags.environment import shut_out
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.log import Log

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
