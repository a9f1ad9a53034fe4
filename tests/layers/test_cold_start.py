"""What a cold start imports, and that every call is the same with and without what is left out."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2
import pytest

from cli.checkout import ROOT
from layers.report import Report, read_report
from layers.target import local_target
from localcloud.faults import Fault, FaultKind
from localcloud.fc.environment import instance_variables
from proof.benchmarks.__main__ import declaration
from proof.benchmarks.function_process import FunctionProcess, Subject, running
from tests.layers import function_probe
from tests.stage import CHAIR, Stage

REVIEWED = Path(__file__).parent / "cold_start_modules.txt"
NAME = local_target().name
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
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function's code with the probe beside it."""
    place = tmp_path_factory.mktemp("code") / "functions"
    shutil.copytree(ROOT / "functions", place, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(function_probe.__file__, place)
    return place


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer with everything that the lock file names."""
    place = tmp_path_factory.mktemp("complete")
    (place / "python").symlink_to(Path(alibabacloud_oss_v2.__file__).parent.parent)
    return place


class Function:
    """The function in a process of its own, which has its code, a layer, and nothing else."""

    def __init__(self, process: FunctionProcess) -> None:
        self._process = process

    def ask(self, what: str, event: bytes = b"") -> Any:
        """Something of the probe's."""
        return self._process.invoke(event, f"function_probe.{what}")

    def end(self, entry: str, event: object) -> dict[str, Any]:
        """What an entry point returns that has been initialized."""
        self._process.initialize(f"{entry}.initialize")
        returned: dict[str, Any] = self._process.invoke(json.dumps(event).encode(), f"{entry}.handler")
        return returned

    def warnings(self) -> list[str]:
        """The messages that the function has logged as warnings."""
        lines = [line for line in self._process.output().splitlines() if line.startswith("{")]
        return [one["message"] for one in map(json.loads, lines) if one["level"] == "WARNING"]


class Starter:
    """Starts functions for a stage."""

    def __init__(self, stage: Stage, code: Path, lean: Path) -> None:
        self._stage = stage
        self._code = code
        self._lean = lean

    @contextmanager
    def start(self, layer: Path | None = None, **settings: str) -> Iterator[Function]:
        """With the layer that is deployed, unless another is given."""
        cloud, layer = self._stage.cloud, layer or self._lean
        subject = Subject("function", Path(sys.executable), NAME, self._code, layer)
        variables = instance_variables(
            replace(declaration(), code=self._code, opt=layer, runtime=NAME, region=cloud.config.region),
            account_id=cloud.config.account_id,
            instance_id="c-1",
            keys=self._stage.keys,
            home=Path("/"),
            overrides={
                "IMM_ENDPOINT": cloud.endpoints.imm,
                "OSS_ENDPOINT": cloud.endpoints.oss,
                **settings,
            },
        )
        with running(subject, variables) as process:
            function = Function(process)
            # From here on it counts what is imported.
            assert function.ask("modules") == []
            yield function


@pytest.fixture
def starter(stage: Stage, code: Path, build: Path) -> Starter:
    return Starter(stage, code, build / NAME)


# The guard.


def reviewed(section: str) -> set[str]:
    """One section of the reviewed list."""
    sections = REVIEWED.read_text("utf-8").split("\n[")
    (lines,) = (one.splitlines()[1:] for one in sections if one.startswith(f"{section}]"))
    return {line for line in lines if line and not line.startswith("#")}


def imported(function: Function) -> tuple[set[str], set[str]]:
    """The modules of the standard library that the function has imported, and the others."""
    modules = set(function.ask("modules"))
    standard = {name for name in modules if name.partition(".")[0] in sys.stdlib_module_names}
    assert sorted(modules & NEVER) == []
    return standard, modules - standard


@pytest.mark.parametrize("label", [ASCII_LABEL, CHINESE_LABEL], ids=["ASCII", "Chinese"])
def test_a_cold_start_imports_what_was_reviewed_and_makes_five_calls(
    stage: Stage, starter: Starter, label: dict[str, object]
) -> None:
    """A module more is a cold start that is slower: see whether it is needed, then write it into the list."""
    event = stage.notification(stage.task(stage.upload(), label))
    stage.forget_calls()
    with starter.start() as function:
        (outcome,) = function.end("tag_object", event)["outcomes"]
        standard, ours = imported(function)
        assert (outcome["status"], function.warnings()) == ("tagged", [])
    assert stage.calls() == CALLS
    assert sorted(ours - reviewed("packages")) == []
    assert sorted(reviewed("packages") - ours) == []
    top = {name.partition(".")[0] for name in standard}
    assert sorted(one for one in top - reviewed("standard library") if one[0] != "_") == []


def test_the_lean_layer_has_what_keeping_a_result_needs(stage: Stage, starter: Starter) -> None:
    event = stage.notification(stage.task(stage.upload(), CHINESE_LABEL))
    with starter.start(RESULT_ARCHIVE=stage.uri("labels")) as function:
        (outcome,) = function.end("tag_object", event)["outcomes"]
        assert (outcome["status"], function.warnings()) == ("tagged", [])
    assert outcome["archived"].startswith(stage.uri("labels"))


def test_the_layer_is_as_small_as_it_was_reviewed(build: Path) -> None:
    report = read_report(build / f"{NAME}.json")
    assert isinstance(report, Report)
    assert report.unpacked_bytes <= UNPACKED_BYTES
    assert report.zip is None or report.zip.bytes <= ZIP_BYTES


def test_a_cold_start_behind_uploads_imports_what_was_reviewed_and_makes_three_calls(
    stage: Stage, starter: Starter
) -> None:
    stage.cloud.call(stage.cloud.messages.create_topic, "uploads")
    uri = stage.upload()
    stage.forget_calls()
    with starter.start(IMM_PROJECT=stage.project, NOTIFICATION_TOPIC="uploads") as function:
        (outcome,) = function.end("submit_video", [uri])["outcomes"]
        _, ours = imported(function)
        assert (outcome["status"], function.warnings()) == ("submitted", [])
    assert stage.calls() == ["CreateVideoLabelClassificationTask", "HeadObject", "ListTasks"]
    assert sorted(ours - reviewed("packages") - reviewed("behind uploads")) == []
    assert sorted(reviewed("behind uploads") - ours) == []


def test_what_failed_is_kept_with_what_the_layer_has(stage: Stage, starter: Starter) -> None:
    record = {
        "timestamp": 1640314900,
        "requestContext": {"requestId": "1-61c53a02", "condition": "UnhandledInvocationError"},
        "requestPayload": "{}",
        "responsePayload": {"errorType": "Throttled", "errorMessage": "No."},
    }
    stage.forget_calls()
    with starter.start(FAILED_EVENTS=stage.uri("failed")) as function:
        assert function.end("keep_failed", record)["kept"].startswith(stage.uri("failed/"))
        imported(function)
        assert (function.warnings(), stage.calls()) == ([], ["PutObject"])


# The same function, with stubs and the lean layer, and with everything.


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
    stage: Stage, starter: Starter, complete: Path
) -> None:
    """Given keys with a token, and Chinese in the key, in a tag's place and in the labels."""
    key = "videos/一 二+三&四.mp4"
    event = json.dumps(
        stage.notification(stage.task(stage.upload(key, tags={"team": "a"}), CHINESE_LABEL))
    ).encode()
    ends = set()
    with starter.start() as deferring, starter.start(complete) as whole:
        deferring.ask("begin")
        whole.ask("begin", b"whole")
        for fault in SITUATIONS:
            seen = []
            for function in (deferring, whole):
                stage.write_tags(key, {"team": "a"})
                if fault is not None:
                    stage.break_call(fault)
                seen.append(function.ask("answer", event))
                stage.cloud.call(stage.cloud.faults.clear)
            assert normal(seen[0]) == normal(seen[1]), fault
            if fault is None:
                written = [one for one in seen[0]["requests"] if one.startswith("PUT ")]
                assert "%E4%B8%80%20%E4%BA%8C%2B%E4%B8%89%26%E5%9B%9B.mp4" in "".join(written)
            end = seen[0]["end"]
            ends.add(end.get("error") or end["outcomes"][0]["status"])
    assert ends == {"tagged", "AccessDenied", "TaskNotFound", "ServiceRejected", "ServiceUnavailable"}


def normal(seen: dict[str, object]) -> str:
    """What is seen, less the identities that the local cloud gives each answer."""
    return re.sub(r"[0-9A-F]{8}-[0-9A-F-]{27}|[0-9A-F]{24}", "<id>", str(seen))


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


def test_a_stub_that_is_called_says_what_is_left_out_and_what_to_do(starter: Starter) -> None:
    with starter.start() as function:
        function.ask("begin")
        for source, named in USES.values():
            said = function.ask("run", ATTEMPT.format(source.replace("\n", "\n    ")).encode())
            assert said.startswith(f"NotInLayer: {named} is needed, but it is not imported")
            assert "keep its module in imm_label_tags/services/deferred_imports.py" in said
