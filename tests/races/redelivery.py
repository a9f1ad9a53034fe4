"""What comes after a race: the notifications are delivered again, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable

from imm_label_tags.patience import Deadline, Patience
from imm_label_tags.settings import StaleObjects
from imm_label_tags.tag_plan import TagSet
from imm_label_tags.tagging import Policy, Tagger, Trace
from tests.races.race import VIDEO_LABELS
from tests.races.scheduler import AtOnce
from tests.races.storage import NO_LIMITS, Storage


def deliver_again(storage: Storage, tasks: Iterable[str]) -> TagSet:
    """Handle the notifications of some tasks in their order; returns the object's tags after that."""
    policy = Policy("imm", (VIDEO_LABELS,), None, StaleObjects.SKIP)
    tagger = Tagger(storage.tasks, storage.objects, policy, AtOnce(), Patience(oldest_reading=math.inf))
    for task in tasks:
        tagger.tag(storage.notification(task), Trace(), Deadline(math.inf, lambda: 0.0))
    return storage.objects.tags(storage.target, NO_LIMITS)
