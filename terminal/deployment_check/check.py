"""Checks the files that Serverless Devs deploys from, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from localcloud.fc.section import DeclarationError, Section
from terminal.deployment_check import (
    arn_rules,
    built_rules,
    entry_point_rules,
    event_bridge_rules,
    failure_rules,
    file_rules,
    function_rules,
    keeping_rules,
    layer_rules,
    setting_rules,
    time_rules,
    trigger_rules,
)
from terminal.deployment_check.comparison import differences
from terminal.deployment_check.findings import FileReport, Finding, Report, Severity, error
from terminal.deployment_check.reading import read_props
from terminal.deployment_check.resolution import Resolution
from terminal.deployment_check.serverless_devs import Absent, NotRendered, ServerlessDevs, find, render
from terminal.deployment_check.subject import Rule, Subject, Surroundings, below
from terminal.local_deployment import COMPONENT, load_deployment
from terminal.manifest.document import DeploymentUnreadable, TemplateFile, read_template
from terminal.manifest.dotenv import FILE_NAME, LineUnclear, with_dotenv
from terminal.manifest.expressions import ExpressionError

# Of every function.
RULES: tuple[Rule, ...] = (
    *function_rules.RULES,
    *arn_rules.RULES,
    *entry_point_rules.RULES,
    *layer_rules.RULES,
    *setting_rules.RULES,
    *time_rules.RULES,
    *failure_rules.RULES,
)
# Of a function that tags, and of one that keeps failed events.
TAGGING_RULES: tuple[Rule, ...] = (
    function_rules.network,
    *trigger_rules.RULES,
    *event_bridge_rules.RULES,
)
KEEPING_RULES: tuple[Rule, ...] = keeping_rules.RULES
# Of what the functions share: what is told of one is not told again of the next.
SHARED_RULES: tuple[Rule, ...] = (
    function_rules.runtime,
    arn_rules.example,
    *built_rules.RULES,
    *setting_rules.SHARED_RULES,
)
# fc3 takes more, of which no rule knows anything.
_KNOWN_PROPS = frozenset(
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
        findings = tuple(one for one in dict.fromkeys(checking.file(path)) if one not in seen)
        seen.update(findings)
        files.append(FileReport(path, findings))
    names = " and ".join(path.name for path in paths)
    return Report(
        files=tuple(files),
        checked=(
            f"{names}: expressions, fc3's schema as far as it is used, and the rules beyond it.",
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

    def file(self, path: Path) -> list[Finding]:
        """Everything that is wrong with a file."""
        try:
            file = read_template(path)
        except DeploymentUnreadable as problem:
            return [error(path.name, str(problem), "Correct it.")]
        try:
            variables = with_dotenv(self._variables, path.parent)
        except LineUnclear as problem:
            return [error(FILE_NAME, str(problem), "Write the line like that.")]
        resolution = Resolution(file, variables)
        findings, rendered = self._content(file, resolution)
        findings += resolution.findings
        if not any(finding.severity is Severity.ERROR for finding in findings):
            findings += _loaded(path, variables)
            findings += self._compared(path, rendered)
        elif isinstance(self._serverless_devs, ServerlessDevs):
            self.unchecked[f"Serverless Devs' own rendering of {path.name}, which has errors."] = None
        return findings

    def _content(self, file: TemplateFile, resolution: Resolution) -> tuple[list[Finding], dict[str, Any]]:
        """What is wrong in a file, and the resolved props of its resources."""
        top = Section(dict(file.content), "")
        findings = [*file_rules.head(top), *_actions(file.content, "actions", file, resolution)]
        rendered: dict[str, Any] = {}
        subjects: list[Subject] = []
        resources = file.content.get("resources")
        if not isinstance(resources, dict) or not resources:
            findings.append(error("resources", "must name what is deployed.", "Add a resource below it."))
            return findings, rendered
        for name, value in resources.items():
            where = f"resources.{name}"
            if not isinstance(value, dict):
                findings.append(error(where, "must be a mapping.", "Write component: fc3, and props."))
                continue
            findings += file_rules.resource(Section(value, where))
            findings += _actions(value, f"{where}.actions", file, resolution)
            findings += _component(value.get("component"), f"{where}.component", resolution)
            if not isinstance(value.get("props"), dict):
                findings.append(
                    error(f"{where}.props", "must be a mapping.", "Write the function's properties.")
                )
                continue
            found, rendered[name] = self._props(name, value["props"], file, resolution, subjects)
            findings += found
        findings += self._ruled(subjects)
        return findings, rendered

    def _props(
        self,
        resource: str,
        raw: Mapping[str, Any],
        file: TemplateFile,
        resolution: Resolution,
        subjects: list[Subject],
    ) -> tuple[list[Finding], Mapping[str, Any]]:
        """What is wrong with the props of a resource by themselves; a function that they declare is added."""
        where = f"resources.{resource}.props"
        read = read_props(resource, raw, where, file.path.parent, resolution)
        if read.declared is None:
            self.unchecked[f"{where}: too broken for the rules beyond fc3's schema."] = None
            return list(read.findings), read.props
        subject = Subject(where, read.props, read.declared, read.spoilt, self._surroundings, subjects)
        subjects.append(subject)
        for key in sorted(set(read.props) - _KNOWN_PROPS):
            self.unchecked[f"{subject.path(key)}: no rule knows what may stand there."] = None
        for what, path in built_rules.archives(subject).items():
            if path.is_file():
                size = path.stat().st_size / built_rules.MEGABYTE
                self.checked[f"The {what} {path.name}, {size:.1f} MB."] = None
        return list(read.findings), read.props

    def _ruled(self, subjects: Sequence[Subject]) -> Iterator[Finding]:
        """What the rules find. What is reported already, and replaced, is not worth a second finding."""
        told: set[str] = set()
        for subject in sorted(subjects, key=lambda one: one.keeps):
            for rule in (*RULES, *(KEEPING_RULES if subject.keeps else TAGGING_RULES)):
                yield from (one for one in rule(subject) if not _reported(one, subject))
            shared = [one for rule in SHARED_RULES for one in rule(subject) if not _reported(one, subject)]
            yield from (one for one in shared if one.what not in told)
            told.update(one.what for one in shared)
            if not subject.surroundings.deploying:
                self.unchecked.update(dict.fromkeys(setting_rules.left_open(subject)))

    def _compared(self, path: Path, rendered: Mapping[str, Any]) -> Iterator[Finding]:
        if isinstance(self._serverless_devs, Absent):
            return
        try:
            theirs = render(self._serverless_devs, path, self._variables)
        except NotRendered as problem:
            yield error(path.name, f"Serverless Devs cannot render it: {problem}.", "Correct it.")
            return
        resources = theirs.get("resources")
        for name, props in rendered.items():
            resource = resources.get(name) if isinstance(resources, dict) else None
            other = resource.get("props") if isinstance(resource, dict) else None
            for difference in differences(props, other, f"resources.{name}.props"):
                yield error(
                    difference.where,
                    f"was checked as {difference.ours!r}, but is {difference.theirs!r} for Serverless Devs.",
                    "Write it so that both read the same.",
                )
        version = self._serverless_devs.version
        self.checked[f"{path.name} against the rendering of Serverless Devs {version}."] = None


def _actions(
    section: Mapping[str, Any], where: str, file: TemplateFile, resolution: Resolution
) -> Iterator[Finding]:
    resolved = resolution.resolve(section.get("actions"), where, lambda _: None)
    yield from file_rules.actions(resolved, where, file.path.parent)


def _component(value: Any, where: str, resolution: Resolution) -> Iterator[Finding]:
    failed: list[str] = []
    resolved = resolution.resolve(value, where, failed.append)
    if resolved != COMPONENT and not failed:
        yield error(where, f"must be {COMPONENT}, is {resolved!r}.", f"Write {COMPONENT}.")


def _reported(finding: Finding, subject: Subject) -> bool:
    return any(below(finding.where, path) for path in subject.spoilt)


def _loaded(path: Path, variables: Mapping[str, str]) -> Iterator[Finding]:
    """What the local cloud refuses to run for a reason that is above the single function."""
    try:
        load_deployment(path, variables)
    except (DeclarationError, ExpressionError) as problem:
        yield error(problem.where, problem.problem, "Correct it.")
