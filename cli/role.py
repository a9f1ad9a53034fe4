"""The roles that ``s.yaml`` or another file names, on a local cloud, with what ``deploy/policies/`` gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cli.checkout import DEPLOYMENT
from cli.cloud.target import Media, read_target
from cli.installation import documents
from localcloud.cloud import LocalCloud


def give_roles(
    cloud: LocalCloud,
    variables: Mapping[str, str],
    *,
    bucket: str,
    project: str,
    template: Path = DEPLOYMENT,
) -> None:
    """Have the roles that a file names, for the objects of one bucket and the tasks of one project.

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
