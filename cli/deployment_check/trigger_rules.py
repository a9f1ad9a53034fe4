"""Who calls the function, and triggers that Serverless Devs would not deploy as they are written."""

from __future__ import annotations

from collections.abc import Iterator

from cli.deployment_check.findings import Finding, error, warning
from cli.deployment_check.subject import Rule, Subject
from cli.manifest.function import Topic

# Help page functioncompute/fc/product-overview/limits-of-usage.
MOST = 50
# What they bring, the function refuses: it is none of the events that it knows.
_WHY_NOT = {
    "oss": "every upload would call it before IMM has looked at the video",
    "http": "anyone who knows its address could call it",
}


def present(subject: Subject) -> Iterator[Finding]:
    """Something has to call the function, and fc3 has to accept the number."""
    count = len(subject.declared.triggers)
    if count == 0:
        yield warning(
            subject.path("triggers"),
            "there is none: nothing calls the function.",
            "Add an mns_topic trigger.",
        )
    if count > MOST:
        yield error(
            subject.path("triggers"), f"{count} are more than the {MOST} of a function.", "Remove some."
        )


def types(subject: Subject) -> Iterator[Finding]:
    """The function reads notifications of IMM, which come by MNS or EventBridge."""
    for trigger in subject.declared.triggers:
        if trigger.type not in ("mns_topic", "eventbridge"):
            why = _WHY_NOT.get(trigger.type, "it brings no notification of IMM")
            yield error(
                f"{trigger.where}.triggerType",
                f"{trigger.type} must not call this function: {why}.",
                "Use mns_topic or eventbridge, or another function.",
            )


def order(subject: Subject) -> Iterator[Finding]:
    """A deployment of fc3 0.1.22 ends at the first eventbridge trigger that has not changed.

    Source: its ``src/subCommands/deploy/impl/trigger.ts``.
    """
    before: str | None = None
    for trigger in subject.declared.triggers:
        if trigger.type == "eventbridge":
            before = before or trigger.name
        elif before is not None and trigger.type == "mns_topic":
            yield error(
                trigger.where,
                f"stands after {before}: `s deploy` ends at an eventbridge trigger that has not changed, and "
                "would not deploy this one.",
                "Put it before every eventbridge trigger.",
            )


def topics(subject: Subject) -> Iterator[Finding]:
    """Subscriptions that deliver every message twice."""
    seen: dict[Topic, str] = {}
    for trigger in subject.declared.triggers:
        if trigger.type != "mns_topic":
            continue
        other = seen.setdefault(trigger.topic, trigger.name)
        if other != trigger.name:
            yield error(
                f"{trigger.where}.sourceArn",
                f"{trigger.topic.name} is the topic of {other} too: every message would come twice.",
                "Remove one of the triggers.",
            )


def losses(subject: Subject) -> Iterator[Finding]:
    """Subscriptions that lose messages."""
    for trigger in subject.declared.triggers:
        if trigger.type != "mns_topic":
            continue
        if trigger.settings.text("notifyStrategy", "") == "BACKOFF_RETRY":
            yield warning(
                f"{trigger.where}.triggerConfig.notifyStrategy",
                "BACKOFF_RETRY gives up after three attempts within a minute; then the message is lost.",
                "Write EXPONENTIAL_DECAY_RETRY, which tries for a day.",
            )
        if trigger.settings.text("filterTag", ""):
            yield warning(
                f"{trigger.where}.triggerConfig.filterTag",
                "IMM's notifications are not documented to carry a tag; none may pass this filter.",
                "Remove it, and use a topic for these notifications alone.",
            )


def roles(subject: Subject) -> Iterator[Finding]:
    """MNS invokes in a role; fc3 makes one where none is named, whose policy may be missing afterwards.

    Seen with fc3 0.1.22 and a user who may create roles but not list their policies: the role stays without
    its policy, `s deploy` ends with 0, and no later deployment attaches it.
    """
    for trigger in subject.declared.triggers:
        if trigger.type == "mns_topic" and not trigger.invocation_role:
            yield warning(
                f"{trigger.where}.invocationRole",
                "is missing: `s deploy` makes AliyunMNSNotificationRole, and succeeds also where it may not "
                "attach that role's policy; then no message reaches the function.",
                "Name a role; `imm-label-tags setup` makes it, with what MNS needs.",
            )


RULES: tuple[Rule, ...] = (present, types, order, topics, losses, roles)
