"""Tests that leak, each through another channel; ``test_plugin`` runs them and sees every one caught.

They are no part of the suite: the name of this file is none that pytest looks for.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import alibabacloud_oss_v2 as oss
import click
import pytest
import requests
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tag_object
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.localcloud.fc_world import REGION, ROLE, function, running
from tests.localcloud.tenancy import ACCOUNT
from tests.stage import Stage

LEAKED = Path(os.environ["SECRECY_LEAKED"])

PRINTS = """
    import json, os
    def handler(event, context):
        print("said", os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"])
        return "nothing"
"""
ANSWERS = """
    import os
    def handler(event, context):
        return os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
"""
FAILS = """
    import os
    def handler(event, context):
        raise ValueError(os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"])
"""


def leak(secret: str | None) -> str:
    """The secret, which whoever runs these tests now looks for in their output."""
    assert secret is not None
    with LEAKED.open("a") as file:
        file.write(secret + "\n")
    return secret


@pytest.fixture
def keys(stage: Stage) -> Identity:
    return stage.keys


# One test for each channel that is heard


def test_output(keys: Identity) -> None:
    print("said", leak(keys.access_key_secret))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers())
def test_property(keys: Identity, number: int) -> None:
    print("said", leak(keys.access_key_secret))


def test_log(keys: Identity) -> None:
    logging.getLogger("anybody").warning("said %s", leak(keys.access_key_id))


def test_captured(keys: Identity, capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, leak(keys.security_token).encode())
    capfd.readouterr()


def test_failure_report(keys: Identity) -> None:
    assert leak(keys.access_key_secret) == "another"


@pytest.fixture
def leaking(keys: Identity) -> Iterator[None]:
    yield
    print("said", leak(keys.access_key_secret))


def test_teardown(leaking: None) -> None:
    pass


class Broken:
    """An instance of the function that leaks: by its answer, or by an error's cause and what that holds."""

    def __init__(self, secret: str, *, fails: bool) -> None:
        self._answer = {"outcomes": [secret]}
        self._fails = fails

    def handle(self, event: bytes, context: object) -> object:
        if not self._fails:
            return self._answer
        cause = ValueError("plain")
        cause.request = SimpleNamespace(headers=[{"token": self._answer}])  # type: ignore[attr-defined]
        raise ValueError("plain") from cause


@pytest.mark.parametrize("fails", [True, False])
def test_function(stage: Stage, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    broken = Broken(leak(stage.keys.access_key_id), fails=fails)
    monkeypatch.setattr(tag_object._function, "instance", broken)
    with suppress(ValueError):
        stage.invoke({})


def test_function_log(tmp_path: Path) -> None:
    with running(tmp_path, PRINTS, function(role=ROLE)) as world:
        world.invoke()
        leak(world.cloud.accounts.identities()[-1].security_token)


def test_function_answer(tmp_path: Path) -> None:
    with running(tmp_path, ANSWERS, function(role=ROLE)) as world:
        leak(world.invoke().body.decode())


def test_failure_record(tmp_path: Path) -> None:
    rules = {
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": f"acs:mns:{REGION}:{ACCOUNT}:/topics/t/messages"}},
    }
    with running(tmp_path, FAILS, function(role=ROLE, asyncInvokeConfig=rules)) as world:
        world.invoke_async()
        world.settle()
        leak(world.cloud.accounts.identities()[-1].security_token)
    assert len(world.records) == 1


def test_stored_document(stage: Stage) -> None:
    body = json.dumps({"responsePayload": leak(stage.keys.access_key_secret)})
    stage.oss().put_object(oss.PutObjectRequest(bucket=stage.bucket, key="failed/1.json", body=body.encode()))


@click.command()
@click.argument("secret")
@click.option("--break", "broken", is_flag=True)
def command(secret: str, broken: bool) -> None:
    """Say a secret."""
    if broken:
        raise RuntimeError(secret)
    click.echo(secret, err=True)


@pytest.mark.parametrize("options", [[], ["--break"]], ids=["output", "error"])
def test_command(keys: Identity, options: list[str]) -> None:
    CliRunner().invoke(command, [leak(keys.access_key_secret), *options])


def test_process(keys: Identity) -> None:
    program = f"print('{leak(keys.access_key_secret)}')"
    subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, check=True)


def test_presigned_address(stage: Stage) -> None:
    stage.upload()
    request = oss.GetObjectRequest(bucket=stage.bucket, key="videos/a.mp4")
    url = stage.oss().presign(request).url
    # Written before anybody else has seen it
    print("said", leak(url.rpartition("x-oss-signature=")[2].partition("&")[0]))
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(url).content == b"a video"


def test_signed_header(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    send = requests.Session.send
    seen: list[str] = []

    def watched(session: requests.Session, request: requests.PreparedRequest, **options: object) -> object:
        seen.append(str(request.headers["Authorization"]).rpartition("ignature=")[2])
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    stage.upload()
    print("said", leak(seen[-1]))


# And none of these


def test_clean(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.handle(stage.task(stage.upload()))
    print(capsys.readouterr().out)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.sampled_from([CloudConfig().access_key_id, CloudConfig().access_key_secret]))
def test_clean_constants_of_our_sources(
    shared_cloud: LocalCloud, capsys: pytest.CaptureFixture[str], drawn: str
) -> None:
    print(drawn)
    assert drawn in capsys.readouterr().out
