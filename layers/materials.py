"""The bill of materials of a layer (SBOM), as CycloneDX: what is in it, from where, under which licence.

cyclonedx.org/docs/1.6/json. It has no time of its own, and its serial number is made of its contents: two
builds of the same give the same bytes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layers.distributions import NOT_STATED
from layers.installer import Wheel
from layers.report import PackageRow, Report

NAME = "imm-label-tags-layer"
_PROPERTY = "imm-label-tags:"
# How packages write an SPDX identifier that they mean; only what leaves no choice between two.
_SPDX = {
    **dict.fromkeys(
        ("apache 2", "apache 2.0", "apache license 2.0", "apache license, version 2.0"), "Apache-2.0"
    ),
    "mit license": "MIT",
}


def bill_of_materials(
    report: Report,
    wheels: Mapping[str, Wheel],
    requires: Mapping[str, Sequence[Requirement]],
    markers: Mapping[str, str],
) -> str:
    """The bill of materials of what a report describes.

    ``wheels`` and ``requires`` are of its packages, by name; ``markers`` is the environment in which markers
    are evaluated.
    """
    layer = _layer(report)
    components = {row.name: _package(row, wheels[row.name]) for row in report.packages}
    bom = Bom(
        components=components.values(),
        metadata=BomMetaData(
            component=layer,
            tools=ToolRepository(components=[Component(name="layers.build", type=ComponentType.APPLICATION)]),
        ),
    )
    needed = _needed_by(requires, markers)
    for name, others in needed.items():
        bom.register_dependency(components[name], [components[other] for other in sorted(others)])
    inner = set().union(*needed.values())
    # In a circle each is needed by another, and the layer is what needs them all.
    roots = [name for name in components if name not in inner] or list(components)
    bom.register_dependency(layer, [components[name] for name in roots])
    return _settled(json.loads(JsonV1Dot6(bom).output_as_string()))


def _needed_by(
    requires: Mapping[str, Sequence[Requirement]], markers: Mapping[str, str]
) -> Mapping[str, set[str]]:
    """The packages that each package needs, by their canonical names; others than those given do not count.

    What an extra brings is needed by the layer: no package of it asks another for one.
    """
    without_extras = {**markers, "extra": ""}
    needed: dict[str, set[str]] = {name: set() for name in requires}
    for name, stated in requires.items():
        for requirement in stated:
            other = canonicalize_name(requirement.name)
            holds = requirement.marker is None or requirement.marker.evaluate(without_extras)
            if other in requires and other != name and holds:
                needed[name].add(other)
    return needed


def _layer(report: Report) -> Component:
    properties = {"contents-sha256": report.contents_sha256, "left-out": " ".join(report.left_out)}
    return Component(
        name=f"{NAME}-{report.name}",
        # The same contents are the same version, whatever number Function Compute gives it.
        version=report.contents_sha256[:12],
        type=ComponentType.LIBRARY,
        bom_ref=report.name,
        description=f"What the function imports, for {report.target}.",
        hashes=[] if report.zip is None else [_sha256(report.zip.sha256)],
        properties=[
            Property(name=_PROPERTY + name, value=value) for name, value in properties.items() if value
        ],
    )


def _package(row: PackageRow, wheel: Wheel) -> Component:
    purl = PackageURL("pypi", name=row.name, version=row.version)
    return Component(
        name=row.name,
        version=row.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        scope=ComponentScope.REQUIRED,
        hashes=[_sha256(wheel.sha256)],
        licenses=_licences(row.licence),
        properties=[Property(name=f"{_PROPERTY}wheel", value=wheel.file)],
    )


def _licences(stated: str) -> Sequence[License]:
    if stated == NOT_STATED:
        return []
    text = _SPDX.get(stated.lower(), stated)
    declared = LicenseAcknowledgement.DECLARED
    return [LicenseFactory().make_from_string(text, license_acknowledgement=declared)]


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _settled(document: dict[str, Any]) -> str:
    """The document without its time, and with a serial number that is the same for the same contents."""
    del document["metadata"]["timestamp"]
    del document["serialNumber"]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(document, sort_keys=True))
    document["serialNumber"] = serial.urn
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
