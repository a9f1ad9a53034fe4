"""What ``doctor`` checks, in order: from the keys to a tag on an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from cli.cloud.access import Access, Caller, OtherAccount, check_account, identify
from cli.cloud.keys import NoKeys
from cli.cloud.target import Media, Target, TopicTrigger
from cli.installation.documents import Documents
from cli.installation.examination import Check, Failing, LeftOut
from cli.installation.function_checks import DEPLOY, SAMPLE, SET_UP, FunctionChecks, invocation_checks
from cli.installation.functions import DeployedTrigger
from cli.installation.keeping import Keeping
from cli.installation.observability import Observability, completed, log_of, unlike
from cli.installation.permissions import Need
from cli.installation.round_trip import PatientObjects, chinese_tags, round_trip
from cli.installation.services import Services
from cli.installation.submitting import Submitting
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredFunction, role_name
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.target import TargetObject
from imm_label_tags.services.connections import Connections
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.oss import OssObjects
from imm_label_tags.tagging.settings import ARCHIVE, Settings, read_settings


class Diagnosis:
    """The checks of one installation. ``target_object`` is what to try a tag on, if anything."""

    def __init__(
        self,
        access: Access,
        services: Services,
        target: Target,
        media: Media,
        documents: Documents,
        target_object: TargetObject | None,
        observability: Observability,
    ) -> None:
        self._access = access
        self._services = services
        self._target = target
        self._media = media
        self._documents = documents
        self._observability = observability
        self._object = target_object
        self._function = FunctionChecks(services, target, target.function)
        self._keeping = Keeping(services, target, documents)
        # What one check finds out for the ones after it.
        self._caller = Caller("", "")
        self._deployed_settings: Settings | None = None

    def checks(self) -> Iterator[Check]:
        """Every check, in order."""
        yield Check("keys", self._keys)
        yield Check("region", self._region)
        yield Check("account", self._account, ("keys",))
        sound = ("keys", "account")
        yield Check("IMM project", self._projects, (*sound, "region"))
        yield Check("bucket", self._bucket, (*sound, "region"))
        for topic in self._target.topics:
            yield Check(f"topic {topic}", partial(self._topic, topic), (*sound, "region"))
        for queue in self._target.queues:
            yield Check(f"queue {queue}", partial(self._queue, queue), (*sound, "region"))
        yield Check("function", self._function.deployed, (*sound, "region"))
        yield Check("settings", self._settings, ("function",))
        yield Check("failure destination", self._function.destination, ("function",))
        for trigger in self._target.triggers:
            yield Check(
                f"trigger {trigger.name}",
                partial(self._trigger, trigger),
                ("function", f"topic {trigger.topic}"),
            )
        yield from self._function.bus_triggers("function")
        for unread in self._target.unread_triggers:
            yield Check(unread.where.rpartition("props.")[2], partial(_raise, unread))
        yield Check("role", self._function.role, sound)
        yield Check("policies", self._policies, ("role",))
        tagging, *others = self._documents.invocations(self._target)
        roles = {one.name: role_name(one.invocation_role) for one in tagging.triggers if one.invocation_role}
        yield from invocation_checks(self._services.ram, self._target.region, tagging, roles, sound)
        yield Check("result archive", self._result_archive, ("settings", "role"))
        yield from self._keeping.checks(*sound)
        for invocation in others:
            submitting = Submitting(self._services, self._target, self._media, self._documents, invocation)
            yield from submitting.checks(*sound)
        for function in self._target.functions:
            yield Check(f"log of {function.resource}", partial(self._log, function), (*sound, "region"))
        logs = tuple(f"log of {function.resource}" for function in self._target.functions)
        yield Check("saved searches", self._searches, logs)
        yield Check("tag round trip", self._round_trip, (*sound, "bucket"))
        yield Check("Chinese tags", self._chinese_tags, ("tag round trip",))

    def _keys(self) -> str:
        try:
            self._access.check_keys()
        except NoKeys as error:
            raise Failing(error.said, error.advice) from None
        self._caller = identify(self._access)
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
        if not self._media.projects:
            raise LeftOut("name it with --project")
        for name in self._media.projects:
            project = self._services.projects.find(name)
            if project is None:
                raise Failing(
                    f"There is no IMM project {name} in {self._target.region}.",
                    "Create it there, or name the right one with --project.",
                )
            if self._services.ram.role(project.service_role) is None:
                raise Failing(
                    f"The service role {project.service_role} of IMM project {name} does not exist.",
                    "Authorize IMM in its console, which makes the role.",
                )
        return ", ".join(self._media.projects)

    def _bucket(self) -> str:
        name = self._media.bucket
        if not name:
            raise LeftOut("name it with --bucket or --object")
        region = self._services.buckets.region_of(name)
        if region is None:
            raise Failing(f"There is no bucket {name}.", "Create it, or name the right one with --bucket.")
        if region != self._target.region:
            raise Failing(
                f"The bucket {name} is in {region}, the function in {self._target.region}.",
                "IMM and the function reach buckets of their own region only: deploy to the bucket's region.",
            )
        return name

    def _topic(self, name: str) -> str:
        if self._services.topics.find(name) is None:
            raise Failing(f"There is no topic {name} in {self._target.region}.", SET_UP)
        return ""

    def _queue(self, name: str) -> str:
        if self._services.queues.tags_of(name) is None:
            raise Failing(f"There is no queue {name} in {self._target.region}.", SET_UP)
        return self._target.queues[name]

    def _settings(self) -> str:
        try:
            settings = read_settings(self._function.environment, self._target.function.code)
        except InvalidSetting as error:
            raise Failing(str(error), f"Correct the environment variable. {DEPLOY}") from None
        if (
            self._object is not None
            and settings.allowed_objects is not None
            and not settings.allowed_objects.match(self._object)
        ):
            raise Failing(
                f"ALLOWED_OBJECTS does not let the function tag {self._object.uri}.",
                f"Add a pattern for it, or name another object. {DEPLOY}",
            )
        self._deployed_settings = settings
        return f"namespace {settings.namespace}"

    def _trigger(self, wanted: TopicTrigger) -> str:
        found = self._function.triggers().get(wanted.name)
        again = f"`s deploy` never changes a topic's trigger: run `s remove --trigger {wanted.name}` first."
        if found is None:
            raise Failing(f"The function has no trigger {wanted.name}.", DEPLOY)
        wrong = list(_differences(found, wanted, role_name(wanted.invocation_role)))
        if wrong:
            raise Failing(
                f"The trigger {wanted.name} is not as {self._target.file} declares it: {'; '.join(wrong)}.",
                again,
            )
        if not self._services.topics.subscriptions(wanted.topic):
            raise Failing(
                f"The trigger is there, but the topic {wanted.topic} has no subscription: the topic was "
                "made anew after the deployment.",
                again,
            )
        return f"{wanted.topic}, {wanted.notify_content_format}, {wanted.notify_strategy}"

    def _policies(self) -> str:
        media, sample = self._media, SAMPLE
        if not media.projects or not media.bucket:
            raise LeftOut("name --project and --bucket (or --object)")
        if self._object is not None:
            media, sample = Media(self._object.bucket, self._object.key, media.projects), ""
        # Whether it may keep results is a check of its own.
        document = partial(self._documents.function_policy, self._target, media, None)
        return self._function.policies(document, "Name another object, bucket, prefix or project.", sample)

    def _result_archive(self) -> str:
        assert self._deployed_settings is not None, "the check of the settings comes before"
        archive, target = self._deployed_settings.result_archive, self._target
        if archive is None:
            self._check_archive_declared("")
            return f"{ARCHIVE} is not set: whole results are not kept"
        region = self._services.buckets.region_of(archive.bucket)
        if region is None:
            raise Failing(
                f"There is no bucket {archive.bucket}, so no result can be kept, and nothing is tagged.",
                f"Create it in {target.region}, or name another with {ARCHIVE}. {DEPLOY}",
            )
        if region != target.region:
            raise Failing(
                f"The bucket {archive.bucket} is in {region}, the function in {target.region}.",
                f"Name a bucket of the function's region with {ARCHIVE}. {DEPLOY}",
            )
        document = f"{archive.bucket}/{archive.prefix}/{SAMPLE}.json"
        need = Need("oss:PutObject", f"acs:oss:{target.region}:{target.account_id}:{document}")
        self._function.permitted([need])
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

    def _searches(self) -> str:
        """The saved searches that setup makes, and its alerts, which it makes where they are asked for."""
        logs, target, documents = self._services.logs, self._target, self._observability
        missing, alerts = [], []
        for project, place in self._log_places().items():
            for search in documents.searches(target, place):
                if not logs.has_search(project, search["savedsearchName"]):
                    missing.append(f"saved search {search['savedsearchName']}")
            alerts += [
                (alert["name"], logs.has_alert(project, alert["name"]))
                for alert in documents.alerts(target, place)
            ]
        told = [name for name, there in alerts if there]
        if missing:
            raise Failing(f"Log Service lacks the {', '.join(missing)}.", SET_UP)
        if told and len(told) < len(alerts):
            absent = ", ".join(name for name, there in alerts if not there)
            raise Failing(f"Log Service lacks the alert {absent}.", "Run `imm-label-tags setup --alerts`.")
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
        index, wanted = logs.index(project, logstore), self._observability.index()
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

    def _round_trip(self) -> str:
        return round_trip(*self._tried_on())

    def _chinese_tags(self) -> str:
        return chinese_tags(*self._tried_on())

    def _tried_on(self) -> tuple[PatientObjects, TargetObject]:
        """The object that a tag is tried on, through a client with the caller's keys."""
        if self._object is None:
            raise LeftOut("name an object with --object oss://bucket/key")
        access = self._access
        credentials = RoleCredentials(_as_variables(access))
        objects = OssObjects(
            access.region,
            self._target.account_id,
            access.endpoints["oss"],
            credentials,
            Connections(secure=False),
        )
        return PatientObjects(objects), self._object


def _differences(found: DeployedTrigger, wanted: TopicTrigger, role: str) -> Iterator[str]:
    topic = f"acs:mns:{wanted.region}:{wanted.account_id}:/topics/{wanted.topic}"
    if found.type != "mns_topic":
        yield f"its type is {found.type}"
    if found.source != topic:
        yield f"its source is {found.source} and not {topic}"
    # The deployment writes roles in lower case; one that s.yaml leaves out, it makes.
    if role and found.role.lower() != f"acs:ram::{wanted.account_id}:role/{role}".lower():
        yield f"its invocationRole is {found.role or 'not set'} and not {role}"
    for name, value in (
        ("notifyContentFormat", wanted.notify_content_format),
        ("notifyStrategy", wanted.notify_strategy),
        ("filterTag", wanted.filter_tag),
    ):
        if found.settings.get(name, "") != value:
            yield f"its {name} is {found.settings.get(name) or 'not set'} and not {value or 'unset'}"


def _raise(problem: FieldUnreadable) -> str:
    raise problem


def _as_variables(access: Access) -> Mapping[str, str]:
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": access.keys.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": access.keys.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": access.keys.security_token,
    }
