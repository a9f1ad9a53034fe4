"""The local cloud's modules import each other in one direction, and know nothing of the project's own."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import localcloud

ROOT = Path(localcloud.__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "localcloud").rglob("*.py")
}


def imported(path: Path) -> set[str]:
    """What a module imports, for type hints and inside of functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            names |= within or {node.module}
    return names


def test_no_module_leads_back_to_itself() -> None:
    graph = {name: imported(path) & MODULES.keys() for name, path in MODULES.items()}
    assert len(graph["localcloud.cloud"]) > 3
    TopologicalSorter(graph).prepare()


def test_nothing_of_the_project_is_imported() -> None:
    ours = {path.name for path in (ROOT / "functions").iterdir()} | {"cli", "layers", "proof", "tests"}
    ours = {name.removesuffix(".py") for name in ours}
    assert "imm_label_tags" in ours
    for name, path in MODULES.items():
        assert not {one.split(".")[0] for one in imported(path)} & ours, name
