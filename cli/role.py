"""The roles that ``s.yaml`` names, on a local cloud, with what ``deploy/policies/`` gives them."""

from __future__ import annotations

from collections.abc import Mapping

from cli.checkout import DEPLOYMENT, POLICIES
from cli.cloud.target import Media, read_target
from cli.installation.documents import Documents
from localcloud.cloud import LocalCloud


def give_roles(cloud: LocalCloud, variables: Mapping[str, str], *, bucket: str, project: str) -> None:
    """Have the roles that ``s.yaml`` names, for the objects of one bucket and the tasks of one project.

    ``variables`` is the environment in which the file is read. Raises InvalidSetting where ``s.yaml`` does
    not say where failed events are kept.
    """
    target = read_target(DEPLOYMENT, variables, dotenv=False)
    documents = Documents(POLICIES)
    trust = documents.function_trust()
    media = Media(bucket, "", (project,))
    for role, policy in (
        (target.role, documents.function_policy(target, media, target.result_archive())),
        (target.keeper_role, documents.keeper_policy(target, target.failed_events())),
    ):
        cloud.call(cloud.access.put_role, role, trust, {role: policy})
    trust, policy = documents.trigger_trust(), documents.trigger_policy(target)
    for role in target.invocation_roles:
        cloud.call(cloud.access.put_role, role, trust, {role: policy})
