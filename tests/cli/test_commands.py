"""The terminal commands as a user types them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from alibabacloud_fc20230330 import models as fc_models
from alibabacloud_fc20230330.client import Client as FcClient
from alibabacloud_tea_openapi.utils_models import Config
from click.testing import CliRunner, Result
from rich.cells import cell_len
from rich.console import Console

from cli import checkout, demo, serving
from cli.checkout import DEPLOYED_ACCOUNT
from cli.deployer import deploy
from cli.main import main
from cli.narration import UNFOLDED, Narrator
from cli.process import ENDING
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig

EVENTS = Path(__file__).parents[2] / "examples" / "events"
TASK_EVENT = str(EVENTS / "tasks" / "mns-topic-json.json")


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def serving_text(last: str, *, empty: bool = False) -> Iterator[str]:
    """The text that ``serve`` prints, up to its last line, while it serves."""
    output, stopped = io.StringIO(), threading.Event()
    ready = threading.Event()

    class Watched(Console):
        def print(self, *things: object, **options: object) -> None:
            super().print(*things, **options)  # type: ignore[arg-type]
            if last in output.getvalue():
                ready.set()

    console = Watched(file=output, width=200)
    config = CloudConfig(account_id=DEPLOYED_ACCOUNT, task_seconds=0.0, time_scale=0.001, policies=True)
    thread = threading.Thread(
        target=serving.serve_until, args=(stopped, console, config), kwargs={"empty": empty}
    )
    thread.start()
    try:
        assert ready.wait(60)
        yield output.getvalue()
    finally:
        stopped.set()
        thread.join()


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with serving_text("imm-label-tags invoke") as text:
        yield text


def control_of(served: str) -> str:
    match = re.search(r"control +(\S+)", served)
    assert match
    return match[1]


# The command line


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"main, version .+|main \d+\.\d+\.\d+", run("--version").output.strip())


@pytest.mark.parametrize(
    ("mistyped", "meant"), [(["docter"], "doctor"), (["invok"], "invoke"), (["failed", "lsit"], "list")]
)
def test_a_mistyped_command_gets_the_nearest(mistyped: list[str], meant: str) -> None:
    result = run(*mistyped)
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.output


def test_the_help_cuts_no_line_and_says_what_touches_an_account() -> None:
    for output in (run("--help").output, run("failed", "--help").output):
        assert "..." not in output.replace("[ARGS]...", "")
    machine, _, account = run("--help").output.partition("On an account")
    assert re.findall(r"^  ([a-z-]+)  ", machine.partition("On this machine")[2], re.M) == [
        *("demo", "serve", "check-deploy")
    ]
    assert {"invoke", "setup", "doctor", "teardown", "failed"} <= set(
        re.findall(r"^  ([a-z-]+)  ", account, re.M)
    )


# demo


def test_demo_plays_every_step_and_verifies_it() -> None:
    result = run("demo")
    assert result.exit_code == 0, result.output
    for word in ("imm_yi-zi", "unchanged", "superseded", "dropped", "Every step was verified."):
        assert word in result.output
    # What is kept of a failure is shown
    assert re.search(r"oss://media/failed-events/\d{4}-\d\d-\d\d/1-[0-9a-f-]+\.json", result.output)
    assert re.search(r"TaskNotFound +4 +no +\d+ bytes", result.output)
    # The last steps act on the tags
    for words in (
        "imm_content",
        "moved videos/双十一.mp4 to IA",
        "AccessDenied",
        "the search finds the advert",
    ):
        assert words in result.output
    assert result.output.count("verified") >= 35


def test_demo_fails_where_an_expectation_is_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "OWN_TAGS", {"team": "b"})
    result = run("demo")
    assert result.exit_code == 1
    assert "expected: {'team': 'b'}" in result.output
    assert "Every step was verified" not in result.output


@pytest.mark.parametrize("action", ["imm:GetTask", "oss:PutObject"])
def test_demo_fails_where_the_policy_lacks_an_action(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, action: str
) -> None:
    policies_without(action, tmp_path, monkeypatch)
    result = run("demo")
    assert result.exit_code == 1
    assert "AccessDenied" in result.output
    assert action in result.output
    assert "The function's log" in result.output


def policies_without(action: str, directory: Path, monkeypatch: pytest.MonkeyPatch, *, of: str = "*") -> None:
    for document in checkout.POLICIES.glob("*.json"):
        text = document.read_text("utf-8")
        if document.match(f"{of}.json"):
            text = text.replace(f'"{action}"', '"oss:GetObjectAcl"')
        (directory / document.name).write_text(text, "utf-8")
    monkeypatch.setattr(checkout, "POLICIES", directory)


def test_demo_fails_where_an_event_is_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policies_without("fc:InvokeFunction", tmp_path, monkeypatch, of="function")
    result = run("demo")
    assert result.exit_code == 1
    assert "An event is lost: it failed 4 times, and its record did not reach" in result.output
    assert "not authorized to perform 'fc:InvokeFunction'" in result.output


def test_the_layer_has_to_be_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    result = run("demo")
    assert result.exit_code == 2
    assert "make setup" in result.output


# serve


def test_serve_prints_endpoints_keys_and_what_to_do_first(served: str) -> None:
    for service in ("OSS", "IMM", "MNS", "FC", "control"):
        assert re.search(rf"{service} +http://127\.0\.0\.1:\d+", served)
    assert "access key secret" in served
    assert re.search(r"failed events +oss://media/failed-events\n", served)
    assert served.splitlines()[-1].startswith(".venv/bin/imm-label-tags invoke --local examples/")


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """Ctrl-C does something, also where the tests themselves run in the background."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_an_empty_cloud_says_how_it_is_deployed_to_and_how_to_leave() -> None:
    with serving_text("\nexit\n", empty=True) as text:
        assert re.search(r"functions +none\n", text)
        begin, export, setup, deploy, invoke, leave = text.splitlines()[-6:]
    # Nothing is left of it in the shell that it was copied to.
    assert (begin, leave) == ("bash", "exit")
    settings = dict(word.split("=", 1) for word in export.removeprefix("export ").split())
    assert settings["AccountID"] == settings["ALIBABA_CLOUD_ACCOUNT_ID"] != "1234567890123456"
    assert {"AccessKeyID", "AccessKeySecret", "FC_CODE_TEMP_OSS_ENDPOINT"} <= settings.keys()
    # Node cannot resolve names below localhost.
    assert settings["FC_CLIENT_CUSTOM_ENDPOINT"].startswith("http://127.0.0.1:")
    # They would be handed to the deployed functions.
    assert not {"OSS_ENDPOINT", "IMM_ENDPOINT"} & settings.keys()
    assert setup.startswith(".venv/bin/imm-label-tags setup --local --bucket media ")
    assert (deploy, invoke.split()[:3]) == ("s deploy -y", ["s", "tag_object", "invoke"])


def serve_until_it_answers(directory: Path) -> Result:
    """Serve, interrupt once the control endpoint answers; other ports where the chosen ones are taken."""
    while True:
        port, ended = free_port(), threading.Event()

        def interrupt(control: str, ended: threading.Event) -> None:
            session = requests.Session()
            session.trust_env = False
            with session:
                while not ended.wait(0.01):
                    try:
                        if session.get(control, timeout=1).ok:
                            os.kill(os.getpid(), signal.SIGINT)
                            return
                    except (requests.RequestException, ValueError):
                        continue

        watcher = threading.Thread(target=interrupt, args=(f"http://127.0.0.1:{port + 4}", ended))
        watcher.start()
        result = run("serve", "--port", str(port), "--directory", str(directory))
        ended.set()
        watcher.join()
        if "the port is in use" not in result.output:
            return result


def test_serve_runs_until_it_is_interrupted_and_keeps_its_state(
    tmp_path: Path, in_the_foreground: None
) -> None:
    for _ in range(2):
        result = serve_until_it_answers(tmp_path / "state")
        assert result.exit_code == 0, result.output
        assert "Stopping." in result.output
    assert (tmp_path / "state" / "state.sqlite3").exists()


def test_serve_says_which_port_is_in_use() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert result.exit_code == 2
    assert f"127.0.0.1:{port}" in result.output
    assert "--port" in result.output


# invoke


def test_invoke_tags_the_sample_and_shows_outcome_and_log(served: str) -> None:
    result = run("invoke", "--log", "--local", control_of(served), TASK_EVENT)
    assert result.exit_code == 0, result.output
    assert "oss://media/videos/sample.mp4" in result.output
    assert "imm_yi-zi = yes" in result.output
    assert "dropped (collision): 事物" in result.output
    assert "FC Invoke End" in result.output


def test_invoke_finds_the_function_by_its_handler_whoever_deployed_it(tmp_path: Path) -> None:
    with LocalCloud(CloudConfig()) as cloud:
        control = cloud.endpoints.control
        # Given a cloud that nothing is deployed to
        result = run("invoke", "--local", control, TASK_EVENT)
        assert result.exit_code == 2
        assert "no function with the handler tag_object.handler" in " ".join(result.output.split())
        # When it is deployed to under another name, as with IMM_LABEL_TAGS_FUNCTION=mine
        names = {"IMM_LABEL_TAGS_FUNCTION": "mine", "FAILED_EVENTS": "oss://media/failed"}
        deploy(cloud, checkout.DEPLOYMENT, names, checkout.layer())
        event = str(EVENTS / "foreign" / "imm-media-convert.json")
        # Then that one is invoked
        result = run("invoke", "--local", control, event)
        assert result.exit_code == 0, result.output
        assert "ignored" in result.output
        assert {record.function for record in cloud.functions.invocations()} == {"mine"}
        # And with two of them, somebody has to say which is meant
        deploy(cloud, checkout.DEPLOYMENT, {"FAILED_EVENTS": "oss://media/failed"}, checkout.layer())
        result = run("invoke", "--local", control, event)
        assert result.exit_code == 2
        assert "imm-label-tags, mine" in " ".join(result.output.split())


def test_what_serve_runs_can_be_deployed_anew(served: str) -> None:
    # Given the functions that `serve` runs
    session = requests.Session()
    session.trust_env = False
    with session:
        cloud = session.get(control_of(served), timeout=5).json()
    client = fc_client(cloud)
    found = client.get_function("imm-label-tags", fc_models.GetFunctionRequest()).body
    # When one of them is changed by the API, as `s deploy` does it
    wanted = {**found.environment_variables, "LABEL_LIMIT": "3"}
    change = fc_models.UpdateFunctionInput(environment_variables=wanted)
    client.update_function("imm-label-tags", fc_models.UpdateFunctionRequest(body=change))
    try:
        # Then the change is what runs
        result = run("invoke", "--local", control_of(served), "--json", TASK_EVENT)
        tags = json.loads(result.output)["outcomes"][0]["tags"]
        assert len([tag for tag in tags if tag.startswith("imm_")]) == 3
    finally:
        change = fc_models.UpdateFunctionInput(environment_variables=found.environment_variables)
        client.update_function("imm-label-tags", fc_models.UpdateFunctionRequest(body=change))


def fc_client(cloud: dict[str, Any]) -> FcClient:
    return FcClient(
        Config(
            access_key_id=cloud["access_key_id"],
            access_key_secret=cloud["access_key_secret"],
            endpoint=cloud["endpoints"]["fc"].removeprefix("http://"),
            protocol="HTTP",
        )
    )


def test_invoke_shows_why_an_outcome_wrote_nothing_and_the_bare_answer(served: str) -> None:
    event = EVENTS / "foreign" / "oss-trigger.json"
    result = run("invoke", "--local", control_of(served), str(event))
    assert "ignored" in result.output
    assert "OSS trigger" in result.output
    result = run("invoke", "--local", control_of(served), "--json", "-", stdin=event.read_bytes())
    assert (result.exit_code, json.loads(result.output)["outcomes"][0]["status"]) == (0, "ignored")


def test_invoke_exits_with_1_where_the_event_is_not_understood(served: str) -> None:
    event = str(EVENTS / "invalid" / "mns-topic-console-message.json")
    result = run("invoke", "--local", control_of(served), event)
    assert result.exit_code == 1
    assert "InvalidNotification" in result.output
    # What to do is told, and where the function broke off only where it is asked for
    assert "A retry does not help" in result.output
    assert "Traceback" not in result.output and "stackTrace" not in result.output
    logged = run("invoke", "--log", "--local", control_of(served), event).output
    assert "invocation.py" in logged or "Traceback" in logged


def test_invoke_exits_with_75_where_a_retry_may_help(served: str) -> None:
    session = requests.Session()
    session.trust_env = False
    with session:
        fault: Any = {"kind": "error", "action": "GetTask", "status": 503, "times": 3}
        assert session.post(f"{control_of(served)}/faults", json=fault).status_code == 204
        result = run("invoke", "--local", control_of(served), TASK_EVENT)
        session.delete(f"{control_of(served)}/faults")
    assert result.exit_code == 75
    assert "ServiceUnavailable" in result.output


def test_invoke_says_that_no_local_cloud_answers() -> None:
    control = f"http://127.0.0.1:{free_port()}"
    result = run("invoke", "--local", control, TASK_EVENT)
    assert result.exit_code == 2
    assert control in result.output
    assert "imm-label-tags serve" in result.output


def test_invoke_says_that_there_is_no_such_file() -> None:
    result = run("invoke", "no-such-event.json")
    assert result.exit_code == 2
    assert "no-such-event.json" in result.output


def test_invoke_says_that_the_local_cloud_did_not_take_the_event(served: str) -> None:
    result = run("invoke", "--local", control_of(served), "-", stdin=b"x" * (32 * 1024 * 1024 + 1))
    assert result.exit_code == 2
    assert "EntityTooLarge" in result.output


@pytest.mark.parametrize("token", ["", "a-token"])
def test_invoke_runs_here_with_keys_and_endpoints_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, served: str, token: str
) -> None:
    # Given endpoints and keys in the environment (here those of a local cloud)
    for name in ("IMM", "OSS"):
        match = re.search(rf"{name} +(http\S+)", served)
        assert match
        monkeypatch.setenv(f"{name}_ENDPOINT", match[1])
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIlocalcloud")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-a-secret-outside-this-machine")
    monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", token)

    # When the function is run here
    result = run("invoke", TASK_EVENT)

    # Then it has used them
    if token:
        assert result.exit_code == 1
        assert "ServiceRejected" in result.output
    else:
        assert result.exit_code == 0, result.output
        assert "oss://media/videos/sample.mp4" in result.output


def test_a_broken_s_yaml_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkout, "DEPLOYMENT", tmp_path / "s.yaml")
    result = run("serve", "--port", "0")
    assert result.exit_code == 2
    assert "s.yaml cannot be read" in result.output


def told_change(width: int, before: dict[str, str], after: dict[str, str]) -> list[str]:
    output = io.StringIO()
    Narrator(Console(file=output, width=width)).change(before, after)
    return output.getvalue().splitlines()


def test_long_values_are_shown_short_and_whole_where_nothing_is_folded() -> None:
    (_, row) = told_change(120, {}, {"imm": "x" * 100})
    assert "x" * 35 + "…" in row
    assert "added" in row
    (_, row) = told_change(UNFOLDED, {}, {"imm": "x" * 100})
    assert "x" * 100 in row


def test_a_change_has_a_line_for_each_tag_at_eighty_columns() -> None:
    tags = {"imm": "x" * 100, "imm_jiao-tong-gong-ju": "yes"}
    for before, after in ((tags, tags), ({}, tags), (tags, {**tags, "imm": "y" * 100})):
        lines = told_change(80, before, after)
        assert len(lines) == 1 + len(tags)
        assert max(map(len, lines)) <= 80
    # Of two tasks, the ends of the ids tell one from the other.
    (_, row) = told_change(80, {"imm": "x" * 100 + "1"}, {"imm": "x" * 100 + "2"})
    assert re.search(r"…x+1 +…x+2 +changed", row)
    (_, row) = told_change(80, {}, {"imm": "椅子" * 50})
    assert cell_len(row) <= 80
    assert [line.strip() for line in told_change(80, {}, {})] == ["no tags, before and after"]
