"""Layers: is there one with the dependencies, each once, and each for the function's runtime."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cli.deployment_check.findings import Finding, error
from cli.deployment_check.subject import Subject

_OFFICIAL = re.compile(r"acs:fc:[^:]*:official:layers/(.*)/versions/\d+")
_OFFICIAL_PYTHON = re.compile(r"Python(\d)(\d+)(?!\d).*")


def listed(subject: Subject) -> Iterator[Finding]:
    """One layer with the dependencies, each layer once, each for the runtime."""
    layers = subject.declared.layers
    if not any(map(is_own, layers)):
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


def is_own(layer: str) -> bool:
    """Whether a layer is none of Alibaba Cloud's."""
    return _OFFICIAL.fullmatch(layer) is None


RULES = (listed,)
