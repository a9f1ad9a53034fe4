"""What a cold start imports, and that every call is the same with and without what is left out."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import alibabacloud_oss_v2
import pytest

from layers.report import Report, read_report
from layers.target import Host, local_target
from localcloud.faults import Fault, FaultKind
from tests.layers.function_process import FunctionProcess
from tests.stage import CHAIR, Stage
from tests.user import exported

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
REVIEWED = Path(__file__).parent / "cold_start_modules.txt"
# What was reviewed, and a tenth for newer releases. The whole of all packages has 59 MB, and 18 MB as zip.
UNPACKED_BYTES, ZIP_BYTES = 7_600_000, 2_400_000
CHINESE_LABEL = {**CHAIR, "CentricScore": 0.8, "Clips": [{"TimeRange": [5000, 6000]}]}
ASCII_LABEL = {**CHINESE_LABEL, "Language": "en", "LabelName": "Chair"}
CALLS = [
    "GetObjectTagging",
    "GetTask",
    "GetVideoLabelClassificationResult",
    "HeadObject",
    "PutObjectTagging",
]
NEVER = {
    *("Crypto", "aiohttp", "asyncio", "attr", "cffi", "cryptography", "multidict", "pypinyin"),
    *("alibabacloud_oss_v2.aio", "charset_normalizer", "http.server", "multiprocessing", "unittest"),
    *(
        "certifi",
        "importlib.metadata",
        "importlib.resources",
        "shutil",
        "tempfile",
        "typing_extensions",
        "websocket",
        "yarl",
        "zipfile",
    ),
}


@pytest.fixture(scope="module")
def lean(build: Path) -> Path:
    """The layer that is deployed."""
    return build / local_target(Host.running()).name / "python"


@pytest.fixture(scope="module")
def complete() -> Path:
    """A place with everything that the lock file names."""
    return Path(alibabacloud_oss_v2.__file__).parent.parent


@pytest.fixture
def environment(stage: Stage) -> dict[str, str]:
    return {
        "IMM_ENDPOINT": stage.cloud.endpoints.imm,
        "OSS_ENDPOINT": stage.cloud.endpoints.oss,
        "FAILED_EVENTS": stage.uri("failed"),
        **exported(stage.keys),
    }


# The guard.


def reviewed(section: str) -> set[str]:
    """One section of the reviewed list."""
    sections = REVIEWED.read_text("utf-8").split("\n[")
    (lines,) = (one.splitlines()[1:] for one in sections if one.startswith(f"{section}]"))
    return {line for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("label", [ASCII_LABEL, CHINESE_LABEL], ids=["ASCII", "Chinese"])
def test_a_cold_start_imports_what_was_reviewed_and_makes_five_calls(
    stage: Stage, lean: Path, environment: dict[str, str], label: dict[str, object]
) -> None:
    """A module more is a cold start that is slower: see whether it is needed, then write it into the list."""
    event = stage.notification(stage.task(stage.upload(), label))
    stage.forget_calls()
    with FunctionProcess(FUNCTIONS, lean, environment, entry="tag_object") as function:
        (outcome,) = function.handle(event)["end"]["outcomes"]
        imported = set(function.modules())
        warnings = function.logged()
    assert (outcome["status"], warnings) == ("tagged", [])
    assert stage.calls() == CALLS
    known = sys.stdlib_module_names
    ours = {name for name in imported if name.partition(".")[0] not in known}
    assert sorted(ours - reviewed("packages")) == []
    assert sorted(reviewed("packages") - ours) == []
    standard = {name.partition(".")[0] for name in imported} & known
    assert sorted(one for one in standard - reviewed("standard library") if one[0] != "_") == []
    assert sorted(imported & NEVER) == []


def test_the_lean_layer_has_what_keeping_a_result_needs(
    stage: Stage, lean: Path, environment: dict[str, str]
) -> None:
    event = stage.notification(stage.task(stage.upload(), CHINESE_LABEL))
    where = {"RESULT_ARCHIVE": stage.uri("labels")}
    with FunctionProcess(FUNCTIONS, lean, {**environment, **where}, entry="tag_object") as function:
        (outcome,) = function.handle(event)["end"]["outcomes"]
        assert (outcome["status"], function.logged()) == ("tagged", [])
    assert outcome["archived"].startswith(where["RESULT_ARCHIVE"])


def test_the_layer_is_as_small_as_it_was_reviewed(build: Path) -> None:
    report = read_report(build / f"{local_target(Host.running()).name}.json")
    assert isinstance(report, Report)
    assert report.unpacked_bytes <= UNPACKED_BYTES
    assert report.zip is None or report.zip.bytes <= ZIP_BYTES


def test_a_cold_start_behind_uploads_imports_what_was_reviewed_and_makes_three_calls(
    stage: Stage, lean: Path, environment: dict[str, str]
) -> None:
    stage.cloud.call(stage.cloud.messages.create_topic, "uploads")
    settings = {"IMM_PROJECT": stage.project, "NOTIFICATION_TOPIC": "uploads"}
    uri = stage.upload()
    stage.forget_calls()
    with FunctionProcess(FUNCTIONS, lean, {**environment, **settings}, entry="submit_video") as function:
        (outcome,) = function.handle([uri])["end"]["outcomes"]
        imported = set(function.modules())
        warnings = function.logged()
    assert (outcome["status"], warnings) == ("submitted", [])
    assert stage.calls() == ["CreateVideoLabelClassificationTask", "HeadObject", "ListTasks"]
    known = sys.stdlib_module_names
    ours = {name for name in imported if name.partition(".")[0] not in known}
    assert sorted(ours - reviewed("packages") - reviewed("behind uploads")) == []
    assert sorted(reviewed("behind uploads") - ours) == []
    assert sorted(imported & NEVER) == []


# The same function, with stubs and the lean layer, and with everything.


@pytest.fixture
def both(
    stage: Stage, lean: Path, complete: Path, environment: dict[str, str]
) -> Iterator[tuple[FunctionProcess, FunctionProcess]]:
    with (
        FunctionProcess(FUNCTIONS, lean, environment) as deferring,
        FunctionProcess(FUNCTIONS, complete, environment, whole=True) as whole,
    ):
        yield deferring, whole


def error(action: str, status: int, code: str) -> Fault:
    return Fault(FaultKind.ERROR, action=action, status=status, code=code, times=None)


def answer(action: str, status: int, body: bytes) -> Fault:
    html = {"content-type": "text/html"}
    return Fault(FaultKind.ANSWER, action=action, status=status, headers=html, body=body, times=None)


SITUATIONS = [
    None,
    *(
        fault
        for action in CALLS
        for fault in (
            error(action, 403, "AccessDenied"),
            error(action, 404, "ResourceNotFound"),
            error(action, 503, "ServiceUnavailable"),
            answer(action, 502, b"<html><h1>502 Bad Gateway</h1></html>"),
            answer(action, 200, "<html>页面</html>".encode("gbk")),
        )
    ),
    Fault(FaultKind.TRUNCATE, action="GetTask"),
    Fault(FaultKind.RESET_BEFORE, action="GetObjectTagging"),
    Fault(FaultKind.RESET_AFTER, action="PutObjectTagging"),
]


def test_every_call_and_every_error_is_the_same_with_and_without_deferring(
    stage: Stage, both: tuple[FunctionProcess, FunctionProcess]
) -> None:
    """Given keys with a token, and Chinese in the key, in a tag's place and in the labels."""
    key = "videos/一 二+三&四.mp4"
    event = stage.notification(stage.task(stage.upload(key, tags={"team": "a"}), CHINESE_LABEL))
    ends = set()
    for fault in SITUATIONS:
        seen = []
        for function in both:
            stage.write_tags(key, {"team": "a"})
            if fault is not None:
                stage.break_call(fault)
            seen.append(function.handle(event))
            stage.cloud.call(stage.cloud.faults.clear)
        deferring, whole = (normal(one) for one in seen)
        assert deferring == whole, fault
        if fault is None:
            written = [one for one in seen[0]["requests"] if one.startswith("PUT ")]
            assert "%E4%B8%80%20%E4%BA%8C%2B%E4%B8%89%26%E5%9B%9B.mp4" in "".join(written)
        end = seen[0]["end"]
        ends.add(end.get("error") or end["outcomes"][0]["status"])
    assert ends == {"tagged", "AccessDenied", "TaskNotFound", "ServiceRejected", "ServiceUnavailable"}


def normal(seen: dict[str, object]) -> str:
    """What is seen, less the identities that the local cloud gives each answer."""
    return re.sub(r"[0-9A-F]{8}-[0-9A-F-]{27}|[0-9A-F]{24}", "<id>", str(seen))


def test_what_failed_is_kept_with_what_the_layer_has(
    stage: Stage, lean: Path, environment: dict[str, str]
) -> None:
    record = {
        "timestamp": 1640314900,
        "requestContext": {"requestId": "1-61c53a02", "condition": "UnhandledInvocationError"},
        "requestPayload": "{}",
        "responsePayload": {"errorType": "Throttled", "errorMessage": "No."},
    }
    stage.forget_calls()
    with FunctionProcess(FUNCTIONS, lean, environment, entry="keep_failed") as function:
        kept = function.handle(record)["end"]
        imported = set(function.modules())
        warnings = function.logged()
    assert kept["kept"].startswith(stage.uri("failed/"))
    assert (warnings, stage.calls(), sorted(imported & NEVER)) == ([], ["PutObject"], [])


# A stub that is called after all.

USES = {
    "an asynchronous call": (
        "import asyncio, alibabacloud_tea_openapi.utils_models as models, darabonba.runtime as runtime\n"
        "from alibabacloud_imm20200930.client import Client\n"
        "from alibabacloud_imm20200930.models import GetTaskRequest\n"
        "client = Client(models.Config(access_key_id='a', access_key_secret='b', protocol='HTTP',\n"
        "    endpoint=os.environ['IMM_ENDPOINT'][7:], region_id='cn-hangzhou'))\n"
        "options = runtime.RuntimeOptions(autoretry=False, max_attempts=1)\n"
        "request = GetTaskRequest(project_name='p', task_id='t', task_type='VideoLabelClassification')\n"
        "asyncio.run(client.get_task_with_options_async(request, options))\n",
        "alibabacloud_credentials.client.Client",
    ),
    "an uploader": (
        "import alibabacloud_oss_v2 as oss\n"
        "configuration = oss.config.load_default()\n"
        "configuration.region = 'cn-hangzhou'\n"
        "oss.Client(configuration).uploader()\n",
        "alibabacloud_oss_v2.uploader.Uploader",
    ),
    "an operation": (
        "import alibabacloud_oss_v2 as oss\noss.PutBucketRequest(bucket='b')\n",
        "alibabacloud_oss_v2.PutBucketRequest",
    ),
    "a model": (
        "import alibabacloud_imm20200930.models as models\nmodels.CreateProjectRequest()\n",
        "alibabacloud_imm20200930.models.CreateProjectRequest",
    ),
}
ATTEMPT = """
import os
try:
    {}
    said = "done"
except Exception as error:
    said = type(error).__name__ + ": " + str(error)
"""


def test_a_stub_that_is_called_says_what_is_left_out_and_what_to_do(
    lean: Path, environment: dict[str, str]
) -> None:
    with FunctionProcess(FUNCTIONS, lean, environment) as function:
        for source, named in USES.values():
            said = function.run(ATTEMPT.format(source.replace("\n", "\n    ")))
            assert said.startswith(f"NotInLayer: {named} is needed, but it is not imported")
            assert "keep its module in imm_label_tags/services/deferred_imports.py" in said
