"""The function's role, log and network, where its runtime exists, and ARNs that lead elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from cli.deployment_check.findings import Finding, NotChecked, error, warning
from cli.deployment_check.subject import Subject
from cli.manifest.arns import account_of, arns_of

# s.yaml's default, so that the file can be read without an account.
EXAMPLE_ACCOUNT = "1234567890123456"

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


def regions(subject: Subject) -> Iterator[Finding]:
    """Function Compute reaches topics, queues, layers and functions of its own region only."""
    region = subject.declared.region
    for arn in arns_of(subject.declared):
        if arn.region not in ("", "*", region):
            yield error(
                arn.where,
                f"is in {arn.region}, the function in {region}.",
                "Both must be in the same region.",
            )


def accounts(subject: Subject) -> Iterator[Finding]:
    """A function can have a role of its own account only, so that account is everybody's."""
    account = account_of([subject.declared])
    for arn in arns_of(subject.declared):
        if arn.account.isdigit() and arn.account != account:
            yield error(
                arn.where,
                f"belongs to the account {arn.account}, the function to {account}.",
                "Both must be of the same account.",
            )


def example(subject: Subject) -> Iterator[Finding]:
    """The example's account is nobody's."""
    if subject.surroundings.deploying and account_of([subject.declared]) == EXAMPLE_ACCOUNT:
        yield error(
            subject.path("role"),
            f"{EXAMPLE_ACCOUNT} is the example's account.",
            "Set ALIBABA_CLOUD_ACCOUNT_ID to your account id.",
        )
