"""What is given hostile input: one module for each target, each with a TARGET."""

from __future__ import annotations

from proof.fuzz.targets.target import NAMES, Target, load

__all__ = ["NAMES", "Target", "load"]
