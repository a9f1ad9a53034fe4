"""What ``doctor`` checks of the function that submits videos: its settings, and that uploads reach it.

Nothing is submitted to try it: every task is paid for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial

from cli.installation.documents import Invocation, submitter_policy
from cli.installation.examination import Check, Failing
from cli.installation.function_checks import CORRECT, DEPLOY, FunctionChecks, invocation_checks
from cli.installation.services import Installation
from cli.manifest.fields import FieldUnreadable
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.submission.settings import (
    PROJECT,
    SUFFIXES,
    TOPIC,
    SubmissionSettings,
    read_submission_settings,
)

_COMPARED = (PROJECT, TOPIC, SUFFIXES)


class Submitting(FunctionChecks):
    """The checks of one installation, in order.

    ``invocation`` is how OSS invokes the function; ``tagging`` knows the one that tags what was submitted.
    """

    def __init__(self, installation: Installation, invocation: Invocation, tagging: FunctionChecks) -> None:
        super().__init__(installation, invocation.function)
        self._invocation = invocation
        self._tagging = tagging

    def checks(self, *sound: str) -> Iterator[Check]:
        """Every check, in order; they all rest on those that ``sound`` names."""
        name = self._declared.resource
        yield Check(name, self.deployed, (*sound, "region"))
        yield Check(f"{name} settings", self._check_settings, (name,))
        yield Check(f"{name} destination", self.destination, (name,))
        yield Check(f"{name} topic", self._topic, (f"{name} settings",))
        yield from self.trigger_checks(name)
        yield Check(f"{name} triggers", self._others, (f"{name} settings",))
        yield Check(f"{name} role", self.role, sound)
        yield Check(f"{name} policies", self._policies, (f"{name} role",))
        roles = {f"{name} {role}": role for role in self._invocation.roles}
        if len(roles) == 1:
            roles = {"uploads": self._invocation.roles[0]}
        yield from invocation_checks(self._installation, self._invocation, roles, sound)

    @cached_property
    def _settings(self) -> SubmissionSettings:
        try:
            return read_submission_settings(self.environment)
        except InvalidSetting as error:
            raise Failing(str(error), CORRECT) from None

    def _check_settings(self) -> str:
        settings, different = self._settings, []
        for name in _COMPARED:
            try:
                declared = self._declared.setting(name).strip()
            except FieldUnreadable:
                continue
            if declared != (found := self.environment.get(name, "").strip()):
                different.append(f"{name} is {found or 'not set'} and not {declared or 'unset'}")
        if different:
            advice = f"{DEPLOY} Or export the values that are deployed."
            raise self._otherwise(f"function {self._declared.name}", different, advice)
        return f"project {settings.project}, topic {settings.topic}"

    def _topic(self) -> str:
        name, target = self._settings.topic, self._target
        tagging = target.function.resource
        if self._services.messaging.topic(name) is None:
            raise Failing(
                f"There is no topic {name} in {target.region}, so IMM can tell nobody that a task has ended.",
                f"Run `imm-label-tags setup`, or name another with {TOPIC}. {DEPLOY}",
            )
        triggers = self._tagging.triggers.values()
        if any(one.type == "mns_topic" and one.source.endswith(f":/topics/{name}") for one in triggers):
            return f"{name}, which triggers {tagging}"
        if any(one.type == "eventbridge" for one in triggers):
            return f"{name}; {tagging} is told by EventBridge"
        raise Failing(
            f"IMM tells the topic {name} that a task has ended, and it does not trigger {tagging}: nothing "
            "would be tagged.",
            f"Name the topic of its trigger with {TOPIC}. {DEPLOY}",
        )

    def _others(self) -> str:
        """Triggers that stayed of an earlier deployment, and suffixes that the function passes over."""
        declared = {one.name for one in self._declared.triggers}
        if left := sorted(self.triggers.keys() - declared):
            raise Failing(
                f"It has also {', '.join(left)}, which {self._target.file} does not declare: what they "
                "bring is submitted too.",
                f"Run `s {self._declared.resource} remove --trigger {','.join(left)}`.",
            )
        selection = self._settings.selection
        for trigger in self._target.uploads:
            if not any(map(trigger.uploads.may_bring, selection.suffixes)):
                raise Failing(
                    f"The trigger {trigger.name} brings {trigger.uploads.suffix}, which {SUFFIXES} does not "
                    "name: the function is called for each, and submits none.",
                    f"Name it with {SUFFIXES}, or remove the trigger. {DEPLOY}",
                )
        return f"{len(self.triggers)}, of videos that end in {', '.join(selection.suffixes)}"

    def _policies(self) -> str:
        document = partial(submitter_policy, self._target, self._installation.media)
        return self.policies(document, f"Correct {self._target.file}. {DEPLOY}")
