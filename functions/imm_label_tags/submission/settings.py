"""The settings of ``submit_video``, read once from environment variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from imm_label_tags.environment import LOG_LEVELS, Endpoint, Variables, read_endpoint
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.target import ObjectPatterns
from imm_label_tags.submission.selection import VIDEO_SUFFIXES, Selection

PROJECT = "IMM_PROJECT"
TOPIC = "NOTIFICATION_TOPIC"
SUFFIXES = "VIDEO_SUFFIXES"
ALLOWED = "ALLOWED_OBJECTS"
_PROJECT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)
_TOPIC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,254}", re.ASCII)
_SUFFIX = re.compile(r"[^\s,*/]{1,32}")


class SubmissionSettings(NamedTuple):
    """Every setting of ``submit_video``, checked; the endpoints are None where unset."""

    project: str
    topic: str
    selection: Selection
    imm_endpoint: Endpoint | None
    oss_endpoint: Endpoint | None
    log_level: str


def read_submission_settings(environment: Mapping[str, str]) -> SubmissionSettings:
    """Read and check all settings; an empty variable counts as unset.

    Raises InvalidSetting.
    """
    variables = Variables(environment)
    return SubmissionSettings(
        project=_name(variables, PROJECT, _PROJECT_NAME, "the name of the IMM project that analyses videos"),
        topic=_name(variables, TOPIC, _TOPIC_NAME, "the MNS topic that triggers tag_object"),
        selection=Selection(
            _suffixes(variables), ObjectPatterns.from_setting(ALLOWED, variables.text(ALLOWED))
        ),
        imm_endpoint=read_endpoint(variables, "IMM_ENDPOINT"),
        oss_endpoint=read_endpoint(variables, "OSS_ENDPOINT"),
        log_level=variables.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
    )


def _name(variables: Variables, variable: str, pattern: re.Pattern[str], allowed: str) -> str:
    text = variables.text(variable)
    if not pattern.fullmatch(text):
        raise InvalidSetting(variable, text, allowed)
    return text


def read_suffixes(text: str) -> tuple[str, ...]:
    """Comma-separated ends of names, in lower case; raises ValueError, saying what is allowed."""
    suffixes = tuple(suffix.strip().lower() for suffix in text.split(","))
    if not all(_SUFFIX.fullmatch(suffix) for suffix in suffixes):
        raise ValueError("comma-separated ends of names such as .mp4,.mov")
    return suffixes


def _suffixes(variables: Variables) -> tuple[str, ...]:
    text = variables.text(SUFFIXES, ",".join(VIDEO_SUFFIXES))
    try:
        return read_suffixes(text)
    except ValueError as error:
        raise InvalidSetting(SUFFIXES, text, str(error)) from None
