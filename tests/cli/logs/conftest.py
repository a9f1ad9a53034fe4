"""A local cloud whose functions have logged what they log: a tag, a failure, an event that was kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import checkout, sample
from cli.cloud.access import Access, Endpoints
from cli.deployer import deploy
from cli.installation.log_service import LogService
from cli.main import main
from imm_label_tags.services.credentials import Keys
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.installation.account import FAILED_EVENTS, FUNCTION, KEEPER, LOG_PROJECT, LOGSTORE, deployment
from tests.user import environment

SLOW = "slow"
# The sample's labels do not all fit.
SETTINGS = {"FAILED_EVENTS": FAILED_EVENTS, "LABEL_LIMIT": "3"}


@dataclass(frozen=True)
class World:
    """The cloud, and whoever looks at its logs."""

    cloud: LocalCloud

    def logs(self, *options: str, keys: Identity | None = None) -> Result:
        """Run ``imm-label-tags logs``."""
        return CliRunner().invoke(main, ["logs", *options], env=environment(self.cloud, keys))

    def service(self) -> LogService:
        """Log Service as the commands see it."""
        config, owner = self.cloud.config, self.cloud.accounts.owner
        endpoints = Endpoints(sls=self.cloud.endpoints.sls).resolved(config.region, config.account_id)
        keys = Keys(owner.access_key_id, owner.access_key_secret, "")
        return LogService(Access(config.region, keys, endpoints), config.account_id)

    def found(self, query: str) -> list[Any]:
        """What a query finds in the functions' logstore."""
        now = int(self.cloud.clock.now().timestamp())
        return list(self.service().search(LOG_PROJECT, LOGSTORE, query, now - 3600, now + 10))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("declared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkout, "DEPLOYMENT", deployment(directory))
        with LocalCloud(CloudConfig(time_scale=0.001, policies=False)) as cloud:
            sample.prepare(cloud)
            cloud.call(cloud.objects.create_bucket, "failures")
            deploy(cloud, checkout.DEPLOYMENT, SETTINGS, checkout.layer())
            _work(cloud)
            _run_out_of_time(cloud, directory)
            yield World(cloud)


def _work(cloud: LocalCloud) -> None:
    event = (checkout.ROOT / sample.EVENT).read_bytes()
    cloud.run(cloud.functions.invoke(FUNCTION, event))
    # A task that IMM does not know.
    cloud.run(cloud.functions.invoke_async(FUNCTION, event.replace(b"0001", b"0002")))
    cloud.run(cloud.functions.invoke_async(FUNCTION, b"not a notification"))
    cloud.run(cloud.functions.invoke(KEEPER, b"not a record"))
    cloud.run(cloud.settled())


def _run_out_of_time(cloud: LocalCloud, directory: Path) -> None:
    """A function of somebody else's that Function Compute has to end."""
    code = directory / "code"
    code.mkdir()
    (code / "index.py").write_text("import time\n\ndef handler(event, context):\n    time.sleep(60)\n")
    path = directory / "slow.yaml"
    path.write_text(
        f"""edition: 3.0.0
name: slow
resources:
  slow:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: {SLOW}
      runtime: python3.12
      handler: index.handler
      timeout: 1
      code: ./code
      logConfig: {{project: {LOG_PROJECT}, logstore: {LOGSTORE}, enableRequestMetrics: true}}
"""
    )
    deploy(cloud, path, {}, directory)
    cloud.run(cloud.functions.invoke(SLOW, b""))
