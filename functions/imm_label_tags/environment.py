"""The process's environment: how settings are read from its variables, and which of them are shut out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

from imm_label_tags.errors import InvalidSetting

ACCESS_KEY_ID = "ALIBABA_CLOUD_ACCESS_KEY_ID"
ACCESS_KEY_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
SECURITY_TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"
HIDDEN = "***"
# Anything shorter is no key of Alibaba Cloud's, and hiding it would garble every line.
SHORTEST_SECRET = 8
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_KEY_VARIABLES = (ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_REGION = re.compile(r"[a-z0-9-]{1,64}")


class Endpoint(NamedTuple):
    """Where a service is reached: ``http`` or ``https``, and a host with an optional port."""

    scheme: str
    host: str

    @property
    def url(self) -> str:
        """The endpoint with its scheme."""
        return f"{self.scheme}://{self.host}"


class Home(NamedTuple):
    """Where the function runs: its region, and the id of its account ("" where nobody tells)."""

    region: str
    account_id: str


def read_home(environment: Mapping[str, str], context: Any) -> Home:
    """What the context of an invocation tells of the function, else what the environment does.

    Both have it on Function Compute (help, "Context" and "Environment variables"). Raises InvalidSetting
    where there is no region, or one that cannot be part of an address.
    """
    variables = Variables(environment)
    region = getattr(context, "region", None) or variables.text("FC_REGION")
    if not isinstance(region, str) or not _REGION.fullmatch(region):
        allowed = "the function's region, such as cn-hangzhou, where the context does not tell it"
        raise InvalidSetting("FC_REGION", str(region), allowed)
    return Home(region, str(getattr(context, "account_id", None) or variables.text("FC_ACCOUNT_ID")))


class Variables:
    """Environment variables as settings are read from them: an empty one counts as unset."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._keys = dict(key_variables(environment))

    def text(self, variable: str, default: str = "") -> str:
        """A text without the white space around it; raises InvalidSetting where it holds one of the keys."""
        text = self._environment.get(variable, "").strip() or default
        for name, key in self._keys.items():
            if key in text:
                raise InvalidSetting(variable, HIDDEN, f"something else: it holds the value of {name}")
        return text

    def choice(self, variable: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of a few texts; raises InvalidSetting."""
        text = self.text(variable, default)
        for choice in allowed:
            if text == choice:
                return text
        names = [str(getattr(choice, "value", choice)) for choice in allowed]
        raise InvalidSetting(variable, text, "one of " + ", ".join(names))


def any_secure(*endpoints: Endpoint | None) -> bool:
    """Whether any service is reached over TLS, as by default."""
    return any(endpoint is None or endpoint.scheme == "https" for endpoint in endpoints)


def read_endpoint(variables: Variables, variable: str) -> Endpoint | None:
    """Where a service is reached; None where the variable is unset. Raises InvalidSetting."""
    text = variables.text(variable)
    if not text:
        return None
    scheme, separator, host = text.rpartition("://")
    scheme = scheme.lower() if separator else "https"
    host = host[:-1] if host.endswith("/") else host
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise InvalidSetting(
            variable, text, "a host such as oss-cn-hangzhou.aliyuncs.com or http://127.0.0.1:9000"
        )
    return Endpoint(scheme, host)


def key_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables of an environment that hold keys, with their values."""
    for name, value in environment.items():
        if name in _KEY_VARIABLES and len(value) >= SHORTEST_SECRET:
            yield name, value


def shut_out(environment: MutableMapping[str, str]) -> tuple[str, ...]:
    """Remove the variables that the SDKs obey against their user's interest; returns their names.

    The IMM SDK sends signed requests through any ``HTTP_PROXY`` (and does not obey ``NO_PROXY``), and
    ``DEBUG=sdk`` makes it print the signature and the security token.
    """
    unwanted = tuple(
        name
        for name, value in environment.items()
        if name.lower() in _PROXIES or (name == "DEBUG" and value.lower() == "sdk")
    )
    for name in unwanted:
        del environment[name]
    return unwanted
