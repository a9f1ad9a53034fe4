"""Deploys an ``s.yaml`` to a local cloud here: its roles, and its functions by the calls of fc3."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.checkout import DEPLOYMENT
from cli.cloud.target import Media, read_target
from cli.installation import documents
from cli.installation.observability import index as log_index
from cli.local_deployment import load_deployment, rendered_functions
from cli.problems import Problem
from layers.archive import write_zip
from localcloud.cloud import LocalCloud
from localcloud.fc.declaration import Deployment
from localcloud.fc.refusals import FunctionNotFound
from localcloud.refusals import RequestRefused

# What of a resource's props is not CreateFunction's, and what fc3 has by other calls.
_NOT_OF_THE_FUNCTION = frozenset({"asyncInvokeConfig", "code", "layers", "region", "triggers"})


class NotDeployed(Problem):
    """The local Function Compute refused something of an ``s.yaml``."""


def deploy(cloud: LocalCloud, path: Path, variables: Mapping[str, str], layer: Path) -> Deployment:
    """Deploy every function of a file with one layer, a directory; gives what the file declares.

    Topics and logs that the functions name are made: in a real account `setup` makes them. Raises
    NotDeployed, or what is wrong with the file.
    """
    declared = load_deployment(path, variables)
    for topic in declared.topics:
        cloud.call(cloud.messages.create_topic, topic)
    index = log_index()
    for function in declared.functions.values():
        if function.log.project:
            cloud.call(cloud.logs.have, function.log.project, function.log.logstore, index)
    packed = _packed(layer)
    try:
        for resource, props in rendered_functions(path, variables).items():
            declaration = declared.resources[resource]
            arns = [_publish(cloud, arn, declaration.runtime, packed) for arn in declaration.layers]
            _deploy(cloud, declaration.name, props, _packed(declaration.code), arns)
    except RequestRefused as refused:
        raise NotDeployed(f"{path.name} cannot be deployed: {refused.message}.") from None
    return declared


def _deploy(
    cloud: LocalCloud, name: str, props: Mapping[str, Any], code: Mapping[str, str], layers: list[str]
) -> None:
    functions = cloud.functions.deployments
    body = {key: value for key, value in props.items() if key not in _NOT_OF_THE_FUNCTION}
    body.update({"code": code, "layers": layers})
    try:
        cloud.run(functions.update_function(name, body))
    except FunctionNotFound:
        cloud.run(functions.create_function(body))
    there = {trigger.name for trigger in functions.functions[name].triggers}
    for trigger in props.get("triggers") or []:
        if trigger["triggerName"] not in there:
            settings = json.dumps(trigger["triggerConfig"])
            cloud.run(functions.create_trigger(name, {**trigger, "triggerConfig": settings}))
    if (rules := props.get("asyncInvokeConfig")) is not None:
        rules = {key: value for key, value in rules.items() if key != "qualifier"}
        cloud.run(functions.put_async_invoke_config(name, rules))


def _publish(cloud: LocalCloud, arn: str, runtime: str, code: Mapping[str, str]) -> str:
    """Publish the layer under the name in an ARN, unless its newest version has the same bytes."""
    name = arn.split(":layers/")[1].split("/")[0]
    functions = cloud.functions.deployments
    body = {"code": code, "compatibleRuntime": [runtime]}
    return cloud.run(functions.have_layer_version(name, body)).arn


def _packed(directory: Path) -> dict[str, str]:
    """A directory as a package in the body of a request; equal directories give equal packages."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "package.zip")
        write_zip(directory, file)
        return {"zipFile": base64.b64encode(file.read_bytes()).decode()}


def give_roles(
    cloud: LocalCloud,
    variables: Mapping[str, str],
    *,
    bucket: str,
    project: str,
    template: Path = DEPLOYMENT,
) -> None:
    """Have the roles that a file names, with what ``deploy/policies/`` gives.

    They are for the objects of one bucket and the tasks of one project.

    ``variables`` is the environment in which the file is read. Raises InvalidSetting where it does not say
    where failed events are kept.
    """
    target = read_target(template, variables, dotenv=False)
    media = Media(bucket, "", (project,))
    policies = {
        target.function: documents.function_policy(target, media, target.result_archive()),
        target.keeper: documents.keeper_policy(target, target.failed_events()),
    }
    if target.submitter is not None:
        policies[target.submitter] = documents.submitter_policy(target, media)
    for function, policy in policies.items():
        role = target.role_of(function)
        cloud.call(cloud.access.put_role, role, documents.function_trust(), {role: policy})
    for invocation in documents.invocations(target):
        for role in invocation.roles:
            cloud.call(cloud.access.put_role, role, invocation.trust, {role: invocation.policy()})
