"""Whether one function is deployed as its file declares it, and has a role that lets it do its work.

Every check gives what it found, and raises Failing or CallFailed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

from cli.installation.documents import Invocation, as_list
from cli.installation.examination import Check, Failing
from cli.installation.functions import DeployedFunction, DeployedTrigger
from cli.installation.ram import Ram
from cli.installation.services import Installation
from cli.installation.set_up import FUNCTION_SERVICE
from cli.installation.templates import UnusableTemplate
from cli.manifest.expressions import Unrendered
from cli.manifest.fields import FieldUnreadable, known
from cli.manifest.function import DeclaredFunction, DeclaredTrigger, Hook, role_name
from localcloud.ram.document import MalformedPolicy
from localcloud.ram.policy import Decision, evaluate, parse_policy
from localcloud.ram.trust import parse_trust

SET_UP = "Run `imm-label-tags setup`."
DEPLOY = "Run `s deploy`."
CORRECT = f"Correct the environment variable. {DEPLOY}"
# Stands for any object below a prefix, and for any document.
SAMPLE = "doctor"

# What fc3 has of a topic's trigger that may be left out, so that nothing of it may be deployed either.
_OF_A_TOPIC = ("notifyContentFormat", "notifyStrategy", "filterTag")


class Need(NamedTuple):
    """A call that a function makes: the RAM action, and one resource."""

    action: str
    resource: str


class FunctionChecks:
    """The checks that every function has; ``deployed`` comes first."""

    def __init__(self, installation: Installation, declared: DeclaredFunction) -> None:
        self._installation = installation
        self._target = installation.target
        self._services = installation.services
        self._declared = declared

    @cached_property
    def _found(self) -> DeployedFunction | None:
        return self._services.functions.find(self._declared.name)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables as they are deployed."""
        assert self._found is not None, "the check of the function comes before"
        return self._found.environment

    @cached_property
    def triggers(self) -> Mapping[str, DeployedTrigger]:
        """The triggers as they are deployed, by their names."""
        return self._services.functions.triggers(self._declared.name)

    def deployed(self) -> str:
        """Whether it is there, as it is declared."""
        declared, found = self._declared, self._found
        if found is None:
            raise Failing(f"The function {declared.name} is not deployed in {declared.region}.", DEPLOY)
        hook = known(declared, "initializer", Hook(found.initializer, 0))
        wanted = {
            "runtime": known(declared, "runtime", found.runtime),
            "handler": known(declared, "handler", found.handler),
            "initializer": hook.handler if hook is not None else "",
            "role": role_name(known(declared, "role", found.role)),
        }
        wrong = list(_differences(wanted, {**vars(found), "role": _role(found.role, wanted["role"])}))
        if "layers" in declared.props and not found.layers:
            wrong.append("it has no layer, so the SDKs are missing")
        if wrong:
            raise self._otherwise(f"function {declared.name}", wrong, DEPLOY)
        return f"{declared.name}, {found.runtime}, {found.handler}"

    def trigger_checks(self, rests_on: str) -> Iterator[Check]:
        """Whether its triggers are there, as they are declared; what cannot be read is not checked."""
        for trigger in self._target.triggers_of(self._declared):
            if isinstance(trigger, FieldUnreadable):
                yield Check(trigger.where.rpartition("props.")[2], partial(_raise, trigger))
            elif trigger.type == "mns_topic":
                topic = f"topic {trigger.topic.name}"
                yield Check(
                    f"trigger {trigger.name}", partial(self._topic_trigger, trigger), (rests_on, topic)
                )
            elif trigger.type in ("oss", "eventbridge"):
                look = self._upload_trigger if trigger.type == "oss" else self._trigger
                yield Check(f"trigger {trigger.name}", partial(look, trigger), (rests_on,))

    def _topic_trigger(self, wanted: DeclaredTrigger) -> str:
        again = self._removal(wanted)
        self._trigger(wanted, remedy=again)
        if not self._services.messaging.subscriptions(wanted.topic.name):
            raise Failing(
                f"The trigger is there, but the topic {wanted.topic.name} has no subscription: the topic was "
                "made anew after the deployment.",
                again,
            )
        settings = (wanted.settings.text(name, "") for name in _OF_A_TOPIC[:2])
        return ", ".join([wanted.topic.name, *settings])

    def _upload_trigger(self, wanted: DeclaredTrigger) -> str:
        if fault := self._installation.fault_of_bucket(wanted.bucket.name, f"in {self._target.file}"):
            raise Failing(*fault)
        found = self.triggers.get(wanted.name)
        moved = found is not None and found.source != wanted.source_arn
        absent = (
            f"{DEPLOY} OSS refuses it where another trigger of the bucket has an overlapping prefix and "
            "suffix for the same events."
        )
        self._trigger(wanted, remedy=self._removal(wanted) if moved else DEPLOY, absent=absent)
        return f"oss://{wanted.bucket.name}/{wanted.uploads.prefix}*{wanted.uploads.suffix}"

    def _trigger(self, wanted: DeclaredTrigger, *, remedy: str = DEPLOY, absent: str = DEPLOY) -> str:
        found = self.triggers.get(wanted.name)
        if found is None:
            raise Failing(f"The function has no trigger {wanted.name}.", absent)
        role = _role(found.role, known(wanted, "invocation_role", ""))
        there = {"triggerType": found.type, "sourceArn": found.source, "invocationRole": role}
        if wrong := list(_differences(_as_deployed(wanted), {**there, **found.settings})):
            raise self._otherwise(f"trigger {wanted.name}", wrong, remedy)
        return wanted.settings.text("eventRuleFilterPattern", "")

    def _removal(self, trigger: DeclaredTrigger) -> str:
        resource = self._declared.resource
        return f"No deployment changes that: run `s {resource} remove --trigger {trigger.name}` first."

    def destination(self) -> str:
        """What takes the events that exhaust their retries."""
        wanted = self._declared.on_failure
        found = self._services.functions.failure_destination(self._declared.name)
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
            needs = list(_needs_of(document(), self._target.region, sample))
        except UnusableTemplate as error:
            raise Failing(str(error), remedy) from None
        return self.permitted(needs)

    def permitted(self, needs: Sequence[Need]) -> str:
        """Whether its role may make some calls."""
        return _permitted(self._services.ram, self._target.role_of(self._declared), needs)

    def _otherwise(self, what: str, wrong: Sequence[str], remedy: str) -> Failing:
        return Failing(f"The {what} is not as {self._target.file} declares it: {'; '.join(wrong)}.", remedy)

    def _whole(self, arn: str) -> tuple[str, ...]:
        """An ARN's parts, with region and account, which may be left out, and without the only version."""
        acs, service, region, account, resource = arn.split(":", 4)
        region, account = region or self._declared.region, account or self._target.account_id
        return acs, service, region, account, resource.removesuffix("/LATEST")


def invocation_checks(
    installation: Installation, invocation: Invocation, roles: Mapping[str, str], sound: tuple[str, ...]
) -> Iterator[Check]:
    """Whether a service may invoke a function in its roles, which ``roles`` has by the checks' names."""
    ram = installation.services.ram

    def policies(name: str) -> str:
        _permitted(ram, name, list(_needs_of(invocation.policy(), installation.target.region, SAMPLE)))
        return f"{invocation.service} may invoke {invocation.function.name}"

    for check, name in roles.items():
        yield Check(f"{check} role", partial(trusting, ram, name, invocation.principal), sound)
        yield Check(f"{check} policies", partial(policies, name), (f"{check} role",))


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


def _permitted(ram: Ram, role: str, needs: Sequence[Need]) -> str:
    """Whether the policies of a role allow all that is needed, as the project's own evaluator judges."""
    documents = [document for policy in ram.attached(role) if (document := ram.document(policy))]
    try:
        policies = [parse_policy(document) for document in documents]
        decisions = {need: evaluate(policies, *need, {"acs:SecureTransport": "true"}) for need in needs}
    except MalformedPolicy as error:
        raise Failing(
            f"A policy of the role has something that cannot be judged here: {error}.",
            "Move it to a policy of its own, or try the function and look at its log.",
        ) from None
    unmet = [
        f"{need.action} on {need.resource}{' (denied)' if decision is Decision.EXPLICIT_DENY else ''}"
        for need, decision in decisions.items()
        if decision is not Decision.ALLOWED
    ]
    if unmet:
        raise Failing(
            f"The role {role} may not {'; '.join(unmet)}.",
            f"{SET_UP} What is denied is denied by another policy of the role.",
        )
    return f"{len(needs)} calls of the function are allowed"


def _needs_of(document: str, region: str, sample: str) -> Iterator[Need]:
    """Every call that a policy document of the project is for, on one resource each.

    ``sample`` is put where a resource has a wildcard: any object below a prefix, for example.
    """
    for statement in json.loads(document)["Statement"]:
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                acs, service, where, account, relative = resource.split(":", 4)
                where, relative = region if where == "*" else where, relative.replace("*", sample)
                yield Need(action, ":".join([acs, service, where, account, relative]))


def _as_deployed(wanted: DeclaredTrigger) -> Mapping[str, Any]:
    """What Function Compute has of a trigger that is deployed as it is declared, as far as that is known."""
    declared: dict[str, Any] = {"triggerType": wanted.type}
    settings = {key: wanted.settings.raw(key) for key in wanted.settings}
    if wanted.type == "eventbridge":
        return declared | settings
    declared["sourceArn"] = wanted.source_arn
    # A role that the file leaves out, the deployment makes.
    if wanted.invocation_role:
        declared["invocationRole"] = role_name(wanted.invocation_role)
    if wanted.type == "mns_topic":
        return declared | {name: settings.get(name, "") for name in _OF_A_TOPIC}
    uploads = wanted.uploads
    key = {"prefix": uploads.prefix, "suffix": uploads.suffix}
    return declared | {"events": list(uploads.events), "filter": {"key": key}}


def _differences(declared: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where something is deployed otherwise than it is declared, as far as that is known here."""
    if isinstance(declared, Mapping):
        for key, value in declared.items():
            below = found.get(key) if isinstance(found, Mapping) else None
            yield from _differences(value, below, f"{path}.{key}" if path else key)
    elif not isinstance(declared, Unrendered) and _comparable(declared) != _comparable(found):
        verb = "are" if isinstance(found, list) else "is"
        yield f"its {path} {verb} {_told(found) or 'not set'} and not {_told(declared) or 'unset'}"


def _comparable(value: Any) -> Any:
    """The order of a list's texts means nothing, nor does a text that is empty."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return sorted(value)
    return "" if value is None else value


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _role(found: str, declared: str) -> str:
    """The name of a role, as it is declared if it is that one: the deployment writes it in lower case."""
    name, wanted = role_name(found), role_name(declared)
    return wanted if name.lower() == wanted.lower() else name


def _raise(problem: FieldUnreadable) -> str:
    raise problem
