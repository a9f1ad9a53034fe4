"""Why a layer or a code package could not be built: one class per case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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


class InstallFailed(BuildError):
    """The wheels could not be fetched or unpacked, for a reason that has no class of its own."""

    def __init__(self, output: str) -> None:
        super().__init__(f"The wheels could not be installed; uv says:\n{output.strip()}")


class HashMismatch(BuildError):
    """A downloaded file is not the one that was locked."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package}: the file that the package index serves has another hash than the lock file. "
            "Find out why before you do anything else; `make lock` accepts the new file."
        )


class VersionUnavailable(BuildError):
    """The package index does not have the locked version."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package}: the package index does not have this version. It may have been withdrawn, or your "
            "pip configuration names an index that lacks it; `make lock` chooses another version."
        )


class SourceOnly(BuildError):
    """A package exists as source only, and building it here would make a layer for this machine."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package}: none of the locked files is a wheel. The layer is made of wheels alone; pin a "
            "version that has one in layers/requirements.in and run `make lock`."
        )


class NoWheelForTarget(BuildError):
    """A package has wheels, but none that the target's interpreter and system can load."""

    def __init__(self, package: str, target: str, reason: str) -> None:
        super().__init__(
            f"{package}: it has wheels, but none for {target} ({reason}). Pin a version that has one in "
            "layers/requirements.in and run `make lock`."
        )


class MissingPackage(BuildError):
    """A locked package was not installed."""

    def __init__(self, package: str, target: str) -> None:
        super().__init__(f"{package} is locked for {target}, but was not installed.")


class UnexpectedPackage(BuildError):
    """Something was installed that is not locked for the target."""

    def __init__(self, package: str, target: str) -> None:
        super().__init__(f"{package} was installed, but is not locked for {target}, or is there twice.")


class UnclaimedFile(BuildError):
    """A file was installed that belongs to no package."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was installed, but no package's RECORD lists it.")


class WheelUnknown(BuildError):
    """It is not clear from which file a package was installed."""

    def __init__(self, package: str, candidates: Sequence[str]) -> None:
        super().__init__(
            f"{package}: the bill of materials cannot name the file that was installed: the package index "
            f"offers {' and '.join(candidates) or 'none'} of the locked ones. Run `make lock`."
        )


class MetadataUnreadable(BuildError):
    """An installed package does not say what it is."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}; the wheel is broken.")


class LibraryUnreadable(BuildError):
    """A shared library could not be understood, so nobody knows whether it loads."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}; whether Function Compute can load it cannot be checked.")


class WrongArchitecture(BuildError):
    """A shared library is for another processor."""

    def __init__(self, path: str, machine: str | int) -> None:
        super().__init__(f"{path} is for another processor than x86_64 ({machine}).")


class GlibcTooNew(BuildError):
    """A shared library needs a newer glibc than the runtime has."""

    def __init__(self, path: str, symbol: str, target: str) -> None:
        super().__init__(
            f"{path} needs {symbol}, which {target} does not have: it would fail there when it is imported. "
            "Pin a version with an older wheel in layers/requirements.in and run `make lock`."
        )


class SourceDoesNotCompile(BuildError):
    """A source file of the function is no valid Python for the target."""

    def __init__(self, path: str, target: str, message: str) -> None:
        super().__init__(f"{path} does not compile for {target}: {message}")


class CompilerFailed(BuildError):
    """The interpreter that compiles broke off."""

    def __init__(self, interpreter: Path, output: str) -> None:
        super().__init__(f"{interpreter} could not compile the sources:\n{output.strip()}")


class PronunciationsFailed(BuildError):
    """pypinyin's data could not be made into a table."""

    def __init__(self, output: str) -> None:
        super().__init__(
            f"The table of pronunciations could not be made from pypinyin's data:\n{output.strip()}\n"
            "Pin the version that worked in layers/requirements.in and run `make lock`."
        )


class CertificatesUnreadable(BuildError):
    """certifi's bundle is not what OpenSSL reads as certificates."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The certificates of certifi could not be read: {why}. The function would trust no service. "
            "Pin the version that worked in layers/requirements.in and run `make lock`."
        )


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
