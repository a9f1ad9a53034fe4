"""The layer has a bill of materials (SBOM) that says what is in it, from which file, under which licence."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from layers.lock import locked_for
from layers.target import local_target
from tests.layers.workshop import Workshop

BUILD = ("--runtime", "python3.12", "--part", "layer")
LOCK = Path(__file__).parent.parent.parent / "layers" / "requirements.txt"


def bill(workshop: Workshop, name: str = "python3.12") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((workshop.output / f"{name}.cdx.json").read_text("utf-8"))
    return document


def publish(workshop: Workshop) -> None:
    """shop needs till and itself, and on other systems abacus; till needs drawer, if loud bell too."""
    workshop.publish_and_require(
        "Shop",
        "1.0",
        {"shop.py": ""},
        metadata="License: Apache License 2.0\nRequires-Dist: till>=1\nRequires-Dist: shop[loud]\n"
        "Requires-Dist: abacus; sys_platform == 'win32'\nRequires-Dist: elsewhere\n",
    )
    workshop.publish_and_require(
        "till",
        "2.0",
        {"till.py": ""},
        metadata="License-Expression: MIT AND Apache-2.0\nRequires-Dist: Drawer\n"
        "Requires-Dist: bell; extra == 'loud'\n",
    )
    workshop.publish_and_require("drawer", "3.0", {"drawer.py": ""}, metadata="License: house rules\n")
    workshop.publish_and_require("bell", "4.0", {"bell.py": ""})


@pytest.fixture(scope="module")
def built(new_workshop: Workshop) -> Workshop:
    publish(new_workshop)
    new_workshop.build("--runtime", "python3.12")
    return new_workshop


# The real layer


def test_the_real_layers_bill_obeys_the_schema(build: Path) -> None:
    text = (build / f"{local_target().name}.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_real_layers_bill_names_what_is_locked_with_a_locked_hash_and_an_spdx_licence(
    build: Path,
) -> None:
    target = local_target()
    document = json.loads((build / f"{target.name}.cdx.json").read_text("utf-8"))
    locked = locked_for(target, LOCK)
    assert document["components"]
    for component in document["components"]:
        assert component["version"] == str(locked[component["name"]].version)
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        (digest,) = component["hashes"]
        assert digest["content"] in locked[component["name"]].hashes
        (licence,) = component["licenses"]
        assert "expression" in licence or "id" in licence["license"]
    report = json.loads((build / f"{target.name}.json").read_text("utf-8"))
    assert {one["name"] for one in document["components"]} == {one["name"] for one in report["packages"]}


def test_everything_in_the_real_layer_is_reached_from_the_layer(build: Path) -> None:
    name = local_target().name
    document = json.loads((build / f"{name}.cdx.json").read_text("utf-8"))
    needs = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    reached, ahead = set(), [document["metadata"]["component"]["bom-ref"]]
    while ahead:
        ref = ahead.pop()
        if ref not in reached:
            reached.add(ref)
            ahead += needs[ref]
    assert reached == set(needs)
    assert len(reached) == len(document["components"]) + 1


# Its parts


def test_each_component_has_its_identity_hash_wheel_and_licence(built: Workshop) -> None:
    components = {one["name"]: one for one in bill(built)["components"]}
    wheel = built.house / "Shop-1.0-py3-none-any.whl"
    assert components["shop"] == {
        "bom-ref": "pkg:pypi/shop@1.0",
        "type": "library",
        "name": "shop",
        "version": "1.0",
        "purl": "pkg:pypi/shop@1.0",
        "scope": "required",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
        "licenses": [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}],
        "properties": [{"name": "imm-label-tags:wheel", "value": wheel.name}],
    }
    assert components["till"]["licenses"] == [
        {"expression": "MIT AND Apache-2.0", "acknowledgement": "declared"}
    ]
    assert components["drawer"]["licenses"] == [
        {"license": {"name": "house rules", "acknowledgement": "declared"}}
    ]
    assert "licenses" not in components["bell"]


def test_the_layer_itself_is_the_root_and_names_the_zip_file(built: Workshop) -> None:
    root, report = bill(built)["metadata"]["component"], built.report("python3.12")
    assert root["name"] == "imm-label-tags-layer-python3.12"
    assert root["hashes"] == [{"alg": "SHA-256", "content": report["zip"]["sha256"]}]
    assert report["contents_sha256"].startswith(root["version"])
    assert "Function Compute's python3.12" in root["description"]


def test_who_needs_whom_on_this_runtime(built: Workshop) -> None:
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill(built)["dependencies"]}
    assert needs == {
        # Nothing in the layer needs bell unless it is to be loud.
        "python3.12": ["pkg:pypi/bell@4.0", "pkg:pypi/shop@1.0"],
        "pkg:pypi/shop@1.0": ["pkg:pypi/till@2.0"],
        "pkg:pypi/till@2.0": ["pkg:pypi/drawer@3.0"],
        "pkg:pypi/drawer@3.0": [],
        "pkg:pypi/bell@4.0": [],
    }


def test_the_wheel_that_was_chosen_is_named_among_several(workshop: Workshop) -> None:
    """Given a wheel for everybody, one for the runtime and one for another; then the runtime's is named."""
    hashes = {
        tag: workshop.publish("fast", "1.0", {"fast.py": f"# {tag}\n"}, tag=tag)
        for tag in ("py3-none-any", "cp312-cp312-manylinux2014_x86_64", "cp310-cp310-manylinux2014_x86_64")
    }
    workshop.require(f"fast==1.0 {' '.join(hashes.values())}")
    workshop.build(*BUILD)
    (component,) = bill(workshop)["components"]
    assert component["properties"][0]["value"] == "fast-1.0-cp312-cp312-manylinux2014_x86_64.whl"
    assert f"--hash=sha256:{component['hashes'][0]['content']}" == hashes["cp312-cp312-manylinux2014_x86_64"]


# Its form


def test_it_says_what_was_built_and_nothing_of_when_and_where(built: Workshop) -> None:
    document = bill(built)
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert "timestamp" not in document["metadata"]
    text = json.dumps(document)
    assert str(built.house) not in text
    assert not re.search(r"https?://(?!cyclonedx\.org/)", text)


def test_the_serial_number_is_that_of_the_contents(workshop: Workshop) -> None:
    # Given the same layer built again, and then another
    publish(workshop)
    shown = workshop.build(*BUILD)
    before = (workshop.output / "python3.12.cdx.json").read_bytes()
    assert f"  sbom      python3.12.cdx.json, sha256 {hashlib.sha256(before).hexdigest()}\n" in shown
    workshop.build(*BUILD, "--force")
    assert (workshop.output / "python3.12.cdx.json").read_bytes() == before
    serial = json.loads(before)["serialNumber"]
    assert uuid.UUID(serial).urn == serial
    workshop.publish_and_require("more", "1.0", {"more.py": ""})
    workshop.build(*BUILD)
    assert bill(workshop)["serialNumber"] != serial


def test_a_bill_obeys_the_schema_also_where_little_is_known(built: Workshop) -> None:
    text = (built.output / "python3.12.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_a_layer_of_nothing_has_an_empty_bill(workshop: Workshop) -> None:
    workshop.build(*BUILD)
    document = bill(workshop)
    assert document.get("components", []) == []
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None


def test_the_report_names_the_bill_and_the_code_package_has_none(built: Workshop) -> None:
    digest = hashlib.sha256((built.output / "python3.12.cdx.json").read_bytes()).hexdigest()
    assert built.report("python3.12")["materials_sha256"] == digest
    assert built.report("code-python3.12")["materials_sha256"] is None
    assert not (built.output / "code-python3.12.cdx.json").exists()


def test_in_a_circle_the_layer_needs_them_all(workshop: Workshop) -> None:
    workshop.publish_and_require("a", "1.0", {"a.py": ""}, metadata="Requires-Dist: b\n")
    workshop.publish_and_require("b", "1.0", {"b.py": ""}, metadata="Requires-Dist: a\n")
    workshop.build(*BUILD)
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill(workshop)["dependencies"]}
    assert needs["python3.12"] == ["pkg:pypi/a@1.0", "pkg:pypi/b@1.0"]
