"""Events that would be lost, or come back for ever: retries, age and destinations.

By the help page functioncompute/fc/result-callback, what exhausts its retries is discarded where there is no
destination.
"""

from __future__ import annotations

from collections.abc import Iterator

from cli.deployment_check.event_bridge_rules import bus_triggers
from cli.deployment_check.findings import Finding, NotChecked, error, warning
from cli.deployment_check.subject import Kind, Subject
from cli.manifest.arns import account_of
from cli.manifest.fields import FieldUnreadable, known

_KEY = "asyncInvokeConfig"
_DOES = {Kind.TAGS: "tags objects", Kind.SUBMITS: "submits videos"}


def configured(subject: Subject) -> Iterator[Finding]:
    """What becomes of an event that fails has to be said, not left to defaults that nobody agrees on."""
    section = subject.declared.asynchronous
    if section is None:
        yield error(
            subject.path(_KEY),
            "is missing: an event that exhausts its retries would be discarded.",
            "Add it, with maxAsyncRetryAttempts, maxAsyncEventAgeInSeconds and a destination onFailure.",
        )
        return
    if "maxAsyncRetryAttempts" in section and section.raw("maxAsyncRetryAttempts") == 0:
        yield warning(
            subject.path(_KEY, "maxAsyncRetryAttempts"),
            "0: every passing failure goes to the failure destination.",
            "Set it to 1 to 8.",
        )
    if "maxAsyncEventAgeInSeconds" not in section:
        yield warning(
            subject.path(_KEY, "maxAsyncEventAgeInSeconds"),
            "is missing: the documentation and fc3 name three different defaults.",
            "Add it, 1 to 604800.",
        )


def destination(subject: Subject) -> Iterator[Finding]:
    """What exhausts its retries has to go somewhere."""
    if subject.declared.asynchronous is not None and not subject.declared.on_failure:
        yield error(
            subject.path(_KEY, "destinationConfig", "onFailure"),
            "is missing: an event that exhausts its retries would be discarded.",
            "Add a destination: an MNS topic or queue, or a function that keeps failed events.",
        )


def loops(subject: Subject) -> Iterator[Finding]:
    """A destination that calls this function again, directly or by way of others of the file."""
    for key, arn in _destinations(subject):
        name = _named(arn)
        if subject in _called(arn, subject):
            again = "calls this function again"
        elif subject in _reached(arn, subject):
            again = "leads back to this function"
        else:
            continue
        yield error(
            subject.path(_KEY, "destinationConfig", key, "destination"),
            f"{name} {again}: the event would go round for ever.",
            "Name a destination of its own.",
        )


def functions(subject: Subject) -> Iterator[Finding | NotChecked]:
    """A function as a destination has to understand what it gets."""
    for key, arn in _destinations(subject):
        _, service, region, account, _ = arn.split(":", 4)
        here = region in ("", subject.declared.region) and account in ("", account_of([subject.declared]))
        if service != "fc" or not here:
            continue
        where, name = subject.path(_KEY, "destinationConfig", key, "destination"), _named(arn)
        found = next((one for one in subject.functions if one.name == name), None)
        if found is None:
            yield NotChecked(
                where,
                f"what {name} does with the record is not known here."
                if name in subject.others
                else f"{name} is no function of this file; whether the account has it, only the cloud knows.",
            )
        elif found is not subject and found.kind is not Kind.KEEPS:
            yield error(
                where,
                f"{name} {_DOES[found.kind]}: it would try the failed event as if it were a new one.",
                "Name a function that keeps failed events, or an MNS topic.",
            )
        elif found.kind is Kind.KEEPS and key == "onSuccess":
            yield error(
                where,
                f"{name} keeps failed events and refuses records of success.",
                "Name it under onFailure only.",
            )


def _destinations(subject: Subject) -> Iterator[tuple[str, str]]:
    """The destinations that are known."""
    for key, name in (("onFailure", "on_failure"), ("onSuccess", "on_success")):
        arn = known(subject.declared, name, "")
        if arn.startswith(("acs:mns:", "acs:fc:")):
            yield key, arn


def _named(arn: str) -> str:
    """The topic, queue or function that a destination names."""
    return arn.split(":", 4)[4].strip("/").split("/")[1]


def _called(arn: str, subject: Subject) -> list[Subject]:
    """The functions of the file that a destination is known to call."""
    _, service, region, _, resource = arn.split(":", 4)
    name = _named(arn)
    if service == "fc":
        return [one for one in subject.functions if one.name == name]
    if "/topics/" in resource:
        return [one for one in subject.functions if (region, name) in _topics(one)]
    return [one for one in subject.functions if name in _queues(one)]


def _topics(subject: Subject) -> set[tuple[str, str]]:
    try:
        topics = [one.topic for one in subject.declared.triggers if one.type == "mns_topic"]
    except FieldUnreadable:
        return set()
    return {(topic.region, topic.name) for topic in topics}


def _queues(subject: Subject) -> set[str]:
    try:
        queues = [one.queue for one in bus_triggers(subject)]
        return {queue.text("QueueName", "") for queue in queues if queue is not None}
    except FieldUnreadable:
        return set()


def _reached(arn: str, subject: Subject) -> list[Subject]:
    """The functions that a destination calls, and those that their own destinations call, and so on."""
    reached: list[Subject] = []
    pending = [arn]
    while pending:
        for called in _called(pending.pop(), subject):
            if called not in reached:
                reached.append(called)
                pending += [after for _, after in _destinations(called)]
    return reached
