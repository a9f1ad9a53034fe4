"""What the strict reading of a file refuses, as a finding that says what to do."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.fc.section import ChoiceUnknown, DeclarationError, KeyUnknown, ValueMissing
from terminal.deployment_check.findings import Finding, error
from terminal.deployment_check.spelling import nearest

# By the last key of a path; list items apart.
_REMEDIES: Mapping[str, str] = {
    "code": "Name the directory of the function's code.",
    "cpu": "Give the function 1 to 4 GB for each vCPU, in steps of 0.05 vCPU and 64 MB.",
    "destination": "Write one of these forms.",
    "environmentVariables": "Shorten the values.",
    "filterTag": "Shorten it, or remove it.",
    "layers": "Put what is needed into one layer.",
    "layers[]": "Write the ARN of a layer version.",
    "role": "Write the ARN: fc3 0.1.22 takes `auto` for a role's name, and a bare name needs the network.",
}


def refused(problem: DeclarationError) -> Finding:
    """The finding for a refusal. Where it is plain what was meant, all the other choices are not listed."""
    if isinstance(problem, KeyUnknown):
        if (meant := nearest(problem.key, problem.known)) is None:
            return error(problem.where, problem.problem, "Remove it.")
        return error(problem.where, "unknown key.", f"Write {meant}.")
    if isinstance(problem, ChoiceUnknown):
        if (meant := nearest(problem.value, problem.allowed)) is None:
            return error(problem.where, problem.problem, "Write one of these.")
        return error(problem.where, f"{problem.value!r} is unknown.", f"Write {meant}.")
    if isinstance(problem, ValueMissing):
        return error(problem.where, problem.problem, "Add it.")
    return error(problem.where, problem.problem, _remedy(problem.where))


def _remedy(where: str) -> str:
    last = where.rpartition(".")[2]
    if last.startswith("FC_"):
        return "Choose a name without FC_."
    if last.endswith("]"):
        last = last.partition("[")[0] + "[]"
    return _REMEDIES.get(last, "Correct it.")
