"""A build does nothing where it would make what is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from layers.build import main
from layers.target import Host
from tests.layers.workshop import Workshop, files_in

PYTHON312 = ("--runtime", "python3.12")
BOTH = "{0}/python3.12.zip is up to date.\n{0}/code-python3.12.zip is up to date.\n"


@pytest.fixture
def built(workshop: Workshop) -> Workshop:
    """A workshop where everything has been built."""
    workshop.publish_and_require("shop", "1.0", {"shop/__init__.py": ""})
    workshop.build(*PYTHON312)
    return workshop


def test_the_second_build_does_nothing_and_says_so(built: Workshop) -> None:
    before = {path: (built.output / path).stat().st_ino for path in files_in(built.output)}
    assert built.build(*PYTHON312) == BOTH.format(built.output)
    assert {path: (built.output / path).stat().st_ino for path in files_in(built.output)} == before


def test_force_builds_again_the_same(built: Workshop) -> None:
    before = built.contents()
    assert "is up to date" not in built.build(*PYTHON312, "--force")
    assert built.contents() == before


def test_another_lock_file_renews_the_layer_and_another_layer_the_code_that_is_tried_with_it(
    built: Workshop,
) -> None:
    built.lock.write_text(built.lock.read_text() + "# renewed\n")
    shown = built.build(*PYTHON312)
    assert shown.startswith(f"{built.output}/python3.12.zip: the layer for ")
    assert shown.endswith(f"{built.output}/code-python3.12.zip is up to date.\n")
    built.publish_and_require("more", "1.0", {"more.py": ""})
    assert "is up to date" not in built.build(*PYTHON312)


@pytest.mark.parametrize(
    "change",
    [
        lambda code: (code / "tag_object.py").write_text("handler = None\n"),
        lambda code: (code / "more.py").write_text(""),
        lambda code: (code / "tag_object.py").rename(code / "tag.py"),
    ],
)
def test_changed_code_renews_the_code_package_alone(built: Workshop, change: object) -> None:
    assert callable(change)
    change(built.code)
    shown = built.build(*PYTHON312)
    assert shown.startswith(f"{built.output}/python3.12.zip is up to date.\n")
    assert f"{built.output}/code-python3.12.zip: the code package for " in shown
    assert {path.name for path in built.code.iterdir()} <= files_in(built.output / "code-python3.12")


@pytest.mark.parametrize("where", ["", ".zip", ".json", ".cdx.json"])
def test_what_is_lost_or_changed_by_others_is_built_again(built: Workshop, where: str) -> None:
    good, path = built.contents(), built.output / f"python3.12{where}"
    file = path if where else path / "python" / "shop" / "__init__.py"
    file.write_text("{}")
    assert "the layer for " in built.build(*PYTHON312, "--part", "layer")
    assert built.contents() == good
    path.unlink() if where else shutil.rmtree(path)
    assert "the layer for " in built.build(*PYTHON312, "--part", "layer")
    assert built.contents() == good


def test_a_build_that_fails_leaves_what_was_there(built: Workshop) -> None:
    before = built.contents()
    built.require("plain==2.0 --hash=sha256:" + "0" * 64)
    built.fail(*PYTHON312)
    assert built.contents() == before


def test_a_layer_for_this_machine_alone_has_no_zip_file(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a machine that cannot run what is deployed; then there is nothing to upload, and no limit."""
    running = Host.running()
    machine = Host("cpython", running.version, "darwin", "arm64", ("", ""), "macosx-14.0-arm64")
    monkeypatch.setattr(Host, "running", lambda: machine)
    workshop.publish_and_require("shop", "1.0", {"shop/__init__.py": "", "shop/lib.so": b"Mach-O"})
    shown = workshop.build("--local", "--part", "layer")
    (name,) = (path.parent.name for path in workshop.output.glob("*/python"))
    assert workshop.built() == [name, f"{name}.cdx.json", f"{name}.json"]
    assert (workshop.report(name)["zip"], workshop.report(name)["limits"]) == (None, {})
    assert shown.startswith(
        f"{workshop.output}/{name}: the layer for this machine's Python {running.version}"
    )
    assert workshop.build("--local", "--part", "layer") == f"{workshop.output}/{name} is up to date.\n"


def test_paths_are_shown_as_one_would_type_them(built: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.output.parent)
    assert built.build(*PYTHON312) == BOTH.format("build")


def test_a_lock_file_that_is_not_there_is_a_mistake_in_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--lock", str(tmp_path / "requirements.txt")])
    assert "requirements.txt does not exist" in capsys.readouterr().err
