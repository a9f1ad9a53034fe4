"""Where a secret may be shown, and why; each entry is as narrow as it can be."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from localcloud.config import CloudConfig

# Written in the source of the local cloud for everybody to read; they open nothing.
_OF_THE_LOCAL_OWNER = frozenset({CloudConfig().access_key_id, CloudConfig().access_key_secret})
_BOOTSTRAP = "tests/localcloud/test_fc_runtime.py"


@dataclass(frozen=True)
class Exemption:
    """What one test (or, with a star at its end, several) may show in one place.

    ``secrets`` are the values that it may show; None where these are new in every run.
    With ``drawn`` only a test is meant whose values hypothesis draws.
    """

    test: str
    place: str
    secrets: frozenset[str] | None
    reason: str
    drawn: bool = False

    def covers(self, test: str, place: str, secret: str, *, draws: bool = False) -> bool:
        """Whether a find is one that is meant; ``draws`` says that hypothesis draws the test's values."""
        return (
            (draws or not self.drawn)
            and fnmatchcase(test, self.test)
            and fnmatchcase(place, self.place)
            and (self.secrets is None or secret in self.secrets)
        )


EXEMPTIONS = (
    Exemption(
        "tests/cli/test_commands.py::test_serve_*",
        "the output of main serve",
        _OF_THE_LOCAL_OWNER,
        "`serve` prints the local cloud's keys for its user to export, as its documentation says",
    ),
    Exemption(
        "*",
        "*",
        _OF_THE_LOCAL_OWNER,
        "hypothesis draws text from the constants of our own sources, and these are two of them",
        drawn=True,
    ),
    Exemption(
        f"{_BOOTSTRAP}::test_python_3_12_has_its_keys_in_the_environment_alone",
        "the answer of an invocation",
        None,
        "a function that answers with its keys shows that the runtime gives the right ones",
    ),
    Exemption(
        f"{_BOOTSTRAP}::test_python_3_10_has_fresh_keys_in_its_context",
        "the answer of an invocation",
        None,
        "a function that answers with its keys shows that the runtime gives the right ones",
    ),
)
