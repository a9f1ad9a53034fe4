"""Layers and code: what is declared, and what `make layer` built and `s deploy` uploads.

Is there a layer with the dependencies, is it there, for this runtime, complete, and small enough?

The size of a layer is not documented; the limit of a code package is taken for it (help page
functioncompute/fc/product-overview/limits-of-usage).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path

from cli.deployment_check.entry_point_rules import module_path
from cli.deployment_check.findings import Finding, Severity, error
from cli.deployment_check.subject import Subject, Surroundings

MEGABYTE = 1_000_000
SMALL, LARGE = 100 * MEGABYTE, 500 * MEGABYTE
LARGE_REGIONS = frozenset(
    {
        *("cn-hangzhou", "cn-shanghai", "cn-shenzhen", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote"),
        *("cn-hongkong", "ap-southeast-1", "ap-northeast-1", "us-east-1", "eu-central-1"),
    }
)

_COMPILED_FOR = re.compile(r"\.cpython-(\d)(\d+)-")
_BUILD = "Run `make layer`."
_OFFICIAL = re.compile(r"acs:fc:[^:]*:official:layers/(.*)/versions/\d+")
_OFFICIAL_PYTHON = re.compile(r"Python(\d)(\d+)(?!\d).*")


def archives(surroundings: Surroundings, runtime: str) -> dict[str, Path]:
    """Where the layer and the code package for a runtime are built."""
    directory = surroundings.layers
    return {"layer": directory / f"{runtime}.zip", "code package": directory / f"code-{runtime}.zip"}


def listed(subject: Subject) -> Iterator[Finding]:
    """One layer with the dependencies, each layer once, each for the runtime."""
    layers = subject.declared.layers
    if not any(map(_is_own, layers)):
        yield error(
            subject.path("layers"),
            "none of your own: no runtime and no official layer has both SDKs that the function imports.",
            "Add the layer that `make layer` builds.",
        )
    for index, layer in enumerate(layers):
        where = subject.path(f"layers[{index}]")
        if layer in layers[:index]:
            yield error(where, "stands twice.", "Remove one.")
        official = _OFFICIAL.fullmatch(layer)
        python = _OFFICIAL_PYTHON.fullmatch(official[1]) if official else None
        version = f"python{python[1]}.{python[2]}" if python else subject.declared.runtime
        if version != subject.declared.runtime:
            yield error(
                where,
                f"is for {version}, the function runs on {subject.declared.runtime}.",
                "Choose another.",
            )


def _is_own(layer: str) -> bool:
    """Whether a layer is none of Alibaba Cloud's."""
    return _OFFICIAL.fullmatch(layer) is None


def layer(subject: Subject) -> Iterator[Finding]:
    """The layer has everything below python/, and nothing for another Python."""
    own = [index for index, arn in enumerate(subject.declared.layers) if _is_own(arn)]
    if not own:
        return
    where, path = subject.path(f"layers[{own[0]}]"), _archives(subject)["layer"]
    names = yield from _names(path, where, subject)
    if names is None:
        return
    stray = next((name for name in names if not name.startswith("python/")), None)
    if stray is not None or not names:
        yield error(
            where,
            f"{path.name} holds {stray or 'nothing'}, but Python looks in python/ only.",
            _BUILD,
        )
    for name in names:
        compiled = _COMPILED_FOR.search(name)
        if compiled is not None and f"python{compiled[1]}.{compiled[2]}" != subject.declared.runtime:
            yield error(
                where, f"{path.name} holds {name}, which {subject.declared.runtime} cannot load.", _BUILD
            )
            return


def code(subject: Subject) -> Iterator[Finding]:
    """The code package has the entry module."""
    where, path, root = subject.path("code"), _archives(subject)["code package"], subject.declared.code
    if not root.is_dir():
        return
    names = yield from _names(path, where, subject)
    entry = module_path(root, subject.declared.handler.rpartition(".")[0])
    if names is None or entry is None:
        return
    name = entry.relative_to(root).as_posix()
    if name not in names:
        yield error(where, f"{path.name} has no {name}.", _BUILD)


def _archives(subject: Subject) -> dict[str, Path]:
    return archives(subject.surroundings, subject.declared.runtime)


def _names(path: Path, where: str, subject: Subject) -> Generator[Finding, None, list[str] | None]:
    """What an archive holds; None, after a finding, where it is not there or unreadable."""
    region = subject.declared.region
    if not path.is_file():
        severity = Severity.ERROR if subject.surroundings.deploying else Severity.WARNING
        yield Finding(severity, where, f"{path} is not there.", _BUILD)
        return None
    size, limit = path.stat().st_size, LARGE if region in LARGE_REGIONS else SMALL
    if size > limit:
        yield error(
            where,
            f"{path.name} has {size / MEGABYTE:.0f} MB, {region} takes {limit // MEGABYTE} MB.",
            "Remove dependencies.",
        )
    try:
        with zipfile.ZipFile(path) as opened:
            return opened.namelist()
    except (OSError, zipfile.BadZipFile) as problem:
        yield error(where, f"{path.name} cannot be read: {problem}.", _BUILD)
        return None
