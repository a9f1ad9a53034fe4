"""Environment variables that the function does not know, or whose value it would refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cli.deployment_check.findings import Finding, NotChecked, Severity, error, warning
from cli.deployment_check.spelling import slip
from cli.deployment_check.subject import Kind, Subject
from cli.manifest.dotenv import FILE_NAME
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.keeper import VARIABLE, read_failed_settings
from imm_label_tags.submission.settings import PROJECT, TOPIC, read_submission_settings
from imm_label_tags.tagging.settings import read_settings

_KEY = "environmentVariables"
_OBJECTS = "ALLOWED_OBJECTS"
# What is around a * may be any part of a bucket's name.
_BUCKET = re.compile(r"[a-z0-9*](?:[a-z0-9*-]{0,61}[a-z0-9*])?")
_KEY_BYTES = 1023
# What begins like these is ours; OSS_, IMM_ and LOG_ may well be the user's.
_PREFIXES = (
    *("LABEL_", "TAG_", "ALLOWED_OBJECT", "STALE_OBJECT", "SECOND_LOOK", "FAILED_EVENT"),
    *("NOTIFICATION_TOPIC", "VIDEO_SUFFIX"),
)
_ENDPOINTS = ("IMM_ENDPOINT", "OSS_ENDPOINT")
_LOCAL = re.compile(r"(?:localhost|127(?:\.\d+){3})(?::\d+)?")
# What has no default, and something harmless in its place.
_NEEDED: Mapping[Kind, Mapping[str, str]] = {
    Kind.TAGS: {},
    Kind.KEEPS: {VARIABLE: "oss://stand-in/stand-in"},
    Kind.SUBMITS: {PROJECT: "stand-in", TOPIC: "stand-in"},
}
_READ: Mapping[Kind, Callable[[Mapping[str, str], Path], object]] = {
    Kind.TAGS: read_settings,
    Kind.KEEPS: lambda environment, code: read_failed_settings(environment),
    Kind.SUBMITS: lambda environment, code: read_submission_settings(environment),
}
_GIVEN_BY = {
    VARIABLE: f"Export {VARIABLE}, such as {VARIABLE}=oss://bucket/prefix, or put it into .env.",
    PROJECT: "Name the IMM project: s.uploads.yaml takes it from IMM_LABEL_TAGS_PROJECT.",
    TOPIC: "Name the topic that triggers the function that tags.",
}


class _Asked(dict[str, str]):
    """An environment with what is needed that remembers what it was asked for."""

    def __init__(self, needed: Mapping[str, str]) -> None:
        super().__init__(needed)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def names(subject: Subject) -> Iterator[Finding]:
    """A misspelt setting is one that stays at its default; any other variable is the user's own business."""
    ours = setting_names(subject.kind)
    others = set[str]().union(*(setting_names(kind) for kind in Kind))
    for name in subject.declared.environment:
        where = subject.path(_KEY, name)
        if name in ours:
            continue
        if name in others:
            yield warning(where, "is no setting of this function, which does not read it.", "Remove it here.")
        elif (like := slip(name, ours)) is not None:
            yield error(
                where,
                f"the function has no such setting; {like} is spelt like it.",
                "Correct its name, or choose another for what is yours.",
            )
        elif name.upper().startswith(_PREFIXES):
            known = ", ".join(sorted(one for one in ours if one.startswith(_PREFIXES)))
            yield error(
                where,
                "begins as the function's settings do, and is none of them.",
                f"They are {known}; choose another beginning for what is yours.",
            )


def values(subject: Subject) -> Iterator[Finding]:
    """What the initializer would refuse is refused here; each bad value is reported."""
    environment, needed = dict(subject.declared.environment), _NEEDED[subject.kind]
    # Each round finds one bad value, and there are no more than there are variables, given or needed.
    for _ in (*environment, *needed):
        try:
            _READ[subject.kind](environment, subject.declared.code)
        except InvalidSetting as problem:
            given = environment.get(problem.variable, "").strip()
            environment[problem.variable] = needed.get(problem.variable, "")
            if given:
                yield error(subject.path(_KEY, problem.variable), str(problem), "Correct the value.")


def patterns(subject: Subject) -> Iterator[Finding]:
    """A pattern that no object can have leaves out what it was written for.

    Sources: help pages oss/user-guide/bucket-naming-conventions and …/object-naming-conventions.
    """
    for pattern in filter(None, map(str.strip, subject.declared.setting(_OBJECTS).split(","))):
        bucket, slash, key = pattern.partition("/")
        why = ""
        if not slash or "://" in pattern:
            # The function itself refuses it.
            continue
        if not _BUCKET.fullmatch(bucket):
            why = f"a bucket's name has lower-case letters, digits and -, and {bucket!r} has not"
        elif key.startswith(("/", "\\")):
            why = f"no key of OSS begins with {key[0]}"
        elif len(key.replace("*", "").encode()) > _KEY_BYTES:
            why = f"no key of OSS has more than {_KEY_BYTES} bytes"
        if why:
            yield error(
                subject.path(_KEY, _OBJECTS),
                f"{pattern} can never match anything: {why}.",
                "Correct it, for example to bucket/prefix/ or bucket/prefix*.",
            )


def needed(subject: Subject) -> Iterator[Finding | NotChecked]:
    """A setting without a default has to be there when the file is deployed, and is asked for then."""
    for name in _NEEDED[subject.kind]:
        where = subject.path(_KEY, name)
        if subject.declared.setting(name).strip():
            continue
        if subject.surroundings.deploying:
            what = "is not set, and there is no default: the function would not start."
            yield error(where, what, _GIVEN_BY[name])
        else:
            yield NotChecked(where, "it is not set. `s deploy` will ask for it.")


def endpoints(subject: Subject) -> Iterator[Finding]:
    """The variables with which one talks to the local cloud are those of the function."""
    severity = Severity.ERROR if subject.surroundings.deploying else Severity.WARNING
    for name in _ENDPOINTS:
        try:
            settings = read_settings({name: subject.declared.setting(name)}, subject.declared.code)
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
    if path.exists():
        yield error(
            subject.path("code"),
            f"{path} would be deployed with the code, and Serverless Devs would read it.",
            "Move it beside s.yaml.",
        )


def setting_names(kind: Kind) -> set[str]:
    """The variables that a function asks for."""
    asked = _Asked(_NEEDED[kind])
    _READ[kind](asked, Path())
    return asked.names
