"""Why a layer or a code package could not be built: one class per case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_PIN = "in layers/requirements.in and run `make lock`."


class BuildError(Exception):
    """Nothing was built; the message says why and what to do."""


class RequirementNotLocked(BuildError):
    """A line of the lock file leaves open what is installed."""

    def __init__(self, path: Path, line: str, what: str) -> None:
        super().__init__(f"{path}: `{line}` {what}. Run `make lock`; do not edit the lock file by hand.")


class InstallerMissing(BuildError):
    """There is no uv, which fetches the wheels."""

    def __init__(self) -> None:
        super().__init__("uv is missing, which fetches the wheels: run `make setup`.")


class HashMismatch(BuildError):
    """A downloaded file is not the one that was locked."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package}: the file that the package index serves has another hash than the lock file. "
            "Find out why before you do anything else; `make lock` accepts the new file."
        )


class InstallFailed(BuildError):
    """The wheels could not be fetched or unpacked; uv's words tell which, and why."""

    def __init__(self, target: str, output: str) -> None:
        super().__init__(
            f"The wheels for {target} could not be installed; uv says:\n{output.strip()}\n"
            "The layer is made of wheels alone. Where a package has none that this runtime loads (it may be "
            "source only, or need a newer glibc or another Python), pin a version that has one "
            f"{_PIN} Where the index lacks the version, it may have been withdrawn (`make lock` chooses "
            "another), or pip is set to another index."
        )


class InstalledOtherwise(BuildError):
    """What was installed is not what is locked, or does not say what it is."""

    def __init__(self, what: str, target: str) -> None:
        super().__init__(f"{what}: what was installed for {target} is not what the lock file says.")


class WheelUnknown(BuildError):
    """It is not clear from which file a package was installed."""

    def __init__(self, package: str, candidates: Sequence[str]) -> None:
        super().__init__(
            f"{package}: the bill of materials cannot name the file that was installed: the package index "
            f"offers {' and '.join(candidates) or 'none'} of the locked ones. Run `make lock`."
        )


class NotLoadable(BuildError):
    """The runtime could not load a shared library, or nobody knows whether it could."""

    def __init__(self, path: str, problem: str, target: str) -> None:
        super().__init__(
            f"{path} {problem}; {target} could not import it. Pin a version whose wheel it can load {_PIN}"
        )


class DataUnusable(BuildError):
    """What the function needs of a package's data could not be made."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"The {what} could not be made for the function:\n{why}\nPin the version that worked {_PIN}"
        )


class SourceDoesNotCompile(BuildError):
    """A source file of the function is no valid Python for the target."""

    def __init__(self, path: str, target: str, message: str) -> None:
        super().__init__(f"{path} does not compile for {target}: {message}")


class CompilerFailed(BuildError):
    """The interpreter that compiles broke off."""

    def __init__(self, interpreter: Path, output: str) -> None:
        super().__init__(f"{interpreter} could not compile the sources:\n{output.strip()}")


class DoesNotRun(BuildError):
    """The function does not do its work with this layer."""

    def __init__(self, layer: str, output: str) -> None:
        super().__init__(
            f"The function does not run with {layer}:\n{output.strip()}\n"
            "Where something is missing that the layer leaves out on purpose, take it from the list in "
            "layers/lean.py; `--complete` builds a layer with everything."
        )


class SymbolicLink(BuildError):
    """A symbolic link is among what is to be packed."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a symbolic link: a package holds plain files only, so put the file itself there."
        )
