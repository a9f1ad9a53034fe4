"""What ``doctor`` checks of the function that keeps failed events, and how many it keeps now.

Nothing is written to try it: a trial object would say what the caller's keys may do, not what the function's
role may, and it would stand among the records. So the role's policies are judged, as those of the other
function are, and the records are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from itertools import islice

from cli.installation.documents import keeper_policy
from cli.installation.examination import Check, Failing
from cli.installation.function_checks import CORRECT, DEPLOY, FunctionChecks
from cli.installation.services import Installation
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.keeper import VARIABLE, read_failed_settings
from imm_label_tags.results.target import ObjectPrefix

# More are not counted: a look must not take minutes.
MOST_COUNTED = 10_000


class Keeping(FunctionChecks):
    """The checks of one installation, in order."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation, installation.target.keeper)

    def checks(self, *sound: str) -> Iterator[Check]:
        """Every check, in order; they all rest on those that ``sound`` names."""
        name = self._declared.resource
        yield Check(name, self.deployed, (*sound, "region"))
        yield Check(f"{name} settings", self._settings, (name,))
        yield Check(f"{name} destination", self.destination, (name,))
        yield Check(f"{name} role", self.role, sound)
        yield Check(f"{name} policies", self._policies, (f"{name} settings", f"{name} role"))
        yield Check("kept events", self._kept, (f"{name} settings",))

    @cached_property
    def _store(self) -> ObjectPrefix:
        try:
            return read_failed_settings(self.environment).failed_events
        except InvalidSetting as error:
            raise Failing(str(error), CORRECT) from None

    def _settings(self) -> str:
        found = self._store.uri
        try:
            declared = self._target.failed_events().uri
        except InvalidSetting:
            # The variable is of the shell from which it was deployed; here nobody may have exported it.
            declared = found
        if declared != found:
            raise Failing(
                f"Failed events are kept at {found}, but {self._target.file} declares {declared}.",
                f"{DEPLOY} Or export the {VARIABLE} that is deployed.",
            )
        return f"failed events are kept at {found}"

    def _policies(self) -> str:
        document = partial(keeper_policy, self._target, self._store)
        return self.policies(document, f"Correct {self._target.file}. {DEPLOY}")

    def _kept(self) -> str:
        store = self._store
        if fault := self._installation.fault_of_bucket(store.bucket, f"with {VARIABLE}"):
            raise Failing(f"{fault[0]} No failed event can be kept.", f"{fault[1]} {DEPLOY}")
        count = sum(1 for _ in islice(self._services.records(store).list(), MOST_COUNTED))
        if count == 0:
            return f"none at {store.uri}"
        number = f"{count:,} or more" if count == MOST_COUNTED else f"{count:,}"
        return f"{number} at {store.uri}; look at `imm-label-tags failed list`"
