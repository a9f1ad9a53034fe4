"""The function role's temporary keys, looked up anew for every call of either SDK.

Python 3.10's context carries keys that are fresh in each invocation; Python 3.12's has none and the
environment holds them (help: "Context", Function Compute 3.0). The SDKs' own provider chains are not used:
they go on to files in the home directory and to a metadata service.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imm_label_tags.errors import InvalidSetting

_ID = "ALIBABA_CLOUD_ACCESS_KEY_ID"
_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
_TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"

HIDDEN = "***"
# Anything shorter is no key of Alibaba Cloud's, and hiding it would garble every line.
_SHORTEST_SECRET = 8


@dataclass(frozen=True)
class Keys:
    """One set of keys; ``security_token`` is empty for an account's long-lived keys."""

    access_key_id: str
    access_key_secret: str
    security_token: str

    def __repr__(self) -> str:
        return f"Keys({HIDDEN})"


class RoleCredentials:
    """One provider for both SDKs.

    ``as_imm`` and ``as_oss`` build each SDK's own form of credentials from keys. The SDKs call
    ``get_credential`` (IMM) and ``get_credentials`` (OSS) for every request that they sign.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._of_context: Keys | None = None
        self._seen: tuple[str, ...] = ()
        self.as_imm: Callable[[Keys], Any] = lambda keys: keys
        self.as_oss: Callable[[Keys], Any] = lambda keys: keys

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
            self._environment.get(_ID, ""),
            self._environment.get(_SECRET, ""),
            self._environment.get(_TOKEN, ""),
        )
        if not keys.access_key_id or not keys.access_key_secret:
            raise InvalidSetting(
                _ID, "", "set together with its secret: give the function a role (or, locally, export keys)"
            )
        self._seen = tuple(_spellings(keys))
        return keys

    def redact(self, text: str) -> str:
        """The text without the keys that were last looked up."""
        for secret in self._seen:
            text = text.replace(secret, HIDDEN)
        return text

    def get_credential(self) -> Any:
        """The present keys as the IMM SDK wants them."""
        return self.as_imm(self.keys())

    def get_credentials(self) -> Any:
        """The present keys as the OSS SDK wants them."""
        return self.as_oss(self.keys())


def _spellings(keys: Keys) -> Iterator[str]:
    """Each secret as it is, without surrounding white space, and as JSON text escapes it."""
    for secret in (keys.access_key_secret, keys.security_token, keys.access_key_id):
        for text in (secret, secret.strip()):
            for spelling in (json.dumps(text)[1:-1], text):
                if len(spelling) >= _SHORTEST_SECRET:
                    yield spelling
