"""Environment variables that the function does not know, or whose value it would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failed_settings import VARIABLE, FailedSettings, read_failed_settings
from imm_label_tags.settings import Settings, read_settings
from terminal.deployment_check.findings import Finding, Severity, error
from terminal.deployment_check.spelling import nearest
from terminal.deployment_check.subject import Subject
from terminal.manifest.dotenv import FILE_NAME

_KEY = "environmentVariables"
_ENDPOINTS = ("IMM_ENDPOINT", "OSS_ENDPOINT")
_LOCAL = re.compile(r"(?:localhost|127(?:\.\d+){3})(?::\d+)?")
# What has no default, and something harmless in its place.
_NEEDED = {VARIABLE: "oss://stand-in/stand-in"}


class _Asked(dict[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return _NEEDED.get(name, default)


def names(subject: Subject) -> Iterator[Finding]:
    """A misspelt setting is one that stays at its default."""
    asked = _Asked()
    _read(asked, subject)
    for name in subject.declared.environment:
        if name not in asked.names:
            meant = nearest(name, asked.names)
            yield error(
                subject.path(_KEY, name),
                "the function has no such setting.",
                f"Write {meant}." if meant else f"Remove it, or use one of {', '.join(sorted(asked.names))}.",
            )


def values(subject: Subject) -> Iterator[Finding]:
    """What the initializer would refuse is refused here; each bad value is reported."""
    if not subject.sound("code"):
        return
    environment = dict(subject.declared.environment)
    # Each round finds one bad value, and there are no more than there are variables, given or needed.
    for _ in (*environment, *_NEEDED):
        try:
            _read(environment, subject)
        except InvalidSetting as problem:
            given = environment.get(problem.variable, "").strip()
            environment[problem.variable] = _NEEDED.get(problem.variable, "")
            if given:
                yield error(subject.path(_KEY, problem.variable), str(problem), "Correct the value.")


def needed(subject: Subject) -> Iterator[Finding]:
    """A setting without a default has to be there when the file is deployed."""
    if subject.surroundings.deploying:
        for name in _unset(subject):
            yield error(
                subject.path(_KEY, name),
                "is not set, and there is no default: the function would not start.",
                f"Export {name}, such as {name}=oss://bucket/prefix, or put it into .env.",
            )


def left_open(subject: Subject) -> Iterator[str]:
    """What a deployment will ask for, in sentences."""
    for name in _unset(subject):
        yield f"{subject.path(_KEY, name)}: it is not set. `s deploy` will ask for it."


def endpoints(subject: Subject) -> Iterator[Finding]:
    """The variables with which one talks to the local cloud are those of the function."""
    severity = Severity.ERROR if subject.surroundings.deploying else Severity.WARNING
    for name in _ENDPOINTS:
        try:
            settings = read_settings(
                {name: subject.declared.environment.get(name, "")}, subject.declared.code
            )
        except InvalidSetting:
            continue
        endpoint = settings.imm_endpoint or settings.oss_endpoint
        if endpoint is not None and _LOCAL.fullmatch(endpoint.host):
            yield Finding(
                severity,
                subject.path(_KEY, name),
                f"{endpoint.url} is this machine: the function would look for it in its own instance.",
                f"Unset {name} before you deploy.",
            )


def secrets_in_code(subject: Subject) -> Iterator[Finding]:
    """Serverless Devs reads a ``.env`` in the code root, and uploads it with the code."""
    path = subject.declared.code / FILE_NAME
    if subject.sound("code") and path.exists():
        yield error(
            subject.path("code"),
            f"{path} would be deployed with the code, and Serverless Devs would read it.",
            "Move it beside s.yaml.",
        )


def _read(environment: Mapping[str, str], subject: Subject) -> Settings | FailedSettings:
    if subject.keeps:
        return read_failed_settings(environment)
    return read_settings(environment, subject.declared.code)


def _unset(subject: Subject) -> list[str]:
    given = subject.declared.environment
    return [name for name in _NEEDED if subject.keeps and not given.get(name, "").strip()]


RULES = (names, needed)
# The functions take the same variables from the same environment.
SHARED_RULES = (values, endpoints, secrets_in_code)
