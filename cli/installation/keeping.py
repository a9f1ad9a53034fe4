"""What ``doctor`` checks of the function that keeps failed events, and how many it keeps now.

Nothing is written to try it: a trial object would say what the caller's keys may do, not what the function's
role may, and it would stand among the records. So the role's policies are judged, as those of the other
function are, and the records are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from cli.cloud.target import Target
from cli.installation.documents import Documents
from cli.installation.examination import Check, Failing
from cli.installation.function_checks import DEPLOY, FunctionChecks
from cli.installation.services import Services
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.settings import VARIABLE, read_failed_settings
from imm_label_tags.results.target import ObjectPrefix

# More are not counted: a look must not take minutes.
MOST_COUNTED = 10_000


class Keeping:
    """The checks of one installation, in order; ``sound`` names the checks that they all rest on."""

    def __init__(self, services: Services, target: Target, documents: Documents) -> None:
        self._services = services
        self._target = target
        self._documents = documents
        self._function = FunctionChecks(services, target, target.keeper)
        # What one check finds out for the ones after it.
        self._store: ObjectPrefix | None = None

    def checks(self, *sound: str) -> Iterator[Check]:
        """Every check, in order."""
        name, function = self._target.keeper.resource, self._function
        yield Check(name, function.deployed, (*sound, "region"))
        yield Check(f"{name} settings", self._settings, (name,))
        yield Check(f"{name} destination", function.destination, (name,))
        yield Check(f"{name} role", function.role, sound)
        yield Check(f"{name} policies", self._policies, (f"{name} settings", f"{name} role"))
        yield Check("kept events", self._kept, (f"{name} settings",))

    def _settings(self) -> str:
        try:
            self._store = read_failed_settings(self._function.environment).failed_events
        except InvalidSetting as error:
            raise Failing(str(error), f"Correct the environment variable. {DEPLOY}") from None
        self._check_declared(self._store)
        return f"failed events are kept at {self._store.uri}"

    def _check_declared(self, store: ObjectPrefix) -> None:
        try:
            declared = self._target.failed_events()
        except InvalidSetting:
            # The variable is of the shell from which it was deployed; here nobody may have exported it.
            return
        if declared != store:
            raise Failing(
                f"Failed events are kept at {store.uri}, but {self._target.file} declares {declared.uri}.",
                f"{DEPLOY} Or export the {VARIABLE} that is deployed.",
            )

    def _policies(self) -> str:
        store = self._store
        assert store is not None, "the check of the settings comes before"
        document = partial(self._documents.keeper_policy, self._target, store)
        return self._function.policies(document, f"Correct {self._target.file}. {DEPLOY}")

    def _kept(self) -> str:
        store, buckets = self._store, self._services.buckets
        assert store is not None, "the check of the settings comes before"
        region = buckets.region_of(store.bucket)
        if region is None:
            raise Failing(
                f"There is no bucket {store.bucket}, so no failed event can be kept.",
                f"Create it in {self._target.region}, or name another with {VARIABLE}. {DEPLOY}",
            )
        if region != self._target.region:
            raise Failing(
                f"The bucket {store.bucket} is in {region}, the function in {self._target.region}.",
                f"Name a bucket of the function's region with {VARIABLE}. {DEPLOY}",
            )
        records = self._services.records(store).list()
        count = sum(1 for _ in islice(records, MOST_COUNTED))
        if count == 0:
            return f"none at {store.uri}"
        number = f"{count:,} or more" if count == MOST_COUNTED else f"{count:,}"
        return f"{number} at {store.uri}; look at `imm-label-tags failed list`"
