"""Policy documents with placeholders, as the project's ``deploy/policies/`` has them: filled, and checked.

A value can neither widen a policy (no wildcards) nor break out of its JSON text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from localcloud.ram.document import MalformedPolicy
from localcloud.ram.policy import parse_policy
from localcloud.ram.trust import parse_trust

TRUST_SUFFIX = "-trust"

_PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}", re.ASCII)
_NAME = r"[A-Za-z0-9._-]+"
_BUCKET = r"[a-z0-9-]+"
_KEY_CHARACTER = r'[^*?"\\$\x00-\x1f]'
# What each placeholder may be: the services' own rules for names, as far as they keep a policy what it is.
PLACEHOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "account": r"[0-9]+",
        "region": r"[a-z0-9-]+",
        "bucket": _BUCKET,
        "prefix": f"{_KEY_CHARACTER}*",
        "project": _NAME,
        "function": _NAME,
        "layer": _NAME,
        "role": _NAME,
        "trigger_role": _NAME,
        "topic": _NAME,
        "queue": _NAME,
        "failed_queue": _NAME,
        "uploads_function": _NAME,
        "uploads_role": _NAME,
        "uploads_trigger_role": _NAME,
        "failed_topic": _NAME,
        "failed_function": _NAME,
        "failed_role": _NAME,
        "archive_bucket": _BUCKET,
        "archive_prefix": f"{_KEY_CHARACTER}+",
        "failed_bucket": _BUCKET,
        "failed_prefix": f"{_KEY_CHARACTER}+",
        "log_project": _NAME,
        "logstore": _NAME,
    }
)


class UnusableTemplate(Exception):
    """A policy document that cannot be filled or is none; the message says which and why."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path.name}: {problem}")
        self.path = path


def placeholders(path: Path) -> set[str]:
    """The names that a document has placeholders for."""
    return set(_PLACEHOLDER.findall(path.read_text("utf-8")))


def fill(path: Path, values: Mapping[str, str]) -> str:
    """A document with its placeholders filled; values of others are not looked at.

    A file whose name ends in ``-trust`` is a trust policy. Raises UnusableTemplate for a value that is
    missing or impossible, for a placeholder that there is not, and for what is no policy in the end.
    """
    filled = _PLACEHOLDER.sub(lambda match: _value(path, match[1], values), path.read_text("utf-8"))
    if "$" in filled:
        raise UnusableTemplate(
            path, f"a $ is left that begins no placeholder: {filled[filled.index('$') :][:20]!r}"
        )
    try:
        (parse_trust if path.stem.endswith(TRUST_SUFFIX) else parse_policy)(filled)
    except MalformedPolicy as error:
        raise UnusableTemplate(path, str(error)) from None
    return filled


def _value(path: Path, name: str, values: Mapping[str, str]) -> str:
    if name not in PLACEHOLDERS:
        raise UnusableTemplate(path, f"there is no placeholder {name}; there are {', '.join(PLACEHOLDERS)}")
    if name not in values:
        raise UnusableTemplate(path, f"the placeholder {name} has no value")
    if not re.fullmatch(PLACEHOLDERS[name], values[name]):
        raise UnusableTemplate(path, f"{values[name]!r} cannot be the value of the placeholder {name}")
    return values[name]
