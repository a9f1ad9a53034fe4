"""Imports the SDKs without what only other code paths of theirs use.

Both SDKs import all that any of their features may need: an asynchronous HTTP client, a scheduler, RSA, web
sockets, ten ways to find keys, 520 models. Sending two signed requests needs none of it, and a cold start
waits for all of it. While imports are being deferred, the import of a module that is selected for it gives a
stand-in. Whatever uses the stand-in later gets the real module, which is imported then; where the layer
leaves that out, the error says so.

Nothing of the SDKs is changed, and nothing stays in the import system: once the SDKs are imported, an import
of a deferred module by anybody else is an ordinary one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from importlib.abc import Loader


class Selection(NamedTuple):
    """What is deferred, and how.

    * ``deferred``: modules, each with all that is below it.
    * ``kept``: packages of which all modules are deferred but those named here. They import their modules'
      names with ``from .module import *``; a name that they do not have is looked for in the deferred ones.
    * ``reexporting``: packages that import the same names from another package.
    * ``lazy``: packages that consist of ``from ._module import Name`` lines alone. Each module is imported
      when its name is used. A package that looks otherwise is imported as ever.
    """

    deferred: Sequence[str] = ()
    kept: Mapping[str, Sequence[str]] = MappingProxyType({})
    reexporting: Mapping[str, str] = MappingProxyType({})
    lazy: Sequence[str] = ()

    def defers(self, name: str) -> bool:
        """Whether a module is deferred."""
        if any(f"{name}.".startswith(f"{root}.") for root in self.deferred):
            return True
        package, _, module = name.rpartition(".")
        return package in self.kept and module not in self.kept[package]


# With what each is for.
SDKS = Selection(
    deferred=(
        "aiohttp",  # asynchronous calls
        "asyncio",  # the same
        "cryptography",  # signatures with RSA keys, and encrypted private keys
        "websocket",  # calls over web sockets
        "Tea.core",  # the transport of the credentials package
        "alibabacloud_credentials.client",  # other ways to find keys
        "alibabacloud_credentials.provider",
        "alibabacloud_oss_v2.crypto",  # encryption on the client's side
        "alibabacloud_oss_v2.encryption_client",
        "alibabacloud_oss_v2.checkpoint",  # transfers of large objects
        "alibabacloud_oss_v2.copier",
        "alibabacloud_oss_v2.downloader",
        "alibabacloud_oss_v2.uploader",
        "alibabacloud_oss_v2.filelike",
        "alibabacloud_oss_v2.paginator",  # lists of objects
        "alibabacloud_oss_v2.presigner",  # signed URLs
        "charset_normalizer",  # guesses at the encoding of a text that does not tell it
        "importlib.metadata",  # the version of an HTTP/2 package
        "zipfile",  # certificates inside zip files
    ),
    kept={
        "alibabacloud_oss_v2.models": ("enums", "object_basic", "bucket_tags"),
        "alibabacloud_oss_v2.operations": ("object_basic",),
    },
    reexporting={"alibabacloud_oss_v2": "alibabacloud_oss_v2.models"},
    lazy=("alibabacloud_imm20200930.models",),
)


class NotInLayer(ImportError):
    """A module that the layer does not hold was needed after all."""


def import_deferring(
    names: Sequence[str], report: Callable[[str], None], selection: Selection = SDKS
) -> None:
    """Import modules with everything deferred that can be.

    Where that fails, for example because a release of an SDK is made otherwise, they are imported as ever and
    ``report`` is told why.
    """
    before = set(sys.modules)
    try:
        with deferring(selection):
            for name in names:
                import_module(name)
        return
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    for name in set(sys.modules) - before:
        del sys.modules[name]
    report(f"The SDKs are imported whole, which takes longer: {reason}")
    for name in names:
        import_module(name)


@contextmanager
def deferring(selection: Selection) -> Iterator[None]:
    """Stand-ins are given out in this context, and only in it."""
    finder = _Finder(selection)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.end()


class _Finder:
    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self.ended = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        selection = self._selection
        if selection.defers(name):
            return ModuleSpec(name, cast("Loader", _StandInLoader(self)), is_package=True)
        if name in selection.lazy:
            return _lazy_package(name, path)
        if name in selection.kept or name in selection.reexporting:
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.loader is not None:
                search = _Search(self, name, selection.reexporting.get(name))
                spec.loader = cast("Loader", _SearchingLoader(spec.loader, search))
            return spec
        return None

    def import_real(self, name: str) -> ModuleType:
        """Import a deferred module after all."""
        if self not in sys.meta_path:
            return import_module(name)
        sys.meta_path.remove(self)
        try:
            _take_out(name.partition(".")[0])
            return import_module(name)
        finally:
            sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Leave the import system as if nothing had been deferred."""
        sys.meta_path.remove(self)
        _take_out()
        self.ended = True


def _left_out(said: str, error: ModuleNotFoundError) -> NotInLayer:
    return NotInLayer(
        f"{said} is needed, but the layer leaves out {error.name}, which the function does not use by "
        "itself. `python -m layers.build --complete` builds a layer with everything."
    )


class _StandInLoader:
    def __init__(self, finder: _Finder) -> None:
        self._finder = finder

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name, self._finder)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _StandIn(ModuleType):
    """A module that is imported when something of it is used."""

    def __init__(self, name: str, finder: _Finder) -> None:
        super().__init__(name)
        vars(self)["_finder"] = finder

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return _version(self.__name__)
        if name.startswith("__"):
            raise AttributeError(name)
        return _found(self._finder, _Name(self._finder, self._import, f"{self.__name__}.{name}", (name,)))

    def _import(self) -> ModuleType:
        return cast("_Finder", self._finder).import_real(self.__name__)


class _Name:
    """Something of a deferred module: taken from the real one when it is called, looked into or inherited.

    ``start`` gives the object in which ``path`` is followed, name by name.
    """

    def __init__(self, finder: _Finder, start: Callable[[], Any], said: str, path: tuple[str, ...]) -> None:
        self._finder = finder
        self._start = start
        self._said = said
        self._path = path

    def real(self) -> Any:
        """What this stands for. Raises NotInLayer."""
        try:
            found = self._start()
        except ModuleNotFoundError as error:
            raise _left_out(self._said, error) from None
        for name in self._path:
            found = getattr(found, name)
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        further = _Name(self._finder, self._start, f"{self._said}.{name}", (*self._path, name))
        return _found(self._finder, further)

    def __call__(self, *positional: Any, **named: Any) -> Any:
        return self.real()(*positional, **named)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.real(),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self.real())

    def __getitem__(self, parameters: Any) -> Any:
        return self

    def __or__(self, other: Any) -> Any:
        return self

    __ror__ = __or__


def _found(finder: _Finder, name: _Name) -> Any:
    # While modules are being imported, names are passed on; afterwards they are used.
    return name.real() if finder.ended else name


class _Search:
    """Finds the names that a package lacks because its modules are deferred."""

    def __init__(self, finder: _Finder, package: str, reexported: str | None) -> None:
        self._finder = finder
        self._package = package
        self._reexported = reexported

    def __call__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._is_module(name):
            if self._finder.ended:
                return import_module(f"{self._package}.{name}")
            # So that ``from package import module`` goes on to import it.
            raise AttributeError(name)
        if not self._finder.ended:
            return _Name(self._finder, lambda: self._real(name), f"{self._package}.{name}", ())
        return self._real(name)

    def _is_module(self, name: str) -> bool:
        path = sys.modules[self._package].__path__
        return PathFinder.find_spec(f"{self._package}.{name}", path) is not None

    def _real(self, name: str) -> Any:
        try:
            for source in self._sources():
                found = vars(source).get(name, self)
                if found is not self:
                    vars(sys.modules[self._package])[name] = found
                    return found
        except ModuleNotFoundError as error:
            raise _left_out(f"{self._package}.{name}", error) from None
        raise AttributeError(f"module {self._package!r} has no attribute {name!r}")

    def _sources(self) -> Iterator[ModuleType]:
        """The last first, since a later ``import *`` prevails."""
        if self._reexported is not None:
            yield self._finder.import_real(self._reexported)
        source = sys.modules[self._package].__loader__.get_source(self._package)  # type: ignore[union-attr]
        for module in reversed(re.findall(r"^from \.([\w.]+) import \*", source, re.MULTILINE)):
            yield self._finder.import_real(f"{self._package}.{module}")


class _SearchingLoader:
    """An ordinary loader, of a package with a search for what it lacks."""

    def __init__(self, loader: Loader, search: _Search) -> None:
        self._loader = loader
        self._search = search

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__getattr__"] = self._search
        self._loader.exec_module(module)


def _take_out(root: str | None = None) -> None:
    """Take the stand-ins (of a top-level package) out of the import system."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, _StandIn) and (root is None or name.partition(".")[0] == root):
            del sys.modules[name]
            package, _, child = name.rpartition(".")
            attributes = vars(sys.modules[package]) if package in sys.modules else {}
            if attributes.get(child) is module:
                del attributes[child]


def _version(name: str) -> str:
    """A deferred package's version, read from its source: some check it while they are imported."""
    spec = PathFinder.find_spec(name)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in ("version.py", "__version__.py", "__init__.py"):
            try:
                source = Path(folder, file).read_text("utf-8")
            except OSError:
                continue
            match = re.search(r"^__version__ = ['\"]([^'\"]+)['\"]", source, re.MULTILINE)
            if match:
                return match[1]
    raise AttributeError("__version__")


_FOREWORD = re.compile(r"(?:#.*|from __future__ import annotations|\s*)$")
_IMPORT = re.compile(r"from \.(_\w+) import (\w+)$")


def _lazy_package(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    spec = PathFinder.find_spec(name, path)
    source = getattr(spec.loader, "get_source", None) if spec else None
    modules = _modules_by_name(source(name) or "") if source else None
    if spec is None or modules is None:
        return None
    spec.loader = cast("Loader", _LazyPackageLoader(modules))
    return spec


def _modules_by_name(source: str) -> Mapping[str, str] | None:
    """The module of each name that a package imports from its own modules; None if it does anything else."""
    modules = {}
    for line in source.partition("\n__all__ = [\n")[0].splitlines():
        match = _IMPORT.match(line)
        if match:
            modules[match[2]] = match[1]
        elif not _FOREWORD.match(line):
            return None
    return modules


class _LazyPackageLoader:
    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary module will do."""

    def exec_module(self, module: ModuleType) -> None:
        def find(name: str) -> Any:
            if name not in self._modules:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            try:
                found = getattr(import_module(f"{module.__name__}.{self._modules[name]}"), name)
            except ModuleNotFoundError as error:
                raise _left_out(f"{module.__name__}.{name}", error) from None
            setattr(module, name, found)
            return found

        vars(module)["__getattr__"] = find
        vars(module)["__all__"] = list(self._modules)
