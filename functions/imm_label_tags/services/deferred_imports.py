"""Imports the SDKs without what only other code paths of theirs use.

Both SDKs import all that any of their features may need: an asynchronous HTTP client, a scheduler, RSA, web
sockets, ten ways to find keys, 520 models. Sending two signed requests needs none of it, and a cold start
waits for all of it. While the SDKs are imported, each module that is listed here is an empty one, which gives
a stub for every name: for annotations, as a base, in ``except``. Calling a stub raises NotInLayer.

Nothing of the SDKs is changed, and nothing stays in the import system: once the SDKs are imported, an import
of a listed module by anybody else is an ordinary one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple


class Selection(NamedTuple):
    """What is not imported.

    * ``deferred``: modules, each with all that is below it.
    * ``kept``: packages of which all modules are deferred but those named here.
    * ``given``: what a deferred module has all the same, by name, because it is asked for at once.
    * ``reexporting``: packages that take classes from deferred modules with ``import *``.
    * ``lazy``: packages that consist of ``from ._module import Name`` lines, of which each is imported when
      its name is used.
    """

    deferred: Sequence[str] = ()
    kept: Mapping[str, Sequence[str]] = MappingProxyType({})
    given: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    reexporting: Sequence[str] = ()
    lazy: Sequence[str] = ()

    def defers(self, name: str) -> bool:
        """Whether a module is deferred."""
        package, _, module = name.rpartition(".")
        if package in self.kept:
            return module not in self.kept[package]
        return any(f"{name}.".startswith(f"{root}.") for root in self.deferred)


def certificate_bundle() -> str:
    """What ``certifi.where`` gives, without the resource reader that it imports (8 ms of CPU time)."""
    spec = PathFinder.find_spec("certifi")
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).with_name("cacert.pem"))


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
        "certifi",  # certificates inside zip files
        "tempfile",
        "zipfile",
        "calendar",  # times in cookies
        "mimetypes",  # uploads of forms
        "urllib.request",  # proxies of the environment
    ),
    given={
        "certifi": {"where": certificate_bundle},
        # requests checks it; the lock file decides which one it is.
        "charset_normalizer": {"__version__": "3.0.0"},
    },
    kept={
        "alibabacloud_oss_v2.models": ("enums", "object_basic", "bucket_tags"),
        "alibabacloud_oss_v2.operations": ("object_basic",),
    },
    reexporting=("alibabacloud_oss_v2", "alibabacloud_oss_v2.models"),
    lazy=("alibabacloud_imm20200930.models",),
)


class NotInLayer(ImportError):
    """Something that is not imported was needed after all."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is needed, but it is not imported, which makes cold starts short: keep its module in "
            "imm_label_tags/services/deferred_imports.py, and in the layer (layers/lean.py)."
        )


def import_deferring(
    names: Sequence[str], report: Callable[[str], None], selection: Selection = SDKS
) -> None:
    """Import modules with those of the selection deferred.

    Where that fails, everything is imported whole and ``report`` is told why; that takes longer, but works
    with any release of the SDKs.
    """
    before = set(sys.modules)
    finder = _Finder(selection)
    sys.meta_path.insert(0, finder)
    reason = ""
    try:
        for name in names:
            import_module(name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    finally:
        sys.meta_path.remove(finder)
        finder.importing = False
        _forget(finder.stubs)
    if reason:
        _forget(set(sys.modules) - before)
        report(f"The SDKs are imported whole, which takes longer: {reason}")
        for name in names:
            import_module(name)


class _Finder:
    """Finds the modules of a selection, and loads them: those that are deferred as stubs."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self.stubs: list[str] = []
        self.importing = True

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if self._selection.defers(name):
            self.stubs.append(name)
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        if name not in self._selection.reexporting and name not in self._selection.lazy:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader_state, spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary one."""

    def exec_module(self, module: ModuleType) -> None:
        name, namespace = module.__name__, vars(module)
        loader: Any = module.__spec__ and module.__spec__.loader_state
        if name in self._selection.lazy:
            namespace["__getattr__"] = partial(_load_class, module, loader.get_source(name))
        elif name in self._selection.reexporting:
            namespace["__getattr__"] = partial(self._stub_of_class, module)
            loader.exec_module(module)
        else:
            namespace.update(self._selection.given.get(name, {}), __getattr__=partial(_stub, module))

    def _stub_of_class(self, module: ModuleType, name: str) -> Any:
        """A class that a package would have from a deferred module."""
        if not name[:1].isupper():
            # For the import system, which then looks for a module.
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        # Hundreds stand in annotations while the SDK is imported, and making a class takes 0.01 ms.
        return _Annotated if self.importing else _stub(module, name)


class _Annotated(BaseException):
    """A class that is not imported, in an annotation."""


def _stub(module: ModuleType, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (BaseException,), {"__module__": module.__name__, "__new__": _refuse})


def _refuse(cls: type, *_: Any, **__: Any) -> None:
    raise NotInLayer(f"{cls.__module__}.{cls.__name__}")


def _load_class(module: ModuleType, source: str, name: str) -> Any:
    """A class of the module from which a package's source imports it."""
    package = module.__name__
    line = re.search(rf"^from \.(\w+) import {name}$", source, re.MULTILINE)
    if line is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    try:
        found = getattr(import_module(f"{package}.{line[1]}"), name)
    except ModuleNotFoundError:
        raise NotInLayer(f"{package}.{name}") from None
    setattr(module, name, found)
    return found


def _forget(names: Iterable[str]) -> None:
    """Take modules out of the import system."""
    for name in names:
        module = sys.modules.pop(name, None)
        package, _, child = name.rpartition(".")
        attributes = vars(sys.modules[package]) if package in sys.modules else {}
        if attributes.get(child) is module:
            del attributes[child]
