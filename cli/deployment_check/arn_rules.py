"""ARNs that lead to another region or another account than the function's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from cli.deployment_check.findings import Finding, error
from cli.deployment_check.subject import Subject

# s.yaml's default, so that the file can be read without an account.
EXAMPLE_ACCOUNT = "1234567890123456"

_ARN = re.compile(r"acs:[a-z]+:([^:]*):([^:]*):.*", re.DOTALL)
_WITH_ARNS = ("asyncInvokeConfig", "layers", "role", "triggers")


class _Arn(NamedTuple):
    where: str
    region: str
    account: str


def regions(subject: Subject) -> Iterator[Finding]:
    """Function Compute reaches topics, queues, layers and functions of its own region only."""
    region = subject.declared.region
    for arn in _arns(subject):
        if arn.region not in ("", "*", region):
            yield error(
                arn.where,
                f"is in {arn.region}, the function in {region}.",
                "Both must be in the same region.",
            )


def accounts(subject: Subject) -> Iterator[Finding]:
    """A function can have a role of its own account only, so that account is everybody's."""
    account = account_of(subject)
    for arn in _of_accounts(subject):
        if arn.account != account:
            yield error(
                arn.where,
                f"belongs to the account {arn.account}, the function to {account}.",
                "Both must be of the same account.",
            )


def example(subject: Subject) -> Iterator[Finding]:
    """The example's account is nobody's."""
    if subject.surroundings.deploying and account_of(subject) == EXAMPLE_ACCOUNT:
        yield error(
            subject.path("role"),
            f"{EXAMPLE_ACCOUNT} is the example's account.",
            "Set ALIBABA_CLOUD_ACCOUNT_ID to your account id.",
        )


def account_of(subject: Subject) -> str | None:
    """The account that the function's ARNs name: its role's, else that of most; None where there is none."""
    arns = _of_accounts(subject)
    role = next((arn.account for arn in arns if arn.where == subject.path("role")), None)
    return role or (Counter(arn.account for arn in arns).most_common(1)[0][0] if arns else None)


def _of_accounts(subject: Subject) -> list[_Arn]:
    return [arn for arn in _arns(subject) if arn.account.isdigit()]


def _arns(subject: Subject) -> Iterator[_Arn]:
    for key in _WITH_ARNS:
        for where, text in _texts(subject.declared.props.raw(key), subject.path(key)):
            match = _ARN.fullmatch(text)
            if match is not None:
                yield _Arn(where, match[1], match[2])


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}[{index}]")
    elif isinstance(value, str):
        yield where, value


RULES = (regions, accounts)
