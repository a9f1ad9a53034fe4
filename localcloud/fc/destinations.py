"""Where records of asynchronous invocations go: topics and functions, and which functions may be named.

Each function has to be there, and none may get its own records back. What Function Compute says to these is
not documented, so they are refused before anything runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from localcloud.fc.declaration import DeclarationError, FunctionDeclaration
from localcloud.tenant import Tenant

_FUNCTION_ARN = re.compile(r"acs:fc:([a-z0-9-]*):(\d*):functions/([A-Za-z0-9_-]+)(?:/LATEST)?")


class DestinationUnknown(DeclarationError):
    """A destination is a function that is not deployed here."""


class DestinationLoops(DeclarationError):
    """The records of a function come back to it, directly or by way of other functions."""


def destination_function(arn: str, tenant: Tenant) -> str | None:
    """The function that an ARN names, if it names one of this region and account."""
    match = _FUNCTION_ARN.fullmatch(arn)
    if match is None or match[1] not in ("", tenant.region) or match[2] not in ("", tenant.account_id):
        return None
    return match[3]


def is_function(arn: str) -> bool:
    """Whether an ARN is one of Function Compute."""
    return arn.startswith("acs:fc:")


def check_destinations(
    functions: Mapping[str, FunctionDeclaration], tenant: Tenant, only: str | None = None
) -> None:
    """Check the destinations of all functions, or of one.

    Raises DestinationUnknown or DestinationLoops.
    """
    after = {
        name: [destination_function(arn, tenant) for _, arn in _functions(function)]
        for name, function in functions.items()
    }
    for function in functions.values() if only is None else [functions[only]]:
        for where, arn in _functions(function):
            name = destination_function(arn, tenant)
            if name is None:
                raise DestinationUnknown(where, f"{arn} is a function of another region or account.")
            if name not in functions:
                known = ", ".join(functions)
                raise DestinationUnknown(where, f"{arn} is not deployed here; functions: {known}.")
            if function.name in _reached(name, after):
                problem = f"{arn} leads back to {function.name}: the event would never end."
                raise DestinationLoops(where, problem)


def _functions(function: FunctionDeclaration) -> Iterator[tuple[str, str]]:
    """The path and the ARN of each destination that is a function."""
    where = f"resources.{function.resource}.props.asyncInvokeConfig.destinationConfig"
    rules = function.async_invoke
    for key, arn in (("onFailure", rules.on_failure), ("onSuccess", rules.on_success)):
        if arn is not None and is_function(arn):
            yield f"{where}.{key}.destination", arn


def _reached(name: str, after: Mapping[str, list[str | None]]) -> set[str]:
    reached, pending = {name}, [name]
    while pending:
        new = [one for one in after.get(pending.pop(), []) if one is not None and one not in reached]
        reached.update(new)
        pending += new
    return reached
