"""After a build everyone can see what is in it, how large it is and under which licences it stands."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from layers import report as reports
from tests.layers.workshop import Workshop, files_in

BUILD = ("--runtime", "python3.12")


def publish(workshop: Workshop) -> None:
    workshop.publish_and_require(
        "Big_One",
        "1.0",
        {
            "big_one/__init__.py": "x = 1\n" * 1000,
            "big_one/data.bin": b"\0" * 5000,
            "big_one/tests/t.py": "x\n" * 9999,
        },
        metadata="License-Expression: Apache-2.0 AND MIT\nLicense: older\n",
    )
    workshop.publish_and_require("small", "2.0", {"small.py": "", "small-2.0.dist-info/LICENSE.txt": "Yes."})


def test_packages_versions_licences_and_sizes(workshop: Workshop) -> None:
    publish(workshop)
    shown = workshop.build(*BUILD, "--part", "layer")
    report = workshop.report("python3.12")
    assert [(one["name"], one["version"], one["licence"]) for one in report["packages"]] == [
        ("big-one", "1.0", "Apache-2.0 AND MIT"),
        ("small", "2.0", "not stated"),
    ]
    directory = workshop.output / "python3.12" / "python"
    sizes = {path: (directory / path).stat().st_size for path in files_in(directory)}
    assert report["unpacked_bytes"] == sum(sizes.values()) == sum(one["bytes"] for one in report["packages"])
    bytecode = sum(size for path, size in sizes.items() if path.endswith(".pyc"))
    assert report["bytecode_bytes"] == bytecode == sum(one["bytecode_bytes"] for one in report["packages"])
    assert report["bytecode"] == sum(path.endswith(".pyc") for path in sizes)
    assert report["sources"] == 2
    lines = shown.splitlines()
    assert lines[0] == (
        f"{workshop.output}/python3.12.zip: the layer for Function Compute's python3.12 "
        "(Debian 11, glibc 2.31, x86_64)"
    )
    assert lines[2].split() == ["package", "version", "licence", "kB", "of", "it", ".pyc"]
    assert lines[3].split()[:5] == ["big-one", "1.0", "Apache-2.0", "AND", "MIT"]
    assert "  These bring no text of their licence: big-one." in lines


def test_the_zip_file_is_measured_against_the_limits(workshop: Workshop) -> None:
    publish(workshop)
    shown = workshop.build(*BUILD)
    for name in ("python3.12", "code-python3.12"):
        data = (workshop.output / f"{name}.zip").read_bytes()
        report = workshop.report(name)
        assert report["zip"] == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        assert report["zip"]["sha256"] in shown
        encoded = (len(data) + 2) // 3 * 4
        assert report["limits"] == {
            "API as base64": {"bytes": encoded, "limit": 100_000_000},
            "most regions": {"bytes": len(data), "limit": 100_000_000},
            "main regions": {"bytes": len(data), "limit": 500_000_000},
        }
    assert "0% of 100 MB (API as base64)\n" in shown
    assert shown.count("These are a code package's limits; none is documented for a layer.") == 1
    assert "TOO LARGE" not in shown


def test_what_exceeds_a_limit_is_pointed_out(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(workshop)
    monkeypatch.setattr(reports, "API_LIMIT", 1)
    assert "(API as base64)  TOO LARGE\n" in workshop.build(*BUILD, "--part", "code")


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
def test_the_licence_is_the_most_exact_statement(workshop: Workshop, metadata: str, licence: str) -> None:
    workshop.publish_and_require("shop", "1.0", {"shop.py": ""}, metadata=metadata)
    workshop.build(*BUILD, "--part", "layer")
    (package,) = workshop.report("python3.12")["packages"]
    assert package["licence"] == licence


def test_the_digest_of_the_contents_does_not_depend_on_compression(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Given the zip file unpacked elsewhere; then its files have the digest that the report names."""
    publish(workshop)
    workshop.build(*BUILD, "--part", "layer")
    with zipfile.ZipFile(workshop.output / "python3.12.zip") as archive:
        listed = sorted(name for name in archive.namelist() if not name.endswith("/"))
        lines = [f"{name}\0{hashlib.sha256(archive.read(name)).hexdigest()}\n" for name in listed]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert workshop.report("python3.12")["contents_sha256"] == digest
