"""What the commands begin with: what ``s.yaml`` declares, and access to the services with the user's keys."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cli import checkout
from cli.cloud.access import Access, Endpoints, check_keys, keys_of
from cli.cloud.caller import identify
from cli.cloud.target import Target, read_target
from cli.manifest.fields import FieldUnreadable
from cli.manifest.file import ManifestUnreadable
from cli.problems import Problem
from localcloud.ram.templates import UnusableTemplate


@contextmanager
def known_problems() -> Iterator[None]:
    """Turn what may be wrong with the project's files into a Problem."""
    try:
        yield
    except (
        ManifestUnreadable,
        FieldUnreadable,
        UnusableTemplate,
    ) as error:
        raise Problem(str(error)) from None


def declared_target() -> Target:
    """What ``s.yaml`` declares; raises NotInstallable or what is wrong with the file."""
    return read_target(checkout.DEPLOYMENT, os.environ)


def access_to(target: Target, endpoints: Mapping[str, str]) -> tuple[Access, Target]:
    """Access with the keys of the environment; ``endpoints`` are options such as ``ram_endpoint``.

    Where the file leaves the account to `s config`, what it declares is read for the account of the keys.
    """
    given = Endpoints(**{name.removesuffix("_endpoint"): url for name, url in endpoints.items()})
    keys = keys_of(os.environ)
    if not target.account_id and "sts_endpoint" in endpoints:
        check_keys(keys)
        caller = identify(Access(target.region, keys, given.resolved(target.region, "")))
        target = target.of_account(caller.account_id)
    return Access(target.region, keys, given.resolved(target.region, target.account_id)), target
