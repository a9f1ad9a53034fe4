"""What ``doctor`` checks of the function that tags: its settings, policies, and where it keeps results."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial

from cli.cloud.target import Media
from cli.installation.documents import function_policy, invocations
from cli.installation.examination import Check, Failing, LeftOut
from cli.installation.function_checks import (
    CORRECT,
    DEPLOY,
    SAMPLE,
    FunctionChecks,
    Need,
    invocation_checks,
)
from cli.installation.services import Installation
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import role_name
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.settings import ARCHIVE, Settings, read_settings


class Tagging(FunctionChecks):
    """The checks of one installation, in order; ``target_object`` is what to try a tag on, if anything."""

    def __init__(self, installation: Installation, target_object: TargetObject | None) -> None:
        super().__init__(installation, installation.target.function)
        self._object = target_object

    def checks(self, *sound: str) -> Iterator[Check]:
        """Every check, in order; they all rest on those that ``sound`` names."""
        yield Check("function", self.deployed, (*sound, "region"))
        yield Check("settings", self._check_settings, ("function",))
        yield Check("failure destination", self.destination, ("function",))
        yield from self.trigger_checks("function")
        yield Check("role", self.role, sound)
        yield Check("policies", self._policies, ("role",))
        invocation = next(invocations(self._target))
        roles = {
            one.name: role_name(one.invocation_role) for one in invocation.triggers if one.invocation_role
        }
        yield from invocation_checks(self._installation, invocation, roles, sound)
        yield Check("result archive", self._result_archive, ("settings", "role"))

    @cached_property
    def _settings(self) -> Settings:
        try:
            return read_settings(self.environment, self._declared.code)
        except InvalidSetting as error:
            raise Failing(str(error), CORRECT) from None

    def _check_settings(self) -> str:
        allowed = self._settings.allowed_objects
        if self._object is not None and allowed is not None and not allowed.match(self._object):
            raise Failing(
                f"ALLOWED_OBJECTS does not let the function tag {self._object.uri}.",
                f"Add a pattern for it, or name another object. {DEPLOY}",
            )
        return f"namespace {self._settings.namespace}"

    def _policies(self) -> str:
        media, sample = self._installation.media, SAMPLE
        if not media.projects or not media.bucket:
            raise LeftOut("name --project and --bucket (or --object)")
        if self._object is not None:
            media, sample = Media(self._object.bucket, self._object.key, media.projects), ""
        # Whether it may keep results is a check of its own.
        document = partial(function_policy, self._target, media, None)
        return self.policies(document, "Name another object, bucket, prefix or project.", sample)

    def _result_archive(self) -> str:
        archive, target = self._settings.result_archive, self._target
        if archive is None:
            self._check_archive_declared("")
            return f"{ARCHIVE} is not set: whole results are not kept"
        if fault := self._installation.fault_of_bucket(archive.bucket, f"with {ARCHIVE}"):
            raise Failing(f"{fault[0]} No result can be kept, so nothing is tagged.", f"{fault[1]} {DEPLOY}")
        document = f"{archive.bucket}/{archive.prefix}/{SAMPLE}.json"
        self.permitted([Need("oss:PutObject", f"acs:oss:{target.region}:{target.account_id}:{document}")])
        self._check_archive_declared(archive.uri)
        return f"results are kept at {archive.uri}"

    def _check_archive_declared(self, found: str) -> None:
        try:
            wanted = self._target.result_archive()
        except (InvalidSetting, FieldUnreadable):
            return
        declared = wanted.uri if wanted is not None else ""
        if declared != found:
            raise Failing(
                f"{ARCHIVE} is {found or 'not set'}, but {self._target.file} declares {declared or 'none'}.",
                f"{DEPLOY} Or export the {ARCHIVE} that is deployed.",
            )
