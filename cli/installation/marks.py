"""How something shows that ``setup`` made it, and that nobody has changed it since.

A topic carries a tag, a role and a log project a description. A policy's name ends in the fingerprint of its
document: other permissions make another policy, and one whose document does not fit its name was changed by
somebody else.
"""

from __future__ import annotations

import hashlib
import json
import re

DESCRIPTION = "Made by imm-label-tags setup; imm-label-tags teardown removes it."
# Log Service takes at most 64 characters.
LOG_DESCRIPTION = "Made by imm-label-tags setup; teardown removes it."
TAG_KEY = "made-by"
TAG_VALUE = "imm-label-tags"
_DIGITS = 8
_LONGEST_POLICY_NAME = 128


def policy_name(role: str, document: str) -> str:
    """The name of the policy with this document for a role."""
    return f"{_stem(role)}-{fingerprint(document)}"


def is_policy_name(role: str, name: str) -> bool:
    """Whether a policy is named as ``setup`` names those of a role."""
    return re.fullmatch(rf"{re.escape(_stem(role))}-[0-9a-f]{{{_DIGITS}}}", name) is not None


def unchanged(role: str, name: str, document: str) -> bool:
    """Whether a policy so named has the document that it was made with."""
    return name == policy_name(role, document)


def same(one: str, other: str) -> bool:
    """Whether two documents say the same, however they are laid out."""
    return _canonical(one) == _canonical(other)


def fingerprint(document: str) -> str:
    """A short digest of what a document says."""
    return hashlib.sha256(_canonical(document).encode()).hexdigest()[:_DIGITS]


def _stem(role: str) -> str:
    # A policy's name, unlike a role's, has no periods.
    return role.replace(".", "-")[: _LONGEST_POLICY_NAME - _DIGITS - 1]


def _canonical(document: str) -> str:
    try:
        return json.dumps(json.loads(document), sort_keys=True)
    except ValueError:
        return document
