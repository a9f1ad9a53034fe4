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
REPETITIONS = LIMITS.retries
KEEPING_REPETITIONS = LIMITS.attempts - 1

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
# Measured on one vCPU: importing both SDKs takes 1 s, and 1.7 s more where their sources have to be compiled.
IMPORT_SECONDS = 1.0
COMPILE_SECONDS = 1.7
# The same of the function that keeps failed events, which imports OSS's SDK alone.
KEEPING_IMPORT_SECONDS = 0.35
KEEPING_COMPILE_SECONDS = 0.75


def attempt_seconds(limits: RetryPolicy = LIMITS) -> float:
    """The longest that one attempt of a call to IMM or OSS takes."""
    return limits.connect + limits.read


def chain(kind: Kind = Kind.TAGS, *, archives: bool = False) -> tuple[str, ...]:
    """The longest chain of calls of a function, where whole results are kept or not."""
    if kind is Kind.SUBMITS:
        return SUBMITTING_CHAIN
    return ARCHIVING_CHAIN if archives else LONGEST_CHAIN


def notification_seconds(
    limits: RetryPolicy = LIMITS, kind: Kind = Kind.TAGS, *, archives: bool = False
) -> float:
    """The longest that one notification, or one upload, takes: every call, every repetition with its pause.

    A write is not just sent again: the tags are read anew first, or the tasks are asked for anew.
    """
    attempts = len(chain(kind, archives=archives)) + limits.retries + (limits.attempts - 1)
    return attempts * attempt_seconds(limits) + limits.retries * _pause_seconds(limits) + MARGIN_SECONDS


def second_look_seconds(wait: float) -> float:
    """The longest that second looks take: each a wait, a reading and a write."""
    return MAX_LOOKS * (wait + 2 * attempt_seconds()) if wait else 0.0


def invocation_seconds(notifications: int = 1, kind: Kind = Kind.TAGS, *, archives: bool = False) -> float:
    """The longest that an invocation with some notifications, each about another object, takes."""
    one = keeping_seconds() if kind is Kind.KEEPS else notification_seconds(kind=kind, archives=archives)
    return math.ceil(notifications / CONCURRENT_ITEMS) * one


def keeping_seconds() -> float:
    """The longest that keeping a failed event takes: one call, every repetition with its pause."""
    waiting = KEEPING_REPETITIONS * _pause_seconds(LIMITS)
    return (1 + KEEPING_REPETITIONS) * attempt_seconds() + waiting + MARGIN_SECONDS


def initializer_seconds(cpu: float, kind: Kind = Kind.TAGS) -> float:
    """How long an initializer takes on a share of a vCPU, if the layer has no compiled files."""
    seconds = IMPORT_SECONDS + COMPILE_SECONDS
    if kind is Kind.KEEPS:
        seconds = KEEPING_IMPORT_SECONDS + KEEPING_COMPILE_SECONDS
    return seconds / min(cpu, 1)


def retry_seconds(attempts: float, timeout: float) -> float:
    """How long an event may be under way until its last attempt has ended, the pauses not counted."""
    return (attempts + 1) * timeout


def _pause_seconds(limits: RetryPolicy) -> float:
    """The longest pause: what a service asks for, and the random time."""
    return limits.max_pause + limits.first_pause * 2.0 ** (limits.attempts - 2)
