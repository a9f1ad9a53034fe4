"""What ``s.yaml`` says of the installation, and whose objects and tasks it is to work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imm_label_tags.failed_settings import FailedEvents, read_failed_settings
from localcloud.cloud import topic_of
from localcloud.fc.declaration import FunctionDeclaration, MnsTopicTrigger
from localcloud.fc.destinations import is_function
from terminal.local_deployment import load_deployment
from terminal.problems import Problem


class NotInstallable(Problem):
    """``s.yaml`` declares something that these commands do not handle."""


@dataclass(frozen=True)
class Media:
    """The objects that the function may tag, and the IMM projects whose tasks it may read."""

    bucket: str = ""
    prefix: str = ""
    projects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """The names of everything that the two functions need, resolved.

    ``function`` writes the tags, ``keeper`` stores the events that it fails for.
    """

    function: FunctionDeclaration
    keeper: FunctionDeclaration
    account_id: str
    role: str
    keeper_role: str
    failed_topics: tuple[str, ...]
    invocation_roles: tuple[str, ...]

    @property
    def region(self) -> str:
        """The region of the functions."""
        return self.function.region

    @property
    def triggers(self) -> tuple[MnsTopicTrigger, ...]:
        """The subscriptions to topics."""
        return self.function.mns_topic_triggers

    def invocation_role_of(self, trigger: MnsTopicTrigger) -> str:
        """The role in which MNS invokes the function for a trigger; empty where ``s.yaml`` names none."""
        roles = {each.name: each.invocation_role for each in self.function.triggers}
        return (roles[trigger.name] or "").rpartition("role/")[2]

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic: those that trigger the function, then those that take what failed."""
        return tuple(dict.fromkeys([*(trigger.topic for trigger in self.triggers), *self.failed_topics]))

    def failed_events(self) -> FailedEvents:
        """Where ``s.yaml`` says that failed events are kept; raises InvalidSetting."""
        return read_failed_settings(self.keeper.environment).failed_events

    def places(self) -> dict[str, tuple[str, str]]:
        """Region and account (either may be empty) of everything that ``s.yaml`` names by its ARN."""
        places = {f"function {self.keeper.name}": (self.keeper.region, account_of(self.keeper))}
        arns: dict[str, str] = {}
        for function in (self.function, self.keeper):
            arns |= {f"layer {arn.rpartition('layers/')[2]}": arn for arn in function.layers}
            arns |= {f"trigger {trigger.name}": trigger.source_arn or "" for trigger in function.triggers}
            for arn in _destinations(function):
                arns[f"destination {_resource(arn)}"] = arn
        return places | {name: _place(arn) for name, arn in arns.items() if arn.count(":") >= 4}


def read_target(path: Path, environment: Mapping[str, str]) -> Target:
    """The two functions of a file; raises NotInstallable or what ``load_deployment`` raises."""
    functions = load_deployment(path, environment).functions
    function, keeper = _pair(path, functions)
    for each in (function, keeper):
        if each.role is None:
            raise NotInstallable(
                f"{path} gives the function {each.name} no role, so it could use no other service: "
                "name one with `role: acs:ram::<account>:role/<name>`."
            )
    role, keeper_role = _role_of(function), _role_of(keeper)
    if role.lower() == keeper_role.lower():
        raise NotInstallable(
            f"{path} gives both functions the role {role}, so that each could do what only the other has to: "
            "name two."
        )
    roles = [trigger.invocation_role for trigger in function.triggers if trigger.type == "mns_topic"]
    invocation_roles = tuple(dict.fromkeys(arn.rpartition("role/")[2] for arn in roles if arn))
    failed = [topic_of(arn) for each in (function, keeper) for arn in _destinations(each)]
    return Target(
        function=function,
        keeper=keeper,
        account_id=account_of(function),
        role=role,
        keeper_role=keeper_role,
        failed_topics=tuple(topic for topic in failed if topic),
        invocation_roles=invocation_roles,
    )


def account_of(function: FunctionDeclaration) -> str:
    """The account of a function's role; empty where it has none."""
    return function.role.split(":")[3] if function.role else ""


def _pair(
    path: Path, functions: Mapping[str, FunctionDeclaration]
) -> tuple[FunctionDeclaration, FunctionDeclaration]:
    """The function that tags, and the one that keeps what it fails for."""
    for function in functions.values():
        failure = function.async_invoke.on_failure or ""
        name = _resource(failure).removeprefix("functions/").removesuffix("/LATEST")
        keeper = functions.get(name) if is_function(failure) else None
        if keeper is not None and keeper is not function and len(functions) == 2:
            return function, keeper
    raise NotInstallable(
        f"{path} declares {len(functions)} functions; this command handles two: one that tags, and one that "
        "keeps what fails, which the first names as its onFailure destination."
    )


def _resource(arn: str) -> str:
    return arn.rpartition(":")[2].strip("/")


def _role_of(function: FunctionDeclaration) -> str:
    return (function.role or "").rpartition("role/")[2]


def _destinations(function: FunctionDeclaration) -> list[str]:
    asynchronous = function.async_invoke
    return [arn for arn in (asynchronous.on_failure, asynchronous.on_success) if arn]


def _place(arn: str) -> tuple[str, str]:
    _, _, region, account, *_ = arn.split(":")
    return region, account
