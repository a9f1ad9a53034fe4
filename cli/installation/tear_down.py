"""What ``teardown`` is going to do: remove what ``setup`` made, unless somebody has changed it since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain

from cli.installation import documents, marks
from cli.installation.log_steps import LogSteps
from cli.installation.messaging import LARGEST_MESSAGE, Topic
from cli.installation.plan import Plan, State, Step, removed
from cli.installation.ram import Policy, Role
from cli.installation.services import Installation
from cli.installation.set_up import ours_unchanged
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredFunction
from imm_label_tags.errors import InvalidSetting

_NOT_OURS = "setup did not make it"
_CHANGED = "somebody has changed it since setup made it"


def plan_teardown(installation: Installation, *, while_deployed: bool = False) -> Plan:
    """Look at what is there, and say what goes; raises CallFailed. Changes nothing."""
    logs = LogSteps(installation.services.logs, installation.target).tear_down()
    return Plan(chain(_TearDown(installation, while_deployed).steps(), logs))


class _TearDown:
    def __init__(self, installation: Installation, while_deployed: bool) -> None:
        self._services = installation.services
        self._target = target = installation.target
        self._while_deployed = while_deployed
        # What the function's own triggers subscribe goes with the topic.
        self._own = Counter(trigger.topic.name for trigger in target.triggers)

    def steps(self) -> Iterator[Step]:
        target, services = self._target, self._services
        deployed = [one for one in target.functions if services.functions.find(one.name) is not None]
        yield from map(self._deployed, deployed)
        trust = documents.function_trust()
        for function in target.functions:
            try:
                role = target.role_of(function)
            except FieldUnreadable as unread:
                yield Step(f"role of {function.resource}", State.NOT_CHECKED, str(unread))
            else:
                yield from self._role(role, trust)
        for invocation in documents.invocations(target):
            for name in invocation.roles:
                yield from self._role(name, invocation.trust)
        for topic in reversed(target.topics):
            yield self._topic(topic, target.function in deployed)
        for name in target.queues:
            yield self._queue(name)
        yield Step("kept events", State.LEFT, f"what {target.keeper.resource} stored{self._where()} stays")

    def _deployed(self, function: DeclaredFunction) -> Step:
        what = f"function {function.name}"
        if self._while_deployed:
            return Step(what, State.LEFT, "it will not work any more")
        return Step(
            what,
            State.PROBLEM,
            self._target.in_command(
                f"It is deployed and needs what would be removed: run `s {function.resource} remove` first, "
                "or add --while-deployed."
            ),
        )

    def _where(self) -> str:
        try:
            return f" below {self._target.failed_events().uri}"
        except (InvalidSetting, FieldUnreadable):
            # Nothing is lost by not knowing where they are.
            return ""

    def _role(self, name: str, trust: str) -> Iterator[Step]:
        ram = self._services.ram
        role = ram.role(name)
        attached = ram.attached(name) if role is not None else []
        others = []
        for policy in attached:
            if ours_unchanged(ram, policy, name):
                yield Step(
                    f"{policy.name} on {name}", State.REMOVE, "detach", partial(ram.detach, policy, name)
                )
            else:
                others.append(policy.name)
        for policy in ram.policies():
            if policy.description == marks.DESCRIPTION and marks.is_policy_name(name, policy.name):
                yield self._policy(policy, name)
        if role is None:
            yield Step(f"role {name}", State.ABSENT)
        else:
            yield self._role_itself(role, trust, others)

    def _policy(self, policy: Policy, role: str) -> Step:
        ram = self._services.ram
        changed = "" if ours_unchanged(ram, policy, role) else _CHANGED
        return removed(f"policy {policy.name}", changed, partial(ram.delete_policy, policy.name))

    def _role_itself(self, role: Role, trust: str, others: list[str]) -> Step:
        kept = ""
        if role.description != marks.DESCRIPTION:
            kept = _NOT_OURS
        elif not marks.same(role.trust, trust):
            kept = "somebody has changed its trust policy since setup made it"
        elif others:
            kept = f"somebody has attached {', '.join(others)} to it"
        return removed(f"role {role.name}", kept, partial(self._services.ram.delete_role, role.name))

    def _queue(self, name: str) -> Step:
        messaging = self._services.messaging
        tags = messaging.tags_of_queue(name)
        if tags is None:
            return Step(f"queue {name}", State.ABSENT)
        kept = "" if _is_ours(tags) else _NOT_OURS
        remove = partial(messaging.delete_queue, name)
        return removed(f"queue {name}", kept, remove, "with the messages in it")

    def _topic(self, name: str, deployed: bool) -> Step:
        messaging = self._services.messaging
        topic = messaging.topic(name)
        if topic is None:
            return Step(f"topic {name}", State.ABSENT)
        kept = ""
        if not _is_ours(topic.tags):
            kept = _NOT_OURS
        elif topic != Topic(name, topic.tags, LARGEST_MESSAGE):
            kept = _CHANGED
        elif (count := messaging.subscriptions(name)) > (self._own[name] if deployed else 0):
            kept = f"it has {count} subscriptions, not all of them this function's"
        return removed(f"topic {name}", kept, partial(messaging.delete_topic, name))


def _is_ours(tags: Mapping[str, str]) -> bool:
    return tags.get(marks.TAG_KEY) == marks.TAG_VALUE
