"""What comes after a race: the notifications are delivered again, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable

from imm_label_tags.retries import Deadline, RetryPolicy
from imm_label_tags.services.invocation import Trace
from imm_label_tags.tagging.settings import StaleObjects
from imm_label_tags.tagging.tagger import Tagger, TaggingOptions
from imm_label_tags.tags.plan import TagSet
from proof.races.race import VIDEO_LABELS
from proof.races.scheduler import AtOnce
from proof.races.storage import NO_LIMITS, Storage


def deliver_again(storage: Storage, tasks: Iterable[str]) -> TagSet:
    """Handle the notifications of some tasks in their order; returns the object's tags after that."""
    options = TaggingOptions("imm", (VIDEO_LABELS,), None, StaleObjects.SKIP)
    tagger = Tagger(storage.tasks, storage.objects, options, AtOnce(), RetryPolicy(max_snapshot_age=math.inf))
    for task in tasks:
        tagger.tag(storage.notification(task), Trace(), Deadline(math.inf, lambda: 0.0))
    return storage.objects.tags(storage.target, NO_LIMITS)
