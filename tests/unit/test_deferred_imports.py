"""Stand-ins for modules: given out while others are imported, real when they are used, gone afterwards."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imm_label_tags.services.deferred_imports import NotInLayer, Selection, deferring, import_deferring

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules to a place where they can be imported; they are forgotten after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(**sources: str) -> None:
        for name, source in sources.items():
            place = name.replace("____init__", "/@").replace("___", "/_").replace("__", "/")
            path = tmp_path / place.replace("@", "__init__")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".py").write_text(source)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


HEAVY = "heavy"
HEAVY_SOURCE = """
__version__ = "1.2.3"
class Tool:
    name = "a real tool"
    def __init__(self, size=1):
        self.size = size
class Broken(Exception):
    pass
def answer():
    return 42
"""


def imported(name: str, selection: Selection) -> object:
    with deferring(selection):
        return importlib.import_module(name)


DEFER_HEAVY = Selection(deferred=(HEAVY,))


def test_a_deferred_module_is_not_imported_until_it_is_used(write: Write) -> None:
    write(heavy=HEAVY_SOURCE, sdk="import heavy\nfrom heavy import answer\n")
    sdk = imported("sdk", DEFER_HEAVY)
    assert HEAVY not in sys.modules
    assert sdk.answer() == 42  # type: ignore[attr-defined]
    assert HEAVY in sys.modules
    assert sdk.heavy.answer() == 42  # type: ignore[attr-defined]


def test_what_is_below_a_deferred_module_is_deferred_too(write: Write) -> None:
    write(
        heavy____init__="",
        heavy__deep____init__="",
        heavy__deep__tools=HEAVY_SOURCE,
        sdk="import heavy.deep\nfrom heavy.deep.tools import Tool\n"
        "def make():\n    return Tool(size=3).size, heavy.deep.tools.answer()\n",
    )
    sdk = imported("sdk", DEFER_HEAVY)
    assert not [name for name in sys.modules if name.startswith(HEAVY)]
    assert sdk.make() == (3, 42)  # type: ignore[attr-defined]


def test_only_that_module_and_no_other_with_a_similar_name_is_deferred(write: Write) -> None:
    write(heavy="", heavyweight="", sdk="import heavy, heavyweight\n")
    imported("sdk", DEFER_HEAVY)
    assert "heavyweight" in sys.modules
    assert HEAVY not in sys.modules


def test_names_pass_through_annotations_and_are_inherited_and_tested_and_caught(write: Write) -> None:
    write(
        heavy=HEAVY_SOURCE,
        sdk="""
import heavy
from typing import Optional
from heavy import Tool
def use(tool: Tool | None, other: Optional[heavy.Tool], more: list[Tool], all: heavy.Tool[int]) -> int | Tool:
    return isinstance(tool, Tool), isinstance(1, Tool), Tool.name
def fail():
    try:
        raise heavy.Broken
    except heavy.Broken:
        return "caught"
""",
    )
    sdk = imported("sdk", DEFER_HEAVY)
    assert HEAVY not in sys.modules
    tool = importlib.import_module(HEAVY).Tool()
    assert sdk.use(tool, None, [], None) == (True, False, "a real tool")  # type: ignore[attr-defined]
    assert sdk.fail() == "caught"  # type: ignore[attr-defined]


def test_a_class_that_inherits_has_the_module_imported_at_once(write: Write) -> None:
    write(heavy=HEAVY_SOURCE, sdk="from heavy import Tool\nclass Better(Tool):\n    pass\n")
    sdk = imported("sdk", DEFER_HEAVY)
    assert sdk.Better().name == "a real tool"  # type: ignore[attr-defined]
    assert HEAVY in sys.modules


def test_a_version_is_told_without_the_module(write: Write) -> None:
    write(
        heavy____init__="raise AssertionError('imported')",
        heavy__version="__version__ = '4.5.6'\n",
        sdk="from heavy import __version__\n",
    )
    assert imported("sdk", DEFER_HEAVY).__version__ == "4.5.6"  # type: ignore[attr-defined]


def test_a_module_without_a_version_has_none(write: Write) -> None:
    write(heavy____init__="", sdk="import heavy\nfound = getattr(heavy, '__version__', None)\n")
    assert imported("sdk", DEFER_HEAVY).found is None  # type: ignore[attr-defined]


def test_others_import_the_real_module_afterwards(write: Write) -> None:
    write(
        heavy____init__="",
        heavy__tools=HEAVY_SOURCE,
        sdk="import heavy.tools\n",
        other="import heavy.tools\n",
    )
    finders = list(sys.meta_path)
    imported("sdk", DEFER_HEAVY)
    assert sys.meta_path == finders
    other = importlib.import_module("other")
    assert other.heavy.tools.answer() == 42


def test_a_deferred_module_of_a_package_that_is_not_deferred(write: Write) -> None:
    write(
        sdk____init__="from . import heavy\nfrom .heavy import Tool\n",
        sdk__heavy=HEAVY_SOURCE,
    )
    sdk = imported("sdk", Selection(deferred=("sdk.heavy",)))
    assert "sdk.heavy" not in sys.modules
    assert not hasattr(sys.modules["sdk"], "__wrapped__")
    assert sdk.Tool().size == 1  # type: ignore[attr-defined]
    assert importlib.import_module("sdk.heavy").answer() == 42


def test_a_module_that_is_missing_is_named_with_what_needs_it(write: Write) -> None:
    write(sdk="from heavy.tools import Tool\ndef make():\n    return Tool()\n")
    sdk = imported("sdk", DEFER_HEAVY)
    with pytest.raises(NotInLayer, match=r"heavy\.tools\.Tool is needed, but the layer leaves out heavy"):
        sdk.make()  # type: ignore[attr-defined]


def test_a_package_of_names_loads_the_module_of_each_name_when_it_is_used(write: Write) -> None:
    write(
        models____init__="# generated\nfrom __future__ import annotations\n\n"
        "from ._one import One\nfrom ._two import Two\n\n__all__ = [\n    One,\n]\n",
        models___one="class One:\n    pass\n",
        models___two="class Two:\n    pass\n",
        sdk="from models import One\nimport models\n",
    )
    imported("sdk", Selection(lazy=("models",)))
    assert "models._one" in sys.modules
    assert "models._two" not in sys.modules
    models = importlib.import_module("models")
    assert models.Two.__module__ == "models._two"
    assert models.__all__ == ["One", "Two"]
    with pytest.raises(AttributeError, match="no attribute 'Three'"):
        _ = models.Three


def test_a_package_that_does_more_than_import_names_is_imported_as_ever(write: Write) -> None:
    write(models____init__="from ._one import One\nregister = {One}\n", models___one="class One:\n    pass\n")
    models = imported("models", Selection(lazy=("models",)))
    assert [one.__name__ for one in models.register] == ["One"]  # type: ignore[attr-defined]


STAR_PACKAGE = {
    "sdk____init__": "from . import models\nfrom .models.kept import *\nfrom .models.rare import *\n"
    "from . import client\n",
    "sdk__client": "from . import models\ndef use(a: models.Kept, b: models.Rare) -> None: ...\n",
    "sdk__models____init__": "from .kept import *\nfrom .rare import *\nfrom .rarer import *\n",
    "sdk__models__kept": "class Kept:\n    pass\nclass Both:\n    pass\n",
    "sdk__models__rare": "class Rare:\n    pass\nclass Both:\n    pass\n",
    "sdk__models__rarer": "class Rarer:\n    pass\n",
}
KEEP = Selection(kept={"sdk.models": ("kept",)}, reexporting={"sdk": "sdk.models"})


def test_of_a_package_of_modules_only_those_that_are_kept_are_imported(write: Write) -> None:
    write(**STAR_PACKAGE)
    sdk = imported("sdk", KEEP)
    assert sdk.Kept is sdk.models.Kept  # type: ignore[attr-defined]
    assert not [name for name in sys.modules if "rare" in name]


def test_names_of_the_others_are_found_when_they_are_used(write: Write) -> None:
    write(**STAR_PACKAGE)
    sdk = imported("sdk", KEEP)
    assert sdk.Rare.__module__ == "sdk.models.rare"  # type: ignore[attr-defined]
    assert sdk.models.Rarer.__module__ == "sdk.models.rarer"  # type: ignore[attr-defined]
    assert sdk.client.use.__annotations__["b"]() is not None  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'Rarest'"):
        _ = sdk.models.Rarest  # type: ignore[attr-defined]


def test_a_failure_has_everything_imported_as_ever_and_is_reported(write: Write) -> None:
    write(
        heavy=HEAVY_SOURCE,
        inner="",
        sdk="import inner, heavy\n"
        "if type(heavy.answer).__name__ != 'function':\n    raise TypeError('odd')\n",
    )
    said: list[str] = []
    import_deferring(("sdk",), said.append, DEFER_HEAVY)
    assert said == ["The SDKs are imported whole, which takes longer: TypeError: odd"]
    assert sys.modules["sdk"].heavy is sys.modules[HEAVY]


def test_where_nothing_fails_nothing_is_reported(write: Write) -> None:
    write(heavy=HEAVY_SOURCE, sdk="import heavy\n")
    said: list[str] = []
    import_deferring(("sdk",), said.append, DEFER_HEAVY)
    assert said == []
    assert HEAVY not in sys.modules


def test_a_module_that_is_missing_altogether_fails_as_ever(write: Write) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_sdk"):
        import_deferring(("no_such_sdk",), lambda text: None, DEFER_HEAVY)
