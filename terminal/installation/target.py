"""What ``s.yaml`` says of the installation, and whose objects and tasks it is to work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.cloud import topic_of
from localcloud.fc.declaration import FunctionDeclaration, MnsTopicTrigger
from localcloud.fc.deployment import load_deployment
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
    """The names of everything that the function needs, resolved."""

    function: FunctionDeclaration
    account_id: str
    role: str
    failed_topics: tuple[str, ...]
    invocation_roles: tuple[str, ...]

    @property
    def region(self) -> str:
        """The region of the function."""
        return self.function.region

    @property
    def triggers(self) -> tuple[MnsTopicTrigger, ...]:
        """The subscriptions to topics."""
        return self.function.mns_topic_triggers

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic: those that trigger the function, then those that take what failed."""
        return tuple(dict.fromkeys([*(trigger.topic for trigger in self.triggers), *self.failed_topics]))

    def places(self) -> dict[str, tuple[str, str]]:
        """Region and account (either may be empty) of everything that ``s.yaml`` names by its ARN."""
        function = self.function
        arns = {f"layer {arn.rpartition('layers/')[2]}": arn for arn in function.layers}
        arns |= {f"trigger {trigger.name}": trigger.source_arn or "" for trigger in function.triggers}
        for arn in _destinations(function):
            arns[f"destination {arn.rpartition('/topics/')[2].partition('/')[0]}"] = arn
        return {name: _place(arn) for name, arn in arns.items() if arn.count(":") >= 4}


def read_target(path: Path, environment: Mapping[str, str]) -> Target:
    """The only function of a file; raises NotInstallable or what ``load_deployment`` raises."""
    functions = list(load_deployment(path, environment).functions.values())
    if len(functions) != 1:
        raise NotInstallable(f"{path} declares {len(functions)} functions; this command handles one.")
    (function,) = functions
    if function.role is None:
        raise NotInstallable(
            f"{path} gives the function {function.name} no role, so it could read neither tasks nor tags: "
            "name one with `role: acs:ram::<account>:role/<name>`."
        )
    roles = [trigger.invocation_role for trigger in function.triggers if trigger.type == "mns_topic"]
    failed = [topic_of(arn) for arn in _destinations(function)]
    return Target(
        function=function,
        account_id=function.role.split(":")[3],
        role=function.role.rpartition("role/")[2],
        failed_topics=tuple(topic for topic in failed if topic),
        invocation_roles=tuple(role.rpartition("role/")[2] for role in roles if role),
    )


def _destinations(function: FunctionDeclaration) -> list[str]:
    asynchronous = function.async_invoke
    return [arn for arn in (asynchronous.on_failure, asynchronous.on_success) if arn]


def _place(arn: str) -> tuple[str, str]:
    _, _, region, account, *_ = arn.split(":")
    return region, account
