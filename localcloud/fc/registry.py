"""What was deployed through the API: kept in the database, with the unpacked code beside it."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from localcloud.database import Database
from localcloud.fc.declaration import Change, CodePackage, DeclarationError, FunctionDeclaration
from localcloud.fc.function_props import read_function
from localcloud.fc.layers import Layers
from localcloud.fc.packages import Package, merge_layers, unpack
from localcloud.fc.refusals import InvalidArgument

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fc_functions (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Part:
    """Something that belongs to a function, as the API takes it."""

    settings: Mapping[str, Any]
    created: str
    modified: str


@dataclass(frozen=True)
class DeployedFunction:
    """A function as the API has it: props, triggers by name, and what is to become of asynchronous events.

    ``code`` is the name of the directory that its code is unpacked in.
    """

    name: str
    props: Mapping[str, Any]
    code: str
    checksum: str
    size: int
    created: str
    modified: str
    triggers: Mapping[str, Part] = field(default_factory=dict)
    async_invoke: Part | None = None


class Registry:
    """Every function that was deployed, and the files of those that are or still run."""

    def __init__(self, database: Database, region: str, layers: Layers) -> None:
        self._database = database
        self._region = region
        self._layers = layers
        self._directory = database.directory / "fc"
        database.create(_SCHEMA)

    def functions(self) -> list[DeployedFunction]:
        """Every function, by name."""
        rows = self._database.all("SELECT document FROM fc_functions ORDER BY name")
        return [_function(json.loads(row["document"])) for row in rows]

    def find(self, name: str) -> DeployedFunction | None:
        """A function by its name."""
        row = self._database.one("SELECT document FROM fc_functions WHERE name = ?", (name,))
        return None if row is None else _function(json.loads(row["document"]))

    def keep(self, function: DeployedFunction) -> None:
        """Keep a function, in place of one of its name."""
        document = json.dumps(asdict(function), ensure_ascii=False)
        self._database.execute("INSERT OR REPLACE INTO fc_functions VALUES (?, ?)", (function.name, document))

    def delete(self, name: str) -> None:
        """Forget a function; its files stay until ``sweep``."""
        self._database.execute("DELETE FROM fc_functions WHERE name = ?", (name,))

    def unpack(self, package: Package) -> str:
        """Unpack a function's code and give the name of its directory; raises PackageRefused."""
        name = secrets.token_hex(8)
        unpack(package, self._directory / "code" / name)
        return name

    def declaration(self, function: DeployedFunction) -> FunctionDeclaration:
        """The function as its instances and triggers see it; raises InvalidArgument where it cannot work."""
        triggers = [{**part.settings, "triggerName": name} for name, part in function.triggers.items()]
        props = {
            **function.props,
            "functionName": function.name,
            "region": self._region,
            "code": str(self._directory / "code" / function.code),
            "triggers": triggers,
        }
        if function.async_invoke is not None:
            props["asyncInvokeConfig"] = dict(function.async_invoke.settings)
        try:
            declaration = read_function(function.name, props, "function", self._directory)
        except DeclarationError as error:
            raise InvalidArgument(f"{error.where.removeprefix('function.')} {error.problem}") from None
        changes = {name: Change(part.created, part.modified) for name, part in function.triggers.items()}
        rules = declaration.async_invoke
        if function.async_invoke is not None:
            kept = function.async_invoke
            rules = replace(rules, changed=Change(kept.created, kept.modified))
        return replace(
            declaration,
            triggers=tuple(replace(one, changed=changes[one.name]) for one in declaration.triggers),
            async_invoke=rules,
            opt=self._opt(declaration.layers),
            package=CodePackage(function.checksum, function.size),
            changed=Change(function.created, function.modified),
        )

    def sweep(self, in_use: Iterable[FunctionDeclaration]) -> None:
        """Delete the files that no function has and no instance uses."""
        declarations = list(in_use)
        codes = {function.code for function in self.functions()}
        used = {path for one in declarations for path in (one.code, one.opt) if path is not None}
        for path in (self._directory / "code").glob("*"):
            if path.name not in codes and path.resolve() not in used:
                shutil.rmtree(path, ignore_errors=True)
        for path in (self._directory / "opt").glob("*"):
            if path not in used:
                shutil.rmtree(path, ignore_errors=True)

    def _opt(self, layers: tuple[str, ...]) -> Path | None:
        if not layers:
            return None
        directories = [self._layers.unpacked(arn) for arn in layers]
        if len(directories) == 1:
            return directories[0]
        merged = self._directory / "opt" / hashlib.sha256("\n".join(layers).encode()).hexdigest()[:32]
        if not merged.is_dir():
            try:
                merge_layers(directories, merged)
            except OSError as error:
                shutil.rmtree(merged, ignore_errors=True)
                raise InvalidArgument(f"the layers cannot be merged: {error}") from None
        return merged


def _function(document: dict[str, Any]) -> DeployedFunction:
    triggers = {name: Part(**part) for name, part in document.pop("triggers").items()}
    rules = document.pop("async_invoke")
    return DeployedFunction(**document, triggers=triggers, async_invoke=Part(**rules) if rules else None)
