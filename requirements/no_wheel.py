"""Refuses to build a wheel: the commands deploy ``functions``, ``layers`` and ``s.yaml`` of a checkout.

A hook of hatchling, called for each build, also for the editable installation that `make setup` makes.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NoWheel(BuildHookInterface[Any]):
    """``initialize`` is called before a wheel is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Break off, unless the wheel only points to this checkout."""
        if version != "editable":
            raise SystemExit("imm-label-tags works in its checkout alone: run `make setup` there, not pip.")
