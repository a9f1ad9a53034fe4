"""The role of the function on a local cloud: what ``policies/`` gives it, and nothing else."""

from __future__ import annotations

from localcloud.cloud import LocalCloud
from terminal.checkout import DEPLOYMENT, POLICIES
from terminal.installation.documents import Documents
from terminal.installation.target import Media, read_target


def give_role(cloud: LocalCloud, *, bucket: str, project: str) -> None:
    """Have the role that ``s.yaml`` names, for the objects of one bucket and the tasks of one project."""
    target = read_target(DEPLOYMENT, cloud.config.variables)
    documents = Documents(POLICIES)
    policy = documents.function_policy(target, Media(bucket, "", (project,)))
    cloud.call(cloud.access.put_role, target.role, documents.function_trust(), {target.role: policy})
