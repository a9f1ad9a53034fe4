"""``imm-label-tags serve``: the local cloud in the foreground."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from cli import checkout, sample
from cli.checkout import DEPLOYED_ACCOUNT, FAILED_EVENTS, KEEPING, layer, variables
from cli.cloud.running import announced
from cli.deployer import deploy, give_roles
from cli.narration import new_console, say, show_facts
from cli.overview.server import serving_pages
from cli.process import on_ending_signals
from imm_label_tags.environment import shut_out
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig, Ports
from localcloud.fc.declaration import Deployment
from localcloud.server import open_as_many_files_as_allowed


@click.command()
@click.option(
    "--port",
    default=8970,
    show_default=True,
    type=click.IntRange(0, 65528),
    help="First of the eight ports (OSS, IMM, MNS, FC, control, RAM, page, SLS); 0 takes free ones.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the state there (SQLite and files); without it, it ends with the command.",
)
@click.option(
    "--task-seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long an IMM task takes.",
)
@click.option(
    "--time-scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Factor on the waits between retries of MNS and Function Compute.",
)
@click.option(
    "--unicode-tags",
    is_flag=True,
    help="Let OSS take tags beyond its documented alphabet, Chinese ones for example, as real buckets may.",
)
@click.option(
    "--empty",
    is_flag=True,
    help="Start without functions, and print how Serverless Devs deploys this checkout to it.",
)
def serve(
    port: int,
    directory: Path | None,
    task_seconds: float,
    time_scale: float,
    unicode_tags: bool,
    empty: bool,
) -> None:
    """Run the local cloud in the foreground, with a page in the browser that shows what happens in it."""
    shut_out(os.environ)
    stopped = threading.Event()
    on_ending_signals(lambda *_: stopped.set())
    open_as_many_files_as_allowed()
    config = CloudConfig(
        account_id=DEPLOYED_ACCOUNT,
        ports=Ports.consecutive(port) if port else Ports(),
        directory=directory,
        task_seconds=task_seconds,
        time_scale=time_scale,
        policies=True,
        accept_unicode_tags=unicode_tags,
    )
    serve_until(stopped, new_console(), config, page_port=port and port + 6, empty=empty)


def serve_until(
    stopped: threading.Event,
    console: Console,
    config: CloudConfig,
    *,
    page_port: int = 0,
    empty: bool = False,
) -> None:
    """Serve a cloud until ``stopped`` is set; unless ``empty``, with what ``s.yaml`` declares deployed to it.

    Raises PortInUse, StateUnusable, NotDeployed, or what is wrong with ``s.yaml``.
    """
    environment = {**variables(), "ALIBABA_CLOUD_ACCOUNT_ID": config.account_id}
    with LocalCloud(config) as cloud, serving_pages(cloud, page_port) as page:
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
                console.print()
                control = cloud.endpoints.control
                say(console, f"Other commands find it only with --local {control}: {error}.", "yellow")
            stopped.wait()
        console.print("Stopping.")


def _announce(console: Console, cloud: LocalCloud, page: str, declared: Deployment, uri: str) -> None:
    more = {
        "functions": ", ".join(cloud.functions.deployment.functions),
        "topics": ", ".join(trigger.topic for trigger in declared.mns_topic_triggers),
        "failed events": declared.resources[KEEPING].environment["FAILED_EVENTS"],
    }
    may = (
        f"The function may tag objects of {sample.BUCKET} for tasks of project {sample.PROJECT}, as "
        "deploy/policies/function.json says."
    )
    command = f".venv/bin/imm-label-tags invoke --local {sample.EVENT}"
    _tell(console, cloud, page, more, [may], f"{_ended(uri)} tag it:", [command])


def _announce_empty(console: Console, cloud: LocalCloud, page: str, uri: str) -> None:
    more = {"functions": ", ".join(cloud.functions.deployment.functions) or "none"}
    how = (
        f"{_ended(uri)} deploy this checkout with Serverless Devs and tag it. The first line begins a shell "
        "of its own, so that nothing of what the second sets is left for a deployment to your real account: "
        "`exit` leaves it."
    )
    _tell(console, cloud, page, more, [], how, first_deployment(cloud))


def _ended(uri: str) -> str:
    return f"There is one video, {uri}, whose task has ended. In another terminal,"


def _tell(
    console: Console,
    cloud: LocalCloud,
    page: str,
    more: Mapping[str, str],
    first: Iterable[str],
    how: str,
    commands: Iterable[str],
) -> None:
    config, urls = cloud.config, cloud.endpoints
    console.print("The local cloud is running. Ctrl-C ends it.", style="bold")
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
    show_facts(console, facts, 18)
    console.print()
    for sentence in (*first, f"Open {page} in a browser to watch what happens.", how):
        say(console, sentence)
    console.print()
    for command in commands:
        say(console, command, "cyan")


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
