"""Where a command works: ``--local [URL]``, else the account, with ``--profile`` and ``--region``.

A command takes all of it as one argument, ``where``, and asks it for what it needs::

    @click.command()
    @click.argument("uri")
    @where_options
    def submit(uri: str, where: Where) -> None:
        access = where.access()                  # keys, region, endpoints: no more of s.yaml than its region
        access, target = where.installation()    # also what s.yaml declares, for the account of the keys
        client = Client(access.openapi("imm"))   # or access.oss()

With ``keys_needed=False`` both give an ``access`` without keys where there are none (``access.no_keys``), for
what needs none. Every method raises Problem or what is wrong with ``s.yaml``; the command line reports both.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from cli import checkout
from cli.cloud.access import Access, Endpoints, identify
from cli.cloud.keys import ABSENT, KeySource, NoKeys
from cli.cloud.running import RunningCloud, find_running
from cli.cloud.target import Target, read_target
from cli.manifest.expressions import ACCOUNT_VARIABLE
from cli.manifest.file import read_manifest
from cli.manifest.function import OWN_HANDLERS, functions_of, handled_by
from cli.problems import Problem
from imm_label_tags.environment import shut_out
from imm_label_tags.services.credentials import Keys

F = TypeVar("F", bound=Callable[..., Any])

REGION_VARIABLE = "FC_DEPLOY_REGION"
_URLS = ("http://", "https://")


class OtherRegion(Problem):
    """``s.yaml`` names a region of its own, and the command another."""


@dataclass(frozen=True)
class Where:
    """A place to work at. ``local``: None for the account, a control URL, or empty for the one that runs."""

    local: str | None = None
    profile: str = ""
    region: str = ""

    @cached_property
    def running(self) -> RunningCloud | None:
        """The local cloud; None for the account. Raises NotRunning."""
        return None if self.local is None else find_running(self.local, os.environ)

    @property
    def unicode_tags(self) -> bool | None:
        """Whether OSS takes tags outside its documented alphabet; None where only a write would tell."""
        return None if self.running is None else self.running.unicode_tags

    @cached_property
    def variables(self) -> dict[str, str]:
        """The environment in which ``s.yaml`` is read, without the .env beside it."""
        cloud = self.running
        if cloud is not None:
            place = {REGION_VARIABLE: cloud.region, ACCOUNT_VARIABLE: cloud.account_id}
            return {**checkout.variables(), **place}
        return {**os.environ, **({REGION_VARIABLE: self.region} if self.region else {})}

    @cached_property
    def _keys(self) -> KeySource:
        return KeySource(os.environ, self.profile)

    def target(self, template: Path | None = None) -> Target:
        """What ``s.yaml`` or another file declares here; raises NotInstallable and OtherRegion."""
        path = template or checkout.DEPLOYMENT
        target = read_target(path, self.variables, dotenv=self.local is None)
        wanted = self.running.region if self.running else self.region
        if wanted and target.region != wanted:
            raise OtherRegion(
                f"{path} deploys to {target.region}, not to {wanted}: it has to take the "
                f"region from the variable {REGION_VARIABLE}."
            )
        return target

    def access(self, *, keys_needed: bool = True) -> Access:
        """Access to the services: of the region that is named, else of that of ``s.yaml``."""
        return self._access(self.region or self._declared_region(), "", keys_needed=keys_needed)

    def installation(
        self, template: Path | None = None, *, keys_needed: bool = True
    ) -> tuple[Access, Target]:
        """Access, and what ``s.yaml`` or another file declares.

        Where the file leaves the account to `s config`, it is read for the account of the keys.
        """
        target = self.target(template)
        access = self._access(target.region, target.account_id, keys_needed=keys_needed)
        if target.account_id or access.no_keys is not None:
            return access, target
        target = target.of_account(identify(access).account_id)
        return self._access(target.region, target.account_id, keys_needed=keys_needed), target

    def _access(self, region: str, account_id: str, *, keys_needed: bool) -> Access:
        shut_out(os.environ)
        cloud = self.running
        if cloud is not None:
            keys = Keys(cloud.access_key_id, cloud.access_key_secret, "")
            urls = {**cloud.endpoints, "sts": cloud.endpoints["ram"]}
            endpoints = Endpoints(**{field.name: urls[field.name] for field in fields(Endpoints)})
            return Access(cloud.region, keys, endpoints.resolved(cloud.region, cloud.account_id))
        resolved = Endpoints.of(os.environ).resolved(region, account_id)
        try:
            return Access(region, self._keys.keys(), resolved, source=self._keys)
        except NoKeys as error:
            if keys_needed:
                raise
            return Access(region, ABSENT, resolved, error)

    def _declared_region(self) -> str:
        if self.running is not None:
            return self.running.region
        manifest = read_manifest(checkout.DEPLOYMENT, self.variables)
        ours = (one for one in functions_of(manifest) if any(handled_by(one, own) for own in OWN_HANDLERS))
        function = next(ours, None)
        if function is None:
            raise Problem(f"{checkout.DEPLOYMENT} declares none of the functions: name --region.")
        return function.region


def where_options(command: F) -> F:
    """``--local``, ``--profile`` and ``--region``, as one argument ``where``."""

    @wraps(command)
    def located(*arguments: Any, local: str | None, profile: str, region: str, **others: Any) -> Any:
        if local is not None and (profile or region):
            raise click.UsageError("--profile and --region are of an account: leave them out with --local.")
        return command(*arguments, where=Where(local, profile, region), **others)

    decorated: Any = located
    for option in (
        click.option("--region", default="", metavar="ID", help="The region; by default that of s.yaml."),
        click.option(
            "--profile", default="", metavar="NAME", help="A profile of `aliyun configure` that has the keys."
        ),
        click.option(
            "--local",
            cls=_Local,
            is_flag=False,
            flag_value="",
            default=None,
            metavar="[URL]",
            help="Work on the running `imm-label-tags serve`, not on an account.",
        ),
    ):
        decorated = option(decorated)
    result: F = decorated
    return result


class _Local(click.Option):
    """An option whose value may be left out also where an argument follows: only a URL is its value."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        super().add_to_parser(parser, ctx)
        (option,) = {parser._long_opt[name] for name in self.opts}
        process = option.process

        def process_url(value: Any, state: Any) -> None:
            if isinstance(value, str) and not value.startswith(_URLS):
                state.rargs.insert(0, value)
                value = self.flag_value
            process(value, state)

        option.process = process_url
