"""What ``doctor`` checks, in order: from the keys to a tag on an object."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial

from cli.cloud.access import Access, Caller, OtherAccount, check_account, identify
from cli.cloud.keys import NoKeys
from cli.installation import observability
from cli.installation.documents import invocations
from cli.installation.examination import Check, Failing, LeftOut
from cli.installation.function_checks import SET_UP
from cli.installation.keeping import Keeping
from cli.installation.log_service import Kind
from cli.installation.observability import completed, log_of, unlike
from cli.installation.round_trip import Trial
from cli.installation.services import Installation
from cli.installation.submitting import Submitting
from cli.installation.tagging import Tagging
from cli.manifest.function import DeclaredFunction
from imm_label_tags.results.target import TargetObject
from imm_label_tags.services.oss import OssObjects


class Diagnosis:
    """The checks of one installation. ``target_object`` is what to try a tag on, if anything."""

    def __init__(
        self, access: Access, installation: Installation, target_object: TargetObject | None
    ) -> None:
        self._access = access
        self._installation = installation
        self._services = installation.services
        self._target = installation.target
        self._object = target_object

    def checks(self) -> Iterator[Check]:
        """Every check, in order."""
        installation, target, sound = self._installation, self._target, ("keys", "account")
        yield Check("keys", self._keys)
        yield Check("region", self._region)
        yield Check("account", self._account, ("keys",))
        yield Check("IMM project", self._projects, (*sound, "region"))
        yield Check("bucket", self._bucket, (*sound, "region"))
        for topic in target.topics:
            yield Check(f"topic {topic}", partial(self._topic, topic), (*sound, "region"))
        for queue in target.queues:
            yield Check(f"queue {queue}", partial(self._queue, queue), (*sound, "region"))
        tagging = Tagging(installation, self._object)
        yield from tagging.checks(*sound)
        yield from Keeping(installation).checks(*sound)
        for invocation in invocations(target):
            if invocation.function is target.submitter:
                yield from Submitting(installation, invocation, tagging).checks(*sound)
        logs = {f"log of {function.resource}": function for function in target.functions}
        for name, function in logs.items():
            yield Check(name, partial(self._log, function), (*sound, "region"))
        yield Check("saved searches", self._searches, tuple(logs))
        yield Check("tag round trip", lambda: self._trial.round_trip(), (*sound, "bucket"))
        yield Check("Chinese tags", lambda: self._trial.chinese_tags(), ("tag round trip",))

    @cached_property
    def _caller(self) -> Caller:
        return identify(self._access)

    def _keys(self) -> str:
        try:
            self._access.check_keys()
        except NoKeys as error:
            raise Failing(error.said, error.advice) from None
        return self._caller.arn

    def _region(self) -> str:
        region, account = self._target.region, self._target.account_id
        elsewhere = [
            f"{name} in {place or region}, account {owner or account}"
            for name, (place, owner) in self._target.places().items()
            if place not in ("", region) or owner not in ("", "official", account)
        ]
        if elsewhere:
            raise Failing(
                f"The function is for {region}, account {account}, but {self._target.file} has "
                f"{'; '.join(elsewhere)}.",
                "Everything has to be in one region and account: take both from the variables in s.yaml.",
            )
        return region

    def _account(self) -> str:
        try:
            check_account(self._caller, self._target.account_id)
        except OtherAccount as error:
            raise Failing(error.said, error.advice) from None
        return self._target.account_id

    def _projects(self) -> str:
        projects = self._installation.media.projects
        if not projects:
            raise LeftOut("name it with --project")
        for name in projects:
            if fault := self._installation.fault_of_project(name):
                raise Failing(*fault)
        return ", ".join(projects)

    def _bucket(self) -> str:
        name = self._installation.media.bucket
        if not name:
            raise LeftOut("name it with --bucket or --object")
        if fault := self._installation.fault_of_bucket(name, "with --bucket"):
            raise Failing(*fault)
        return name

    def _topic(self, name: str) -> str:
        if self._services.messaging.topic(name) is None:
            raise Failing(f"There is no topic {name} in {self._target.region}.", SET_UP)
        return ""

    def _queue(self, name: str) -> str:
        if self._services.messaging.tags_of_queue(name) is None:
            raise Failing(f"There is no queue {name} in {self._target.region}.", SET_UP)
        return self._target.queues[name]

    def _searches(self) -> str:
        """The saved searches that setup makes, and its alerts, which it makes where they are asked for."""
        missing: list[str] = []
        told: list[str] = []
        absent: list[str] = []
        for project, place in self._log_places().items():
            for name in observability.documents(Kind.SEARCH, self._target, place):
                if not self._services.logs.has(Kind.SEARCH, project, name):
                    missing.append(f"saved search {name}")
            for name in observability.documents(Kind.ALERT, self._target, place):
                there = self._services.logs.has(Kind.ALERT, project, name)
                (told if there else absent).append(name)
        if missing:
            raise Failing(f"Log Service lacks the {', '.join(missing)}.", SET_UP)
        if told and absent:
            absentees = ", ".join(absent)
            raise Failing(f"Log Service lacks the alert {absentees}.", "Run `imm-label-tags setup --alerts`.")
        return f"alerts: {', '.join(told) or 'none; `setup --alerts` makes them'}"

    def _log_places(self) -> dict[str, dict[str, str]]:
        """Where the functions' logs are, by their projects."""
        places = filter(None, map(log_of, self._target.functions))
        found = {place["log_project"]: place for place in places}
        if not found:
            raise LeftOut(f"{self._target.file} does not name a log project and a logstore")
        return found

    def _log(self, function: DeclaredFunction) -> str:
        place = log_of(function)
        if place is None:
            raise LeftOut(f"{self._target.file} does not name its project and logstore")
        project, logstore, logs = place["log_project"], place["logstore"], self._services.logs
        if logs.project(project) is None:
            raise Failing(f"There is no log project {project} in {self._target.region}.", SET_UP)
        if not logs.has_logstore(project, logstore):
            raise Failing(f"There is no logstore {logstore} in the log project {project}.", SET_UP)
        index, wanted = logs.index(project, logstore), observability.index()
        if index is None:
            raise Failing(f"The logstore {logstore} has no index, so nothing in it can be found.", SET_UP)
        if others := unlike(index, wanted):
            raise Failing(
                f"The index of {logstore} has {', '.join(others)} as plain text, without its fields.",
                "Change that to JSON in the console of Log Service, and run `imm-label-tags setup`.",
            )
        if missing := completed(index, wanted)[1]:
            raise Failing(f"The index of {logstore} lacks {', '.join(missing)}.", SET_UP)
        return f"{project}, {logstore}"

    @cached_property
    def _trial(self) -> Trial:
        """The object that a tag is tried on, through a client with the caller's keys."""
        if self._object is None:
            raise LeftOut("name an object with --object oss://bucket/key")
        objects = self._access.function_client(OssObjects, "oss", self._target.account_id)
        return Trial(objects, self._object)
