"""The local cloud in the foreground."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cli import checkout, sample
from cli.checkout import FAILED_EVENTS, KEEPING, cloud_config, layer, variables
from cli.cloud.running import announced
from cli.deployer import deploy
from cli.role import give_roles
from localcloud.cloud import LocalCloud
from localcloud.config import Ports
from localcloud.fc.declaration import Deployment
from localcloud.server import open_as_many_files_as_allowed

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
    empty: bool = False,
) -> None:
    """Serve until ``stopped`` is set; unless ``empty``, with what ``s.yaml`` declares deployed to it.

    Raises PortInUse, StateUnusable, NotDeployed, or what is wrong with ``s.yaml``.
    """
    # It brings SDKs that the other commands of this module do without.
    from cli.overview.server import serving_pages

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
        empty=True,
    )
    environment["ALIBABA_CLOUD_ACCOUNT_ID"] = config.account_id
    with LocalCloud(config) as cloud, serving_pages(cloud, first_port and first_port + 6) as page:
        uri = sample.prepare(cloud)
        if empty:
            _announce_empty(console, cloud, page, uri)
        else:
            give_roles(cloud, environment, bucket=sample.BUCKET, project=sample.PROJECT)
            declared = deploy(cloud, checkout.DEPLOYMENT, environment, layer())
            _announce(console, cloud, page, declared, uri)
        with ExitStack() as stack:
            try:
                stack.enter_context(announced(cloud.endpoints.control, os.environ))
            except OSError as error:
                only = f"\nOther commands find it only with --local {cloud.endpoints.control}: {error}."
                console.print(Text(only, "yellow"), soft_wrap=True)
            stopped.wait()
        console.print("Stopping.")


def _announce(console: Console, cloud: LocalCloud, page: str, declared: Deployment, uri: str) -> None:
    failed_events = declared.resources[KEEPING].environment["FAILED_EVENTS"]
    _list_facts(
        console,
        cloud,
        page,
        {
            "functions": ", ".join(cloud.functions.deployment.functions),
            "topics": ", ".join(trigger.topic for trigger in declared.mns_topic_triggers),
            "failed events": failed_events,
        },
    )
    for sentence in (
        f"\nThe function may tag objects of {sample.BUCKET} for tasks of project {sample.PROJECT}, as "
        "deploy/policies/function.json says.",
        f"Open {page} in a browser to watch what happens.",
        f"There is one video, {uri}, whose task has ended. In another terminal, tag it:\n",
    ):
        console.print(sentence, soft_wrap=True)
    console.print(
        Text(f".venv/bin/imm-label-tags invoke --local {sample.EVENT}", style="cyan"), soft_wrap=True
    )


def _announce_empty(console: Console, cloud: LocalCloud, page: str, uri: str) -> None:
    functions = cloud.functions.deployment.functions
    _list_facts(console, cloud, page, {"functions": ", ".join(functions) or "none"})
    for sentence in (
        f"\nOpen {page} in a browser to watch what happens.",
        f"There is one video, {uri}, whose task has ended. In another terminal, deploy this checkout with "
        "Serverless Devs and tag it. The first line begins a shell of its own, so that nothing of what the "
        "second sets is left for a deployment to your real account: `exit` leaves it.\n",
    ):
        console.print(sentence, soft_wrap=True)
    for line in first_deployment(cloud):
        console.print(Text(line, style="cyan"), soft_wrap=True)


def first_deployment(cloud: LocalCloud) -> tuple[str, ...]:
    """Lines for a shell: a deployment with Serverless Devs, a first invocation, and how to leave."""
    media = f"--bucket {sample.BUCKET} --project {sample.PROJECT}"
    variables = " ".join(f"{name}={value}" for name, value in deployment_variables(cloud).items())
    return (
        "bash",
        f"export {variables}",
        f".venv/bin/imm-label-tags setup --local {media} --yes",
        "s deploy -y",
        f"s tag_object invoke -f {sample.EVENT}",
        "exit",
    )


def deployment_variables(cloud: LocalCloud) -> dict[str, str]:
    """What a shell needs so that Serverless Devs deploys this checkout to a local cloud."""
    urls, config = cloud.endpoints, cloud.config
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": config.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": config.access_key_secret,
        "FC_DEPLOY_REGION": config.region,
        "ALIBABA_CLOUD_ACCOUNT_ID": config.account_id,
        "FAILED_EVENTS": FAILED_EVENTS,
        # Serverless Devs takes these three together, before any alias of `s config`.
        "AccountID": config.account_id,
        "AccessKeyID": config.access_key_id,
        "AccessKeySecret": config.access_key_secret,
        # Where fc3 finds Function Compute, and where it uploads code.
        "FC_CLIENT_CUSTOM_ENDPOINT": urls.fc,
        "FC_CODE_TEMP_OSS_ENDPOINT": urls.oss,
        # The local cloud runs functions with this interpreter, and a layer is built for one.
        "IMM_LABEL_TAGS_RUNTIME": f"python{sys.version_info[0]}.{sys.version_info[1]}",
    }


def _list_facts(console: Console, cloud: LocalCloud, page: str, more: Mapping[str, str]) -> None:
    config, urls = cloud.config, cloud.endpoints
    facts = {
        "OSS": urls.oss,
        "IMM": urls.imm,
        "MNS": urls.mns,
        "FC": urls.fc,
        "RAM and STS": urls.ram,
        "SLS": urls.sls,
        "control": urls.control,
        "page": page,
        "region": config.region,
        "account": config.account_id,
        "access key id": config.access_key_id,
        "access key secret": config.access_key_secret,
        **more,
        "state": str(config.directory or "in memory, gone when this ends"),
    }
    console.print(Text("The local cloud is running. Ctrl-C ends it.", style="bold"))
    for name, value in facts.items():
        console.print(Text.assemble((f"  {name:18}", "dim"), value), soft_wrap=True)
