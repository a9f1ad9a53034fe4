"""No error of the functions, whatever class, shows a key, a token or a signature."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

import keep_failed
import tag_object
from imm_label_tags import errors
from imm_label_tags.errors import (
    AccessDenied,
    AnswerTooLarge,
    BatchFailed,
    InvalidFailureRecord,
    InvalidNotification,
    InvalidSetting,
    ServiceRejected,
    ServiceUnavailable,
    TaggingError,
    TargetUnknown,
    TaskNotFinished,
    TaskNotFound,
    Throttled,
)
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.tags.plan import TagScheme
from tests.secrecy.parrot import Reply, parrot
from tests.secrecy.taps import described
from tests.stage import CHAIR, Stage

Provoke = Callable[[Stage, set[str]], object]
Written = Callable[[], str]

TASK_ID = "VideoLabelClassification-1"
RECORD = json.dumps(
    {
        "timestamp": 1660119285287,
        "requestContext": {
            "requestId": "1-63f5a1b2-15f8a1b2c3d4",
            "functionArn": "acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags",
            "condition": "UnhandledInvocationError",
            "approximateInvokeCount": 4,
        },
        "requestPayload": "{}",
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
        "responsePayload": "{}",
    }
).encode()


@pytest.fixture(params=["python3.10", "python3.12"])
def written(
    request: pytest.FixtureRequest, stage: Stage, capfd: pytest.CaptureFixture[str]
) -> Iterator[Written]:
    """All that is written, where everything is switched on that makes the function or the SDKs say more."""
    stage.context = stage.context_of(request.param)
    stage.set(LOG_LEVEL="DEBUG", DEBUG="sdk", FAILED_EVENTS=f"oss://{stage.bucket}/failed")
    # Function Compute puts a handler on the root logger.
    root, handler = logging.getLogger(), logging.StreamHandler()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)

    def all_of_it() -> str:
        captured = capfd.readouterr()
        return str(captured.out + captured.err)

    yield all_of_it
    root.removeHandler(handler)
    root.setLevel(level)


def shown(error: BaseException) -> str:
    return described(error) + str(error) + repr(error)


def exposed(text: str, stage: Stage, more: set[str]) -> list[str]:
    """What stands before each secret in a text; the secrets themselves are not for a failing test to show."""
    keys = stage.keys
    secrets = {keys.access_key_id, keys.access_key_secret, keys.security_token or "", *more}
    return [text[: text.index(secret)][-40:] for secret in secrets if secret in text]


# Services that repeat in their answer all that they were sent


def imm_that_repeats(form: str, status: int, code: str = "") -> Provoke:
    def provoke(stage: Stage, heard: set[str]) -> None:
        with parrot(Reply(form, status, code), heard) as url:
            stage.set(IMM_ENDPOINT=url)
            stage.handle(TASK_ID)

    return provoke


def oss_that_repeats(form: str, status: int, code: str = "") -> Provoke:
    def provoke(stage: Stage, heard: set[str]) -> None:
        task_id = stage.task(stage.upload(), CHAIR)
        with parrot(Reply(form, status, code), heard) as url:
            stage.set(OSS_ENDPOINT=url)
            stage.handle(task_id)

    return provoke


def oss_that_repeats_what_it_should_keep(form: str, status: int, code: str = "") -> Provoke:
    def provoke(stage: Stage, heard: set[str]) -> None:
        with parrot(Reply(form, status, code), heard) as url:
            stage.set(OSS_ENDPOINT=url)
            keep_failed.handler(RECORD, stage.context)

    return provoke


REPEATED: list[tuple[str, type[TaggingError], Provoke]] = [
    *(
        (f"IMM {form} {status} {code}", kind, imm_that_repeats(form, status, code))
        for form, status, code, kind in (
            ("imm", 400, "Odd", ServiceRejected),
            ("imm", 400, "SignatureDoesNotMatch", ServiceRejected),
            ("imm", 403, "NoPermission", AccessDenied),
            ("imm", 404, "ResourceNotFound", TaskNotFound),
            ("imm", 429, "Throttling", Throttled),
            ("imm", 503, "ServiceUnavailable", ServiceUnavailable),
            ("imm", 200, "", ServiceUnavailable),
            ("text", 200, "", ServiceUnavailable),
            ("text", 502, "", ServiceUnavailable),
        )
    ),
    *(
        (f"OSS {form} {status} {code}", kind, oss_that_repeats(form, status, code))
        for form, status, code, kind in (
            ("oss", 400, "Odd", ServiceRejected),
            ("oss", 403, "SignatureDoesNotMatch", ServiceRejected),
            ("oss", 403, "AccessDenied", AccessDenied),
            ("oss", 503, "TotalQpsLimitExceeded", Throttled),
            ("oss", 500, "InternalError", ServiceUnavailable),
            ("oss", 200, "", ServiceUnavailable),
            ("text", 200, "", ServiceUnavailable),
            ("text", 502, "", ServiceUnavailable),
        )
    ),
    *(
        (f"OSS for keep_failed {form} {status} {code}", kind, provoke(form, status, code))
        for provoke in (oss_that_repeats_what_it_should_keep,)
        for form, status, code, kind in (
            ("oss", 400, "Odd", ServiceRejected),
            ("oss", 403, "AccessDenied", AccessDenied),
            ("oss", 500, "InternalError", ServiceUnavailable),
            ("text", 502, "", ServiceUnavailable),
        )
    ),
]


@pytest.mark.parametrize(
    ("kind", "provoke"), [case[1:] for case in REPEATED], ids=[case[0] for case in REPEATED]
)
def test_what_a_service_repeats_is_not_shown(
    stage: Stage,
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[TaggingError],
    provoke: Provoke,
) -> None:
    monkeypatch.setattr(keep_failed._function, "instance", None)
    heard: set[str] = set()
    with pytest.raises(kind) as caught:
        provoke(stage, heard)
    assert heard
    assert exposed(written() + shown(caught.value), stage, heard) == []


# Errors of other causes


def no_key(stage: Stage, _: set[str]) -> None:
    stage.set(ALIBABA_CLOUD_ACCESS_KEY_ID="")
    stage.context = stage.context_of("python3.12")
    tag_object.initialize(stage.context)


def bad_setting(stage: Stage, _: set[str]) -> None:
    # Pasted into the wrong variable
    stage.set(LABEL_LIMIT=stage.keys.access_key_secret)
    tag_object.initialize(stage.context)


def bad_setting_of_the_keeper(stage: Stage, _: set[str]) -> None:
    stage.set(FAILED_EVENTS=stage.keys.access_key_secret)
    keep_failed.initialize(stage.context)


def batch(stage: Stage, heard: set[str]) -> None:
    with parrot(Reply("imm", 503, "ServiceUnavailable"), heard) as url:
        stage.set(IMM_ENDPOINT=url)
        stage.invoke([stage.notification(f"{TASK_ID}{index}") for index in range(3)])


def too_large(stage: Stage, _: set[str]) -> None:
    stage.context.function = SimpleNamespace(memory=128, timeout=60)
    stage.handle(stage.task(stage.upload(), {"LabelName": "x" * 1_100_000, "LabelConfidence": 1}))


OTHER: list[tuple[type[TaggingError], Provoke]] = [
    (InvalidSetting, no_key),
    (InvalidSetting, bad_setting),
    (InvalidSetting, bad_setting_of_the_keeper),
    (InvalidNotification, lambda stage, _: stage.invoke("hello topic")),
    (TargetUnknown, lambda stage, _: stage.handle(stage.task(None, CHAIR))),
    (TaskNotFinished, lambda stage, _: stage.handle(stage.task(stage.upload(), status="Running"))),
    (InvalidFailureRecord, lambda stage, _: keep_failed.handler(b"{}", stage.context)),
    (AnswerTooLarge, too_large),
    (BatchFailed, batch),
]


@pytest.mark.parametrize(("kind", "provoke"), OTHER, ids=lambda value: getattr(value, "__name__", ""))
def test_an_error_of_another_cause_shows_no_secret(
    stage: Stage,
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[TaggingError],
    provoke: Provoke,
) -> None:
    monkeypatch.setattr(keep_failed._function, "instance", None)
    heard: set[str] = set()
    with pytest.raises(kind) as caught:
        provoke(stage, heard)
    assert exposed(written() + shown(caught.value), stage, heard) == []


def test_an_error_that_nobody_foresaw_is_shown_with_its_trace_and_without_secrets(
    stage: Stage, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        try:
            raise KeyError(stage.keys.security_token)
        except KeyError as error:
            raise ZeroDivisionError(f"with {stage.keys.access_key_secret} in it") from error

    monkeypatch.setattr(TagScheme, "plan", broken)
    with pytest.raises(TaggingError, match="ZeroDivisionError") as caught:
        stage.handle(stage.task(stage.upload(), CHAIR))
    line = written()
    assert "Traceback" in line
    assert exposed(line + shown(caught.value), stage, set()) == []


def test_every_class_of_error_has_been_provoked() -> None:
    concrete = {
        member
        for member in vars(errors).values()
        if isinstance(member, type) and issubclass(member, TaggingError) and not member.__subclasses__()
    }
    assert {case[1] for case in REPEATED} | {kind for kind, _ in OTHER} == concrete


# Keys themselves


@pytest.mark.parametrize("name", ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_SECURITY_TOKEN"])
@pytest.mark.parametrize("middle", ["\n", "\r\n", "é", "椅"])
def test_a_key_that_no_header_can_hold_is_not_shown_by_the_error_about_it(
    stage: Stage, written: Written, name: str, middle: str
) -> None:
    whole = stage.keys.access_key_id if name.endswith("ID") else stage.keys.security_token or ""
    begin, end = whole[:15], whole[15:]
    stage.set(**{name: begin + middle + end})
    stage.context = stage.context_of("python3.12")
    with pytest.raises(TaggingError) as caught:
        stage.handle(stage.task(stage.upload(), CHAIR))
    text = written() + shown(caught.value)
    assert exposed(text, stage, {begin, end}) == []
    assert not re.search(r"[Ss]ignature=[0-9a-f]{64}", text)


def test_keys_that_were_replaced_a_moment_ago_are_not_shown_either() -> None:
    # Given a call that was made with old keys, and new ones that an invocation has brought since
    credentials = RoleCredentials({})
    for generation in ("older", "newer"):
        keys = {
            "access_key_id": f"STS.NT-{generation}-id",
            "access_key_secret": f"{generation}-secret",
            "security_token": f"CAIS-{generation}-token",
        }
        credentials.use(SimpleNamespace(credentials=SimpleNamespace(**keys)))
        credentials.keys()
    # Then what the call says of the old ones is hidden as what others say of the new ones
    said = "STS.NT-older-id older-secret CAIS-older-token STS.NT-newer-id newer-secret CAIS-newer-token"
    assert credentials.redact(said) == "*** *** *** *** *** ***"


@pytest.mark.parametrize(
    "form",
    [
        "Signature={}",
        "x-oss-signature={}&x",
        '"Signature": "{}"',
        "<SignatureProvided>{}</SignatureProvided>",
        "signature: {}",
    ],
)
def test_a_signature_is_hidden_in_every_form_and_a_digest_is_not(form: str) -> None:
    credentials, digits = RoleCredentials({}), "0123456789abcdef" * 4
    assert credentials.redact(form.format(digits)) == form.format("***")
    assert credentials.redact(f"oss://media/{digits}.mp4") == f"oss://media/{digits}.mp4"
