"""Tests that leak, each through another channel; ``test_plugin`` runs them and sees every one caught.

They are no part of the suite: the name of this file is none that pytest looks for.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import alibabacloud_oss_v2 as oss
import click
import pytest
import requests
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

import tag_object
from cli.clients import Account, Project
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


# What pytest captures


def test_standard_output(keys: Identity) -> None:
    print("said", leak(keys.access_key_secret))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers())
def test_property(keys: Identity, number: int) -> None:
    print("said", leak(keys.access_key_secret))


def test_standard_error(keys: Identity) -> None:
    print("said", leak(keys.security_token), file=sys.stderr)


def test_file_descriptor(keys: Identity) -> None:
    os.write(1, f"said{leak(keys.access_key_secret)}said\n".encode())


def test_access_key_id(keys: Identity) -> None:
    print("said", leak(keys.access_key_id))


def test_log(keys: Identity) -> None:
    logging.getLogger("anybody").warning("said %s", leak(keys.access_key_secret))


def test_capsys(keys: Identity, capsys: pytest.CaptureFixture[str]) -> None:
    print("said", leak(keys.access_key_secret))
    capsys.readouterr()


def test_capfd(keys: Identity, capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, leak(keys.security_token).encode())
    capfd.readouterr()


def test_failure_report(keys: Identity) -> None:
    assert leak(keys.access_key_secret) == "another"


@pytest.fixture
def leaking_setup(keys: Identity) -> None:
    print("said", leak(keys.access_key_secret))


def test_setup(leaking_setup: None) -> None:
    pass


@pytest.fixture
def leaking_teardown(keys: Identity) -> Iterator[None]:
    yield
    print("said", leak(keys.access_key_secret))


def test_teardown(leaking_teardown: None) -> None:
    pass


# Other forms of a secret


def test_percent_encoded(stage: Stage) -> None:
    stage.cloud.accounts.add(Identity("LTAIodd", "odd+secret/with=signs"))
    print("said", leak(quote("odd+secret/with=signs", safe="")))


@pytest.mark.parametrize("shift", range(3))
def test_base64(keys: Identity, shift: int) -> None:
    record = b"." * shift + leak(keys.access_key_secret).encode() + b"."
    encoded = base64.b64encode(record).decode()
    leak(encoded[4:-6])
    print("said", encoded)


# The function in this process


class Broken:
    """An instance of the function that leaks in one way."""

    def __init__(self, error: Exception | None = None, answer: object = None) -> None:
        self._error = error
        self._answer = answer

    def handle(self, event: bytes, context: object) -> object:
        if self._error is not None:
            raise self._error
        return self._answer


def errors(secret: str) -> dict[str, Exception]:
    """Errors that hold a secret, each in another place."""
    cause, context = ValueError("plain"), ValueError("plain")
    cause.__cause__ = KeyError(secret)
    context.__context__, context.__suppress_context__ = KeyError(secret), True
    attribute, nested = ValueError("plain"), ValueError("plain")
    attribute.request = SimpleNamespace(headers={"x-acs-security-token": secret})  # type: ignore[attr-defined]
    nested.failures = ((0, ValueError([secret])),)  # type: ignore[attr-defined]
    return {
        "message": ValueError(f"said {secret}"),
        "cause": cause,
        "context": context,
        "attribute": attribute,
        "nested": nested,
    }


@pytest.mark.parametrize("where", errors("none"))
def test_error(stage: Stage, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    error = errors(leak(stage.keys.access_key_secret))[where]
    monkeypatch.setattr(tag_object._function, "instance", Broken(error))
    with pytest.raises(ValueError):
        stage.invoke({})


def test_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tag_object._function, "instance", Broken(answer={"outcomes": [leak(stage.keys.access_key_id)]})
    )
    stage.invoke({})


# The local cloud


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


# Commands and processes


@click.command()
@click.argument("secret")
@click.option("--break", "broken", is_flag=True)
def command(secret: str, broken: bool) -> None:
    """Say a secret."""
    if broken:
        raise RuntimeError(secret)
    click.echo(secret, err=True)


def test_command_output(keys: Identity) -> None:
    CliRunner().invoke(command, [leak(keys.access_key_secret)])


def test_command_error(keys: Identity) -> None:
    CliRunner().invoke(command, [leak(keys.access_key_secret), "--break"])


def test_console(keys: Identity) -> None:
    Console(file=io.StringIO(), width=200).print("said", leak(keys.access_key_secret))


def test_process(keys: Identity) -> None:
    program = f"print('{leak(keys.access_key_secret)}')"
    subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, check=True)


# Signatures


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The signature of every request that is sent through requests, which all SDKs use."""
    seen: list[str] = []
    send = requests.Session.send

    def watched(session: requests.Session, request: requests.PreparedRequest, **options: object) -> object:
        seen.append(str(request.headers["Authorization"]).rpartition("ignature=")[2])
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    return seen


def test_signature_of_oss(stage: Stage, signatures: list[str]) -> None:
    stage.upload()
    print("said", leak(signatures[-1]))


def test_signature_of_imm(stage: Stage, signatures: list[str]) -> None:
    config, urls = stage.cloud.config, stage.cloud.endpoints
    account = Account(config.region, config.access_key_id, config.access_key_secret, urls.oss, urls.imm)
    Project(account, f"another-{stage.project}").create()
    print("said", leak(signatures[-1]))


def test_presigned_address(stage: Stage) -> None:
    stage.upload()
    request = oss.GetObjectRequest(bucket=stage.bucket, key="videos/a.mp4")
    url = stage.oss().presign(request).url
    signature = leak(url.rpartition("x-oss-signature=")[2].partition("&")[0])
    # Written before anybody else has seen it
    print("said", signature)
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(url).content == b"a video"


def test_signature_that_is_never_sent() -> None:
    print("ACS3-HMAC-SHA256 Credential=LTAI,SignedHeaders=host,Signature=" + leak("0f1e2d3c" * 8))


# And none of these


def test_clean(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    task_id = stage.task(stage.upload())
    stage.handle(task_id)
    print(capsys.readouterr().out)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.sampled_from([CloudConfig().access_key_id, CloudConfig().access_key_secret]))
def test_constants_of_our_sources(
    shared_cloud: LocalCloud, capsys: pytest.CaptureFixture[str], drawn: str
) -> None:
    print(drawn)
    assert drawn in capsys.readouterr().out
