"""The local cloud of a load test: the checkout's functions, a bucket, a project and their content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType

from cli.checkout import DEPLOYMENT, cloud_config
from cli.local_deployment import load_deployment
from cli.problems import Problem
from localcloud.cloud import LocalCloud
from localcloud.config import Ports
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.destinations import topic_of
from localcloud.imm.tasks import TaskRecord
from proof.load.scenario import BUCKET, PROJECT, PlannedTask, Scenario, in_imm_form

TIME_SCALE = 0.05
DELIVERY_SPREAD_SECONDS = 0.25
KEPT_BUCKET = "kept"
KEPT_PREFIX = "failed"
SECOND_LOOK = "SECOND_LOOK_SECONDS"

_TAG_OBJECT = "tag_object.handler"


class Region:
    """A running local cloud with the functions of ``s.yaml``; used as a context.

    ``function`` is the one that tags, ``topic`` what triggers it, ``failed_topics`` where events go that
    nobody else takes, ``attempts`` how often an event is tried before that.
    """

    def __init__(self, *, instances: int, second_look: float = 0.0, deployment: Path = DEPLOYMENT) -> None:
        variables = {SECOND_LOOK: f"{second_look:g}", "FAILED_EVENTS": f"oss://{KEPT_BUCKET}/{KEPT_PREFIX}"}
        config = cloud_config(ports=Ports(), variables=variables, task_seconds=0.0, time_scale=TIME_SCALE)
        self.cloud = LocalCloud(
            replace(
                config,
                # Values that differ tell which task a label is from.
                deployment=load_deployment(deployment, {**variables, "TAG_VALUE": "{confidence}"}),
                instance_limit=instances,
                delivery_spread_seconds=DELIVERY_SPREAD_SECONDS,
            )
        )

    def __enter__(self) -> Region:
        self.cloud.__enter__()
        try:
            self._prepare()
        except BaseException:
            self.cloud.__exit__(None, None, None)
            raise
        return self

    def _prepare(self) -> None:
        functions = self.cloud.functions.deployment.functions.values()
        self.declaration = _only(functions, _TAG_OBJECT)
        self.function = self.declaration.name
        self.topic = self.declaration.mns_topic_triggers[0].topic
        destinations = [function.async_invoke.on_failure or "" for function in functions]
        self.failed_topics = sorted({topic for topic in map(topic_of, destinations) if topic})
        self.attempts = 1 + self.declaration.async_invoke.max_retry_attempts
        self.cloud.call(self.cloud.objects.create_bucket, BUCKET)
        self.cloud.call(self.cloud.objects.create_bucket, KEPT_BUCKET)
        self.cloud.call(self.cloud.media.put_project, PROJECT)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cloud.__exit__(kind, error, traceback)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that ``s.yaml`` gives the function."""
        return self.declaration.environment

    def furnish(self, scenario: Scenario) -> None:
        """Have the objects of a scenario, and its tasks, of which nobody has been told yet."""
        self.cloud.run(self._furnish(scenario))

    async def _furnish(self, scenario: Scenario) -> None:
        objects, media = self.cloud.objects, self.cloud.media
        for target in scenario.objects:
            objects.put_object(BUCKET, target.key, b"a video", dict(target.first_tags))
            for task in target.tasks:
                await media.put_task(self._record(task), notify=False)

    def _record(self, task: PlannedTask) -> TaskRecord:
        uri = f"oss://{BUCKET}/{task.key}"
        return TaskRecord(
            project=PROJECT,
            task_id=task.task_id,
            start_time=_nanoseconds(task.start),
            end_time=_nanoseconds(task.start + timedelta(seconds=30)),
            status="Succeeded",
            request={
                "ProjectName": PROJECT,
                "SourceURI": uri,
                "Notification": {"MNS": {"TopicName": self.topic}},
            },
            labels=in_imm_form(task.labels),
        )


def check_second_look(region: Region, second_look: float) -> None:
    """Raise Problem where the function would not learn of the second look that is asked for."""
    if second_look and float(region.environment.get(SECOND_LOOK) or 0) != second_look:
        raise Problem(f"s.yaml does not hand {SECOND_LOOK} on to the function: use --second-look 0.")


def present() -> datetime:
    """The present in UTC."""
    return datetime.now(timezone.utc)


def _only(functions: Iterable[FunctionDeclaration], handler: str) -> FunctionDeclaration:
    found = [function for function in functions if function.handler == handler]
    if len(found) != 1:
        raise Problem(f"s.yaml declares {len(found)} functions with the handler {handler}, not one.")
    return found[0]


def _nanoseconds(moment: datetime) -> str:
    """RFC 3339 with nine fractional digits, as IMM writes times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}462Z"
