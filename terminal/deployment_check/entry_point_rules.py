"""Handlers that the code root does not have, or that cannot be called as Function Compute calls them.

The code is parsed, not imported. Source for the loading: help pages functioncompute/fc-3-0/user-guide/
event-handlers-1-1 and functioncompute/fc/lifecycle-hooks-for-function-instances-1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from terminal.deployment_check.findings import Finding, Severity, error, warning
from terminal.deployment_check.spelling import nearest
from terminal.deployment_check.subject import Subject

_HOOKS = "instanceLifecycleConfig"


def entry_points(subject: Subject) -> Iterator[Finding]:
    """The handler takes an event and a context, the hooks take a context."""
    declared = subject.declared
    asked: list[tuple[str, str, tuple[str, ...]]] = [
        (subject.path("handler"), declared.handler, ("event", "context"))
    ]
    for key, hook in (("initializer", declared.initializer), ("preStop", declared.pre_stop)):
        if hook is not None:
            asked.append((subject.path(_HOOKS, key, "handler"), hook.handler, ("context",)))
    if not subject.sound("code"):
        return
    for where, handler, arguments in asked:
        yield from _entry_point(where, handler, arguments, subject)


def _entry_point(where: str, handler: str, arguments: tuple[str, ...], subject: Subject) -> Iterator[Finding]:
    module, _, name = handler.rpartition(".")
    if "." in module or "/" in module:
        yield warning(
            where,
            f"{module} is not at the top of the code root: modules beside it may not be importable.",
            "Put the entry module at the top.",
        )
    path = module_path(subject.declared.code, module)
    if path is None:
        modules = [one.stem for one in subject.declared.code.glob("*.py")]
        meant = nearest(module, modules)
        yield error(
            where,
            f"{subject.declared.code} has no module {module}.",
            f"Write {meant}.{name}." if meant else "Name a module that is there.",
        )
        return
    version = (3, int(subject.declared.runtime.removeprefix("python3.")))
    try:
        tree = ast.parse(path.read_bytes(), feature_version=version)
    except (SyntaxError, ValueError) as problem:
        # An older Python than the function's does not know all of its syntax.
        severity = Severity.ERROR if sys.version_info >= version else Severity.WARNING
        yield Finding(
            severity,
            where,
            f"{path.name} is no Python for {subject.declared.runtime}: {problem}.",
            "Correct it, or choose the other runtime.",
        )
        return
    yield from _callable(where, name, arguments, tree, path)


def _callable(
    where: str, name: str, arguments: tuple[str, ...], tree: ast.Module, path: Path
) -> Iterator[Finding]:
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = functions.get(name)
    if found is None:
        meant = nearest(name, functions)
        yield error(
            where,
            f"{path.name} defines no function {name}.",
            f"Write {path.stem}.{meant}." if meant else f"Define {name}({', '.join(arguments)}) there.",
        )
        return
    count = len(arguments)
    takes = found.args
    positional = len(takes.posonlyargs) + len(takes.args)
    needed = positional - len(takes.defaults)
    named = [arg.arg for arg, given in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if given is None]
    if not needed <= count <= (count if takes.vararg else positional) or named:
        yield error(
            where,
            f"{name} does not take {count} argument{'s' if count > 1 else ''}, which it is called with.",
            f"Define {name}({', '.join(arguments)}).",
        )


def module_path(root: Path, module: str) -> Path | None:
    """The file of a module in a code root, if it is there."""
    folder, _, dotted = module.rpartition("/")
    path = root / folder / dotted.replace(".", "/")
    candidates = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    try:
        return next((one for one in candidates if one.is_file()), None)
    except OSError:
        # A name that is too long for a file.
        return None


RULES = (entry_points,)
