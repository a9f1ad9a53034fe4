"""Events that would be lost, or come back for ever: retries, age and destinations."""

from __future__ import annotations

from collections.abc import Iterator

from terminal.deployment_check.findings import Finding, error, warning
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
            "Add a destination, an MNS topic or queue.",
        )


def loops(subject: Subject) -> Iterator[Finding]:
    """A destination that calls this function again."""
    declared = subject.declared
    topics = {f"{trigger.topic}@{trigger.region}" for trigger in declared.mns_topic_triggers}
    queues = {trigger.queue.name for trigger in declared.event_bridge_triggers if trigger.queue is not None}
    own = f"functions/{declared.name}"
    for key, destination in (
        ("onFailure", declared.async_invoke.on_failure),
        ("onSuccess", declared.async_invoke.on_success),
    ):
        if destination is None:
            continue
        _, service, region, _, resource = destination.split(":", 4)
        name = resource.strip("/").split("/")[1]
        again = (
            (service == "mns" and "/topics/" in resource and f"{name}@{region}" in topics)
            or (service == "mns" and "/queues/" in resource and name in queues)
            or (service == "fc" and resource.removesuffix("/LATEST") == own)
        )
        if again:
            yield error(
                subject.path(_KEY, "destinationConfig", key, "destination"),
                f"{name} calls this function again: the event would go round for ever.",
                "Name a destination of its own.",
            )


RULES = (configured, loops)
