"""Events that would be lost, or come back for ever: retries, age and destinations."""

from __future__ import annotations

from collections.abc import Iterator

from terminal.deployment_check.arn_rules import account_of
from terminal.deployment_check.findings import Finding, error, warning
from terminal.deployment_check.spelling import nearest
from terminal.deployment_check.subject import Subject

_KEY = "asyncInvokeConfig"


def configured(subject: Subject) -> Iterator[Finding]:
    """What becomes of an event that fails has to be said, not left to defaults that nobody agrees on."""
    section = subject.props.get(_KEY)
    if not isinstance(section, dict):
        yield error(
            subject.path(_KEY),
            "is missing: an event that fails to the end would be discarded.",
            "Add it, with maxAsyncRetryAttempts, maxAsyncEventAgeInSeconds and a destination onFailure.",
        )
        return
    if "maxAsyncRetryAttempts" not in section:
        yield error(
            subject.path(_KEY, "maxAsyncRetryAttempts"),
            "is missing: a passing failure must be tried again.",
            "Add it, 0 to 8.",
        )
    elif section["maxAsyncRetryAttempts"] == 0:
        yield warning(
            subject.path(_KEY, "maxAsyncRetryAttempts"),
            "0: every passing failure goes to the failure destination.",
            "Set it to 1 to 8.",
        )
    if "maxAsyncEventAgeInSeconds" not in section:
        yield error(
            subject.path(_KEY, "maxAsyncEventAgeInSeconds"),
            "is missing: the documentation and fc3 name three different defaults.",
            "Add it, 1 to 604800.",
        )
    if subject.declared.async_invoke.on_failure is None:
        yield error(
            subject.path(_KEY, "destinationConfig", "onFailure"),
            "is missing: an event that fails to the end would be discarded.",
            "Add a destination: an MNS topic or queue, or a function that keeps failed events.",
        )


def loops(subject: Subject) -> Iterator[Finding]:
    """A destination that calls this function again, directly or by way of others of the file."""
    for key, destination in _destinations(subject):
        name = _named(destination)
        if subject in _called(destination, subject):
            again = "calls this function again"
        elif subject in _reached(destination, subject):
            again = "leads back to this function"
        else:
            continue
        yield error(
            subject.path(_KEY, "destinationConfig", key, "destination"),
            f"{name} {again}: the event would go round for ever.",
            "Name a destination of its own.",
        )


def functions(subject: Subject) -> Iterator[Finding]:
    """A function as a destination has to be in the file, and to understand what it gets."""
    for key, destination in _destinations(subject):
        _, service, region, account, _ = destination.split(":", 4)
        here = region in ("", subject.declared.region) and account in ("", account_of(subject))
        if service != "fc" or not here or not all(one.sound("functionName") for one in subject.functions):
            continue
        where, name = subject.path(_KEY, "destinationConfig", key, "destination"), _named(destination)
        found = next((one for one in subject.functions if one.declared.name == name), None)
        if found is None:
            meant = nearest(name, [one.declared.name for one in subject.functions if one is not subject])
            yield error(
                where,
                f"{name} is no function of this file: the record would reach nobody.",
                f"Write {meant}." if meant else "Declare it here, or name another destination.",
            )
        elif found is not subject and not found.keeps:
            yield error(
                where,
                f"{name} tags objects: it would try the failed event as if it were a new one.",
                "Name a function that keeps failed events, or an MNS topic.",
            )
        elif found.keeps and key == "onSuccess":
            yield error(
                where,
                f"{name} keeps failed events and refuses records of success.",
                "Name it under onFailure only.",
            )


def _destinations(subject: Subject) -> Iterator[tuple[str, str]]:
    asynchronous = subject.declared.async_invoke
    for key, destination in (("onFailure", asynchronous.on_failure), ("onSuccess", asynchronous.on_success)):
        if destination is not None:
            yield key, destination


def _named(destination: str) -> str:
    """The topic, queue or function that a destination names."""
    return destination.split(":", 4)[4].strip("/").split("/")[1]


def _called(destination: str, subject: Subject) -> list[Subject]:
    """The functions of the file that a destination calls."""
    _, service, region, _, resource = destination.split(":", 4)
    name = _named(destination)
    if service == "fc":
        return [one for one in subject.functions if one.declared.name == name]
    if "/topics/" in resource:
        return [
            one
            for one in subject.functions
            for trigger in one.declared.mns_topic_triggers
            if (trigger.topic, trigger.region) == (name, region)
        ]
    return [
        one
        for one in subject.functions
        for trigger in one.declared.event_bridge_triggers
        if trigger.queue is not None and trigger.queue.name == name
    ]


def _reached(destination: str, subject: Subject) -> list[Subject]:
    """The functions that a destination calls, and those that their own destinations call, and so on."""
    reached: list[Subject] = []
    pending = [destination]
    while pending:
        for called in _called(pending.pop(), subject):
            if called not in reached:
                reached.append(called)
                pending += [after for _, after in _destinations(called)]
    return reached


RULES = (configured, loops, functions)
