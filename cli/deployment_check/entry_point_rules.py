"""Handlers that the code root does not have, or that cannot be called as Function Compute calls them.

The code is parsed, not imported. Source for the loading: help pages functioncompute/fc-3-0/user-guide/
event-handlers-1-1 and functioncompute/fc/lifecycle-hooks-for-function-instances-1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from cli.deployment_check.findings import Finding, Severity, error, warning
from cli.deployment_check.spelling import nearest
from cli.deployment_check.subject import Subject
from cli.manifest.fields import known
from cli.manifest.function import Hook


def handlers(subject: Subject) -> Iterator[Finding]:
    """The handler takes an event and a context, and what is called before and after it a context."""
    declared = subject.declared
    if handler := known(declared, "handler", ""):
        yield from _entry_point(subject.path("handler"), handler, ("event", "context"), subject)
    for key, name in (("initializer", "initializer"), ("preStop", "pre_stop")):
        hook: Hook | None = known(declared, name, None)
        if hook is not None:
            where = subject.path("instanceLifecycleConfig", key, "handler")
            yield from _entry_point(where, hook.handler, ("context",), subject)


def _entry_point(where: str, handler: str, arguments: tuple[str, ...], subject: Subject) -> Iterator[Finding]:
    module, _, name = handler.rpartition(".")
    root = subject.declared.code
    if not root.is_dir():
        return
    if "." in module or "/" in module:
        yield warning(
            where,
            f"{module} is not at the top of the code root: modules beside it may not be importable.",
            "Put the entry module at the top.",
        )
    path = module_path(root, module)
    if path is None:
        meant = nearest(module, [one.stem for one in root.glob("*.py")])
        like = f" {meant} is spelt like it." if meant else ""
        yield error(where, f"{root} has no module {module}.{like}", "Name a module that is there.")
        return
    version = _version(subject)
    try:
        tree = ast.parse(path.read_bytes(), feature_version=version)
    except (SyntaxError, ValueError) as problem:
        # An older Python than the function's does not know all of its syntax.
        severity = Severity.ERROR if sys.version_info >= version else Severity.WARNING
        yield Finding(
            severity,
            where,
            f"{path.name} is no Python for python3.{version[1]}: {problem}.",
            "Correct it, or choose the other runtime.",
        )
        return
    yield from _callable(where, name, arguments, tree, path)


def _version(subject: Subject) -> tuple[int, int]:
    """The Python that reads the code; where it is not known, this one."""
    minor = known(subject.declared, "runtime", "").removeprefix("python3.")
    return (3, int(minor)) if minor.isdigit() else sys.version_info[:2]


def _callable(
    where: str, name: str, arguments: tuple[str, ...], tree: ast.Module, path: Path
) -> Iterator[Finding]:
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = functions.get(name)
    if found is None:
        meant = nearest(name, functions)
        # It may come from elsewhere, by an import or an assignment.
        given = _given_otherwise(tree)
        if name in given or "*" in given:
            return
        like = f" {meant} is spelt like it." if meant else ""
        yield error(
            where,
            f"{path.name} defines no function {name}.{like}",
            f"Define {name}({', '.join(arguments)}) there.",
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


def _given_otherwise(tree: ast.Module) -> set[str]:
    """The names that a module has from an import, an assignment or a decorated class; "*" for all."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
    return names


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
