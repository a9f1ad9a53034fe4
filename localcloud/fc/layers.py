"""Layers: numbered versions of packages that functions see below ``/opt``.

Help pages developer-reference/api-fc-2023-03-30-createlayerversion, …-listlayerversions, …-getlayerversion.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.fc.packages import Package, unpack
from localcloud.fc.refusals import InvalidArgument, NotThere
from localcloud.tenant import Tenant

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_ARN = re.compile(r"acs:fc:([a-z0-9-]+):(\d+|official):layers/([^/]+)/versions/(\d+)")
_LONGEST_DESCRIPTION = 256
# fc3's enumeration of runtimes, without containers: a layer is good for any of them.
_RUNTIME = re.compile(r"(?:python|nodejs|java|php|go|dotnetcore|custom)[a-z0-9.]*")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fc_layers (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    description TEXT NOT NULL,
    runtimes TEXT NOT NULL,
    checksum TEXT NOT NULL,
    size INTEGER NOT NULL,
    created TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (name, version)
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class LayerVersion:
    """A version of a layer."""

    name: str
    version: int
    arn: str
    description: str
    runtimes: tuple[str, ...]
    checksum: str
    size: int
    created: str

    def as_dict(self) -> dict[str, Any]:
        """The version as the API shows it."""
        return {
            "layerName": self.name,
            "version": self.version,
            "layerVersionArn": self.arn,
            "codeSize": self.size,
            "codeChecksum": self.checksum,
            "compatibleRuntime": list(self.runtimes),
            "description": self.description,
            "acl": "0",
            "createTime": self.created,
        }


class Layers:
    """The layers of an account in a region; a deleted version stays with the functions that have it."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._database = tenant.database
        self._directory = tenant.database.directory / "fc" / "layers"
        self._database.create(_SCHEMA)

    def publish(
        self, name: str, package: Package, runtimes: tuple[str, ...], description: str, created: str
    ) -> LayerVersion:
        """Add a version; raises PackageRefused."""
        row = self._database.one("SELECT MAX(version) AS newest FROM fc_layers WHERE name = ?", (name,))
        version = 1 + ((row["newest"] if row is not None else None) or 0)
        directory = self._directory / name / str(version)
        # What a process left that ended halfway.
        shutil.rmtree(directory, ignore_errors=True)
        unpack(package, directory)
        self._database.execute(
            "INSERT INTO fc_layers VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (name, version, description, json.dumps(runtimes), package.checksum, package.size, created),
        )
        return self.get(name, version)

    def get(self, name: str, version: int) -> LayerVersion:
        """A version; raises NotThere."""
        row = self._database.one(
            "SELECT * FROM fc_layers WHERE name = ? AND version = ? AND NOT deleted", (name, version)
        )
        if row is None:
            raise NotThere("LayerVersionNotFound", f"layer '{name}' version '{version}'")
        return self._version(row)

    def versions(self, name: str, start: int, limit: int) -> tuple[list[LayerVersion], int | None]:
        """A page of a layer's versions from a number down, the newest first, and where the next one starts.

        A ``start`` of 1 or less means the newest, as fc3 asks for all.
        """
        highest = start if start > 1 else 1 << 62
        rows = self._database.all(
            "SELECT * FROM fc_layers WHERE name = ? AND version <= ? AND NOT deleted "
            "ORDER BY version DESC LIMIT ?",
            (name, highest, limit + 1),
        )
        page = [self._version(row) for row in rows[:limit]]
        return page, rows[limit]["version"] if len(rows) > limit else None

    def delete(self, name: str, version: int) -> None:
        """Delete a version; one that is not there may be deleted again."""
        self._database.execute(
            "UPDATE fc_layers SET deleted = 1 WHERE name = ? AND version = ?", (name, version)
        )

    def wanted(self, arn: str, runtime: str) -> LayerVersion:
        """The version that a function of a runtime is to be deployed with; raises InvalidArgument."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise InvalidArgument(f"layer '{arn}' is not the ARN of a layer version")
        region, account_id, name, version = match.groups()
        if account_id == "official":
            raise InvalidArgument(f"layer '{arn}' does not exist: the local cloud has no official layers")
        if (region, account_id) != (self._tenant.region, self._tenant.account_id):
            raise InvalidArgument(f"layer '{arn}' is of another region or account")
        try:
            layer = self.get(name, int(version))
        except NotThere as error:
            raise InvalidArgument(error.message) from None
        if runtime not in layer.runtimes:
            raise InvalidArgument(
                f"layer '{arn}' is not compatible with runtime '{runtime}', only with "
                f"{', '.join(layer.runtimes)}"
            )
        return layer

    def unpacked(self, arn: str) -> Path:
        """The directory of a version that a function has, also of one that was deleted since."""
        match = _ARN.fullmatch(arn)
        assert match is not None, "checked when the function was deployed"
        return self._directory / match[3] / match[4]

    def _version(self, row: sqlite3.Row) -> LayerVersion:
        name, version = row["name"], row["version"]
        return LayerVersion(
            name=name,
            version=version,
            arn=self._tenant.arn("fc", f"layers/{name}/versions/{version}"),
            description=row["description"],
            runtimes=tuple(json.loads(row["runtimes"])),
            checksum=row["checksum"],
            size=row["size"],
            created=row["created"],
        )


def check_name(name: str) -> None:
    """Raise InvalidArgument for a name that no layer can have."""
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"layerName must be 1 to 64 letters, digits, _ and -, not starting with a digit or -, is '{name}'"
        )


def read_layer(name: str, body: Mapping[str, Any]) -> tuple[tuple[str, ...], str, Mapping[str, Any]]:
    """The runtimes, the description and the package's place of a new version; raises InvalidArgument."""
    check_name(name)
    unknown = sorted(body.keys() - {"code", "compatibleRuntime", "description", "license"})
    if unknown:
        raise InvalidArgument(f"unknown members: {', '.join(unknown)}")
    runtimes, code, description = (body.get(key) for key in ("compatibleRuntime", "code", "description"))
    if not isinstance(runtimes, list) or not runtimes:
        raise InvalidArgument("compatibleRuntime must be a list of runtimes")
    for runtime in runtimes:
        if not isinstance(runtime, str) or not _RUNTIME.fullmatch(runtime):
            raise InvalidArgument(f"compatibleRuntime has the unknown runtime '{runtime}'")
    description = "" if description is None else description
    if not isinstance(description, str) or len(description) > _LONGEST_DESCRIPTION:
        raise InvalidArgument(f"description must be text of at most {_LONGEST_DESCRIPTION} characters")
    if not isinstance(code, dict):
        raise InvalidArgument("code is required")
    return tuple(runtimes), description, code
