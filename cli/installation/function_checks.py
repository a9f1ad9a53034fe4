"""Whether one function is deployed as its file declares it, and has a role that lets it do its work.

Every check gives what it found, and raises Failing or CallFailed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from cli.cloud.target import Target
from cli.installation.documents import Invocation
from cli.installation.examination import Check, Failing
from cli.installation.functions import DeployedFunction, DeployedTrigger, Functions
from cli.installation.permissions import Need, lacking, needs_of
from cli.installation.ram import Ram
from cli.installation.services import Services
from cli.installation.set_up import FUNCTION_SERVICE
from cli.installation.templates import UnusableTemplate
from cli.manifest.expressions import Unrendered
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredFunction, DeclaredTrigger, role_name
from localcloud.ram.document import MalformedPolicy
from localcloud.ram.trust import parse_trust

SET_UP = "Run `imm-label-tags setup`."
DEPLOY = "Run `s deploy`."
# Stands for any object below a prefix, and for any document.
SAMPLE = "doctor"


class FunctionChecks:
    """The checks that every function has; ``deployed`` comes first."""

    def __init__(self, services: Services, target: Target, declared: DeclaredFunction) -> None:
        self._services = services
        self._target = target
        self._declared = declared
        self._found: DeployedFunction | None = None

    @cached_property
    def _functions(self) -> Functions:
        return self._services.functions(self._declared)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables as they are deployed."""
        assert self._found is not None, "the check of the function comes before"
        return self._found.environment

    def triggers(self) -> dict[str, DeployedTrigger]:
        """The triggers as they are deployed, by their names."""
        return self._functions.triggers()

    def deployed(self) -> str:
        """Whether it is there, as it is declared."""
        declared, found = self._declared, self._functions.find()
        if found is None:
            raise Failing(f"The function {declared.name} is not deployed in {declared.region}.", DEPLOY)
        wrong = [
            f"its {name} is {there or 'not set'} and not {wanted or 'unset'}"
            for name, there, read in (
                ("runtime", found.runtime, lambda: declared.runtime),
                ("handler", found.handler, lambda: declared.handler),
                ("initializer", found.initializer, lambda: _initializer(declared)),
                # The deployment writes roles in lower case, and of a name it makes an ARN.
                ("role", role_name(found.role).lower(), lambda: role_name(declared.role).lower()),
            )
            if there != (wanted := _known(read, there))
        ]
        if "layers" in declared.props and not found.layers:
            wrong.append("it has no layer, so the SDKs are missing")
        if wrong:
            raise Failing(
                f"The function {declared.name} is not as {self._target.file} declares it: "
                f"{'; '.join(wrong)}.",
                DEPLOY,
            )
        self._found = found
        return f"{declared.name}, {found.runtime}, {found.handler}"

    def bus_triggers(self, rests_on: str) -> Iterator[Check]:
        """Whether the triggers of the type ``eventbridge`` are there, as they are declared."""
        for trigger in self._target.bus_triggers(self._declared):
            yield Check(f"trigger {trigger.name}", partial(self._bus_trigger, trigger), (rests_on,))

    def _bus_trigger(self, wanted: DeclaredTrigger) -> str:
        found, settings = self.triggers().get(wanted.name), wanted.settings
        if found is None:
            raise Failing(f"The function has no trigger {wanted.name}.", DEPLOY)
        there = {"triggerType": found.type, **found.settings}
        declared = {"triggerType": wanted.type, **{key: settings.raw(key) for key in settings}}
        if wrong := list(_other(declared, there)):
            raise Failing(
                f"The trigger {wanted.name} is not as {self._target.file} declares it: {'; '.join(wrong)}.",
                DEPLOY,
            )
        return settings.text("eventRuleFilterPattern", "")

    def destination(self) -> str:
        """What takes the events that exhaust their retries."""
        wanted, found = self._declared.on_failure, self._functions.failure_destination()
        if not found:
            raise Failing("The function has none: events that exhaust their retries are lost.", DEPLOY)
        if wanted and self._whole(found) != self._whole(wanted):
            raise Failing(f"It is {found}, but {self._target.file} declares {wanted}.", DEPLOY)
        return found

    def role(self) -> str:
        """Whether Function Compute may act in its role."""
        return trusting(self._services.ram, self._target.role_of(self._declared), FUNCTION_SERVICE)

    def policies(self, document: Callable[[], str], remedy: str, sample: str = SAMPLE) -> str:
        """Whether its role may do what a document is for, on what ``sample`` stands for."""
        try:
            needs = list(needs_of(document(), self._target.region, sample))
        except UnusableTemplate as error:
            raise Failing(str(error), remedy) from None
        return self.permitted(needs)

    def permitted(self, needs: Sequence[Need]) -> str:
        """Whether its role may make some calls."""
        return permitted(self._services.ram, self._target.role_of(self._declared), needs)

    def _whole(self, arn: str) -> tuple[str, ...]:
        """An ARN's parts, with region and account, which may be left out, and without the only version."""
        acs, service, region, account, resource = arn.split(":", 4)
        region, account = region or self._declared.region, account or self._target.account_id
        return acs, service, region, account, resource.removesuffix("/LATEST")


def _other(declared: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where something is deployed otherwise than it is declared, as far as that is known here."""
    if isinstance(declared, Mapping):
        for key, value in declared.items():
            below = found.get(key) if isinstance(found, Mapping) else None
            yield from _other(value, below, f"{path}.{key}" if path else key)
    elif not isinstance(declared, Unrendered) and declared != found:
        yield f"its {path} is {'not set' if found is None else found} and not {declared}"


def invocation_checks(
    ram: Ram, region: str, invocation: Invocation, roles: Mapping[str, str], sound: tuple[str, ...]
) -> Iterator[Check]:
    """Whether a service may invoke a function in its roles, which ``roles`` has by the checks' names."""

    def role(name: str) -> Callable[[], str]:
        return lambda: trusting(ram, name, invocation.principal)

    def policies(name: str) -> Callable[[], str]:
        def look() -> str:
            permitted(ram, name, list(needs_of(invocation.policy(), region, SAMPLE)))
            return f"{invocation.service} may invoke {invocation.function.name}"

        return look

    for check, name in roles.items():
        yield Check(f"{check} role", role(name), sound)
        yield Check(f"{check} policies", policies(name), (f"{check} role",))


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
    documents = [document for policy in ram.attached(role) if (document := ram.document(policy))]
    try:
        unmet = lacking(documents, needs)
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
