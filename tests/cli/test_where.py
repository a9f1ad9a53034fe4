"""One way to say where a command works: a running local cloud, else an account and whose keys."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli import checkout
from cli.cloud.access import Access
from cli.cloud.running import announced, find_running
from cli.cloud.where import Where, where_options
from cli.main import main
from localcloud.cloud import LocalCloud

KEYS = {"access_key_id": "LTAI-of-a-profile", "access_key_secret": "secret-of-a-profile"}
PROFILES = {
    "current": "default",
    "profiles": [
        {"name": "default", "mode": "AK", "region_id": "cn-beijing", **KEYS},
        {"name": "temporary", "mode": "StsToken", **KEYS, "sts_token": "token-of-a-profile"},
        {"name": "empty", "mode": "AK", "access_key_id": "", "access_key_secret": ""},
    ],
}
DEPLOYMENT = """
edition: 3.0.0
name: imm-label-tags
resources:
  tag_object:
    component: fc3
    props: {region: "${env('FC_DEPLOY_REGION', 'cn-hangzhou')}", handler: tag_object.handler}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "s.yaml").write_text(DEPLOYMENT, "utf-8")
    monkeypatch.setattr(checkout, "DEPLOYMENT", tmp_path / "s.yaml")
    return tmp_path


@pytest.fixture
def profiles(home: Path) -> Iterator[None]:
    """What `aliyun configure` leaves; keys that a command takes from it do not outlast the test."""
    (home / ".aliyun").mkdir()
    (home / ".aliyun" / "config.json").write_text(json.dumps(PROFILES), "utf-8")
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def access(**place: str) -> Access:
    return Where(**place).access()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# An account


@pytest.mark.usefixtures("profiles")
def test_keys_of_the_environment_come_before_the_current_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert access().keys == ("LTAI-of-a-profile", "secret-of-a-profile", "")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI-of-a-shell")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret-of-a-shell")
    assert access().keys == ("LTAI-of-a-shell", "secret-of-a-shell", "")
    # but not before one that is named
    assert access(profile="temporary").keys.security_token == "token-of-a-profile"


@pytest.mark.usefixtures("profiles")
def test_the_profile_may_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_PROFILE", "temporary")
    assert access().keys.security_token == "token-of-a-profile"


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize("name", ["empty", "nobody's"])
def test_a_profile_without_keys_is_told_with_its_name(name: str) -> None:
    result = run("invoke", "--profile", name, __file__)
    assert result.exit_code == 2
    assert f"The profile {name} of " in result.output


def test_without_any_keys_every_way_to_give_some_is_told() -> None:
    result = run("invoke", __file__)
    assert result.exit_code == 2
    for way in ("ALIBABA_CLOUD_ACCESS_KEY_ID", ".aliyun/config.json", "aliyun configure", "--local"):
        assert way in result.output


@pytest.mark.usefixtures("profiles")
def test_the_region_is_the_one_that_is_named_else_that_of_s_yaml() -> None:
    assert access().region == "cn-hangzhou"
    assert access(region="cn-beijing").endpoints["imm"].url == "https://imm.cn-beijing.aliyuncs.com"
    assert Where(region="cn-beijing").variables["FC_DEPLOY_REGION"] == "cn-beijing"


@pytest.mark.usefixtures("profiles")
def test_an_endpoint_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMM_ENDPOINT", "http://127.0.0.1:1")
    assert access().endpoints["imm"].url == "http://127.0.0.1:1"


# A running local cloud


def test_the_local_cloud_that_runs_is_found(shared_cloud: LocalCloud) -> None:
    control = shared_cloud.endpoints.control
    with announced(control, os.environ):
        local = Where("").access()
        assert find_running("", os.environ).control == control
    assert local.region == shared_cloud.config.region
    assert local.keys.access_key_id == shared_cloud.config.access_key_id
    assert local.endpoints["sts"].url == local.endpoints["ram"].url == shared_cloud.endpoints.ram
    # and no longer, once it has ended
    assert "No local cloud of yours is running" in run("failed", "list", "--local").output


def test_one_that_was_left_behind_is_not_taken_for_one_that_runs(home: Path) -> None:
    with announced("http://127.0.0.1:1", os.environ):
        (left,) = (home / "imm-label-tags").glob("*.json")
        content = left.read_text("utf-8")
    left.write_text(content, "utf-8")
    assert "No local cloud of yours is running" in run("failed", "list", "--local").output
    assert not left.exists()


def test_of_several_one_has_to_be_named(shared_cloud: LocalCloud) -> None:
    control = shared_cloud.endpoints.control
    with announced(control, os.environ), announced("http://127.0.0.1:1", os.environ):
        result = run("failed", "list", "--local")
        assert result.exit_code == 2
        assert control in result.output
        assert Where(control).access().region == shared_cloud.config.region


def test_nobody_else_can_say_where_a_command_works(home: Path) -> None:
    with announced("http://127.0.0.1:1", os.environ):
        (home / "imm-label-tags").chmod(0o777)
        assert "No local cloud of yours is running" in run("failed", "list", "--local").output


def test_a_url_that_nobody_answers_is_told() -> None:
    result = run("failed", "list", "--local", "http://127.0.0.1:1/")
    assert result.exit_code == 2
    assert "No local cloud answers at http://127.0.0.1:1." in result.output


# The options


@click.command()
@click.argument("names", nargs=-1)
@where_options
def ask(names: tuple[str, ...], where: Where) -> None:
    click.echo(json.dumps([list(names), where.local]))


@pytest.mark.parametrize(
    ("arguments", "understood"),
    [
        (["a"], [["a"], None]),
        (["--local", "a"], [["a"], ""]),
        (["a", "--local"], [["a"], ""]),
        (["--local", "http://127.0.0.1:1", "a"], [["a"], "http://127.0.0.1:1"]),
        (["--local=http://127.0.0.1:1", "a"], [["a"], "http://127.0.0.1:1"]),
        (["--local", "--", "a"], [["a"], ""]),
    ],
)
def test_the_url_may_be_left_out_before_an_argument(arguments: list[str], understood: list[object]) -> None:
    result = CliRunner().invoke(ask, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == understood


def test_a_local_cloud_has_neither_profile_nor_region() -> None:
    result = CliRunner().invoke(ask, ["--local", "--region", "cn-beijing"])
    assert result.exit_code == 2
    assert "leave them out with --local" in result.output


def test_every_command_that_works_somewhere_takes_all_of_it() -> None:
    context = click.Context(main)
    groups = [main.get_command(context, name) for name in main.list_commands(context)]
    commands = [one for group in groups for one in (getattr(group, "commands", None) or {"": group}).values()]
    where = {"--local", "--profile", "--region"}
    found = {
        one.name: where & {name for param in one.params for name in param.opts} for one in commands if one
    }
    assert {name for name, options in found.items() if not options} == {"demo", "serve", "check-deploy"}
    assert all(options in (set(), where) for options in found.values())
