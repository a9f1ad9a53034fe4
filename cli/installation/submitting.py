"""What ``doctor`` checks of the function that submits videos: its settings, and that uploads reach it.

Nothing is submitted to try it: every task is paid for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cli.cloud.target import Media, Target, UploadTrigger
from cli.installation.documents import Documents, Invocation
from cli.installation.examination import Check, Failing
from cli.installation.function_checks import DEPLOY, FunctionChecks, invocation_checks
from cli.installation.functions import DeployedTrigger
from cli.installation.services import Services
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredFunction, role_name
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.submission.settings import (
    PROJECT,
    SUFFIXES,
    TOPIC,
    SubmissionSettings,
    read_submission_settings,
)

_COMPARED = (PROJECT, TOPIC, SUFFIXES)


class Submitting:
    """The checks of one installation, in order; ``invocation`` is how OSS invokes the function."""

    def __init__(
        self,
        services: Services,
        target: Target,
        media: Media,
        documents: Documents,
        invocation: Invocation,
    ) -> None:
        self._services = services
        self._target = target
        self._media = media
        self._documents = documents
        self._invocation = invocation
        self._declared: DeclaredFunction = invocation.function
        self._function = FunctionChecks(services, target, self._declared)
        # What one check finds out for the ones after it.
        self._settings: SubmissionSettings | None = None

    def checks(self, *sound: str) -> Iterator[Check]:
        """Every check, in order; they all rest on those that ``sound`` names."""
        name, function = self._declared.resource, self._function
        yield Check(name, function.deployed, (*sound, "region"))
        yield Check(f"{name} settings", self._read_settings, (name,))
        yield Check(f"{name} destination", function.destination, (name,))
        yield Check(f"{name} topic", self._topic, (f"{name} settings",))
        for trigger in self._target.uploads:
            yield Check(f"trigger {trigger.name}", partial(self._trigger, trigger), (name,))
        yield from function.bus_triggers(name)
        yield Check(f"{name} triggers", self._others, (f"{name} settings",))
        yield Check(f"{name} role", function.role, sound)
        yield Check(f"{name} policies", self._policies, (f"{name} role",))
        roles = {f"{name} {role}": role for role in self._invocation.roles}
        if len(roles) == 1:
            roles = {"uploads": self._invocation.roles[0]}
        yield from invocation_checks(self._services.ram, self._target.region, self._invocation, roles, sound)

    def _read_settings(self) -> str:
        environment = self._function.environment
        try:
            settings = read_submission_settings(environment)
        except InvalidSetting as error:
            raise Failing(str(error), f"Correct the environment variable. {DEPLOY}") from None
        different = []
        for name in _COMPARED:
            try:
                declared = self._declared.setting(name).strip()
            except FieldUnreadable:
                continue
            if declared != (found := environment.get(name, "").strip()):
                different.append(f"{name} is {found or 'not set'} and not {declared or 'unset'}")
        if different:
            raise Failing(
                f"The function is not as {self._target.file} declares it: {'; '.join(different)}.",
                f"{DEPLOY} Or export the values that are deployed.",
            )
        self._settings = settings
        return f"project {settings.project}, topic {settings.topic}"

    @property
    def _known_settings(self) -> SubmissionSettings:
        assert self._settings is not None, "the check of the settings comes before"
        return self._settings

    def _topic(self) -> str:
        name, target = self._known_settings.topic, self._target
        tagging = target.function.resource
        if self._services.topics.find(name) is None:
            raise Failing(
                f"There is no topic {name} in {target.region}, so IMM can tell nobody that a task has ended.",
                f"Run `imm-label-tags setup`, or name another with {TOPIC}. {DEPLOY}",
            )
        triggers = self._services.functions(target.function).triggers().values()
        if any(one.type == "mns_topic" and one.source.endswith(f":/topics/{name}") for one in triggers):
            return f"{name}, which triggers {tagging}"
        if any(one.type == "eventbridge" for one in triggers):
            return f"{name}; {tagging} is told by EventBridge"
        raise Failing(
            f"IMM tells the topic {name} that a task has ended, and it does not trigger {tagging}: nothing "
            "would be tagged.",
            f"Name the topic of its trigger with {TOPIC}. {DEPLOY}",
        )

    def _trigger(self, wanted: UploadTrigger) -> str:
        bucket, region = wanted.bucket.name, self._services.buckets.region_of(wanted.bucket.name)
        if region is None:
            raise Failing(f"There is no bucket {bucket}.", "Create it, or name the right one.")
        if region != self._target.region:
            raise Failing(
                f"The bucket {bucket} is in {region}, the function in {self._target.region}.",
                "OSS and IMM reach functions and buckets of their own region only: deploy to the bucket's.",
            )
        found = self._function.triggers().get(wanted.name)
        if found is None:
            raise Failing(
                f"The function has no trigger {wanted.name}.",
                f"{DEPLOY} OSS refuses it where another trigger of the bucket has an overlapping prefix and "
                "suffix for the same events.",
            )
        if found.source != (source := _source(wanted)):
            raise Failing(
                f"The trigger {wanted.name} is of {found.source} and not of {source}.",
                "No deployment changes that: run "
                f"`s {self._declared.resource} remove --trigger {wanted.name}` first.",
            )
        if wrong := list(_differences(found, wanted)):
            raise Failing(
                f"The trigger {wanted.name} is not as {self._target.file} declares it: {'; '.join(wrong)}.",
                DEPLOY,
            )
        return f"oss://{bucket}/{wanted.filter.prefix}*{wanted.filter.suffix}"

    def _others(self) -> str:
        """Triggers that stayed of an earlier deployment, and suffixes that the function passes over."""
        found = self._function.triggers()
        declared = {one.name for one in self._declared.triggers}
        if left := sorted(found.keys() - declared):
            raise Failing(
                f"It has also {', '.join(left)}, which {self._target.file} does not declare: what they "
                "bring is submitted too.",
                f"Run `s {self._declared.resource} remove --trigger {','.join(left)}`.",
            )
        suffixes = self._known_settings.selection.suffixes
        for trigger in self._target.uploads:
            wanted = trigger.filter.suffix.lower()
            if not any(one.endswith(wanted) or wanted.endswith(one) for one in suffixes):
                raise Failing(
                    f"The trigger {trigger.name} brings {trigger.filter.suffix}, which {SUFFIXES} does not "
                    "name: the function is called for each, and submits none.",
                    f"Name it with {SUFFIXES}, or remove the trigger. {DEPLOY}",
                )
        return f"{len(found)}, of videos that end in {', '.join(suffixes)}"

    def _policies(self) -> str:
        document = partial(self._documents.submitter_policy, self._target, self._media)
        return self._function.policies(document, f"Correct {self._target.file}. {DEPLOY}")


def _source(trigger: UploadTrigger) -> str:
    return f"acs:oss:{trigger.bucket.region}:{trigger.bucket.account_id}:{trigger.bucket.name}"


def _differences(found: DeployedTrigger, wanted: UploadTrigger) -> Iterator[str]:
    if found.type != "oss":
        yield f"its type is {found.type}"
    role = role_name(wanted.invocation_role)
    # The deployment writes roles in lower case; one that the file leaves out, it makes.
    if role and role_name(found.role).lower() != role.lower():
        yield f"its invocationRole is {found.role or 'not set'} and not {role}"
    events = found.settings.get("events") or []
    if set(events) != set(wanted.filter.events):
        yield f"its events are {', '.join(events) or 'none'} and not {', '.join(wanted.filter.events)}"
    key = (found.settings.get("filter") or {}).get("key") or {}
    for name, value in (("prefix", wanted.filter.prefix), ("suffix", wanted.filter.suffix)):
        if (key.get(name) or "") != value:
            yield f"its {name} is {key.get(name) or 'not set'} and not {value or 'unset'}"
