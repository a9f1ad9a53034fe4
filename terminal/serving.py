"""The local cloud in the foreground."""

from __future__ import annotations

import threading
from pathlib import Path

from rich.console import Console
from rich.text import Text

from localcloud.cloud import LocalCloud
from localcloud.config import Ports
from localcloud.server import open_as_many_files_as_allowed
from terminal import sample
from terminal.checkout import KEEPING, cloud_config, variables
from terminal.role import give_roles

FIRST_PORT = 8970


def serve(
    console: Console,
    *,
    first_port: int,
    directory: Path | None,
    task_seconds: float,
    time_scale: float,
    stopped: threading.Event,
    accept_unicode_tags: bool = False,
) -> None:
    """Serve until ``stopped`` is set. Raises PortInUse, StateUnusable, or what is wrong with ``s.yaml``."""
    open_as_many_files_as_allowed()
    environment = variables()
    config = cloud_config(
        ports=Ports.consecutive(first_port) if first_port else Ports(),
        variables=environment,
        directory=directory,
        task_seconds=task_seconds,
        time_scale=time_scale,
        policies=True,
        accept_unicode_tags=accept_unicode_tags,
    )
    with LocalCloud(config) as cloud:
        uri = sample.prepare(cloud)
        give_roles(cloud, environment, bucket=sample.BUCKET, project=sample.PROJECT)
        _announce(console, cloud, uri)
        stopped.wait()
        console.print("Stopping.")


def _announce(console: Console, cloud: LocalCloud, uri: str) -> None:
    config, urls = cloud.config, cloud.endpoints
    facts = [
        ("OSS", urls.oss),
        ("IMM", urls.imm),
        ("MNS", urls.mns),
        ("FC", urls.fc),
        ("RAM and STS", urls.ram),
        ("control", urls.control),
        ("region", config.region),
        ("account", config.account_id),
        ("access key id", config.access_key_id),
        ("access key secret", config.access_key_secret),
        ("functions", ", ".join(cloud.functions.deployment.functions)),
        ("topics", ", ".join(trigger.topic for trigger in cloud.functions.deployment.mns_topic_triggers)),
        ("failed events", _failed_events(cloud)),
        ("state", str(config.directory or "in memory, gone when this ends")),
    ]
    console.print(Text("The local cloud is running. Ctrl-C ends it.", style="bold"))
    for name, value in facts:
        console.print(Text.assemble((f"  {name:18}", "dim"), value), soft_wrap=True)
    for sentence in (
        f"\nThe function may tag objects of {sample.BUCKET} for tasks of project {sample.PROJECT}, as "
        "policies/function.json says.",
        f"There is one video, {uri}, whose task has ended. In another terminal, tag it:\n",
    ):
        console.print(sentence, soft_wrap=True)
    for line in first_call(cloud):
        console.print(Text(line, style="cyan"), soft_wrap=True)


def first_call(cloud: LocalCloud) -> tuple[str, str]:
    """Two lines for a shell: what the SDKs and the other commands need to know, and a first invocation."""
    config, urls = cloud.config, cloud.endpoints
    exports = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": config.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": config.access_key_secret,
        "OSS_ENDPOINT": urls.oss,
        "IMM_ENDPOINT": urls.imm,
        "MNS_ENDPOINT": urls.mns,
        "FC_ENDPOINT": urls.fc,
        "RAM_ENDPOINT": urls.ram,
        "STS_ENDPOINT": urls.ram,
        "FAILED_EVENTS": _failed_events(cloud),
        # For setup, teardown and doctor, which read s.yaml as it would be deployed.
        "FC_DEPLOY_REGION": config.region,
        "ALIBABA_CLOUD_ACCOUNT_ID": config.account_id,
    }
    export = "export " + " ".join(f"{name}={value}" for name, value in exports.items())
    return export, f".venv/bin/imm-label-tags invoke --control {urls.control} {sample.EVENT}"


def _failed_events(cloud: LocalCloud) -> str:
    return cloud.functions.deployment.resources[KEEPING].environment["FAILED_EVENTS"]
