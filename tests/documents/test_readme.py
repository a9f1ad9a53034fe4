"""The documents say what there is, and there is what the documents say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
import yaml

from cli.checkout import KEEPING, TAGGING
from cli.main import main
from imm_label_tags import errors
from imm_label_tags.errors import TaggingError
from imm_label_tags.failures.settings import VARIABLE, read_failed_settings
from imm_label_tags.results.outcome import DropReason, Status
from imm_label_tags.tagging.settings import read_settings
from imm_label_tags.tags.value_template import ValueTemplate

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no section {title!r}"
    return found[1]


def first_column(title: str) -> dict[str, list[str]]:
    """The rows of a section's table by the code in their first cell."""
    rows = {}
    for line in section(title).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if match := re.fullmatch(r"`([^`]+)`", cells[0]):
            rows[match[1]] = cells[1:]
    return rows


class Asked(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        if name == VARIABLE:
            # The only one without a default.
            return "oss://records/failed"
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def settings() -> dict[str, set[str]]:
    """The settings of each function, by the resource that declares it."""
    tagging, keeping = Asked(), Asked()
    read_settings(tagging, ROOT)
    read_failed_settings(keeping)
    return {TAGGING: tagging.names, KEEPING: keeping.names}


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(first_column("Settings")) == set().union(*settings().values())


def test_every_setting_can_be_deployed_and_no_other() -> None:
    resources = yaml.safe_load((ROOT / "s.yaml").read_text("utf-8"))["resources"]
    deployed = {name: set(one["props"]["environmentVariables"]) for name, one in resources.items()}
    assert deployed == settings()


def test_the_documented_defaults_are_the_defaults() -> None:
    documented = {
        name: cells[0].strip("`")
        for name, cells in first_column("Settings").items()
        if cells[0] not in ("", "by region")
    }
    bare, spelt_out = read_settings({}, ROOT), read_settings(documented, ROOT)
    for field in (
        "namespace",
        "minimum_confidence",
        "label_limit",
        "label_names",
        "stale_objects",
        "log_level",
    ):
        assert getattr(bare, field) == getattr(spelt_out, field)
    assert documented["TAG_VALUE"] == "yes"


def test_every_field_of_a_value_is_documented() -> None:
    fields = set(re.findall(r"\{\w+\}", ValueTemplate.ALLOWED))
    assert set(re.findall(r"\{\w+\}", " ".join(first_column("Settings")["TAG_VALUE"]))) == fields


def test_every_outcome_is_documented_and_no_other() -> None:
    assert list(first_column("Outcomes")) == [status.value for status in Status]


def test_only_tagged_writes() -> None:
    assert {name for name, cells in first_column("Outcomes").items() if cells[-1] == "yes"} == {"tagged"}


@pytest.mark.parametrize("reason", DropReason)
def test_every_reason_for_dropping_a_label_is_documented(reason: DropReason) -> None:
    assert f"(`{reason.value}`)" in section("Tag scheme")


def test_every_error_is_documented_and_whether_a_retry_may_help() -> None:
    concrete = {
        name: member
        for name, member in vars(errors).items()
        if isinstance(member, type) and issubclass(member, TaggingError)
    }
    for abstract in ("TaggingError", "PermanentError", "TransientError"):
        del concrete[abstract]
    documented = first_column("Errors")
    assert set(documented) == set(concrete)
    for name, member in concrete.items():
        if name != "BatchFailed":
            assert documented[name][0] == ("yes" if member.retryable else "no")


def commands() -> dict[str, click.Command]:
    """Every command by the words that call it; a group is its commands."""
    context = click.Context(main)
    found: dict[str, click.Command] = {}
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if isinstance(command, click.Group):
            found |= {f"{name} {each}": sub for each, sub in command.commands.items()}
        elif command is not None:
            found[name] = command
    return found


def documented_commands() -> dict[str, list[str]]:
    rows = first_column("Try it") | first_column("Failed events")
    calls = {re.match(r"imm-label-tags ((?:[a-z-]+ ?)+)", text): cells for text, cells in rows.items()}
    return {call[1].strip(): cells for call, cells in calls.items() if call}


def test_every_command_is_documented_and_no_other() -> None:
    assert set(documented_commands()) == set(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_documented_and_no_other(name: str) -> None:
    options = {
        option for param in commands()[name].params for option in param.opts if option.startswith("--")
    }
    row = documented_commands()[name]
    assert set(re.findall(r"--[a-z-]+", row[0])) == options


def test_every_make_target_is_documented_and_no_other() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) - {"help"}
    assert set(re.findall(r"make ([a-z]+)\b(?=[`\s])", README)) - {"nothing", "runs"} == targets
    assert set(re.findall(r'"make ([a-z]+) ', makefile)) == targets


def test_every_path_that_is_named_exists() -> None:
    named = re.findall(
        r"(?<![\w/.:])((?:localcloud|tests|functions|layers|cli|deploy|examples|proof|requirements)/[\w./-]*)",
        README,
    )
    assert named
    for path in named:
        assert (ROOT / path).exists() or path.startswith("layers/build/"), path


def test_every_link_inside_the_readme_leads_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", README):
        assert anchor in anchors


def test_the_event_fixtures_that_the_documents_offer_are_there() -> None:
    assert len(list((ROOT / "examples" / "events" / "tasks").iterdir())) > 15
