"""Functions as destinations: each has to be there, and none may get its own records back.

What Function Compute says to these is not documented, so they are refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from localcloud.fc.declaration import DeclarationError, FunctionDeclaration
from localcloud.fc.destinations import destination_function, is_function
from localcloud.tenant import Tenant


class DestinationUnknown(DeclarationError):
    """A destination is a function that is not deployed here."""


class DestinationLoops(DeclarationError):
    """The records of a function come back to it, directly or by way of other functions."""


def check_destinations(
    functions: Mapping[str, FunctionDeclaration], tenant: Tenant, only: str | None = None
) -> None:
    """Check the destinations of all functions, or of one.

    Raises DestinationUnknown or DestinationLoops.
    """
    checked = [function for function in functions.values() if only in (None, function.name)]
    for function in checked:
        for where, arn in _functions(function):
            name = destination_function(arn, tenant)
            if name is None:
                raise DestinationUnknown(where, f"{arn} is a function of another region or account.")
            if name not in functions:
                raise DestinationUnknown(
                    where, f"{arn} is not deployed here; functions: {', '.join(functions)}."
                )
    after = {
        function.name: [destination_function(arn, tenant) for _, arn in _functions(function)]
        for function in functions.values()
    }
    for function in checked:
        for where, arn in _functions(function):
            name = str(destination_function(arn, tenant))
            if function.name in _reached(name, after):
                raise DestinationLoops(
                    where, f"{arn} leads back to {function.name}: the event would never end."
                )


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
