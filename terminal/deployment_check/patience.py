"""How long the function may take: the arithmetic behind its time-outs.

The SDKs' own waits are in ``imm_label_tags.remote``. Name resolution, and an answer that comes in drops, are
not in it: no time-out of either SDK covers them.
"""

from __future__ import annotations

import math

from imm_label_tags.instance import CONCURRENT_ITEMS
from imm_label_tags.remote import ATTEMPTS, CONNECT_SECONDS, MAX_PAUSE_SECONDS, READ_SECONDS

# The calls of one notification that wait for each other, at the worst: the message does not tell the task's
# UserData, so IMM is asked twice; LABEL_NAMES is raw and OSS refuses the tags, so they are written twice.
LONGEST_CHAIN = (
    "GetVideoLabelClassificationResult",
    "GetTask",
    "GetObjectTagging",
    "PutObjectTagging",
    "PutObjectTagging",
)
# Measured on one vCPU: importing both SDKs takes 1 s, and 1.7 s more where their sources have to be compiled.
IMPORT_SECONDS = 1.0
COMPILE_SECONDS = 1.7


def call_seconds() -> float:
    """The longest that one call to IMM or OSS takes, with its repetitions and the pauses between them."""
    return ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + (ATTEMPTS - 1) * MAX_PAUSE_SECONDS


def invocation_seconds(notifications: int = 1) -> float:
    """The longest that an invocation with some notifications, each about another object, takes."""
    return math.ceil(notifications / CONCURRENT_ITEMS) * len(LONGEST_CHAIN) * call_seconds()


def initializer_seconds(cpu: float) -> float:
    """How long the initializer takes on a share of a vCPU, if the layer has no compiled files."""
    return (IMPORT_SECONDS + COMPILE_SECONDS) / min(cpu, 1)


def retry_seconds(attempts: int, timeout: int) -> int:
    """How long an event may be under way until its last attempt has ended, the pauses not counted."""
    return (attempts + 1) * timeout
