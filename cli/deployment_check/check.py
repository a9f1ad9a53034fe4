"""Checks the files that Serverless Devs deploys from, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.deployment_check import (
    arn_rules,
    built_rules,
    document_rules,
    entry_point_rules,
    event_bridge_rules,
    failure_rules,
    file_rules,
    function_rules,
    schema_rules,
    setting_rules,
    time_rules,
    trigger_rules,
    upload_rules,
    value_rules,
)
from cli.deployment_check.findings import FileReport, Finding, NotChecked, Report, Severity, error
from cli.deployment_check.schema_rules import Refusal, told, with_value
from cli.deployment_check.serverless_devs import (
    Absent,
    NotRendered,
    ServerlessDevs,
    differences,
    find,
    render,
)
from cli.deployment_check.spelling import alike
from cli.deployment_check.subject import Kind, Rule, Subject, Surroundings
from cli.manifest.expressions import Unrendered, unrendered
from cli.manifest.fields import FieldUnreadable
from cli.manifest.file import Manifest, ManifestUnreadable, Resource, read_manifest
from cli.manifest.function import OWN_HANDLERS, DeclaredFunction, as_function

# Of every function of ours.
RULES: tuple[Rule, ...] = (
    *function_rules.RULES,
    *arn_rules.RULES,
    *entry_point_rules.RULES,
    built_rules.listed,
    *setting_rules.RULES,
    *time_rules.RULES,
    *failure_rules.RULES,
)
# Of those that videos are for: the one that submits them, and the one that tags them.
VIDEO_RULES: tuple[Rule, ...] = (
    function_rules.network,
    *setting_rules.VIDEO_RULES,
    *trigger_rules.RULES,
    *event_bridge_rules.RULES,
)
RULES_OF: Mapping[Kind, tuple[Rule, ...]] = {
    Kind.TAGS: (
        *VIDEO_RULES,
        *event_bridge_rules.QUEUE_RULES,
        *trigger_rules.TAGGING_RULES,
        *time_rules.TAGGING_RULES,
        *document_rules.RULES,
        *document_rules.TAGGING_RULES,
    ),
    Kind.SUBMITS: (*VIDEO_RULES, *upload_rules.RULES),
    Kind.KEEPS: (*trigger_rules.KEEPING_RULES, *document_rules.RULES),
}
# Of what the functions share: what is told of one is not told again of the next.
SHARED_RULES: tuple[Rule, ...] = (
    function_rules.runtime,
    arn_rules.example,
    *built_rules.RULES,
    *setting_rules.SHARED_RULES,
)
# Properties of which some rule knows something beyond fc3's schema.
_RULED = frozenset(
    {
        *("asyncInvokeConfig", "code", "cpu", "description", "diskSize", "environmentVariables"),
        *("functionName", "handler", "instanceConcurrency", "instanceLifecycleConfig", "internetAccess"),
        *("layers", "logConfig", "memorySize", "region", "role", "runtime", "timeout", "triggers"),
    }
)
_ONLY_THE_CLOUD = (
    "Whether the account has the roles, the layer, the topics, the bucket for failed events and the log "
    "project, and what the roles may do: only the cloud knows."
)


def check(paths: Sequence[Path], variables: Mapping[str, str], surroundings: Surroundings) -> Report:
    """Check some files; ``variables`` is the environment in which they would be deployed.

    What was found in a file before is not told again of one that extends it.
    """
    checking = _Check(variables, surroundings)
    seen: set[Finding] = set()
    files = []
    for path in paths:
        found, manifest = checking.file(path)
        findings = tuple(one for one in dict.fromkeys(found) if one not in seen)
        seen.update(findings)
        lines = {one.where: manifest.line(one.where) for one in findings} if manifest is not None else {}
        files.append(FileReport(path, findings, lines))
    names = " and ".join(path.name for path in paths)
    return Report(
        files=tuple(files),
        checked=(
            f"{names}: expressions, fc3's schema, and the rules beyond it, of the functions of this project.",
            *checking.checked,
        ),
        unchecked=(*checking.unchecked, _ONLY_THE_CLOUD),
    )


class _Check:
    """Checks file after file; ``checked`` and ``unchecked`` are sentences, each once and in order."""

    def __init__(self, variables: Mapping[str, str], surroundings: Surroundings) -> None:
        self.checked: dict[str, None] = {}
        self.unchecked: dict[str, None] = {}
        self._variables = variables
        self._surroundings = surroundings
        self._serverless_devs = find(variables)
        if isinstance(self._serverless_devs, Absent):
            self.unchecked[f"{self._serverless_devs.why}: its own rendering was not compared."] = None

    def file(self, path: Path) -> tuple[list[Finding], Manifest | None]:
        """Everything that is wrong with a file, and what it says where it can be read."""
        try:
            manifest = read_manifest(path, self._variables)
        except ManifestUnreadable as problem:
            return [error(path.name, str(problem), "Correct it.")], None
        findings = self._sorted(self._content(manifest))
        if not any(finding.severity is Severity.ERROR for finding in findings):
            findings += self._compared(manifest)
        elif isinstance(self._serverless_devs, ServerlessDevs):
            self.unchecked[f"Serverless Devs' own rendering of {path.name}, which has errors."] = None
        return findings, manifest

    def _sorted(self, found: Iterator[Finding | NotChecked]) -> list[Finding]:
        """The findings; what could not be checked is noted."""
        findings = []
        for one in found:
            if isinstance(one, NotChecked):
                self.unchecked[str(one)] = None
            else:
                findings.append(one)
        return findings

    def _content(self, manifest: Manifest) -> Iterator[Finding | NotChecked]:
        """What is wrong in a file, from its head to what its functions have to do with each other."""
        directory = manifest.path.parent
        yield from file_rules.head(manifest.content)
        yield from file_rules.actions(manifest.actions, "actions", directory)
        yield from _refused_expressions(manifest)
        resources = manifest.content.get("resources")
        if not isinstance(resources, dict) or not resources:
            yield error("resources", "must name what is deployed.", "Add a resource below it.")
            return
        for name, value in resources.items():
            if not isinstance(value, dict):
                yield error(f"resources.{name}", "must be a mapping.", "Write component: fc3, and props.")
        yield from self._resources(manifest, resources)

    def _resources(self, manifest: Manifest, written: Mapping[str, Any]) -> Iterator[Finding | NotChecked]:
        subjects: list[Subject] = []
        others: list[str] = []
        for resource in manifest.resources:
            function = as_function(resource, manifest)
            kind = _kind(function)
            if function is None or kind is None:
                with suppress(FieldUnreadable):
                    others += [function.name] if function is not None else []
                yield NotChecked(resource.where, _why_not(resource, function))
                continue
            yield from file_rules.resource(written[resource.name], resource.where)
            yield from file_rules.actions(resource.actions, f"{resource.where}.actions", manifest.path.parent)
            refusals: list[Refusal] = []
            for one in _refusals(resource, function.where, manifest.path.parent):
                if isinstance(one, Refusal):
                    refusals.append(one)
                    yield one.finding
                else:
                    yield one
            yield from _unknown_values(resource, function.where)
            yield from self._looked_at(function)
            props = _without(resource.props, refusals)
            sound = DeclaredFunction(resource.name, props, function.where, manifest.path.parent)
            subjects.append(Subject(sound, kind, self._surroundings, subjects, others))
        if not subjects:
            own = ", ".join(OWN_HANDLERS)
            yield NotChecked(manifest.path.name, f"no function in it has the handler {own}.")
        yield from _twice(subjects, others)
        yield from _ruled(subjects)

    def _looked_at(self, function: DeclaredFunction) -> Iterator[NotChecked]:
        for key in sorted(set(function.props) - _RULED):
            yield NotChecked(function.props.path(key), "no rule knows what may stand there.")
        try:
            archives = built_rules.archives(self._surroundings, function.runtime)
        except FieldUnreadable:
            return
        for what, path in archives.items():
            if path.is_file():
                size = path.stat().st_size / built_rules.MEGABYTE
                self.checked[f"The {what} {path.name}, {size:.1f} MB."] = None

    def _compared(self, manifest: Manifest) -> Iterator[Finding]:
        if isinstance(self._serverless_devs, Absent):
            return
        path = manifest.path
        try:
            theirs = render(self._serverless_devs, path, self._variables)
        except NotRendered as problem:
            yield error(path.name, f"Serverless Devs cannot render it: {problem}.", "Correct it.")
            return
        resources = theirs.get("resources")
        for ours in manifest.resources:
            resource = resources.get(ours.name) if isinstance(resources, dict) else None
            other = resource.get("props") if isinstance(resource, dict) else None
            for difference in differences(ours.props, other, f"{ours.where}.props"):
                if isinstance(difference.ours, Unrendered):
                    continue
                sentence = (
                    f"{difference.where}: was checked as {difference.ours!r}, but is {difference.theirs!r} "
                    "for Serverless Devs."
                )
                self.unchecked[sentence] = None
        version = self._serverless_devs.version
        self.checked[f"{path.name} against the rendering of Serverless Devs {version}."] = None


def _kind(function: DeclaredFunction | None) -> Kind | None:
    """What a function is by its handler, or may be meant to be where that leads nowhere."""
    try:
        handler = function.handler if function is not None else ""
    except FieldUnreadable:
        return None
    module = handler.rpartition(".")[0]
    for kind in Kind:
        if re.split(r"[./]", module)[-1] == kind.value.partition(".")[0]:
            return kind
    like = alike(handler, OWN_HANDLERS)
    if function is None or like is None:
        return None
    try:
        leads_nowhere = entry_point_rules.module_path(function.code, module) is None
    except FieldUnreadable:
        return None
    return Kind(like) if leads_nowhere else None


def _why_not(resource: Resource, function: DeclaredFunction | None) -> str:
    """Why the rules do not look at a resource."""
    if isinstance(resource.component, Unrendered):
        return f"its component is {resource.component.text}, and {resource.component.why}."
    if function is None:
        return f"{resource.component!r} is no function of fc3, or it has no props."
    handler = function.props.raw("handler")
    if isinstance(handler, Unrendered):
        return f"its handler is {handler.text}, and {handler.why}."
    return f"its handler is {handler!r}, none of this project."


def _twice(subjects: Sequence[Subject], others: Sequence[str]) -> Iterator[Finding]:
    """Of two functions of one name, the second deployment replaces the first."""
    seen = set(others)
    for subject in subjects:
        if subject.name in seen:
            yield error(
                subject.path("functionName"),
                f"{subject.name!r} stands twice: the second deployment would replace the first.",
                "Choose another name.",
            )
        seen.update(filter(None, [subject.name]))


def _refused_expressions(manifest: Manifest) -> Iterator[Finding]:
    """Expressions for which Serverless Devs is known to refuse the whole file."""
    places = [manifest.shared, manifest.actions]
    places += [part for one in manifest.resources for part in (one.component, one.props, one.actions)]
    for one in dict.fromkeys(each for place in places for each in unrendered(place)):
        if one.refused:
            yield error(one.where, f"{one.text} cannot be rendered: {one.why}.", "Set it, or correct it.")


def _refusals(resource: Resource, where: str, directory: Path) -> Iterator[Refusal | NotChecked]:
    """What is wrong with single values; each place once."""
    refused: set[str] = set()
    by_schema = list(schema_rules.refusals(resource.props, where))
    accepted = _without(resource.props, by_schema)
    for one in (
        *by_schema,
        *schema_rules.unknown(resource.props, where),
        *value_rules.refusals(accepted, where, directory),
    ):
        if isinstance(one, Refusal):
            path = told(where, one.place)
            if path in refused:
                continue
            refused.add(path)
        yield one


def _unknown_values(resource: Resource, where: str) -> Iterator[NotChecked]:
    for one in dict.fromkeys(unrendered(resource.props)):
        if not one.refused:
            yield NotChecked(one.where, f"it is {one.text}, and {one.why}.")


def _without(props: Mapping[str, Any], refusals: Sequence[Refusal]) -> Any:
    """The props without what is refused: nobody can read it any more, so that it is told once."""
    for refusal in refusals:
        if refusal.finding.severity is Severity.ERROR:
            gone = Unrendered(refusal.finding.where, "", refusal.finding.what, refused=True)
            props = with_value(props, refusal.place, gone)
    return props


def _ruled(subjects: Sequence[Subject]) -> Iterator[Finding | NotChecked]:
    """What the rules find."""
    shared: set[str] = set()
    for subject in sorted(subjects, key=lambda one: list(Kind).index(one.kind)):
        for rule in (*RULES, *RULES_OF[subject.kind]):
            yield from _judged(rule, subject)
        found = [one for rule in SHARED_RULES for one in _judged(rule, subject)]
        yield from (one for one in found if _words(one) not in shared)
        shared.update(_words(one) for one in found)


def _judged(rule: Rule, subject: Subject) -> Iterator[Finding | NotChecked]:
    """What a rule finds until something cannot be read, which is told elsewhere."""
    try:
        yield from rule(subject)
    except FieldUnreadable:
        return


def _words(found: Finding | NotChecked) -> str:
    return found.what if isinstance(found, Finding) else found.why
