"""Who calls the function, and triggers that Serverless Devs would not deploy as they are written."""

from __future__ import annotations

from collections.abc import Iterator

from cli.deployment_check.findings import Finding, error, warning
from cli.deployment_check.subject import Kind, Subject
from cli.manifest.function import Source

# Help page functioncompute/fc/product-overview/limits-of-usage.
MOST = 50
# By what each function is called; what others bring, it refuses: it is none of the events that it knows.
_CALLED_BY = {Kind.TAGS: ("mns_topic", "eventbridge"), Kind.SUBMITS: ("oss", "eventbridge")}
_BRINGS_NONE = {Kind.TAGS: "it brings no notification of IMM", Kind.SUBMITS: "it brings no upload"}
_WHY_NOT = {
    (Kind.TAGS, "oss"): "every upload would call it before IMM has looked at the video",
    (Kind.TAGS, "http"): "anyone who knows its address could call it",
    (Kind.SUBMITS, "http"): "anyone who knows its address could have tasks made that you pay for",
}
# The services that invoke in a role, and the one that fc3 makes where a trigger names none.
_MADE_BY_FC3 = {
    "mns_topic": ("message", "AliyunMNSNotificationRole"),
    "oss": ("upload", "AliyunOSSEventNotificationRole"),
}


def present(subject: Subject) -> Iterator[Finding]:
    """Something has to call the function, and fc3 has to accept the number."""
    count = len(subject.declared.triggers)
    if count == 0:
        yield warning(
            subject.path("triggers"),
            "there is none: nothing calls the function.",
            f"Add one of the type {_CALLED_BY[subject.kind][0]}.",
        )
    if count > MOST:
        yield error(
            subject.path("triggers"), f"{count} are more than the {MOST} of a function.", "Remove some."
        )


def types(subject: Subject) -> Iterator[Finding]:
    """Each function reads what it is there for, and refuses everything else."""
    known = _CALLED_BY[subject.kind]
    for trigger in subject.declared.triggers:
        if trigger.type not in known:
            why = _WHY_NOT.get((subject.kind, trigger.type), _BRINGS_NONE[subject.kind])
            yield error(
                f"{trigger.where}.triggerType",
                f"{trigger.type} must not call this function: {why}.",
                f"Use {' or '.join(known)}, or another function.",
            )


def order(subject: Subject) -> Iterator[Finding]:
    """A deployment of fc3 0.1.22 ends at the first eventbridge trigger that has not changed.

    Source: its ``src/subCommands/deploy/impl/trigger.ts``.
    """
    before: str | None = None
    for trigger in subject.declared.triggers:
        if trigger.type == "eventbridge":
            before = before or trigger.name
        elif before is not None and trigger.type in _MADE_BY_FC3:
            yield error(
                trigger.where,
                f"stands after {before}: `s deploy` ends at an eventbridge trigger that has not changed, and "
                "would not deploy this one.",
                "Put it before every eventbridge trigger.",
            )


def topics(subject: Subject) -> Iterator[Finding]:
    """Subscriptions that deliver every message twice."""
    seen: dict[Source, str] = {}
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
    """MNS and OSS invoke in a role; fc3 makes one where none is named, perhaps without its policy.

    Seen with fc3 0.1.22 and a user who may create roles but not list their policies: the role stays without
    its policy, `s deploy` ends with 0, and no later deployment attaches it.
    """
    for trigger in subject.declared.triggers:
        invoked = trigger.type in _MADE_BY_FC3 and trigger.type in _CALLED_BY[subject.kind]
        if invoked and not trigger.invocation_role:
            what, role = _MADE_BY_FC3[trigger.type]
            yield warning(
                f"{trigger.where}.invocationRole",
                f"is missing: `s deploy` makes {role}, and succeeds also where it may not attach that role's "
                f"policy; then no {what} reaches the function.",
                "Name a role; `imm-label-tags setup` makes it, with what it needs.",
            )


def kept_free(subject: Subject) -> Iterator[Finding]:
    """What keeps failed events understands records of failures, and no trigger brings any."""
    for trigger in subject.declared.triggers:
        yield error(
            trigger.where,
            "must not call this function: it understands nothing but Function Compute's records of failures.",
            "Remove it, and name this function under onFailure of the one that fails.",
        )
