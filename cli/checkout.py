"""The files of this checkout that the commands run: ``s.yaml``, the code root, the built layer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cli.local_deployment import load_deployment
from cli.problems import Problem
from layers.target import local_target
from localcloud.config import CloudConfig, Ports

ROOT = Path(__file__).parent.parent
DEPLOYMENT = ROOT / "s.yaml"
UPLOADS = ROOT / "s.uploads.yaml"
POLICIES = ROOT / "deploy" / "policies"
OBSERVABILITY = ROOT / "deploy" / "observability"
# The resources of s.yaml: the function that tags, and the one that keeps what it could not handle.
TAGGING = "tag_object"
KEEPING = "keep_failed"
# The one that s.uploads.yaml adds.
SUBMITTING = "submit_video"
# The local cloud is a region and an account of its own with a bucket of its own, whatever the real ones are.
FAILED_EVENTS = "oss://media/failed-events"
# The account of a cloud that is deployed to: check-deploy refuses the one that is s.yaml's example.
DEPLOYED_ACCOUNT = "1000000000000001"
_NOT_PASSED_ON = frozenset({"FC_DEPLOY_REGION", "ALIBABA_CLOUD_ACCOUNT_ID", "FAILED_EVENTS"})


def layer() -> Path:
    """The built layer for the interpreter that runs this command; raises Problem without one."""
    path = ROOT / "layers" / "build" / local_target().name
    if not (path / "python").is_dir():
        raise Problem(f"The layer is not built: {path}/python is missing. Run `make setup`.")
    return path


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which ``s.yaml`` is resolved for the local cloud.

    Unless it says otherwise, failed events are kept in the bucket of the sample and the demo.
    """
    passed_on = {name: value for name, value in environment.items() if name not in _NOT_PASSED_ON}
    return {"FAILED_EVENTS": FAILED_EVENTS, **passed_on}


def cloud_config(
    *,
    ports: Ports,
    variables: Mapping[str, str],
    directory: Path | None = None,
    task_seconds: float = 1.0,
    time_scale: float = 1.0,
    policies: bool = False,
    accept_unicode_tags: bool = False,
    empty: bool = False,
) -> CloudConfig:
    """A local cloud that runs this checkout's functions with the built layer; ``empty``: that runs none."""
    return CloudConfig(
        account_id=DEPLOYED_ACCOUNT if empty else CloudConfig.account_id,
        ports=ports,
        directory=directory,
        deployment=None if empty else load_deployment(DEPLOYMENT, variables),
        layer=None if empty else layer(),
        task_seconds=task_seconds,
        time_scale=time_scale,
        policies=policies,
        accept_unicode_tags=accept_unicode_tags,
    )
