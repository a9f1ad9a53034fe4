"""The settings of ``keep_failed``, read once from environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from imm_label_tags.environment import LOG_LEVELS, Endpoint, Variables, read_endpoint
from imm_label_tags.results.target import ObjectPrefix

VARIABLE = "FAILED_EVENTS"


class FailedSettings(NamedTuple):
    """Every setting of ``keep_failed``, checked; the endpoint is None where unset."""

    failed_events: ObjectPrefix
    oss_endpoint: Endpoint | None
    log_level: str


def read_failed_settings(environment: Mapping[str, str]) -> FailedSettings:
    """Read and check all settings; an empty variable counts as unset.

    Raises InvalidSetting.
    """
    variables = Variables(environment)
    return FailedSettings(
        failed_events=ObjectPrefix.from_setting(VARIABLE, variables.text(VARIABLE)),
        oss_endpoint=read_endpoint(variables, "OSS_ENDPOINT"),
        log_level=variables.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
    )
