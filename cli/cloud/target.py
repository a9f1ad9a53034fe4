"""What ``s.yaml`` says of the installation, and whose objects and tasks it is to work on.

Each field is read when a command needs it: what only Serverless Devs knows keeps no command from the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

from cli.manifest.arns import account_of
from cli.manifest.expressions import ACCOUNT_VARIABLE
from cli.manifest.fields import FieldUnreadable, known
from cli.manifest.file import read_manifest
from cli.manifest.function import (
    KEEPING_HANDLER,
    OWN_HANDLERS,
    SUBMITTING_HANDLER,
    TAGGING_HANDLER,
    DeclaredFunction,
    DeclaredTrigger,
    account_in,
    functions_of,
    handled_by,
    role_name,
)
from cli.problems import Problem
from imm_label_tags.failures.keeper import VARIABLE, read_failed_settings
from imm_label_tags.results.target import ObjectPrefix
from imm_label_tags.submission.settings import PROJECT, TOPIC
from imm_label_tags.tagging.settings import ARCHIVE

_QUEUE = ("eventSourceConfig", "eventSourceParameters", "sourceMNSParameters", "QueueName")
_DEAD_LETTERS = ("runOptions", "deadLetterQueue", "Arn")
# What has to be known of a trigger of each type that calls these functions.
_NEEDED_OF = {
    "mns_topic": ("name", "invocation_role", "topic", "settings"),
    "oss": ("name", "invocation_role", "bucket", "uploads"),
    "eventbridge": ("name", "settings"),
}
# The file that Serverless Devs and the commands take without being told.
DEFAULT_FILE = "s.yaml"
_TOLD = re.compile(r"`(s deploy|s \w+ remove|s remove|imm-label-tags setup)( [^`]*)?`")
_TOPIC_END = "/messages"


class NotInstallable(Problem):
    """``s.yaml`` declares something that these commands do not handle."""


@dataclass(frozen=True)
class Media:
    """The objects that the function may tag, and the IMM projects whose tasks it may read."""

    bucket: str = ""
    prefix: str = ""
    projects: tuple[str, ...] = ()


class Target:
    """Everything that the functions need.

    ``function`` writes the tags, ``keeper`` stores the events that the others fail for; ``submitter``, if the
    file has it, submits videos to IMM. Every property raises FieldUnreadable where the file does not say what
    it needs, or where only Serverless Devs knows.
    """

    def __init__(
        self,
        path: Path,
        function: DeclaredFunction,
        keeper: DeclaredFunction,
        submitter: DeclaredFunction | None,
        variables: Mapping[str, str],
    ) -> None:
        self.function = function
        self.keeper = keeper
        self.submitter = submitter
        self.file = path.name
        self._path = path
        self._variables = variables

    @property
    def functions(self) -> tuple[DeclaredFunction, ...]:
        """All of them: tagging, keeping and, if there, submitting."""
        return (self.function, self.keeper, *((self.submitter,) if self.submitter else ()))

    def in_command(self, text: str) -> str:
        """A text whose commands in backticks are those for this file, where they have to be told of it."""
        option = "" if self.file == DEFAULT_FILE else f" --template {self.file}"
        return _TOLD.sub(rf"`\1{option}\2`", text)

    @property
    def region(self) -> str:
        """The region of the functions."""
        return self.function.region

    @cached_property
    def account_id(self) -> str:
        """The account: its role's, else that of most ARNs, else the environment's; empty where unknown."""
        return account_of(self.functions) or self._variables.get(ACCOUNT_VARIABLE, "")

    def of_account(self, account_id: str) -> Target:
        """The same, read for the account whose keys deploy it, which the file asks `s config` for."""
        return read_target(self._path, {**self._variables, ACCOUNT_VARIABLE: account_id}, dotenv=False)

    def keeps_for(self, function: DeclaredFunction) -> bool:
        """Whether what a function fails for goes to the one that keeps it."""
        destination = function.on_failure
        name = _resource(destination).removeprefix("functions/").removesuffix("/LATEST")
        return destination.startswith("acs:fc:") and name == self.keeper.name

    def check_roles(self) -> None:
        """Raise NotInstallable where two functions have the same role."""
        for one, other in combinations(self.functions, 2):
            role = self.role_of(one)
            if role.lower() == self.role_of(other).lower():
                raise NotInstallable(
                    f"{self._path} gives both {one.resource} and {other.resource} the role {role}, so that "
                    "each could do what only the other has to: name two."
                )

    @property
    def triggers(self) -> tuple[DeclaredTrigger, ...]:
        """The subscriptions to topics that can be read."""
        return self._readable(self.function, "mns_topic")

    @property
    def uploads(self) -> tuple[DeclaredTrigger, ...]:
        """What brings uploads by OSS's own triggers, as far as it can be read."""
        return self._readable(self.submitter, "oss") if self.submitter is not None else ()

    def triggers_of(self, function: DeclaredFunction) -> tuple[DeclaredTrigger | FieldUnreadable, ...]:
        """Its triggers, in order; in place of one that lacks what its type needs, why it cannot be read."""
        return tuple(_triggers(function))

    @property
    def unread_triggers(self) -> tuple[FieldUnreadable, ...]:
        """What of the triggers cannot be read."""
        read = (one for function in self.functions for one in self.triggers_of(function))
        return tuple(one for one in read if isinstance(one, FieldUnreadable))

    @property
    def submissions(self) -> Media:
        """What is submitted, as far as the file says; empty where it does not, or says several."""
        places = {(one.bucket.name, one.uploads.prefix) for one in self.uploads}
        bucket, prefix = places.pop() if len(places) == 1 else ("", "")
        project = self.submitter.setting(PROJECT) if self.submitter else ""
        return Media(bucket, prefix, (project,) if project else ())

    @property
    def notification_topic(self) -> str:
        """The topic that IMM is asked to tell of a task's end; empty where the file asks for none."""
        return self.submitter.setting(TOPIC) if self.submitter else ""

    @property
    def failed_topics(self) -> tuple[str, ...]:
        """The topics that take what failed, as far as they can be read."""
        arns = (arn for function in self.functions for arn in _destinations(function))
        return tuple(dict.fromkeys(filter(None, map(topic_in, arns))))

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic: those that trigger the function or that IMM tells, then those for what failed."""
        told = [trigger.topic.name for trigger in self.triggers]
        told += filter(None, [known(self, "notification_topic", "")])
        return tuple(dict.fromkeys([*told, *self.failed_topics]))

    @property
    def queues(self) -> dict[str, str]:
        """What each queue is for that a stream of EventBridge reads, or that takes what fails in one."""
        queues: dict[str, str] = {}
        for function in self.functions:
            for _, value in _items(function, "triggers"):
                settings = value.get("triggerConfig") if isinstance(value, dict) else None
                for path, purpose in (
                    (_QUEUE, f"{function.resource} reads it: subscribe it to the topic of the tasks"),
                    (_DEAD_LETTERS, f"takes what {function.resource} fails for in a stream"),
                ):
                    if name := _text_at(settings, path).rpartition("/")[2]:
                        queues[name] = purpose
        return queues

    def failed_events(self) -> ObjectPrefix:
        """Where ``s.yaml`` says that failed events are kept; raises InvalidSetting."""
        return read_failed_settings({VARIABLE: self.keeper.setting(VARIABLE)}).failed_events

    def result_archive(self) -> ObjectPrefix | None:
        """Where ``s.yaml`` says that whole results are kept, if anywhere; raises InvalidSetting."""
        text = self.function.setting(ARCHIVE)
        return ObjectPrefix.from_setting(ARCHIVE, text) if text else None

    def places(self) -> dict[str, tuple[str, str]]:
        """Region and account (either may be empty) of everything that is known to be named by its ARN."""
        others = self.functions[1:]
        places = {f"function {one.name}": (one.region, _account_of(one)) for one in others}
        arns: dict[str, str] = {}
        for function in self.functions:
            for _, arn in _items(function, "layers"):
                if isinstance(arn, str):
                    arns[f"layer {arn.rpartition('layers/')[2]}"] = arn
            for trigger in self.triggers_of(function):
                if isinstance(trigger, DeclaredTrigger):
                    arns[f"trigger {trigger.name}"] = known(trigger, "source_arn", "")
            for arn in _destinations(function):
                arns[f"destination {_resource(arn)}"] = arn
        return places | {name: _place(arn) for name, arn in arns.items() if arn.count(":") >= 4}

    def role_of(self, function: DeclaredFunction) -> str:
        """The name of a function's role; raises NotInstallable where there is none."""
        if not function.role:
            raise NotInstallable(
                f"{self._path} gives the function {function.name} no role, so it could use no other service: "
                "name one with `role: acs:ram::<account>:role/<name>`."
            )
        return role_name(function.role)

    def _readable(self, function: DeclaredFunction, kind: str) -> tuple[DeclaredTrigger, ...]:
        read = (one for one in self.triggers_of(function) if isinstance(one, DeclaredTrigger))
        return tuple(one for one in read if one.type == kind)


def read_target(path: Path, environment: Mapping[str, str], *, dotenv: bool = True) -> Target:
    """The functions of a file, found by their handlers; raises NotInstallable or ManifestUnreadable."""
    manifest = read_manifest(path, environment, dotenv=dotenv)
    functions: dict[str, DeclaredFunction] = {}
    for handler in OWN_HANDLERS:
        found = [one for one in functions_of(manifest) if handled_by(one, handler)]
        if len(found) > 1 or (not found and handler != SUBMITTING_HANDLER):
            raise NotInstallable(
                f"{path} declares {len(found)} functions with the handler {handler}; this command needs one."
            )
        if found:
            functions[handler] = found[0]
    return Target(
        path,
        functions[TAGGING_HANDLER],
        functions[KEEPING_HANDLER],
        functions.get(SUBMITTING_HANDLER),
        manifest.variables,
    )


def overlap(one: ObjectPrefix, other: ObjectPrefix) -> bool:
    """Whether objects of the one place would be among those of the other."""
    first, second = f"{one.prefix}/", f"{other.prefix}/"
    return one.bucket == other.bucket and (first.startswith(second) or second.startswith(first))


def topic_in(arn: str) -> str:
    """The topic that a destination ``acs:mns:<region>:<account>:/topics/<topic>/messages`` names, if any."""
    kind, _, rest = arn.partition(":/topics/")
    return rest.removesuffix(_TOPIC_END) if kind.startswith("acs:mns:") and rest.endswith(_TOPIC_END) else ""


def _triggers(function: DeclaredFunction) -> Iterator[DeclaredTrigger | FieldUnreadable]:
    try:
        items = function.props.items("triggers")
    except FieldUnreadable as problem:
        yield problem
        return
    for where, value in items:
        try:
            trigger = DeclaredTrigger(value, where)
            for field in _NEEDED_OF.get(trigger.type, ("name",)):
                getattr(trigger, field)
            yield trigger
        except FieldUnreadable as problem:
            yield problem


def _text_at(value: object, path: tuple[str, ...]) -> str:
    """The text at a path; empty where there is none that can be read."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _account_of(function: DeclaredFunction) -> str:
    return account_in(known(function, "role", ""))


def _destinations(function: DeclaredFunction) -> Iterator[str]:
    """The destinations that can be read."""
    return filter(None, (known(function, key, "") for key in ("on_failure", "on_success")))


def _items(function: DeclaredFunction, key: str) -> list[tuple[str, object]]:
    try:
        return function.props.items(key)
    except FieldUnreadable:
        return []


def _resource(arn: str) -> str:
    return arn.rpartition(":")[2].strip("/")


def _place(arn: str) -> tuple[str, str]:
    _, _, region, account, *_ = arn.split(":")
    return region, account
