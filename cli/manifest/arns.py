"""The ARNs in what a function declares, and the account that they lead to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from cli.manifest.function import DeclaredFunction

_ARN = re.compile(r"acs:[a-z]+:([^:]*):([^:]*):.*", re.DOTALL)
_WITH_ARNS = ("asyncInvokeConfig", "layers", "role", "triggers")


class Arn(NamedTuple):
    """Where an ARN stands, and the region and the account that it names; either may be empty."""

    where: str
    region: str
    account: str


def arns_of(function: DeclaredFunction) -> Iterator[Arn]:
    """Every ARN that is known."""
    for key in _WITH_ARNS:
        for where, text in _texts(function.props.raw(key), function.props.path(key)):
            match = _ARN.fullmatch(text)
            if match is not None:
                yield Arn(where, match[1], match[2])


def account_of(functions: Iterable[DeclaredFunction]) -> str:
    """The account of functions: a role's, else that of most ARNs; empty where none names any."""
    arns = [(one, arn) for one in functions for arn in arns_of(one) if arn.account.isdigit()]
    role = next((arn.account for one, arn in arns if arn.where == one.props.path("role")), "")
    return role or (Counter(arn.account for _, arn in arns).most_common(1)[0][0] if arns else "")


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}[{index}]")
    elif isinstance(value, str):
        yield where, value
