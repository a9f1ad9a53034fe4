"""How long the function may take: the arithmetic behind its time-outs.

The limits of each call are in ``imm_label_tags.retries``. They hold however the bytes of an answer come, see
``imm_label_tags.services.timed_connections``. What the function itself computes is not in it.
"""

from __future__ import annotations

import math

from cli.deployment_check.subject import Kind
from imm_label_tags.retries import MARGIN_SECONDS, RetryPolicy
from imm_label_tags.services.invocation import CONCURRENT_ITEMS
from imm_label_tags.tagging.object_tagger import MAX_LOOKS

LIMITS = RetryPolicy()

# The calls of one notification that wait for each other, at the worst: LABEL_NAMES is raw and OSS refuses the
# tags, so they are read and written twice. GetTask goes with the first call, HeadObject with each reading.
LONGEST_CHAIN = (
    "GetVideoLabelClassificationResult",
    "GetObjectTagging",
    "PutObjectTagging",
    "GetObjectTagging",
    "PutObjectTagging",
)
# Where a whole result is kept beside the first reading, and that takes longer, the object is read anew.
ARCHIVING_CHAIN = (LONGEST_CHAIN[0], "PutObject", *LONGEST_CHAIN[1:])
# The calls of one upload: a look at each object that its name may mean, as it stands and decoded in two ways,
# the question for tasks, the task, and another look where IMM refuses it.
SUBMITTING_CHAIN = (
    *("HeadObject",) * 3,
    "ListTasks",
    "CreateVideoLabelClassificationTask",
    "HeadObject",
)
# Measured on one vCPU: importing both SDKs takes 1 s, and 1.7 s more where their sources have to be compiled;
# the function that keeps failed events imports OSS's SDK alone.
_IMPORT_SECONDS = {Kind.TAGS: 1.0 + 1.7, Kind.SUBMITS: 1.0 + 1.7, Kind.KEEPS: 0.35 + 0.75}


def attempt_seconds(limits: RetryPolicy = LIMITS) -> float:
    """The longest that one attempt of a call to IMM or OSS takes."""
    return limits.connect + limits.read


def chain(kind: Kind, *, archives: bool = False) -> tuple[str, ...]:
    """The longest chain of calls of a function, where whole results are kept or not."""
    if kind is Kind.KEEPS:
        return ("PutObject",)
    if kind is Kind.SUBMITS:
        return SUBMITTING_CHAIN
    return ARCHIVING_CHAIN if archives else LONGEST_CHAIN


def repetitions(kind: Kind, limits: RetryPolicy = LIMITS) -> int:
    """How many calls of a chain may be repeated."""
    return limits.attempts - 1 if kind is Kind.KEEPS else limits.retries


def invocation_seconds(
    kind: Kind, notifications: int = 1, *, archives: bool = False, limits: RetryPolicy = LIMITS
) -> float:
    """The longest that an invocation with some notifications, each about another object, takes.

    That is every call, every repetition with its pause: what a service asks for, and the random time. A write
    is not just sent again: the tags are read anew first, or the tasks are asked for anew.
    """
    repeated = repetitions(kind, limits)
    read_anew = 0 if kind is Kind.KEEPS else limits.attempts - 1
    attempts = len(chain(kind, archives=archives)) + repeated + read_anew
    pause = limits.max_pause + limits.first_pause * 2.0 ** (limits.attempts - 2)
    one = attempts * attempt_seconds(limits) + repeated * pause + MARGIN_SECONDS
    return math.ceil(notifications / CONCURRENT_ITEMS) * one


def second_look_seconds(wait: float) -> float:
    """The longest that second looks take: each a wait, a reading and a write."""
    return MAX_LOOKS * (wait + 2 * attempt_seconds()) if wait else 0.0


def initializer_seconds(kind: Kind, cpu: float) -> float:
    """How long an initializer takes on a share of a vCPU, if the layer has no compiled files."""
    return _IMPORT_SECONDS[kind] / min(cpu, 1)
