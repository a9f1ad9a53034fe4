"""What is in a layer and in a code package, in which form, and what the report says of it."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import stat
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import pytest

from layers import report as reports
from layers.distributions import licence_of
from tests.fresh import printed_by
from tests.layers.wheels import Files, shared_library
from tests.layers.workshop import Workshop, files_in

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.10" if VERSION == "3.12" else "3.12"
RUNTIME = f"python{VERSION}"
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
    "shop/tests/__init__.py": "x = 1\n" * 999,
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
    # For another Python, or for none.
    "shop/old.py": "print 'Python 2'\n",
    "shop/zero.py": b"a = '\0'\n",
}
KEPT = {
    *("shop/__init__.py", "shop/contest.py", "shop/test.py", "shop/old.py", "shop/zero.py"),
    *("shop/prices.json", "shop/fast.so"),
    *(
        f"shop-1.0.dist-info/{name}"
        for name in ("METADATA", "COPYING", "entry_points.txt", "licenses/LICENSE", "licenses/vendor/NOTES")
    ),
    *("big_one.py", "big_one-2.0.dist-info/METADATA"),
}
COMPILED = {
    *(f"shop/__pycache__/{name}.{TAG}.pyc" for name in ("__init__", "contest", "test")),
    f"__pycache__/big_one.{TAG}.pyc",
}


class Built(NamedTuple):
    """A layer and the code, and what was printed when they were built."""

    workshop: Workshop
    shown: str

    @property
    def python(self) -> Path:
        return self.workshop.output / RUNTIME / "python"


@pytest.fixture(scope="module")
def built(new_workshop: Workshop) -> Built:
    for path in (
        *("imm_label_tags/__init__.py", "imm_label_tags/lexicon.json", "NOTICE"),
        *("tests/test_it.py", "imm_label_tags/test/__init__.py", ".cache/x", "imm_label_tags/.swp"),
        *("__pycache__/tag_object.cpython-39.pyc", "old.pyc"),
    ):
        (new_workshop.code / path).parent.mkdir(parents=True, exist_ok=True)
        (new_workshop.code / path).write_text("")
    licence = "License-Expression: Apache-2.0 AND MIT\nLicense: older\n"
    new_workshop.publish_and_require("shop", "1.0", PACKAGE)
    new_workshop.publish_and_require("Big_One", "2.0", {"big_one.py": "x = 1\n" * 1000}, metadata=licence)
    return Built(new_workshop, new_workshop.build("--runtime", RUNTIME))


# Which files


def test_the_layer_has_what_is_needed_at_run_time_and_nothing_else(built: Built) -> None:
    directory = built.workshop.output / RUNTIME
    expected = {path.replace("big_one-", "Big_One-") for path in KEPT | COMPILED}
    assert files_in(directory) == {f"python/{path}" for path in expected}
    assert not [path for path in directory.rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_the_code_package_has_what_is_deployed_and_nothing_else(built: Built) -> None:
    assert files_in(built.workshop.output / f"code-{RUNTIME}") == {
        *("tag_object.py", "imm_label_tags/__init__.py", "imm_label_tags/lexicon.json", "NOTICE"),
        *(f"__pycache__/tag_object.{TAG}.pyc", f"imm_label_tags/__pycache__/__init__.{TAG}.pyc"),
    }


def test_the_zip_file_has_sorted_entries_without_times_of_their_own(built: Built) -> None:
    for name, top in ((RUNTIME, "python/"), (f"code-{RUNTIME}", "tag_object.py")):
        with zipfile.ZipFile(built.workshop.output / f"{name}.zip") as archive:
            entries = archive.infolist()
            assert archive.testzip() is None
        names = [entry.filename for entry in entries]
        assert names == sorted(names)
        assert top in names
        assert {path for path in names if not path.endswith("/")} == files_in(built.workshop.output / name)
        for entry in entries:
            mode = (stat.S_IFDIR | 0o755) if entry.is_dir() else (stat.S_IFREG | 0o644)
            assert (entry.external_attr >> 16, entry.create_system) == (mode, 3)
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_two_builds_give_the_same_bytes(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given another place, umask, time zone and hash seed; when it is built again, then nothing differs."""
    for name, value in (("TZ", "Asia/Shanghai"), ("PYTHONHASHSEED", "7"), ("PYTHONOPTIMIZE", "2")):
        monkeypatch.setenv(name, value)
    first, second = built.workshop.output, tmp_path / "elsewhere" / "deeper"
    umask = os.umask(0o077)
    try:
        built.workshop.build("--runtime", RUNTIME, output=second)
    finally:
        os.umask(umask)
    assert files_in(first) == files_in(second)
    for path in files_in(first):
        assert (first / path).read_bytes() == (second / path).read_bytes(), path
    for path in (RUNTIME, f"{RUNTIME}/python/shop", f"{RUNTIME}/python/shop/__init__.py"):
        there, here = (second / path).stat(), (first / path).stat()
        assert (there.st_mode, there.st_mtime) == (here.st_mode, 315532800)


def test_a_symbolic_link_is_refused(workshop: Workshop) -> None:
    (workshop.code / "linked").symlink_to(workshop.code)
    assert workshop.fail("--local", "--part", "code").endswith(
        "linked is a symbolic link: a package holds plain files only, so put the file itself there."
    )


# Byte code


def code_of(path: Path) -> CodeType:
    code = marshal.loads(path.read_bytes()[16:])
    assert isinstance(code, CodeType)
    return code


def test_bytecode_is_unchecked_and_names_the_place_in_the_runtime(built: Built) -> None:
    layer = built.python / "shop" / "__pycache__" / f"__init__.{TAG}.pyc"
    code = built.workshop.output / f"code-{RUNTIME}" / "__pycache__" / f"tag_object.{TAG}.pyc"
    for path, mounted in ((layer, "/opt/python/shop/__init__.py"), (code, "/code/tag_object.py")):
        # PEP 552: bit 0 says that there is a hash, bit 1 that it is checked.
        assert path.read_bytes()[:8] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0"
        top = code_of(path)
        inner = [one for one in top.co_consts if isinstance(one, CodeType)]
        assert {one.co_filename for one in (top, *inner)} == {mounted}


def test_a_source_whose_time_stamp_differs_is_not_compiled_again(built: Built, tmp_path: Path) -> None:
    """Given a layer unpacked by others; when the module is imported, then the byte code is what runs."""
    with zipfile.ZipFile(built.workshop.output / f"{RUNTIME}.zip") as archive:
        archive.extractall(tmp_path)
    python = tmp_path / "python"
    (python / "shop" / "__init__.py").write_text("NAMES = 'compiled anew'\n")
    before = files_in(python)
    assert printed_by("import shop; print(sorted(shop.NAMES))", path=(python,)) == "['a', 'b', 'c']\n"
    assert files_in(python) == before


def test_a_source_for_another_python_is_left_as_it_is_and_reported(built: Built) -> None:
    report = built.workshop.report(RUNTIME)
    assert (report["sources"], report["bytecode"]) == (6, 4)
    assert set(report["not_compiled"]) == {"shop/old.py", "shop/zero.py"}
    assert "not compiled: shop/old.py: SyntaxError" in built.shown


@pytest.mark.parametrize("name", ["broken.py", "it's broken.py"])
def test_a_function_that_does_not_compile_is_not_packed(workshop: Workshop, name: str) -> None:
    (workshop.code / name).write_text("def handler(:\n")
    said = workshop.fail("--local", "--part", "code")
    assert said.startswith(f"{name} does not compile for ")
    assert "SyntaxError" in said
    assert workshop.built() == []


def interpreters(directory: Path, monkeypatch: pytest.MonkeyPatch, answer: str, compiles: str) -> None:
    """Have nothing but these interpreters of the other version."""
    for place in (
        f"bin/python{OTHER}",
        f".pyenv/versions/{OTHER}.0/bin/python",
        f".local/share/uv/python/cpython-{OTHER}.0/bin/python3",
    ):
        program = directory / place
        program.parent.mkdir(parents=True)
        answered = answer.format(OTHER, OTHER)
        program.write_text(f"#!/bin/sh\ncase \"$*\" in *compileall*) {compiles};; esac\necho '{answered}'\n")
        program.chmod(0o755)
    # The last does not even start.
    program.chmod(0o644)
    monkeypatch.setenv("PATH", str(directory / "bin") + os.pathsep + "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(directory))


@pytest.mark.parametrize(
    "answer", ['["pypy", "{}", "final", "{}.1"]', '["cpython", "{}", "beta", "{}.0"]', "what?"]
)
def test_only_a_released_cpython_compiles_and_without_one_the_report_says_so_loudly(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    interpreters(tmp_path, monkeypatch, answer, "exit 3")
    shown = workshop.build("--runtime", f"python{OTHER}", "--part", "code")
    assert "NONE! There is no released CPython here to compile for Function Compute's python" in shown
    report = workshop.report(f"code-python{OTHER}")
    assert (report["compiler"], report["bytecode"]) == (None, 0)
    assert files_in(workshop.output / f"code-python{OTHER}") == {"tag_object.py"}


def test_a_compiler_that_breaks_off_is_named(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreters(tmp_path, monkeypatch, '["cpython", "{}", "final", "{}.1"]', "echo 'no space' >&2; exit 3")
    said = workshop.fail("--runtime", f"python{OTHER}", "--part", "code")
    assert said == f"{tmp_path}/bin/python{OTHER} could not compile the sources:\nno space"


# The report


def test_packages_versions_licences_and_sizes(built: Built) -> None:
    report = built.workshop.report(RUNTIME)
    assert [(one["name"], one["version"], one["licence"]) for one in report["packages"]] == [
        ("big-one", "2.0", "Apache-2.0 AND MIT"),
        ("shop", "1.0", "not stated"),
    ]
    sizes = {path: (built.python / path).stat().st_size for path in files_in(built.python)}
    assert report["unpacked_bytes"] == sum(sizes.values()) == sum(one["bytes"] for one in report["packages"])
    bytecode = sum(size for path, size in sizes.items() if path.endswith(".pyc"))
    assert report["bytecode_bytes"] == bytecode == sum(one["bytecode_bytes"] for one in report["packages"])
    assert (report["newest_glibc"], report["newest_glibc_in"]) == ("2.17", "shop/fast.so")
    lines = built.shown.splitlines()
    assert lines[0].startswith(
        f"{built.workshop.output}/{RUNTIME}.zip: the layer for Function Compute's {RUNTIME}"
    )
    assert lines[2].split() == ["package", "version", "licence", "kB", "of", "it", ".pyc"]
    assert lines[3].split()[:5] == ["big-one", "2.0", "Apache-2.0", "AND", "MIT"]
    assert "  These bring no text of their licence: big-one." in lines
    assert "  glibc     2.17 is the newest needed, by shop/fast.so" in lines


def test_the_zip_file_is_measured_against_the_limits(built: Built) -> None:
    for name in (RUNTIME, f"code-{RUNTIME}"):
        data = (built.workshop.output / f"{name}.zip").read_bytes()
        report = built.workshop.report(name)
        assert report["zip"] == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        assert report["zip"]["sha256"] in built.shown
        encoded = (len(data) + 2) // 3 * 4
        assert report["limits"] == {
            "API as base64": {"bytes": encoded, "limit": 100_000_000},
            "most regions": {"bytes": len(data), "limit": 100_000_000},
            "main regions": {"bytes": len(data), "limit": 500_000_000},
        }
    assert "0% of 100 MB (API as base64)\n" in built.shown
    assert built.shown.count("These are a code package's limits; none is documented for a layer.") == 1
    assert "TOO LARGE" not in built.shown


def test_what_exceeds_a_limit_is_pointed_out(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "API_LIMIT", 1)
    assert "(API as base64)  TOO LARGE\n" in workshop.build("--runtime", RUNTIME, "--part", "code")


def test_the_digest_of_the_contents_does_not_depend_on_compression(built: Built) -> None:
    """Given the zip file unpacked elsewhere; then its files have the digest that the report names."""
    with zipfile.ZipFile(built.workshop.output / f"{RUNTIME}.zip") as archive:
        listed = sorted(name for name in archive.namelist() if not name.endswith("/"))
        lines = [f"{name}\0{hashlib.sha256(archive.read(name)).hexdigest()}\n" for name in listed]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert built.workshop.report(RUNTIME)["contents_sha256"] == digest


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT\nLicense: Other\nClassifier: License :: OSI Approved :: Third\n", "MIT"),
        ("License: Apache 2.0\nClassifier: License :: OSI Approved :: Third\n", "Apache 2.0"),
        (
            "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n"
            "Classifier: License :: OSI Approved :: BSD License\nClassifier: Topic :: Internet\n",
            "MIT License, BSD License",
        ),
        (
            "License: Permission is hereby\n        granted.\nClassifier: License :: OSI Approved :: MIT\n",
            "MIT",
        ),
        ("License: Permission is hereby\n        granted.\n", "not stated"),
    ],
)
def test_the_licence_is_the_most_exact_statement(metadata: str, licence: str) -> None:
    assert licence_of(HeaderParser().parsestr(metadata)) == licence
