"""What the commands begin with: what ``s.yaml`` declares, and access to the services with the user's keys."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from localcloud.fc.section import DeclarationError
from localcloud.ram.templates import UnusableTemplate
from terminal import checkout
from terminal.installation.access import Access, Endpoints, keys_of
from terminal.installation.target import Target, read_target
from terminal.manifest.dotenv import with_dotenv
from terminal.manifest.file import ManifestUnreadable
from terminal.problems import Problem


@contextmanager
def known_problems() -> Iterator[None]:
    """Turn what may be wrong with the project's files into a Problem."""
    try:
        yield
    except (
        ManifestUnreadable,
        DeclarationError,
        UnusableTemplate,
    ) as error:
        raise Problem(str(error)) from None


def declared_target() -> Target:
    """What ``s.yaml`` declares; raises NotInstallable or what is wrong with the file."""
    return read_target(checkout.DEPLOYMENT, with_dotenv(os.environ, checkout.DEPLOYMENT.parent))


def access_to(target: Target, endpoints: Mapping[str, str]) -> Access:
    """Access with the keys of the environment; ``endpoints`` are options such as ``ram_endpoint``."""
    given = Endpoints(**{name.removesuffix("_endpoint"): url for name, url in endpoints.items()})
    return Access(target.region, keys_of(os.environ), given.resolved(target.region, target.account_id))
