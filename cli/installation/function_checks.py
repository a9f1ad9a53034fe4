"""Whether one function is deployed as ``s.yaml`` declares it, and has a role that lets it do its work.

Every check gives what it found, and raises Failing or CallFailed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cli.installation.examination import Failing
from cli.installation.functions import DeployedFunction, Functions
from cli.installation.permissions import Need, lacking
from cli.installation.ram import Ram
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredFunction, role_name
from localcloud.ram.document import MalformedPolicy
from localcloud.ram.trust import parse_trust

SET_UP = "Run `imm-label-tags setup`."
DEPLOY = "Run `s deploy`."


def as_declared(functions: Functions, declared: DeclaredFunction) -> DeployedFunction:
    """The function as it is deployed."""
    function = functions.find()
    if function is None:
        raise Failing(f"The function {declared.name} is not deployed in {declared.region}.", DEPLOY)
    wrong = [
        f"its {name} is {found or 'not set'} and not {wanted or 'unset'}"
        for name, found, read in (
            ("runtime", function.runtime, lambda: declared.runtime),
            ("handler", function.handler, lambda: declared.handler),
            ("initializer", function.initializer, lambda: _initializer(declared)),
            # The deployment writes roles in lower case, and of a name it makes an ARN.
            ("role", role_name(function.role).lower(), lambda: role_name(declared.role).lower()),
        )
        if found != (wanted := _known(read, found))
    ]
    if "layers" in declared.props and not function.layers:
        wrong.append("it has no layer, so the SDKs are missing")
    if wrong:
        raise Failing(
            f"The function {declared.name} is not as s.yaml declares it: {'; '.join(wrong)}.", DEPLOY
        )
    return function


def failure_destination(functions: Functions, declared: DeclaredFunction, account_id: str) -> str:
    """What takes the events that exhaust their retries."""
    wanted, found = declared.on_failure, functions.failure_destination()
    if not found:
        raise Failing("The function has none: events that exhaust their retries are lost.", DEPLOY)
    if wanted and _whole(found, declared, account_id) != _whole(wanted, declared, account_id):
        raise Failing(f"It is {found}, but s.yaml declares {wanted}.", DEPLOY)
    return found


def trusting(ram: Ram, name: str, service: str) -> str:
    """Whether a role lets a service act in it."""
    role = ram.role(name)
    if role is None:
        raise Failing(f"There is no role {name}.", SET_UP)
    try:
        trusts = parse_trust(role.trust).trusts(service)
    except MalformedPolicy as error:
        raise Failing(
            f"The trust policy of the role {name} has something that cannot be judged here: {error}.",
            f'Make it the plain form, with "Principal": {{"Service": ["{service}"]}}.',
        ) from None
    if not trusts:
        raise Failing(
            f"The trust policy of the role {name} does not let {service} assume it.",
            f'Add "Principal": {{"Service": ["{service}"]}} to it.',
        )
    return f"{name}, trusts {service}"


def permitted(ram: Ram, role: str, needs: Sequence[Need]) -> str:
    """Whether the policies of a role allow all that is needed."""
    documents = [ram.document(policy) for policy in ram.attached(role)]
    try:
        unmet = lacking(_present(documents), needs)
    except MalformedPolicy as error:
        raise Failing(
            f"A policy of the role has something that cannot be judged here: {error}.",
            "Move it to a policy of its own, or try the function and look at its log.",
        ) from None
    if unmet:
        said = "; ".join(
            f"{need.action} on {need.resource}{' (denied)' if denied else ''}" for need, denied in unmet
        )
        raise Failing(
            f"The role {role} may not {said}.",
            f"{SET_UP} What is denied is denied by another policy of the role.",
        )
    return f"{len(needs)} calls of the function are allowed"


def _initializer(declared: DeclaredFunction) -> str:
    return declared.initializer.handler if declared.initializer else ""


def _known(read: Callable[[], str], otherwise: str) -> str:
    """What is declared; where that is not known here, what is there cannot be wrong."""
    try:
        return read()
    except FieldUnreadable:
        return otherwise


def _whole(arn: str, declared: DeclaredFunction, account_id: str) -> tuple[str, ...]:
    """An ARN's parts, with the region and the account that may be left out, and without the only version."""
    acs, service, region, account, resource = arn.split(":", 4)
    region, account = region or declared.region, account or account_id
    return acs, service, region, account, resource.removesuffix("/LATEST")


def _present(documents: Iterable[str | None]) -> list[str]:
    return [document for document in documents if document]
