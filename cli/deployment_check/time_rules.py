"""Time-outs that do not fit what happens within them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cli.deployment_check import worst_case
from cli.deployment_check.event_bridge_rules import bus_triggers
from cli.deployment_check.findings import Finding, error
from cli.deployment_check.subject import Kind, Subject
from cli.manifest.function import DEFAULT_RETRIES
from imm_label_tags.tagging.settings import ARCHIVE

# Help page functioncompute/fc/advanced-features-of-triggers.
STREAM_TIMEOUT = 300
SECOND_LOOK = "SECOND_LOOK_SECONDS"
_EVENTS = {Kind.TAGS: "a notification", Kind.KEEPS: "a failed event", Kind.SUBMITS: "an upload"}


def function_timeout(subject: Subject) -> Iterator[Finding]:
    """A notification's worst case must end before Function Compute ends the function."""
    kind, archives, timeout = subject.kind, _archives(subject), subject.declared.timeout
    worst = worst_case.invocation_seconds(kind, archives=archives)
    count = len(worst_case.chain(kind, archives=archives))
    calls = "a call" if count == 1 else f"{count} calls one after the other"
    if timeout <= worst:
        missing = "" if "timeout" in subject.declared.props else ", fc3's default,"
        yield error(
            subject.path("timeout"),
            f"{timeout} s{missing} is not above {_EVENTS[kind]}'s worst case of {worst:g} s: {calls} of "
            f"{worst_case.attempt_seconds():g} s, "
            f"and {worst_case.repetitions(kind)} repetitions with pauses.",
            f"Set it to {int(worst) + 1} or more.",
        )


def second_look(subject: Subject) -> Iterator[Finding]:
    """The time must suffice for second looks too, or their waits are in vain."""
    text = subject.declared.setting(SECOND_LOOK).strip()
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return
    looks = worst_case.second_look_seconds(float(text))
    alone = worst_case.invocation_seconds(subject.kind, archives=_archives(subject))
    worst = alone + looks
    if looks and alone < subject.declared.timeout <= worst:
        yield error(
            subject.path("environmentVariables", SECOND_LOOK),
            f"second looks may take {looks:g} s more, {worst:g} s in all; the timeout is "
            f"{subject.declared.timeout} s.",
            f"Look sooner, or set timeout to {int(worst) + 1} or more.",
        )


def batches(subject: Subject) -> Iterator[Finding]:
    """A batch must be done before the time is up, and EventBridge waits no longer than five minutes."""
    timeout, archives = subject.declared.timeout, _archives(subject)
    for trigger in bus_triggers(subject):
        if trigger.mode != "event-streaming":
            continue
        where = f"{trigger.where}.runOptions.batchWindow.CountBasedWindow"
        kind, messages = subject.kind, trigger.batch_messages
        worst = worst_case.invocation_seconds(kind, messages, archives=archives)
        if timeout <= worst and worst > worst_case.invocation_seconds(kind, archives=archives):
            yield error(
                where,
                f"{messages} messages may take {worst:g} s, the timeout is {timeout} s.",
                "Take fewer messages at a time, or raise the timeout.",
            )
        if timeout > STREAM_TIMEOUT:
            yield error(
                subject.path("timeout"),
                f"{timeout} s is more than the {STREAM_TIMEOUT} s that an event stream waits.",
                f"Set it to {STREAM_TIMEOUT} or less, or use another trigger.",
            )


def initializer_timeout(subject: Subject) -> Iterator[Finding]:
    """The initializer imports what the function needs of the SDKs."""
    initializer = subject.declared.initializer
    where = subject.path("instanceLifecycleConfig", "initializer")
    if initializer is None:
        yield error(
            where,
            "there is none: a bad setting would only show with the first event, and fail each.",
            "Add it, with its timeout.",
        )
        return
    worst = worst_case.initializer_seconds(subject.kind, subject.declared.cpu)
    imported = "OSS's SDK" if subject.kind is Kind.KEEPS else "both SDKs"
    if initializer.timeout < worst:
        given = subject.declared.props.fields("instanceLifecycleConfig", "initializer")
        missing = "" if given is not None and "timeout" in given else ", the default,"
        yield error(
            f"{where}.timeout",
            f"{initializer.timeout} s{missing} is below the {worst:.1f} s that importing {imported} can take "
            f"with {subject.declared.cpu:g} vCPU.",
            f"Set it to {int(worst) + 1} or more.",
        )


def event_age(subject: Subject) -> Iterator[Finding]:
    """An event must not get too old before its last attempt."""
    section = subject.declared.asynchronous
    if section is None or "maxAsyncEventAgeInSeconds" not in section:
        return
    age = section.number("maxAsyncEventAgeInSeconds")
    retries = section.number("maxAsyncRetryAttempts", DEFAULT_RETRIES)
    needed = (retries + 1) * subject.declared.timeout
    if age < needed:
        yield error(
            subject.path("asyncInvokeConfig", "maxAsyncEventAgeInSeconds"),
            f"{age:g} s is below the {needed:g} s that {retries + 1:g} attempts of "
            f"{subject.declared.timeout} s can take.",
            f"Set it to {needed:g} or more.",
        )


def _archives(subject: Subject) -> bool:
    return bool(subject.declared.setting(ARCHIVE).strip())
