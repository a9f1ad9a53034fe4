"""Checks the files that Serverless Devs deploys from, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.deployment_check import (
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
from cli.deployment_check.schema_rules import Judged, with_value
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
from cli.manifest.fields import FieldUnreadable, known
from cli.manifest.file import Manifest, ManifestUnreadable, Resource, read_manifest
from cli.manifest.function import OWN_HANDLERS, DeclaredFunction, as_function

# Of every function of ours.
RULES: tuple[Rule, ...] = (
    function_rules.role,
    function_rules.log,
    function_rules.regions,
    function_rules.accounts,
    entry_point_rules.handlers,
    built_rules.listed,
    setting_rules.names,
    setting_rules.needed,
    time_rules.function_timeout,
    time_rules.batches,
    time_rules.initializer_timeout,
    time_rules.event_age,
    failure_rules.configured,
    failure_rules.destination,
    failure_rules.loops,
    failure_rules.functions,
)
# Of those that videos are for: the one that submits them, and the one that tags them.
VIDEO_RULES: tuple[Rule, ...] = (
    function_rules.network,
    setting_rules.patterns,
    trigger_rules.present,
    trigger_rules.types,
    trigger_rules.order,
    trigger_rules.roles,
    event_bridge_rules.source,
    event_bridge_rules.pattern,
    event_bridge_rules.rule,
)
# Of those that keep something in OSS.
DOCUMENT_RULES: tuple[Rule, ...] = (
    document_rules.among_the_videos,
    document_rules.told_of_uploads,
    document_rules.region,
)
RULES_OF: Mapping[Kind, tuple[Rule, ...]] = {
    Kind.TAGS: (
        *VIDEO_RULES,
        event_bridge_rules.queue,
        event_bridge_rules.stream,
        trigger_rules.topics,
        trigger_rules.losses,
        time_rules.second_look,
        *DOCUMENT_RULES,
        document_rules.apart,
    ),
    Kind.SUBMITS: (
        *VIDEO_RULES,
        upload_rules.buckets,
        upload_rules.events,
        upload_rules.suffixes,
        upload_rules.brought,
        upload_rules.filters,
        upload_rules.overlaps,
        upload_rules.number,
        upload_rules.allowed,
        upload_rules.told,
    ),
    Kind.KEEPS: (trigger_rules.kept_free, *DOCUMENT_RULES),
}
# Of what the functions share: what is told of one is not told again of the next.
SHARED_RULES: tuple[Rule, ...] = (
    function_rules.runtime,
    function_rules.example,
    built_rules.layer,
    built_rules.code,
    setting_rules.values,
    setting_rules.endpoints,
    setting_rules.secrets_in_code,
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
        directory = manifest.path.parent
        for resource in manifest.resources:
            function = as_function(resource, manifest)
            kind = _kind(function)
            if function is None or kind is None:
                others += filter(None, [known(function, "name", "")] if function is not None else [])
                yield NotChecked(resource.where, _why_not(resource, function))
                continue
            yield from file_rules.resource(written[resource.name], resource.where)
            yield from file_rules.actions(resource.actions, f"{resource.where}.actions", directory)
            judged = list(_judged_values(resource.props, directory))
            yield from (_finding(one, function.where) for one in judged)
            yield from _unknown_values(resource.props)
            yield from self._looked_at(function)
            props = _without(resource.props, judged)
            sound = DeclaredFunction(resource.name, props, function.where, directory)
            subjects.append(Subject(sound, kind, self._surroundings, subjects, others))
        if not subjects:
            own = ", ".join(OWN_HANDLERS)
            yield NotChecked(manifest.path.name, f"no function in it has the handler {own}.")
        yield from _twice(subjects, others)
        yield from _ruled(subjects)

    def _looked_at(self, function: DeclaredFunction) -> Iterator[NotChecked]:
        for key in sorted(set(function.props) - _RULED):
            yield NotChecked(function.props.path(key), "no rule knows what may stand there.")
        for what, path in built_rules.archives(self._surroundings, known(function, "runtime", "")).items():
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
    handler = known(function, "handler", "") if function is not None else ""
    module = handler.rpartition(".")[0]
    for kind in Kind:
        if re.split(r"[./]", module)[-1] == kind.value.partition(".")[0]:
            return kind
    like = alike(handler, OWN_HANDLERS)
    code: Path | None = known(function, "code", None) if like is not None else None
    leads_nowhere = code is not None and entry_point_rules.module_path(code, module) is None
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


def _judged_values(props: Mapping[str, Any], directory: Path) -> Iterator[Judged]:
    """What is said of single values; what is wrong, once of each place."""
    refused: set[schema_rules.Place] = set()
    by_schema = list(schema_rules.refusals(props))
    accepted = _without(props, by_schema)
    for one in (*by_schema, *schema_rules.unknown(props), *value_rules.refusals(accepted, directory)):
        if one.severity is None or one.place not in refused:
            yield one
        if one.severity is not None:
            refused.add(one.place)


def _finding(judged: Judged, where: str) -> Finding | NotChecked:
    path = schema_rules.path(where, judged.place)
    if judged.severity is None:
        return NotChecked(path, judged.what)
    return Finding(judged.severity, path, judged.what, judged.remedy)


def _unknown_values(props: Mapping[str, Any]) -> Iterator[NotChecked]:
    for one in dict.fromkeys(unrendered(props)):
        if not one.refused:
            yield NotChecked(one.where, f"it is {one.text}, and {one.why}.")


def _without(props: Mapping[str, Any], judged: Sequence[Judged]) -> Any:
    """The props without what is refused: nobody can read it any more, so that it is told once."""
    for one in judged:
        if one.severity is Severity.ERROR:
            props = with_value(props, one.place, Unrendered("", "", one.what, refused=True))
    return props


def _ruled(subjects: Sequence[Subject]) -> Iterator[Finding | NotChecked]:
    """What the rules find."""
    shared: set[str] = set()
    for subject in sorted(subjects, key=lambda one: list(Kind).index(one.kind)):
        for rule in (*RULES, *RULES_OF[subject.kind]):
            yield from _found(rule, subject)
        found = [one for rule in SHARED_RULES for one in _found(rule, subject)]
        yield from (one for one in found if _words(one) not in shared)
        shared.update(_words(one) for one in found)


def _found(rule: Rule, subject: Subject) -> Iterator[Finding | NotChecked]:
    """What a rule finds until something cannot be read, which is told elsewhere."""
    try:
        yield from rule(subject)
    except FieldUnreadable:
        return


def _words(found: Finding | NotChecked) -> str:
    return found.what if isinstance(found, Finding) else found.why
