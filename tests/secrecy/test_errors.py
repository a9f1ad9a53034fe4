"""No error of the functions, whatever class, shows a key, a token or a signature."""

from __future__ import annotations

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
from tests.failed.records import RECORD
from tests.secrecy.parrot import Reply, parrot
from tests.secrecy.taps import described
from tests.stage import CHAIR, Stage

Written = Callable[[], str]

TASK_ID = "VideoLabelClassification-1"


@pytest.fixture(params=["python3.10", "python3.12"])
def written(
    request: pytest.FixtureRequest,
    stage: Stage,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Written]:
    """All that is written, where everything is switched on that makes the function or the SDKs say more."""
    monkeypatch.setattr(keep_failed._function, "instance", None)
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


def repeating_imm(stage: Stage, url: str) -> None:
    stage.set(IMM_ENDPOINT=url)
    stage.handle(TASK_ID)


def repeating_oss(stage: Stage, url: str) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    stage.set(OSS_ENDPOINT=url)
    stage.handle(task_id)


def repeating_oss_of_the_keeper(stage: Stage, url: str) -> None:
    stage.set(OSS_ENDPOINT=url)
    keep_failed.handler(RECORD, stage.context)


OSS_REPLIES: list[tuple[Reply, type[TaggingError]]] = [
    (Reply("oss", 400, "Odd"), ServiceRejected),
    (Reply("oss", 403, "SignatureDoesNotMatch"), ServiceRejected),
    (Reply("oss", 403, "AccessDenied"), AccessDenied),
    (Reply("oss", 503, "TotalQpsLimitExceeded"), Throttled),
    (Reply("oss", 500, "InternalError"), ServiceUnavailable),
    (Reply("oss", 200), ServiceUnavailable),
    (Reply("text", 502), ServiceUnavailable),
]
REPEATED: list[tuple[Callable[[Stage, str], None], Reply, type[TaggingError]]] = [
    (repeating_imm, Reply("imm", 400, "SignatureDoesNotMatch"), ServiceRejected),
    (repeating_imm, Reply("imm", 403, "NoPermission"), AccessDenied),
    (repeating_imm, Reply("imm", 404, "ResourceNotFound"), TaskNotFound),
    (repeating_imm, Reply("imm", 429, "Throttling"), Throttled),
    (repeating_imm, Reply("imm", 503, "ServiceUnavailable"), ServiceUnavailable),
    (repeating_imm, Reply("imm", 200), ServiceUnavailable),
    (repeating_imm, Reply("text", 200), ServiceUnavailable),
    (repeating_imm, Reply("text", 502), ServiceUnavailable),
    *((repeating_oss, *reply) for reply in OSS_REPLIES),
    *((repeating_oss_of_the_keeper, *reply) for reply in OSS_REPLIES if reply[0] != Reply("oss", 200)),
]


@pytest.mark.parametrize(
    ("call", "reply", "kind"),
    REPEATED,
    ids=lambda value: getattr(value, "__name__", None) or f"{value.form} {value.status} {value.code}",
)
def test_what_a_service_repeats_is_not_shown(
    stage: Stage,
    written: Written,
    call: Callable[[Stage, str], None],
    reply: Reply,
    kind: type[TaggingError],
) -> None:
    heard: set[str] = set()
    with parrot(reply, heard) as url, pytest.raises(kind) as caught:
        call(stage, url)
    assert heard
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert exposed(written() + shown(caught.value), stage, heard) == []


# Errors of other causes


def no_key(stage: Stage) -> None:
    stage.set(ALIBABA_CLOUD_ACCESS_KEY_ID="")
    stage.context = stage.context_of("python3.12")
    tag_object.initialize(stage.context)


def bad_setting(stage: Stage) -> None:
    # Pasted into the wrong variable
    stage.set(FAILED_EVENTS=stage.keys.access_key_secret)
    keep_failed.initialize(stage.context)


def too_large(stage: Stage) -> None:
    stage.context.function = SimpleNamespace(memory=128, timeout=60)
    stage.handle(stage.task(stage.upload(), {"LabelName": "x" * 1_100_000, "LabelConfidence": 1}))


OTHER: list[tuple[type[TaggingError], Callable[[Stage], object]]] = [
    (InvalidSetting, no_key),
    (InvalidSetting, bad_setting),
    (InvalidNotification, lambda stage: stage.invoke("hello topic")),
    (TargetUnknown, lambda stage: stage.handle(stage.task(None, CHAIR))),
    (TaskNotFinished, lambda stage: stage.handle(stage.task(stage.upload(), status="Running"))),
    (InvalidFailureRecord, lambda stage: keep_failed.handler(b"{}", stage.context)),
    (AnswerTooLarge, too_large),
    (BatchFailed, lambda stage: stage.invoke([stage.notification(TASK_ID)])),
]


@pytest.mark.parametrize(("kind", "provoke"), OTHER, ids=lambda value: getattr(value, "__name__", ""))
def test_an_error_of_another_cause_shows_no_secret(
    stage: Stage, written: Written, kind: type[TaggingError], provoke: Callable[[Stage], object]
) -> None:
    with pytest.raises(kind) as caught:
        provoke(stage)
    assert exposed(written() + shown(caught.value), stage, set()) == []


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
    assert {kind for *_, kind in REPEATED} | {kind for kind, _ in OTHER} == concrete


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
