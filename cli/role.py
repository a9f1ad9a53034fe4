"""The roles that ``s.yaml`` names, on a local cloud, with what ``deploy/policies/`` gives them."""

from __future__ import annotations

from collections.abc import Mapping

from cli.checkout import DEPLOYMENT, KEEPING, POLICIES, SUBMITTING
from cli.cloud.target import Media, read_target
from cli.installation.documents import Documents
from cli.manifest.function import role_name
from localcloud.cloud import LocalCloud
from localcloud.fc.declaration import Deployment
from localcloud.ram.templates import fill


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


def give_upload_roles(cloud: LocalCloud, declared: Deployment, *, bucket: str, prefix: str) -> None:
    """Have the roles that ``s.uploads.yaml`` names: the function's, and the one in which OSS invokes it."""
    function = declared.resources[SUBMITTING]
    values = {
        "region": function.region,
        "account": cloud.config.account_id,
        "bucket": bucket,
        "prefix": prefix,
        "project": function.environment["IMM_PROJECT"],
        "uploads_function": function.name,
        "failed_function": declared.resources[KEEPING].name,
        "log_project": function.log.project,
        "logstore": function.log.logstore,
    }
    roles = {(function.role, "function-trust", "submit-video")}
    roles |= {(one.invocation_role, "uploads-trigger-trust", "uploads-trigger") for one in function.triggers}
    for role, trust, policy in roles:
        name, document = role_name(role or ""), fill(POLICIES / f"{policy}.json", values)
        cloud.call(cloud.access.put_role, name, fill(POLICIES / f"{trust}.json", values), {name: document})
