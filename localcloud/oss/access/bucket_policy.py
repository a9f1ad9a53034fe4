"""Bucket policies: who may do what with a bucket and its objects, in the terms of RAM's policies.

Sources: alibabacloud.com/help, OSS "Bucket policies", "Authorization syntax and elements", "Block public
access" and the pages of the EC numbers 0030-000000xx.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from localcloud.oss.storage.objects import ObjectStore
from localcloud.ram.authorization import ACCOUNT, ANONYMOUS, Principal
from localcloud.ram.conditions import SOURCE_IP, SOURCE_VPC
from localcloud.ram.document import MalformedPolicy, read_document, read_texts, wildcard
from localcloud.ram.policy import Effect, Policy, Statement, read_statement

MAX_POLICY_BYTES = 16 * 1024
# The names of what is configured of a bucket.
POLICY = "policy"
PUBLIC_ACCESS_BLOCK = "publicAccessBlock"

_EVERYBODY = "*"
_PRINCIPAL = re.compile(
    r"\*|\d+|arn:sts::[\d*]+:[A-Za-z0-9*._-]+/[A-Za-z0-9*._-]+/[A-Za-z0-9*._@-]+", re.ASCII
)
# Where these limit it to what is named, a statement for everybody is not public.
_LIMITING = (SOURCE_IP, SOURCE_VPC)
_LIMITS = ("StringEquals", "StringLike", "IpAddress")


@dataclass(frozen=True)
class _Granted:
    """A statement, and to whom it is about: UIDs, and ARNs of sessions with wildcards."""

    principals: tuple[str, ...]
    statement: Statement

    @property
    def is_public(self) -> bool:
        """Whether it opens the bucket to everybody."""
        limited = any(
            condition.key in _LIMITING and condition.operator in _LIMITS
            for condition in self.statement.conditions
        )
        return self.statement.effect is Effect.ALLOW and _EVERYBODY in self.principals and not limited

    def concerns(self, caller: Principal, name: str) -> bool:
        """Whether it is about a caller. What is for everybody concerns the owner under a condition only."""
        if _EVERYBODY in self.principals:
            return caller.kind != ACCOUNT or bool(self.statement.conditions)
        return caller.kind != ANONYMOUS and any(wildcard(one).fullmatch(name) for one in self.principals)


@dataclass(frozen=True)
class BucketPolicy:
    """The statements of a bucket's policy."""

    statements: tuple[_Granted, ...]

    @property
    def is_public(self) -> bool:
        """Whether it opens the bucket to everybody."""
        return any(one.is_public for one in self.statements)

    def about(self, caller: Principal, account_id: str, *, public_blocked: bool) -> Policy:
        """What it says about a caller; where public access is blocked, what opens the bucket is void."""
        name = caller.name
        if caller.kind not in (ACCOUNT, ANONYMOUS) and ":" in name:
            name = f"arn:sts::{account_id}:assumed-role/{name.replace(':', '/')}"
        found = (one for one in self.statements if one.concerns(caller, name))
        return Policy(tuple(one.statement for one in found if not (public_blocked and one.is_public)))


@lru_cache(maxsize=128)
def parse_bucket_policy(text: str) -> BucketPolicy:
    """Read the document of a policy; raises MalformedPolicy."""
    return BucketPolicy(tuple(_granted(element, place) for place, element in read_document(text)))


def _granted(element: object, place: str) -> _Granted:
    if not isinstance(element, Mapping):
        raise MalformedPolicy(place, "it must be an object")
    # Without a Principal, or with an empty list of them, it is about everybody.
    named = element.get("Principal", [])
    if named == []:
        named = [_EVERYBODY]
    principals = []
    for where, text in read_texts(named, f"{place}.Principal"):
        if not _PRINCIPAL.fullmatch(text):
            problem = "it must be *, a UID or arn:sts::<UID>:assumed-role/<role>/<session>"
            raise MalformedPolicy(where, problem)
        principals.append(text)
    rest = {name: value for name, value in element.items() if name != "Principal"}
    statement = read_statement(rest, place)
    keys = {condition.key for condition in statement.conditions}
    if SOURCE_IP in keys and SOURCE_VPC not in keys:
        raise MalformedPolicy(f"{place}.Condition", f"{SOURCE_IP} has to be limited by {SOURCE_VPC} too")
    return _Granted(tuple(principals), statement)


def policy_of(store: ObjectStore, bucket: str) -> BucketPolicy | None:
    """The policy of a bucket, if it has one."""
    kept = store.configuration(bucket, POLICY)
    return None if kept is None else parse_bucket_policy(kept.document)


def blocks_public_access(store: ObjectStore, bucket: str) -> bool:
    """Whether nothing may open a bucket to the public, as is so of a new one."""
    kept = store.configuration(bucket, PUBLIC_ACCESS_BLOCK)
    return kept is None or kept.document == "true"
