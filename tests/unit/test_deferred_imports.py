"""Modules that are deferred: stubs while others are imported, gone from the import system afterwards."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest

from imm_label_tags.services.deferred_imports import SDKS, NotInLayer, Selection, import_deferring

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
class Tool:
    def __init__(self, size=1):
        self.size = size
class Broken(Exception):
    pass
def answer():
    return 42
"""
DEFER_HEAVY = Selection(deferred=(HEAVY,))


def imported(name: str, selection: Selection) -> Any:
    """A module that was imported with others deferred, and without a warning."""
    said: list[str] = []
    finders = list(sys.meta_path)
    import_deferring((name,), said.append, selection)
    assert (said, sys.meta_path) == ([], finders)
    return sys.modules[name]


def test_a_deferred_module_is_not_imported_and_what_is_called_of_it_says_so(write: Write) -> None:
    write(
        heavy____init__=HEAVY_SOURCE,
        heavy__deep="",
        heavyweight="",
        sdk="import heavy, heavyweight\nfrom heavy import answer\nfrom heavy.deep import Tool\n",
    )
    sdk = imported("sdk", DEFER_HEAVY)
    for call, name in ((sdk.answer, "heavy.answer"), (sdk.Tool, "heavy.deep.Tool")):
        with pytest.raises(NotInLayer, match=rf"^{name} is needed.*deferred_imports\.py.*lean\.py"):
            call(3)
    assert [name for name in sys.modules if name.startswith(HEAVY)] == ["heavyweight"]


def test_stubs_stand_in_annotations_and_as_bases_and_are_tested_and_caught(write: Write) -> None:
    write(
        heavy=HEAVY_SOURCE,
        sdk="""
from typing import Optional
from heavy import Broken, Tool
class Better(Tool):
    pass
def use(tool: Tool | None, other: Optional[Tool], more: list[Tool]) -> int | Tool:
    return isinstance(tool, Tool)
def fail():
    try:
        raise ValueError("ours")
    except Broken:
        return "not ours"
""",
    )
    sdk = imported("sdk", DEFER_HEAVY)
    assert sdk.use(1, None, []) is False
    with pytest.raises(ValueError, match="ours"):
        sdk.fail()
    with pytest.raises(NotInLayer, match=r"sdk\.Better is needed"):
        sdk.Better()
    assert HEAVY not in sys.modules


def test_others_import_the_real_module_afterwards(write: Write) -> None:
    write(
        heavy____init__="",
        heavy__tools=HEAVY_SOURCE,
        sdk="import heavy.tools\n",
        other="import heavy.tools\n",
    )
    imported("sdk", DEFER_HEAVY)
    assert importlib.import_module("other").heavy.tools.answer() == 42


def test_what_a_deferred_module_is_asked_for_at_once_can_be_given(write: Write) -> None:
    write(heavy=HEAVY_SOURCE, sdk="from heavy import answer, __version__ as version\nanswered = answer()\n")
    given = {HEAVY: {"answer": lambda: 43, "__version__": "1.2"}}
    sdk = imported("sdk", Selection(deferred=(HEAVY,), given=given))
    assert (sdk.answered, sdk.version, HEAVY in sys.modules) == (43, "1.2", False)


def test_the_bundle_that_is_given_is_certifis() -> None:
    assert SDKS.given["certifi"]["where"]() == certifi.where()


def test_a_package_of_names_loads_the_module_of_each_name_when_it_is_used(write: Write) -> None:
    write(
        models____init__="from ._one_request import OneRequest\nfrom ._two import Two\n"
        "from ._three import Three\n",
        models___one_request="class OneRequest:\n    pass\n",
        models___two="class Two:\n    pass\n",
        sdk="from models import OneRequest\nimport models\n",
    )
    models = imported("sdk", Selection(lazy=("models",))).models
    assert "models._two" not in sys.modules
    assert (models.OneRequest.__module__, models.Two.__module__) == ("models._one_request", "models._two")
    with pytest.raises(NotInLayer, match=r"models\.Three is needed"):
        _ = models.Three
    with pytest.raises(AttributeError, match="no attribute 'Four'"):
        _ = models.Four


STAR_PACKAGE = {
    "sdk____init__": "from . import models\nfrom .models.kept import *\nfrom .models.rare import *\n"
    "from . import client\n",
    "sdk__client": "from . import models\ndef use(a: models.Kept, b: models.Rare) -> None: ...\n",
    "sdk__models____init__": "from .kept import *\nfrom .rare import *\n",
    "sdk__models__kept": "class Kept:\n    pass\n",
    "sdk__models__rare": "class Rare:\n    pass\n",
}


def test_of_a_package_of_modules_only_those_that_are_kept_are_imported(write: Write) -> None:
    write(**STAR_PACKAGE)
    keep = Selection(kept={"sdk.models": ("kept",)}, reexporting=("sdk", "sdk.models"))
    sdk = imported("sdk", keep)
    assert sdk.Kept is sdk.models.Kept
    assert not [name for name in sys.modules if "rare" in name]
    with pytest.raises(NotInLayer, match=r"sdk\.Rare is needed"):
        sdk.Rare()


def test_a_failure_has_everything_imported_whole_and_is_reported(write: Write) -> None:
    write(
        heavy=HEAVY_SOURCE,
        inner="",
        sdk="import inner, heavy\nif isinstance(heavy.answer, type):\n    raise TypeError('odd')\n",
    )
    said: list[str] = []
    import_deferring(("sdk",), said.append, DEFER_HEAVY)
    assert said == ["The SDKs are imported whole, which takes longer: TypeError: odd"]
    assert sys.modules["sdk"].heavy is sys.modules[HEAVY]


def test_a_module_that_is_missing_altogether_fails(write: Write) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_sdk"):
        import_deferring(("no_such_sdk",), lambda text: None, DEFER_HEAVY)
