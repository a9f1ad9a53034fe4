"""The services of the account that ``submit`` and ``backfill`` call, as the functions call them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

from cli.cloud.access import Access
from cli.cloud.target import Target
from cli.cloud.where import Where
from cli.problems import Problem
from cli.submission.tasks import Limits, ProjectTasks
from imm_label_tags.environment import Variables
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.target import ObjectPatterns
from imm_label_tags.services.oss import OssObjects
from imm_label_tags.submission.submitter import Destination
from imm_label_tags.tagging.settings import ALLOWED, NAMESPACE, read_namespace


@dataclass(frozen=True)
class Account:
    """The services, with what ``s.yaml`` says of the topic, the allowed objects and the namespace."""

    access: Access
    target: Target
    destination: Destination
    allowed: ObjectPatterns | None
    namespace: str

    @classmethod
    def of(cls, where: Where, project: str, topic: str) -> Account:
        """An account, and what ``s.yaml`` says of a ``topic`` that is not named; raises Problem."""
        access, target = where.installation()
        topics = [trigger.topic.name for trigger in target.triggers]
        if not topic and len(set(topics)) != 1:
            raise Problem("s.yaml does not name one topic that triggers tag_object: name it with --topic.")
        # As the function reads them, but no others: what else is wrong in s.yaml does not matter here.
        variables = Variables({name: target.function.setting(name) for name in (ALLOWED, NAMESPACE)})
        try:
            allowed = ObjectPatterns.from_setting(ALLOWED, variables.text(ALLOWED))
            namespace = read_namespace(variables)
        except InvalidSetting as error:
            raise Problem(str(error)) from None
        return cls(access, target, Destination(project, topic or topics[0]), allowed, namespace)

    def tasks(self, limits: Limits) -> ProjectTasks:
        """IMM."""
        kind = partial(ProjectTasks, project=self.destination.project, limits=limits)
        return self.access.function_client(kind, "imm", self.target.account_id)

    @cached_property
    def videos(self) -> OssObjects:
        """OSS."""
        return self.access.function_client(OssObjects, "oss", self.target.account_id)
