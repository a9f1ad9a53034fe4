"""What ``setup`` is going to do: everything that the functions need and that is not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain

from cli.cloud.target import overlap
from cli.installation import documents, marks
from cli.installation.documents import Invocation
from cli.installation.log_steps import LogSteps
from cli.installation.messaging import Topic
from cli.installation.plan import Plan, State, Step, made
from cli.installation.ram import CUSTOM, Policy, Ram, Role
from cli.installation.services import Installation
from cli.manifest.fields import FieldUnknown
from cli.manifest.function import DeclaredFunction
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.keeper import VARIABLE
from imm_label_tags.results.target import ObjectPrefix
from imm_label_tags.submission.settings import PROJECT
from imm_label_tags.tagging.settings import ARCHIVE
from localcloud.ram.document import MalformedPolicy
from localcloud.ram.trust import parse_trust

FUNCTION_SERVICE = "fc.aliyuncs.com"


def plan_setup(installation: Installation, *, alerts: bool = False) -> Plan:
    """Look at what is there, and say what is missing; raises CallFailed. Changes nothing."""
    logs = LogSteps(installation.services.logs, installation.target).set_up(alerts=alerts)
    return Plan(chain(_SetUp(installation).steps(), logs))


class _SetUp:
    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._services = installation.services
        self._target = installation.target
        self._media = installation.media
        # What earlier steps find out for those of the roles.
        self._store: ObjectPrefix | None = None
        self._archive: ObjectPrefix | None = None

    def steps(self) -> Iterator[Step]:
        target = self._target
        with suppress(FieldUnknown):
            # Told where the role is needed.
            target.check_roles()
        for project in self._media.projects:
            yield from self._project(project)
        yield self._bucket(self._media.bucket, "has the videos", "with --bucket")
        yield from _known(self._failed_events(), "failed events")
        yield from _known(self._result_archive(), "result archive")
        for function in target.functions:
            yield from _known(self._failure_destination(function), "failure destination")
        yield from _known(self._uploads(), "uploads")
        for topic in target.topics:
            yield self._topic(topic)
        for name, purpose in target.queues.items():
            yield self._queue(name, purpose)
        for unread in target.unread_triggers:
            yield Step("trigger", State.NOT_CHECKED, str(unread))
        yield from self._acting_roles()
        for invocation in documents.invocations(target):
            yield from self._invoking(invocation)

    def _failure_destination(self, function: DeclaredFunction) -> Iterator[Step]:
        target = self._target
        if function is not target.keeper and not target.keeps_for(function):
            yield Step(
                "failure destination",
                State.NOT_CHECKED,
                f"{function.on_failure or 'none'}, and not {target.keeper.name}, for which the policies are: "
                f"give the role of {function.resource} what it needs",
            )

    def _uploads(self) -> Iterator[Step]:
        """What is submitted has to be among what the function that tags may tag."""
        media, tagging = self._media, self._target.function.resource
        for trigger in self._target.uploads:
            bucket, prefix = trigger.bucket.name, trigger.uploads.prefix
            if bucket != media.bucket or not prefix.startswith(media.prefix):
                yield Step(
                    f"trigger {trigger.name}",
                    State.PROBLEM,
                    f"It submits what is uploaded to oss://{bucket}/{prefix}, and {tagging} would get a role "
                    f"for oss://{media.bucket}/{media.prefix} only: say the same to both.",
                )

    def _project(self, name: str) -> Iterator[Step]:
        if fault := self._installation.fault_of_project(name):
            yield Step(f"IMM project {name}", State.PROBLEM, " ".join(fault))
            return
        yield Step(f"IMM project {name}", State.PRESENT)
        role = self._services.projects.service_role(name)
        yield Step(f"role {role}", State.PRESENT, f"the service role of project {name}")

    def _bucket(self, name: str, purpose: str, another: str) -> Step:
        if fault := self._installation.fault_of_bucket(name, another):
            return Step(f"bucket {name}", State.PROBLEM, " ".join(fault))
        return Step(f"bucket {name}", State.PRESENT, purpose)

    def _failed_events(self) -> Iterator[Step]:
        keeper = self._target.keeper.resource
        try:
            store = self._target.failed_events()
        except InvalidSetting as error:
            yield Step("failed events", State.PROBLEM, f"{error} Export it, or name it in .env.")
            return
        self._store = store
        if store.bucket != self._media.bucket:
            yield self._bucket(store.bucket, "keeps what failed", f"with {VARIABLE}")
        elif f"{self._media.prefix.rstrip('/')}/".startswith(f"{store.prefix}/"):
            yield Step(
                "failed events",
                State.PROBLEM,
                f"{VARIABLE} is {store.uri}, and the videos are below it: {keeper} could "
                "overwrite them. Name a prefix of its own.",
            )
            return
        yield Step("failed events", State.ELSEWHERE, f"{keeper} stores them below {store.uri}")

    def _result_archive(self) -> Iterator[Step]:
        try:
            archive = self._target.result_archive()
        except InvalidSetting as error:
            yield Step("result archive", State.PROBLEM, f"{error} Export it, or name it in .env.")
            return
        if archive is None:
            return
        self._archive = archive
        media, tagging = self._media, self._target.function.resource
        if archive.bucket != media.bucket:
            yield self._bucket(archive.bucket, "keeps whole results", f"with {ARCHIVE}")
        elif _overlap(archive.prefix, media.prefix):
            yield Step(
                "result archive",
                State.PROBLEM,
                f"{ARCHIVE} is {archive.uri}, and the videos are below {media.prefix}: {tagging} could take "
                "the one for the other. Name a prefix beside it.",
            )
            return
        if self._store is not None and overlap(archive, self._store):
            yield Step(
                "result archive",
                State.PROBLEM,
                f"{ARCHIVE} is {archive.uri}, and failed events are kept at {self._store.uri}: {tagging} "
                "could overwrite them. Name two prefixes beside each other.",
            )
            return
        yield Step("result archive", State.ELSEWHERE, f"{tagging} stores whole results below {archive.uri}")

    def _topic(self, name: str) -> Step:
        purpose = "takes what cannot be kept" if name in self._target.failed_topics else "IMM's notifications"
        messaging = self._services.messaging
        wanted = Topic(name, {marks.TAG_KEY: marks.TAG_VALUE})
        make = partial(messaging.create_topic, wanted)
        return made(f"topic {name}", messaging.topic(name) is not None, purpose, make)

    def _queue(self, name: str, purpose: str) -> Step:
        messaging = self._services.messaging
        make = partial(messaging.create_queue, name, {marks.TAG_KEY: marks.TAG_VALUE})
        return made(f"queue {name}", messaging.tags_of_queue(name) is not None, purpose, make)

    def _acting_roles(self) -> Iterator[Step]:
        target, media = self._target, self._media
        tagging = partial(documents.function_policy, target, media, self._archive)
        yield from _known(self._acting(target.function, tagging), "role of the function that tags")
        if self._store is not None:
            keeping = partial(documents.keeper_policy, target, self._store)
            yield from _known(self._acting(target.keeper, keeping), "role of the function that keeps")
        if target.submitter is not None:
            submitting = self._submitting(target.submitter)
            yield from _known(submitting, "role of the function that submits videos")

    def _submitting(self, function: DeclaredFunction) -> Iterator[Step]:
        if not function.setting(PROJECT):
            yield Step(function.resource, State.PROBLEM, f"{PROJECT} is not set: name the IMM project.")
            return
        document = partial(documents.submitter_policy, self._target, self._media)
        yield from self._acting(function, document)

    def _acting(self, function: DeclaredFunction, document: Callable[[], str]) -> Iterator[Step]:
        """The role of a function, and what it may do."""
        name, acting = self._target.role_of(function), function.resource
        trust = documents.function_trust()
        yield _role(self._services.ram, name, trust, FUNCTION_SERVICE, f"{acting} acts in it")
        yield from self._policy(name, document(), f"what {acting} may do")

    def _invoking(self, invocation: Invocation) -> Iterator[Step]:
        """The roles in which a service invokes a function, and what it may do."""
        service = invocation.service
        purpose = f"{service} invokes {invocation.function.resource} in it"
        for name in invocation.roles:
            yield _role(self._services.ram, name, invocation.trust, invocation.principal, purpose)
            yield from self._policy(name, invocation.policy(), f"what {service} may do")
        if invocation.triggers and not invocation.roles:
            detail = f"{purpose}; `s deploy` makes it, or name another as invocationRole"
            yield Step(f"role {invocation.made_by_fc3}", State.ELSEWHERE, detail)

    def _policy(self, role: str, document: str, purpose: str) -> Iterator[Step]:
        ram = self._services.ram
        policy = Policy(marks.policy_name(role, document), CUSTOM, marks.DESCRIPTION)
        what, present = f"policy {policy.name}", ram.document(policy)
        if present is not None and not marks.same(present, document):
            yield Step(
                what,
                State.PROBLEM,
                "Somebody has changed it: delete it in the RAM console, and run this again.",
            )
            return
        make = partial(ram.create_policy, policy, document)
        yield made(what, present is not None, purpose, make)
        attached = ram.attached(role)
        there = policy.name in [other.name for other in attached if other.kind == CUSTOM]
        attach = partial(ram.attach, policy, role)
        yield made(f"{policy.name} on {role}", there, "" if there else "attach", attach)
        for other in attached:
            if other.name != policy.name and ours_unchanged(ram, other, role):
                yield Step(
                    f"policy {other.name}",
                    State.REMOVE,
                    "of an earlier setup, for something else",
                    partial(_withdraw, ram, other, role),
                )


def _overlap(kept: str, videos: str) -> bool:
    """Whether documents would be among the videos, or videos among them; the whole bucket is no prefix."""
    return bool(videos) and (f"{kept}/".startswith(videos) or f"{videos.rstrip('/')}/".startswith(f"{kept}/"))


def _known(steps: Iterator[Step], what: str) -> Iterator[Step]:
    """The steps as far as ``s.yaml`` says what they need."""
    try:
        yield from steps
    except FieldUnknown as unknown:
        yield Step(what, State.NOT_CHECKED, str(unknown))


def _role(ram: Ram, name: str, trust: str, service: str, purpose: str) -> Step:
    what, role = f"role {name}", ram.role(name)
    if role is None:
        wanted = Role(name, marks.DESCRIPTION, trust)
        return Step(what, State.CREATE, f"{purpose}; trusts {service}", partial(ram.create_role, wanted))
    if _trusts(role, service):
        return Step(what, State.PRESENT, purpose)
    return Step(
        what,
        State.PROBLEM,
        f"Its trust policy does not let {service} assume it: add "
        f'"Principal": {{"Service": ["{service}"]}} there, or choose another role.',
    )


def _trusts(role: Role, service: str) -> bool:
    try:
        return parse_trust(role.trust).trusts(service)
    except MalformedPolicy:
        # It has more than this project can judge, such as conditions; so only the plain form is trusted.
        return False


def ours_unchanged(ram: Ram, policy: Policy, role: str) -> bool:
    """Whether ``setup`` made a policy for a role, and nobody has changed it since."""
    if policy.kind != CUSTOM or policy.description != marks.DESCRIPTION:
        return False
    if not marks.is_policy_name(role, policy.name):
        return False
    document = ram.document(policy)
    return document is not None and marks.unchanged(role, policy.name, document)


def _withdraw(ram: Ram, policy: Policy, role: str) -> None:
    ram.detach(policy, role)
    ram.delete_policy(policy.name)
