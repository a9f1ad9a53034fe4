"""The function role's temporary keys, looked up anew for every call of either SDK.

Python 3.10's context carries keys that are fresh in each invocation; Python 3.12's has none and the
environment holds them (help: "Context", Function Compute 3.0). The SDKs' own provider chains are not used:
they go on to files in the home directory and to a metadata service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from imm_label_tags.environment import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    HIDDEN,
    SECURITY_TOKEN,
    SHORTEST_SECRET,
)
from imm_label_tags.errors import InvalidSetting

# So many sets of keys are hidden: a call that was made with an earlier one may still be answered.
_REMEMBERED = 4
# Both services sign in as many hexadecimal digits as a SHA-256 has; object keys may have such parts too.
_SIGNATURE = re.compile(r"(signature[a-z]*\W{1,8})[0-9a-f]{64}", re.IGNORECASE)


class Keys(NamedTuple):
    """One set of keys; ``security_token`` is empty for an account's long-lived keys."""

    access_key_id: str
    access_key_secret: str
    security_token: str

    def __repr__(self) -> str:
        return f"Keys({HIDDEN})"


class RoleCredentials:
    """The present keys; each SDK has an adapter, which asks for them for every request that it signs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._of_context: Keys | None = None
        self._seen: tuple[tuple[Keys, tuple[str, ...]], ...] = ()

    def use(self, context: Any) -> None:
        """Take the keys of an invocation's context, where it has some.

        Raises InvalidSetting where there are keys neither there nor in the environment.
        """
        given = getattr(context, "credentials", None)
        self._of_context = (
            Keys(
                given.access_key_id or "",
                given.access_key_secret or "",
                getattr(given, "security_token", None) or "",
            )
            if given is not None and given.access_key_id
            else None
        )
        self.keys()

    def keys(self) -> Keys:
        """The present keys.

        Raises InvalidSetting where there are none.
        """
        keys = self._of_context or Keys(
            self._environment.get(ACCESS_KEY_ID, ""),
            self._environment.get(ACCESS_KEY_SECRET, ""),
            self._environment.get(SECURITY_TOKEN, ""),
        )
        if not keys.access_key_id or not keys.access_key_secret:
            raise InvalidSetting(
                ACCESS_KEY_ID,
                "",
                "set together with its secret: give the function a role (or, locally, export keys)",
            )
        if all(keys != seen for seen, _ in self._seen):
            self._seen = ((keys, tuple(_spellings(keys))), *self._seen)[:_REMEMBERED]
        return keys

    def redact(self, text: str) -> str:
        """The text without the keys that were looked up lately, and without signatures."""
        return _without(text, (spelling for _, spellings in self._seen for spelling in spellings))


def without_keys(text: str, environment: Mapping[str, str]) -> str:
    """A text without the keys that an environment holds, and without signatures."""
    keys = Keys(*(environment.get(name, "") for name in (ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN)))
    return _without(text, _spellings(keys))


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return _SIGNATURE.sub(rf"\1{HIDDEN}", text)


def _spellings(keys: Keys) -> Iterator[str]:
    """Each secret as it is, without surrounding white space, and as JSON text escapes it."""
    for secret in (keys.access_key_secret, keys.security_token, keys.access_key_id):
        for text in (secret, secret.strip()):
            for spelling in (json.dumps(text)[1:-1], text):
                if len(spelling) >= SHORTEST_SECRET:
                    yield spelling
