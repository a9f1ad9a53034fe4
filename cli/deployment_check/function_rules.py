"""The function's role, log and network, and where its runtime exists."""

from __future__ import annotations

from collections.abc import Iterator

from cli.deployment_check.findings import Finding, NotChecked, error, warning
from cli.deployment_check.subject import Rule, Subject

# Help page functioncompute/fc/python: the regions that its list for 3.12 leaves out.
_WITHOUT_3_12 = frozenset({"ap-southeast-1", "ap-southeast-5"})


def role(subject: Subject) -> Iterator[Finding]:
    """Without a role there are no keys."""
    if not subject.declared.role:
        yield error(
            subject.path("role"),
            "is missing: the function would have no keys for IMM and OSS.",
            "Name the function's role.",
        )


def log(subject: Subject) -> Iterator[Finding | NotChecked]:
    """Outcomes are in the log, durations and errors in the metrics."""
    declared = subject.declared.log
    if declared.auto:
        yield NotChecked(subject.path("logConfig"), "fc3 makes and names the project and the logstore.")
        return
    if not declared.project or not declared.logstore:
        yield warning(
            subject.path("logConfig"),
            "there is none: nobody could see what became of a notification.",
            "Name a project and a logstore.",
        )
        return
    section = subject.declared.props.fields("logConfig")
    for key in ("enableRequestMetrics", "enableInstanceMetrics"):
        if section is not None and not section.flag(key, False):
            yield warning(
                subject.path("logConfig", key), "off, the default: no durations or errors.", "Write true."
            )


def network(subject: Subject) -> Iterator[Finding]:
    """IMM's endpoint is a public one."""
    if not subject.declared.internet_access and not subject.declared.setting("IMM_ENDPOINT"):
        yield error(
            subject.path("internetAccess"),
            "false: the function could not reach IMM, whose endpoint is public.",
            "Write true, or set IMM_ENDPOINT to one inside of your network.",
        )


def runtime(subject: Subject) -> Iterator[Finding]:
    """Not every region has Python 3.12."""
    declared = subject.declared
    if declared.runtime == "python3.12" and declared.region in _WITHOUT_3_12:
        yield warning(
            subject.path("runtime"),
            f"{declared.region} is not among the regions that are documented to have python3.12.",
            "Set IMM_LABEL_TAGS_RUNTIME to python3.10 if the deployment fails.",
        )


RULES: tuple[Rule, ...] = (role, log)
