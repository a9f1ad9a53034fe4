"""The documents say what there is, and there is what the documents say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from cli import reference
from cli.checkout import KEEPING, TAGGING
from imm_label_tags import errors
from imm_label_tags.errors import TaggingError
from imm_label_tags.failures.keeper import VARIABLE, read_failed_settings
from imm_label_tags.results.outcome import DropReason, Status
from imm_label_tags.submission.settings import read_submission_settings
from imm_label_tags.submission.submitter import SubmissionStatus
from imm_label_tags.tagging.settings import read_settings
from imm_label_tags.tags.value_template import ValueTemplate

ROOT = Path(__file__).parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PAGES}
REFERENCE, CHINESE = "docs/REFERENCE.md", "docs/REFERENCE.zh-CN.md"


def section(title: str, page: str = REFERENCE) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXTS[page], re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {title!r}"
    return found[1]


def first_column(title: str, page: str = REFERENCE) -> dict[str, list[str]]:
    """The rows of a section's table by the code in their first cell."""
    rows = {}
    for line in section(title, page).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if match := re.fullmatch(r"`([^`]+)`", cells[0]):
            rows[match[1]] = cells[1:]
    return rows


class Asked(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self.names: set[str] = set()
        # Those without a default.
        self._given = given or {VARIABLE: "oss://records/failed"}

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._given[name]

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


def test_the_page_of_uploads_has_every_setting_and_outcome_and_no_other() -> None:
    asked = Asked({"IMM_PROJECT": "immtest", "NOTIFICATION_TOPIC": "imm-label-tags"})
    bare = read_submission_settings(asked)
    documented = first_column("Settings", "docs/UPLOADS.md")
    assert set(documented) == asked.names
    assert documented["VIDEO_SUFFIXES"][0].strip("`").split(",") == list(bare.selection.suffixes)
    content = yaml.safe_load((ROOT / "s.uploads.yaml").read_text("utf-8"))
    deployed = content["resources"]["submit_video"]["props"]["environmentVariables"]
    assert set(deployed) == asked.names
    outcomes = first_column("Outcomes", "docs/UPLOADS.md")
    assert list(outcomes) == [status.value for status in SubmissionStatus]


def test_the_chinese_page_of_uploads_has_the_same_settings_outcomes_and_commands() -> None:
    english, chinese = (f"docs/UPLOADS{language}.md" for language in ("", ".zh-CN"))
    settings, translated = first_column("Settings", english), first_column("设置", chinese)
    assert list(translated) == list(settings)
    for name in ("VIDEO_SUFFIXES", "LOG_LEVEL"):
        assert translated[name][0] == settings[name][0]
    assert list(first_column("结果", chinese)) == list(first_column("Outcomes", english))
    blocks = [
        re.findall(r"```\w*\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
        for page in (english, chinese)
    ]
    commands = [re.sub(r"#.*", "", block) for block in blocks[0]]
    assert [re.sub(r"#.*", "", block) for block in blocks[1]] == commands


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


@pytest.mark.parametrize("page", TEXTS)
def test_every_module_that_a_page_has_run_can_be_run(page: str) -> None:
    for name in re.findall(r"python3? -m ([\w.]+)", TEXTS[page]):
        module = ROOT / name.replace(".", "/")
        alone = module.with_suffix(".py")
        runs = (
            "__main__" in alone.read_text("utf-8") if alone.is_file() else (module / "__main__.py").is_file()
        )
        assert runs, f"{page}: python -m {name}"


def test_the_page_of_the_commands_is_what_the_commands_say_of_themselves() -> None:
    assert TEXTS["docs/COMMANDS.md"] == reference.page(), "run: python -m cli.reference"


@pytest.mark.parametrize(
    ("title", "chinese", "told"),
    [("Settings", "设置", 0), ("Outcomes", "结果", -1), ("Errors", "错误", 0)],
)
def test_the_chinese_reference_says_the_same(title: str, chinese: str, told: int) -> None:
    """The same rows in the same order; defaults, what writes and what a retry helps are the same too."""
    english, translated = first_column(title), first_column(chinese, CHINESE)
    assert list(english) == list(translated)
    alike = {"by region": "按地域", "if any item's may": "有任一项可重试时为是"}
    assert [alike.get(cells[told], cells[told]) for cells in english.values()] == [
        cells[told] for cells in translated.values()
    ]


def test_the_chinese_documents_name_every_reason_and_every_field() -> None:
    for reason in DropReason:
        assert f"（`{reason.value}`）" in section("标签规则", CHINESE)
    fields = set(re.findall(r"\{\w+\}", ValueTemplate.ALLOWED))
    assert set(re.findall(r"\{\w+\}", " ".join(first_column("设置", CHINESE)["TAG_VALUE"]))) == fields


def test_the_readme_is_short() -> None:
    for page in ("README.md", "README.zh-CN.md"):
        assert TEXTS[page].count("\n") <= 150


def test_every_make_target_is_documented_and_no_other() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) - {"help"}
    everything = "\n".join(TEXTS.values())
    named = re.findall(r"(?:`|^|\s{3})make ([a-z]+)(?=[`\s])", everything, re.MULTILINE)
    assert set(named) == targets
    assert set(re.findall(r'"make ([a-z]+) ', makefile)) == targets


ROOMS = "localcloud|tests|functions|layers|cli|deploy|examples|proof|requirements"


@pytest.mark.parametrize("page", [page for page in TEXTS if page != "CHANGELOG.md"])
def test_every_path_that_is_named_exists(page: str) -> None:
    for path in re.findall(rf"(?<![\w/.:-])((?:{ROOMS})/[\w./-]*\w/?)", TEXTS[page]):
        built = path.startswith(("layers/build/", "deploy/template/package/"))
        assert (ROOT / path).exists() or built, path


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / file).resolve() if file else ROOT / page
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, (
                target
            )


def test_the_event_fixtures_that_the_documents_offer_are_there() -> None:
    assert len(list((ROOT / "examples" / "events" / "tasks").iterdir())) > 15
