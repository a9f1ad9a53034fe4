"""What is in a layer and in a code package, and in which form."""

from __future__ import annotations

import json
import marshal
import os
import stat
import sys
import zipfile
from pathlib import Path
from types import CodeType

import pytest

from layers.bytecode import compile_sources
from tests.fresh import printed_by
from tests.layers.wheels import Files, shared_library
from tests.layers.workshop import Workshop, files_in

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag
PACKAGE: Files = {
    "shop/__init__.py": "NAMES = {'a', 'b', 'c'}\n\n\ndef fail():\n    raise RuntimeError('as meant')\n",
    "shop/__init__.pyi": "NAMES: set[str]\n",
    "shop/py.typed": "",
    "shop/prices.json": "{}",
    "shop/fast.so": shared_library({"libc.so.6": ["GLIBC_2.17"]}, needed=["libc.so.6"]),
    "shop/fast.pyx": "",
    "shop/fast.c": "",
    "shop/include/fast.h": "",
    "shop/__pycache__/__init__.cpython-39.pyc": b"stale",
    "shop/stale.pyc": b"stale",
    "shop/tests/__init__.py": "",
    "shop/tests/data/case.txt": "",
    "shop/SelfTest/test_shop.py": "",
    "shop/contest.py": "",
    "shop/test.py": "",
    "shop-1.0.dist-info/licenses/LICENSE": "Do as you please.",
    "shop-1.0.dist-info/licenses/vendor/NOTES": "Likewise.",
    "shop-1.0.dist-info/COPYING": "Likewise.",
    "shop-1.0.dist-info/entry_points.txt": "[console_scripts]\nshop = shop:fail\n",
    "shop-1.0.dist-info/top_level.txt": "shop\n",
    "shop-1.0.dist-info/direct_url.json": "{}",
}
KEPT = {
    "shop/__init__.py",
    "shop/contest.py",
    "shop/test.py",
    "shop/prices.json",
    "shop/fast.so",
    "shop-1.0.dist-info/METADATA",
    "shop-1.0.dist-info/COPYING",
    "shop-1.0.dist-info/entry_points.txt",
    "shop-1.0.dist-info/licenses/LICENSE",
    "shop-1.0.dist-info/licenses/vendor/NOTES",
}


def code_of(path: Path) -> CodeType:
    code = marshal.loads(path.read_bytes()[16:])
    assert isinstance(code, CodeType)
    return code


def test_the_layer_has_what_is_needed_at_run_time_and_nothing_else(workshop: Workshop) -> None:
    workshop.publish_and_require("shop", "1.0", PACKAGE)
    workshop.build("--local", "--part", "layer")
    (directory,) = (path for path in workshop.output.iterdir() if path.is_dir())
    compiled = {f"shop/__pycache__/{name}.{TAG}.pyc" for name in ("__init__", "contest", "test")}
    assert files_in(directory) == {f"python/{path}" for path in KEPT | compiled}
    assert not [path for path in directory.rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_bytecode_is_unchecked_and_names_the_place_in_the_runtime(workshop: Workshop) -> None:
    workshop.publish_and_require("shop", "1.0", PACKAGE)
    workshop.build("--local")
    layer, code = (
        next(workshop.output.glob(f"*{place}.{TAG}.pyc"))
        for place in ("/python/shop/__pycache__/__init__", "/__pycache__/tag_object")
    )
    for path, mounted in ((layer, "/opt/python/shop/__init__.py"), (code, "/code/tag_object.py")):
        magic, flags = path.read_bytes()[:4], path.read_bytes()[4:8]
        # PEP 552: bit 0 says that there is a hash, bit 1 that it is checked.
        assert (magic, flags) == (__import__("importlib.util").util.MAGIC_NUMBER, b"\1\0\0\0")
        top = code_of(path)
        inner = [one for one in top.co_consts if isinstance(one, CodeType)]
        assert {one.co_filename for one in (top, *inner)} == {mounted}


def test_a_source_whose_time_stamp_differs_is_not_compiled_again(workshop: Workshop) -> None:
    """Given a layer unpacked by others; when the module is imported, then the byte code is what runs."""
    workshop.publish_and_require("shop", "1.0", PACKAGE)
    workshop.build("--local", "--part", "layer")
    (python,) = workshop.output.glob("*/python")
    (python / "shop" / "__init__.py").write_text("NAMES = 'compiled anew'\n")
    os.utime(python / "shop" / "__init__.py")
    before = files_in(python)
    assert printed_by("import shop; print(sorted(shop.NAMES))", path=(python,)) == "['a', 'b', 'c']\n"
    assert files_in(python) == before


def test_a_source_for_another_python_is_left_as_it_is_and_reported(workshop: Workshop) -> None:
    workshop.publish_and_require("shop", "1.0", {"shop/__init__.py": "", "shop/old.py": "print 'Python 2'\n"})
    shown = workshop.build("--local", "--part", "layer")
    (name,) = (path.parent.name for path in workshop.output.glob("*/python"))
    report = workshop.report(name)
    assert (report["sources"], report["bytecode"]) == (2, 1)
    assert list(report["not_compiled"]) == ["shop/old.py"]
    assert "not compiled: shop/old.py: SyntaxError" in shown
    assert len(list(workshop.output.glob("*/python/shop/old.py"))) == 1


def test_the_zip_file_has_sorted_entries_without_times_of_their_own(workshop: Workshop) -> None:
    workshop.publish_and_require("shop", "1.0", PACKAGE)
    workshop.build("--runtime", "python3.12")
    for name, top in (("python3.12", "python/"), ("code-python3.12", "tag_object.py")):
        with zipfile.ZipFile(workshop.output / f"{name}.zip") as archive:
            entries = archive.infolist()
            assert archive.testzip() is None
        names = [entry.filename for entry in entries]
        assert names == sorted(names)
        assert all(path.startswith("python/") for path in names) == (name == "python3.12")
        assert top in names
        assert {path for path in names if not path.endswith("/")} == files_in(workshop.output / name)
        for entry in entries:
            mode = (stat.S_IFDIR | 0o755) if entry.is_dir() else (stat.S_IFREG | 0o644)
            assert (entry.external_attr >> 16, entry.create_system) == (mode, 3)
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_two_builds_give_the_same_bytes(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given another place, umask, time zone and hash seed; when it is built again, then nothing differs."""
    workshop.publish_and_require("shop", "1.0", PACKAGE)
    workshop.build("--local", "--runtime", "python3.12", "--runtime", "python3.10")
    for name, value in (("TZ", "Asia/Shanghai"), ("PYTHONHASHSEED", "7"), ("PYTHONOPTIMIZE", "2")):
        monkeypatch.setenv(name, value)
    elsewhere = tmp_path / "elsewhere" / "deeper"
    umask = os.umask(0o077)
    try:
        workshop.build("--local", "--runtime", "python3.12", "--runtime", "python3.10", output=elsewhere)
    finally:
        os.umask(umask)
    first, second = workshop.output, elsewhere
    assert files_in(first) == files_in(second)
    for path in files_in(first):
        assert (first / path).read_bytes() == (second / path).read_bytes(), path
    for path in ("python3.12", "python3.12/python/shop", "python3.12/python/shop/__init__.py"):
        there = (second / path).stat()
        assert (stat.S_IMODE(there.st_mode), there.st_mtime) == (
            stat.S_IMODE((first / path).stat().st_mode),
            315532800,
        )


def test_without_an_interpreter_of_the_version_the_report_says_so_loudly(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "python3.10" if VERSION == "3.12" else "python3.12"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    workshop.publish_and_require("shop", "1.0", PACKAGE)
    shown = workshop.build("--runtime", other, "--part", "layer")
    assert "NONE! There is no released CPython here to compile for Function Compute's " + other in shown
    assert files_in(workshop.output / other) == {f"python/{path}" for path in KEPT}
    assert (workshop.report(other)["compiler"], workshop.report(other)["bytecode"]) == (None, 0)


@pytest.mark.parametrize(
    "answer", ['["pypy", "{}", "final", "{}.1"]', '["cpython", "{}", "beta", "{}.0"]', "what?"]
)
def test_only_a_released_cpython_compiles(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    other = "3.10" if VERSION == "3.12" else "3.12"
    for place in ("bin", f".pyenv/versions/{other}.0/bin", f".local/share/uv/python/cpython-{other}.0/bin"):
        (tmp_path / place).mkdir(parents=True)
    for place in (
        f"bin/python{other}",
        f".pyenv/versions/{other}.0/bin/python",
        f".local/share/uv/python/cpython-{other}.0/bin/python3",
    ):
        (tmp_path / place).write_text(f"#!/bin/sh\necho '{answer.format(other, other)}'\n")
        (tmp_path / place).chmod(0o755)
    (tmp_path / f".local/share/uv/python/cpython-{other}.0/bin/python3").chmod(0o644)
    monkeypatch.setenv("PATH", str(tmp_path / "bin") + os.pathsep + "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    workshop.build("--runtime", f"python{other}", "--part", "code")
    assert workshop.report(f"code-python{other}")["compiler"] is None


def test_the_code_package_has_what_is_deployed_and_nothing_else(workshop: Workshop) -> None:
    for path in (
        *("imm_label_tags/__init__.py", "imm_label_tags/lexicon.json", "NOTICE"),
        *("tests/test_it.py", "imm_label_tags/test/__init__.py", ".cache/x", "imm_label_tags/.swp"),
        *("__pycache__/tag_object.cpython-39.pyc", "old.pyc"),
    ):
        (workshop.code / path).parent.mkdir(parents=True, exist_ok=True)
        (workshop.code / path).write_text("")
    workshop.build("--local", "--part", "code")
    (directory,) = (path for path in workshop.output.iterdir() if path.is_dir())
    assert files_in(directory) == {
        *("tag_object.py", "imm_label_tags/__init__.py", "imm_label_tags/lexicon.json", "NOTICE"),
        *(f"__pycache__/tag_object.{TAG}.pyc", f"imm_label_tags/__pycache__/__init__.{TAG}.pyc"),
    }


def test_a_function_that_does_not_compile_is_not_packed(workshop: Workshop) -> None:
    (workshop.code / "broken.py").write_text("def handler(:\n")
    said = workshop.fail("--local", "--part", "code")
    assert said.startswith("broken.py does not compile for ")
    assert "SyntaxError" in said
    assert workshop.built() == []


def test_a_symbolic_link_is_refused(workshop: Workshop) -> None:
    (workshop.code / "linked").symlink_to(workshop.code)
    assert workshop.fail("--local", "--part", "code").endswith(
        "linked is a symbolic link: a package holds plain files only, so put the file itself there."
    )


def test_a_compiler_that_breaks_off_is_named(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layers.bytecode.__file__", "/nowhere/bytecode.py")
    said = workshop.fail("--local", "--part", "code")
    assert said.startswith(f"{sys.executable} could not compile the sources:\n")
    assert "/nowhere/bytecode.py" in said


def test_sources_are_compiled_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("")
    (tmp_path / "bad.py").write_text("print 'Python 2'\n")
    (tmp_path / "zero.py").write_bytes(b"a = '\0'\n")
    failed = compile_sources(tmp_path, "/opt/python", ["good.py", "bad.py", "zero.py"])
    assert set(failed) == {"bad.py", "zero.py"}
    assert files_in(tmp_path / "__pycache__") == {f"good.{TAG}.pyc"}
    assert json.dumps(failed)
