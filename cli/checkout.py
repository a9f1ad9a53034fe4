"""The files of this checkout that the commands run: ``s.yaml``, the code root, the built layer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cli.problems import Problem
from layers.target import local_target

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
