"""What would fail in Function Compute, or would not be what was locked, is refused here by name."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from layers.errors import (
    BuildError,
    InstallFailed,
    MetadataUnreadable,
    MissingPackage,
    UnclaimedFile,
    UnexpectedPackage,
    WheelUnknown,
)
from layers.installer import WheelInstaller
from layers.layer import Layer
from layers.target import RUNTIMES
from tests.layers.wheels import Files, shared_library, source_distribution
from tests.layers.workshop import Workshop, files_in

PLAIN: Files = {"plain/__init__.py": ""}
BUILD = ("--runtime", "python3.12", "--part", "layer")


def test_a_package_without_any_wheel(workshop: Workshop) -> None:
    """Given 0.4.0 as wheel and 0.4.3 as source; when 0.4.3 is locked, then 0.4.0 is not taken instead."""
    workshop.publish("tea", "0.4.0", PLAIN)
    workshop.require(f"tea==0.4.3 {source_distribution(workshop.house, 'tea', '0.4.3')}")
    assert workshop.fail(*BUILD).startswith("tea==0.4.3: none of the locked files is a wheel.")
    assert workshop.built() == []


def test_a_package_without_any_wheel_on_this_machine(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    workshop.require(
        f"tea==0.4.3 ; python_version >= '3' {source_distribution(workshop.house, 'tea', '0.4.3')}"
    )
    assert workshop.fail("--local", "--part", "layer").startswith(
        "tea==0.4.3: none of the locked files is a wheel."
    )


@pytest.mark.parametrize(
    ("runtime", "tag"),
    [
        ("python3.12", "cp312-cp312-manylinux_2_34_x86_64"),
        ("python3.10", "cp310-cp310-manylinux_2_31_x86_64"),
    ],
)
def test_wheels_that_need_a_newer_glibc(workshop: Workshop, runtime: str, tag: str) -> None:
    """Given that the source is locked too; then it is still the glibc that is named."""
    digest = workshop.publish("cryptography", "50.0.2", PLAIN, tag=tag)
    source = source_distribution(workshop.house, "cryptography", "50.0.2")
    workshop.require(f"cryptography==50.0.2 ; python_full_version < '3.13' {digest} {source}")
    said = workshop.fail("--runtime", runtime, "--part", "layer")
    assert said.startswith("cryptography==50.0.2: it has wheels, but none for Function Compute's " + runtime)
    assert "(they all need a newer glibc)" in said


def test_the_wheel_is_taken_that_every_runtime_loads(workshop: Workshop) -> None:
    """Given wheels for three glibcs; then each runtime gets the one for the oldest."""
    hashes = [
        workshop.publish(
            "deps", "1.0", {"deps/which.py": f"GLIBC = {minor}\n"}, tag=f"py3-none-manylinux_2_{minor}_x86_64"
        )
        for minor in (17, 31, 34)
    ]
    workshop.require(f"deps==1.0 {' '.join(hashes)}")
    workshop.build("--part", "layer")
    chosen = {
        runtime: (workshop.output / runtime / "python" / "deps" / "which.py").read_text()
        for runtime in RUNTIMES
    }
    assert chosen == {"python3.12": "GLIBC = 17\n", "python3.10": "GLIBC = 17\n"}


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("cp311-cp311-manylinux2014_x86_64", "no matching Python ABI tag"),
        ("cp312-cp312-macosx_11_0_arm64", "no matching platform tag"),
        ("cp312-cp312-musllinux_1_2_x86_64", "no matching platform tag"),
    ],
)
def test_wheels_for_another_python_or_system(workshop: Workshop, tag: str, reason: str) -> None:
    workshop.publish_and_require("yarl", "1.0", PLAIN, tag=tag)
    said = workshop.fail(*BUILD)
    assert said.startswith("yarl==1.0: it has wheels, but none for Function Compute's python3.12")
    assert reason in said


def test_another_file_than_the_locked_one(workshop: Workshop) -> None:
    workshop.publish("plain", "1.0", PLAIN)
    workshop.require("plain==1.0 --hash=sha256:" + "0" * 64)
    assert workshop.fail(*BUILD).startswith(
        "plain==1.0: the file that the package index serves has another hash"
    )


def test_a_version_that_is_not_there(workshop: Workshop) -> None:
    workshop.publish("plain", "1.0", PLAIN)
    workshop.require("plain==2.0 --hash=sha256:" + "0" * 64)
    assert workshop.fail(*BUILD).startswith("plain==2.0: the package index does not have this version.")


def test_any_other_trouble_is_told_in_uvs_words(workshop: Workshop) -> None:
    workshop.publish_and_require("plain", "1.0", PLAIN)
    (workshop.house / "plain-1.0-py3-none-any.whl").write_bytes(b"no zip file")
    assert workshop.fail(*BUILD).startswith("The wheels could not be installed; uv says:\nerror: ")


def test_an_unlocked_requirement(workshop: Workshop) -> None:
    workshop.require("plain==1.0")
    assert "`plain==1.0` has no sha256 hash. Run `make lock`" in workshop.fail(*BUILD)


def test_no_installer(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    assert workshop.fail(*BUILD) == "uv is missing, which fetches the wheels: run `make setup`."


@pytest.mark.parametrize(
    ("library", "said"),
    [
        (
            shared_library({"libc.so.6": ["GLIBC_2.17", "GLIBC_2.34"]}),
            "fast/lib.so needs GLIBC_2.34, which Function Compute's python3.12 (Debian 11, glibc 2.31,",
        ),
        # From glibc 2.36 on; older loaders refuse it.
        (shared_library({"libc.so.6": ["GLIBC_ABI_DT_RELR"]}), "fast/lib.so needs GLIBC_ABI_DT_RELR, which"),
        (shared_library({"libc.so.6": ["GLIBC_PRIVATE"]}), "fast/lib.so needs GLIBC_PRIVATE, which"),
        (
            shared_library({}, machine=183),
            "fast/lib.so is for another processor than x86_64 (EM_AARCH64).",
        ),
        (b"\xcf\xfa\xed\xfe", "fast/lib.so: it is no ELF file; whether Function Compute can load it"),
        (shared_library({})[:90], "fast/lib.so: the ELF file is truncated or damaged; whether"),
    ],
)
def test_a_library_that_does_not_keep_its_wheels_promise(
    workshop: Workshop, library: bytes, said: str
) -> None:
    workshop.publish_and_require(
        "fast", "1.0", {"fast/lib.so": library}, tag="cp312-cp312-manylinux2014_x86_64"
    )
    assert workshop.fail(*BUILD).startswith(said)
    assert workshop.built() == []


def test_a_library_that_loads_is_reported(workshop: Workshop) -> None:
    """Versions compare as numbers, and a library that the package brings is not asked of the runtime."""
    inner = shared_library(
        {"libc.so.6": ["GLIBC_2.4", "GLIBC_2.31"], "libstdc++.so.6": ["GLIBCXX_3.4.29"]},
        needed=["libc.so.6", "libstdc++.so.6"],
    )
    outer = shared_library({"libc.so.6": ["GLIBC_2.3.4"]}, needed=["libc.so.6", "libinner-1234.so.1"])
    files = {"fast/lib.so": outer, "fast.libs/libinner-1234.so.1": inner}
    workshop.publish_and_require("fast", "1.0", files, tag="cp312-cp312-manylinux2014_x86_64")
    shown = workshop.build(*BUILD)
    report = workshop.report("python3.12")
    assert (report["newest_glibc"], report["newest_glibc_in"]) == ("2.31", "fast.libs/libinner-1234.so.1")
    assert report["system_libraries"] == ["libc.so.6", "libstdc++.so.6"]
    assert "2.31 is the newest needed, by fast.libs/libinner-1234.so.1" in shown


# An installer that does not do what it was asked.

METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"
OFFERED = "plain-1.1-py3-none-any.whl"


def installed(name: str, version: str, *, record: str = "", metadata: str | None = None) -> Files:
    information = f"{name}-{version}.dist-info"
    return {
        f"{name}/__init__.py": "",
        f"{information}/METADATA": metadata or METADATA.format(name, version),
        f"{information}/RECORD": record
        or f"{name}/__init__.py,,\n{information}/METADATA,,\n{information}/WHEEL,,\n{information}/RECORD,,\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    }


def layer_of(workshop: Workshop, *packages: Files, offered: tuple[str, ...] = (OFFERED,)) -> Layer:
    """A layer of plain 1.1, for which the installer knows these wheels, and unpacks these packages."""
    files = {place: content for package in packages for place, content in package.items()}
    wheels = [f"{{ url = 'file:///{file}', hashes = {{ sha256 = '{'0' * 64}' }} }}" for file in offered]
    listing = f"[[packages]]\nname = 'plain'\nversion = '1.1'\nwheels = [{', '.join(wheels)}]\n"
    script = workshop.house / "uv"
    script.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        f"if 'compile' in sys.argv:\n    print({listing!r})\n    raise SystemExit\n"
        "root = pathlib.Path(sys.argv[sys.argv.index('--target') + 1])\n"
        f"for place, text in {json.dumps(files)}.items():\n"
        "    (root / place).parent.mkdir(parents=True, exist_ok=True)\n    (root / place).write_text(text)\n"
    )
    script.chmod(0o755)
    workshop.require("Plain==1.1 --hash=sha256:" + "0" * 64)
    return Layer(RUNTIMES["python3.12"], workshop.lock, WheelInstaller(script, {}))


@pytest.mark.parametrize(
    ("packages", "error", "said"),
    [
        ([installed("plain", "1.0")], UnexpectedPackage, "plain 1.0 was installed, but is not locked"),
        ([], MissingPackage, "plain 1.1 is locked for Function Compute's python3.12"),
        (
            [installed("plain", "1.1"), installed("more", "2.0")],
            UnexpectedPackage,
            "more 2.0 was installed, but is not locked",
        ),
        (
            [installed("plain", "1.1"), installed("plain", "1.2")],
            UnexpectedPackage,
            "plain 1.2 was installed, but",
        ),
        (
            [installed("plain", "1.1"), {"stray.py": ""}],
            UnclaimedFile,
            "stray.py was installed, but no package's RECORD lists it.",
        ),
        ([installed("plain", "1.1", metadata="Name: plain\n")], MetadataUnreadable, "plain-1.1.dist-info: "),
        (
            [installed("plain", "1.1", metadata=METADATA.format("plain", "soon"))],
            MetadataUnreadable,
            "Invalid version",
        ),
        ([{"plain-1.1.dist-info/METADATA": METADATA.format("plain", "1.1")}], MetadataUnreadable, "WHEEL"),
        (
            [
                {
                    "plain-1.1.dist-info/METADATA": METADATA.format("plain", "1.1"),
                    "plain-1.1.dist-info/WHEEL": "Tag: py3-none-any\n",
                }
            ],
            MetadataUnreadable,
            "RECORD",
        ),
        (
            [installed("plain", "1.1", metadata=METADATA.format("plain", "1.1") + "Requires-Dist: >=2\n")],
            MetadataUnreadable,
            "plain-1.1.dist-info: ",
        ),
    ],
)
def test_what_was_installed_is_compared_with_what_is_locked(
    workshop: Workshop, tmp_path: Path, packages: list[Files], error: type[BuildError], said: str
) -> None:
    directory = tmp_path / "python"
    directory.mkdir()
    with pytest.raises(error) as raised:
        layer_of(workshop, *packages).fill(directory)
    assert said in str(raised.value)


def test_the_locked_set_and_nothing_else_passes(workshop: Workshop, tmp_path: Path) -> None:
    directory = tmp_path / "python"
    directory.mkdir()
    findings = layer_of(workshop, installed("plain", "1.1")).fill(directory)
    assert [(one.name, str(one.version)) for one in findings.packages] == [("plain", "1.1")]
    assert files_in(directory) == {"plain/__init__.py", "plain-1.1.dist-info/METADATA"}


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ((), "offers none of the locked ones"),
        (("plain-1.1-cp312-cp312-linux_x86_64.whl",), "offers none of the locked ones"),
        ((OFFERED, "plain-1.1-py2.py3-none-any.whl"), f"offers {OFFERED} and plain-1.1-py2.py3-none-any.whl"),
    ],
)
def test_a_package_whose_file_is_not_certain_has_no_place_in_a_bill_of_materials(
    workshop: Workshop, tmp_path: Path, offered: tuple[str, ...], said: str
) -> None:
    directory = tmp_path / "python"
    directory.mkdir()
    with pytest.raises(WheelUnknown, match=f"^plain 1.1: .*{re.escape(said)}"):
        layer_of(workshop, installed("plain", "1.1"), offered=offered).fill(directory)


@pytest.mark.parametrize(("condition", "works"), [("'--offline' in sys.argv", True), ("True", False)])
def test_wheels_are_asked_for_again_where_the_cache_does_not_know_them(
    workshop: Workshop, tmp_path: Path, condition: str, works: bool
) -> None:
    layer, script = layer_of(workshop, installed("plain", "1.1")), workshop.house / "uv"
    refusal = f"if 'compile' in sys.argv and {condition}:\n    sys.exit('no such file')\n"
    script.write_text(script.read_text().replace("if 'compile'", f"{refusal}if 'compile'"))
    directory = tmp_path / "python"
    directory.mkdir()
    if works:
        assert layer.fill(directory).wheels is not None
    else:
        with pytest.raises(InstallFailed, match="no such file"):
            layer.fill(directory)


def test_an_installer_that_says_something_unheard_of(workshop: Workshop, tmp_path: Path) -> None:
    layer = layer_of(workshop)
    (workshop.house / "uv").write_text("#!/bin/sh\necho 'the disk is full' >&2\nexit 2\n")
    with pytest.raises(InstallFailed, match="uv says:\nthe disk is full"):
        layer.fill(tmp_path)


def test_a_search_that_breaks_off_is_not_taken_for_an_answer(workshop: Workshop, tmp_path: Path) -> None:
    """Given a package without a usable wheel; when looking for others fails, then that is what is said."""
    layer = layer_of(workshop)
    (workshop.house / "uv").write_text(
        "#!/bin/sh\ncase \"$*\" in *--dry-run*) echo 'no connection' >&2;;"
        " *) echo 'Because plain==1.1 has no usable wheels and' >&2;; esac\nexit 1\n"
    )
    with pytest.raises(InstallFailed, match="no connection"):
        layer.fill(tmp_path)
