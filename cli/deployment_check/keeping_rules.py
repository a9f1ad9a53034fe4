"""The function that keeps failed events: nothing else calls it, and what it keeps is out of the way."""

from __future__ import annotations

from collections.abc import Iterator

from cli.deployment_check.findings import Finding, error, warning
from cli.deployment_check.subject import Rule, Subject
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.settings import VARIABLE, read_failed_settings
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.settings import read_settings

_KEY = "environmentVariables"
# A record of this name would be among those that the function writes.
_EXAMPLE = "2000-01-01/request.json"


def triggers(subject: Subject) -> Iterator[Finding]:
    """It understands records of failures, and no trigger brings any."""
    for trigger in subject.declared.triggers:
        yield error(
            trigger.where,
            "must not call this function: it understands nothing but Function Compute's records of failures.",
            "Remove it, and name this function under onFailure of the one that fails.",
        )


def out_of_the_way(subject: Subject) -> Iterator[Finding]:
    """A record among the videos could be taken for one."""
    try:
        place = read_failed_settings({VARIABLE: subject.declared.setting(VARIABLE)}).failed_events
    except InvalidSetting:
        return
    kept = TargetObject(place.bucket, f"{place.prefix}/{_EXAMPLE}")
    for other in subject.functions:
        if other.keeps:
            continue
        text = other.declared.setting("ALLOWED_OBJECTS")
        try:
            allowed = read_settings({"ALLOWED_OBJECTS": text}, other.declared.code).allowed_objects
        except InvalidSetting:
            continue
        if allowed is not None and allowed.match(kept):
            yield warning(
                subject.path(_KEY, VARIABLE),
                f"{place.uri} is among the objects that {other.declared.name} may tag (ALLOWED_OBJECTS).",
                "Keep failed events where no videos are.",
            )


RULES: tuple[Rule, ...] = (triggers, out_of_the_way)
