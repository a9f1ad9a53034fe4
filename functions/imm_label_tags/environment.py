"""What the process's environment must not do to a function that holds keys."""

from __future__ import annotations

from collections.abc import MutableMapping

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


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
