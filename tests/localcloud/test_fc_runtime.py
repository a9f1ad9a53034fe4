"""What a function finds around it: environment, import path, streams, keys."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc import instance
from localcloud.fc.instance import InterpreterUnusable
from tests.localcloud.fc_world import REGION, ROLE, World, function, running
from tests.localcloud.tenancy import ACCOUNT

AROUND = """
import os, sys, time
def handler(event, context):
    return {"environment": dict(os.environ), "path": sys.path, "directory": os.getcwd(),
            "argv": sys.argv, "hour_of_the_epoch": time.localtime(0).tm_hour}
"""
KEYS = """
import os
NAMES = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
def handler(event, context):
    keys = getattr(context, "credentials", None)
    return {"environment": [os.environ[name] for name in NAMES],
            "context": keys and [keys.access_key_id, keys.access_key_secret, keys.security_token]}
"""


def around(world: World) -> Any:
    return json.loads(world.invoke().body)


def test_nothing_of_the_developers_environment_reaches_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a developer with variables and packages of their own
    monkeypatch.setenv("MARKER", "developer")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    # When a function looks around
    with running(tmp_path, AROUND, function(environmentVariables={"OWN": "1"})) as world:
        seen = around(world)
    # Then it finds what Function Compute gives, and what it declares itself
    code = str(tmp_path / "code")
    environment = seen["environment"]
    home = environment["HOME"]
    instance_id = environment["FC_INSTANCE_ID"]
    environment.pop("LC_CTYPE", None)  # Python itself may set it
    assert environment == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": home,
        "TMPDIR": home,
        "LD_LIBRARY_PATH": f"{code}:{code}/lib",
        "PYTHONIOENCODING": "utf-8:surrogateescape",
        "OWN": "1",
        "IMM_ENDPOINT": world.cloud.endpoints.imm,
        "OSS_ENDPOINT": world.cloud.endpoints.oss,
        "FC_FUNC_CODE_PATH": code,
        "FC_ACCOUNT_ID": ACCOUNT,
        "FC_FUNCTION_HANDLER": "index.handler",
        "FC_FUNCTION_MEMORY_SIZE": "512",
        "FC_FUNCTION_NAME": "index",
        "FC_REGION": REGION,
        "FC_INSTANCE_ID": instance_id,
        "FC_FUNCTION_VERSION": "",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "",
    }
    assert seen["path"][0] == code
    assert not any("site-packages" in entry for entry in seen["path"])
    assert str(tmp_path) not in seen["path"]
    assert seen["directory"] == code
    assert len(seen["argv"]) == 1
    assert seen["hour_of_the_epoch"] == 0
    assert not Path(home).exists()


def test_python_3_10_knows_its_version_by_the_older_name(tmp_path: Path) -> None:
    with running(tmp_path, AROUND, function(runtime="python3.10")) as world:
        environment = around(world)["environment"]
    assert "FC_VER_ID" in environment
    assert "FC_FUNCTION_VERSION" not in environment


def test_variables_of_the_local_cloud_win_over_those_of_s_yaml(tmp_path: Path) -> None:
    declared = function(environmentVariables={"OSS_ENDPOINT": "", "PATH": "/opt/bin"})
    with running(tmp_path, AROUND, declared) as world:
        environment = around(world)["environment"]
    assert environment["OSS_ENDPOINT"] == world.cloud.endpoints.oss
    assert environment["PATH"] == "/opt/bin"


def test_code_shadows_the_layer_and_the_layer_the_standard_library(tmp_path: Path) -> None:
    # Given a module in code and layer, one in the layer alone, and one in the layer's site-packages
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layer = tmp_path / "layer"
    for place, names in (
        ("python", ["both", "deeper", "colorsys"]),
        (f"python/lib/{version}/site-packages", ["deeper"]),
    ):
        (layer / place).mkdir(parents=True, exist_ok=True)
        for name in names:
            (layer / place / f"{name}.py").write_text(f"PLACE = {place!r}", encoding="utf-8")
    code = {
        "index.py": """
            import both, colorsys, deeper
            def handler(event, context): return [both.PLACE, deeper.PLACE, colorsys.PLACE]
            """,
        "both.py": "PLACE = 'code'",
    }
    # When a function imports them
    with running(tmp_path, code, layer=layer) as world:
        result = world.invoke()
    # Then the first of code, site-packages, layer wins
    assert json.loads(result.body) == ["code", f"python/lib/{version}/site-packages", "python"]


def test_no_byte_code_is_left_in_the_code_directory(tmp_path: Path) -> None:
    with running(tmp_path, {"index.py": "import other\ndef handler(e, c): pass", "other.py": ""}) as world:
        assert world.invoke().error_type is None
    assert sorted(path.name for path in (tmp_path / "code").iterdir()) == ["index.py", "other.py"]


def test_modules_of_the_local_cloud_are_not_importable(tmp_path: Path) -> None:
    code = "import importlib.util\ndef handler(e, c): return importlib.util.find_spec('pool') is None"
    with running(tmp_path, code) as world:
        assert world.invoke().body == b"true"


def test_the_builtins_of_an_interactive_python_are_there_as_in_fc(tmp_path: Path) -> None:
    code = "def handler(e, c): return [repr(quit), repr(exit), bool(copyright), bool(help)]"
    with running(tmp_path, code) as world:
        assert world.invoke().error_type is None


def test_prints_are_lines_of_the_log_as_they_are(tmp_path: Path) -> None:
    code = r"""
    import logging, os, sys
    def handler(event, context):
        print("printed ü")
        print("to stderr", file=sys.stderr)
        os.write(1, b"raw \xff\n")
        print("no end of line", end="")
        logging.warning("record")
        sys.stdout.buffer.write(b"buffered")
    """
    with running(tmp_path, code) as world:
        result = world.invoke()
        log = world.log(result.request_id)
        lines = world.fc.logs("index")
    assert log[:3] == [
        "FunctionCompute python3 runtime inited.",
        f"FC Invoke Start RequestId: {result.request_id}",
        "printed ü",
    ]
    assert log[3:6] == ["to stderr", "raw \ufffd", "no end of line"]
    assert log[6].endswith(f"{result.request_id} [WARNING] record")
    assert log[7:] == ["buffered", f"FC Invoke End RequestId: {result.request_id}"]
    assert {line.instance_id for line in lines} == {result.instance_id}
    assert world.fc.log_tail(result).decode() == "".join(f"{line}\n" for line in log)


def test_the_log_tail_is_the_last_4_kb(tmp_path: Path) -> None:
    with running(tmp_path, "def handler(e, c): print('x' * 5000)") as world:
        result = world.invoke()
    assert len(world.fc.log_tail(result)) == 4096
    assert world.fc.log_tail(result).endswith(f"FC Invoke End RequestId: {result.request_id}\n".encode())


def test_a_function_may_close_its_standard_output(tmp_path: Path) -> None:
    with running(tmp_path, "import os\ndef handler(e, c): os.close(1); os.close(2); return 'fine'") as world:
        result = world.invoke()
        assert result.body == b"fine"
        assert world.log(result.request_id)[-1] == f"FC Invoke End RequestId: {result.request_id}"


def test_much_output_and_large_events_pass(tmp_path: Path) -> None:
    code = (
        "def handler(event, context):\n    for n in range(3000): print(n, 'x' * 100)\n    return event[::-1]"
    )
    event = os.urandom(3_000_000)
    with running(tmp_path, code) as world:
        result = world.invoke(event)
        assert result.body == event[::-1]
        assert len(world.log(result.request_id)) == 3003


# Keys


def test_python_3_12_has_its_keys_in_the_environment_alone(tmp_path: Path) -> None:
    with running(tmp_path, KEYS, function(role=ROLE)) as world:
        seen = json.loads(world.invoke().body)
        identity = world.cloud.accounts.find(seen["environment"][0])
    assert seen["context"] is None
    assert identity is not None
    assert [identity.access_key_id, identity.access_key_secret, identity.security_token] == seen[
        "environment"
    ]
    assert identity.role == ROLE


def test_python_3_10_has_fresh_keys_in_its_context(tmp_path: Path) -> None:
    # Given an instance that has served a request
    with running(tmp_path, KEYS, function(role=ROLE, runtime="python3.10")) as world:
        first = json.loads(world.invoke().body)
        # When another request comes four and then ten minutes later
        world.cloud.clock.advance(240)
        second = json.loads(world.invoke().body)
        world.cloud.clock.advance(299)
        third = json.loads(world.invoke().body)
        instances = {record.instance_id for record in world.fc.invocations()}
        fresh = world.cloud.accounts.find(third["context"][0])
        assert fresh is not None
        assert not world.cloud.accounts.expired(fresh)
    # Then the context has new keys, and the environment those of the start
    assert len(instances) == 1
    assert first["context"] == first["environment"] == second["context"]
    assert third["context"] != first["context"]
    assert third["environment"] == first["environment"]


def test_without_a_role_there_are_no_keys(tmp_path: Path) -> None:
    with running(tmp_path, KEYS, function(runtime="python3.10")) as world:
        seen = json.loads(world.invoke().body)
    assert seen == {"environment": ["", "", ""], "context": ["", "", ""]}


# The interpreter


def test_an_interpreter_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with running(tmp_path, "def handler(e, c): pass", interpreter=tmp_path / "no-python") as world:
        for _ in range(12):  # more often than there is room for instances
            with pytest.raises(InterpreterUnusable, match="no-python cannot run functions"):
                world.invoke()


def test_so_is_one_that_does_not_get_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "START_SECONDS", 0.2)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    python.chmod(0o755)
    with (
        running(tmp_path, "def handler(e, c): pass", interpreter=python) as world,
        pytest.raises(InterpreterUnusable, match=r"it is not ready after 0\.2 s"),
    ):
        world.invoke()


def test_an_interpreter_that_ends_at_once_fails_the_invocation_and_shows_why(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho broken >&2\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    with running(tmp_path, "def handler(e, c): pass", interpreter=python) as world:
        result = world.invoke()
        assert b"Process exited unexpectedly" in result.body
        assert "broken" in world.log(result.request_id)
