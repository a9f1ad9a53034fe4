"""Makes a directory, a zip file and a report out of a part's files, unless they are there already."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from layers.archive import contents_digest, file_digest, files_of, replace, settle, write_zip
from layers.distributions import Distribution
from layers.errors import SourceDoesNotCompile
from layers.glibc import Needs
from layers.installer import Wheel
from layers.interpreters import Interpreter
from layers.materials import bill_of_materials
from layers.report import PackageRow, Report, ZipFile, read_report
from layers.target import Target


@dataclass(frozen=True)
class Findings:
    """What filling a directory has shown; ``left_out`` are the locked packages that are not in it.

    ``wheels`` are those of every package; None where a bill of materials is of no use.
    """

    packages: Sequence[Distribution] = ()
    needs: Needs = field(default_factory=Needs)
    left_out: Sequence[str] = ()
    wheels: Mapping[str, Wheel] | None = None


@dataclass(frozen=True)
class Part:
    """What is built.

    ``name`` is what its directory, zip file and report are called, ``kind`` what people call it. ``folder``
    is the directory in the zip file that holds everything, empty for none, and ``mounted_at`` where the
    runtime has that. ``inputs`` are digests of all files that decide on the result, by name. ``fill`` puts
    the files into a directory, and nothing that is not needed; it raises BuildError.
    """

    name: str
    kind: str
    target: Target
    folder: str
    mounted_at: str
    must_compile: bool
    inputs: Mapping[str, str]
    fill: Callable[[Path], Findings]


@dataclass(frozen=True)
class Built:
    """Where a part is (its zip file, else its directory), its report, and whether this build made it."""

    place: Path
    report: Report
    fresh: bool


def build(part: Part, output: Path, compiler: Interpreter | None, *, force: bool = False) -> Built:
    """Build a part, unless what is there was made of the same.

    Raises BuildError; what was there is then still there.
    """
    inputs = _digest(part, compiler)
    directory, archive, record, bill = (
        output / f"{part.name}{suffix}" for suffix in ("", ".zip", ".json", ".cdx.json")
    )
    place = archive if part.target.is_deployed else directory
    there = None if force else read_report(record)
    if there is not None and there.inputs == inputs and _intact(there, directory, archive, bill):
        return Built(place, there, fresh=False)
    output.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{part.name}-", dir=output))
    try:
        report = _make(part, inputs, compiler, staging)
        (staging / "json").write_text(report.to_json(), "utf-8")
        # The report goes first and comes last: without it the rest counts as unfinished.
        record.unlink(missing_ok=True)
        replace(directory, staging / "tree")
        if report.zip is not None:
            replace(archive, staging / "zip")
        if report.materials_sha256 is not None:
            replace(bill, staging / "cdx.json")
        replace(record, staging / "json")
    finally:
        shutil.rmtree(staging)
    return Built(place, report, fresh=True)


def _make(part: Part, inputs: str, compiler: Interpreter | None, staging: Path) -> Report:
    root, archive, bill = staging / "tree", staging / "zip", staging / "cdx.json"
    contents = root / part.folder
    contents.mkdir(parents=True)
    findings = part.fill(contents)
    sources = [path.as_posix() for path in files_of(contents) if path.suffix == ".py"]
    failed = {} if compiler is None else compiler.compile(contents, part.mounted_at)
    if part.must_compile:
        for path, why in failed.items():
            raise SourceDoesNotCompile(path, part.target.description, why)
    settle(root)
    if part.target.is_deployed:
        write_zip(root, archive)
    sizes = {path.as_posix(): (contents / path).stat().st_size for path in files_of(contents)}
    cached = [size for path, size in sizes.items() if path.endswith(".pyc")]
    report = Report(
        name=part.name,
        kind=part.kind,
        target=part.target.description,
        inputs=inputs,
        compiler=compiler.version if compiler is not None else None,
        sources=len(sources),
        bytecode=len(cached),
        not_compiled=failed,
        unpacked_bytes=sum(sizes.values()),
        bytecode_bytes=sum(cached),
        contents_sha256=contents_digest(root),
        zip=_zip_file(archive) if part.target.is_deployed else None,
        newest_glibc=findings.needs.newest_glibc,
        newest_glibc_in=findings.needs.newest_in,
        system_libraries=findings.needs.system_libraries,
        left_out=tuple(findings.left_out),
        packages=tuple(_row(one, sizes, part.target) for one in findings.packages),
    )
    if findings.wheels is None:
        return report
    requires = {one.name: one.requires for one in findings.packages}
    bill.write_text(bill_of_materials(report, findings.wheels, requires, part.target.markers), "utf-8")
    return dataclasses.replace(report, materials_sha256=file_digest(bill))


def _zip_file(path: Path) -> ZipFile:
    return ZipFile(path.stat().st_size, file_digest(path))


def _row(package: Distribution, sizes: Mapping[str, int], target: Target) -> PackageRow:
    cached = [sizes.get(_cache_of(path, target), 0) for path in package.files if path.endswith(".py")]
    return PackageRow(
        name=package.name,
        version=str(package.version),
        licence=package.licence,
        licence_text=package.has_licence_text,
        bytes=sum(sizes.get(path, 0) for path in package.files) + sum(cached),
        bytecode_bytes=sum(cached),
    )


def _cache_of(path: str, target: Target) -> str:
    source = PurePosixPath(path)
    tag = "cpython-" + target.version.replace(".", "")
    return (source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc").as_posix()


def _digest(part: Part, compiler: Interpreter | None) -> str:
    """One digest over all that decides on the bytes: the part's inputs, this builder, the compiler."""
    builder = Path(__file__).parent
    decisive = {
        **part.inputs,
        **{f"builder {path.name}": file_digest(path) for path in builder.glob("*.py")},
        "target": part.target.description,
        "compiler": compiler.version if compiler is not None else "none",
    }
    return hashlib.sha256(repr(sorted(decisive.items())).encode()).hexdigest()


def _intact(report: Report, directory: Path, archive: Path, bill: Path) -> bool:
    """Whether directory, zip file and bill of materials are still what the report says."""
    return (
        directory.is_dir()
        and contents_digest(directory) == report.contents_sha256
        and (report.zip is None or (archive.is_file() and _zip_file(archive) == report.zip))
        and (
            report.materials_sha256 is None
            or (bill.is_file() and file_digest(bill) == report.materials_sha256)
        )
    )
