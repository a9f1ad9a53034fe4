"""The template for `s init`: what is in its package, and that the project that comes out of it deploys."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import sample
from cli.checkout import TAGGING, layer
from cli.deployer import deploy
from cli.deployment_check.check import check
from cli.deployment_check.findings import Severity
from cli.deployment_check.serverless_devs import Absent
from cli.deployment_check.subject import Surroundings
from cli.manifest.dotenv import with_dotenv
from deploy.template.build import NotBuilt, build
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.deployment_check.checkout import Checkout
from tests.serverless_devs import PATH, ROOT, installed

ANSWERS = {
    "region": "cn-shanghai",
    "account": "1433333333333333",
    "bucket": sample.BUCKET,
    "prefix": "videos/",
    "project": sample.PROJECT,
}
RENDERED = ("s.yaml", ".env.stpl", "START.md.stpl")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("package"))
    except NotBuilt as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def project(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the real `s init` makes of the package, without any network."""
    found = installed()
    if isinstance(found, Absent):
        pytest.skip(f"{found.why}: no project was started from the template")
    home = tmp_path_factory.mktemp("home")
    project = tmp_path_factory.mktemp("projects") / "my-project"
    words = ["--uri", str(archive), "--parameters", json.dumps(ANSWERS), "-d", str(project)]
    told = subprocess.run(
        [found.executable, "init", "my-project", *words, "-y", "-a", "default"],
        cwd=home,
        env={"PATH": PATH, "HOME": str(home), "serverless_devs_config_home": str(home), "NODE_ENV": "test"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    # Errors of its hook are swallowed; this is what the hook says last.
    assert f"{project}/START.md" in told.stdout
    return project


def published(archive: Path, name: str) -> Any:
    return yaml.safe_load((archive.with_suffix("") / name).read_text("utf-8"))


def kept_alike(value: Any) -> Any:
    """A parameter or a package without what is in one language."""
    if not isinstance(value, Mapping):
        return value
    spoken = ("title", "description", "Description", "Provider", "Tags", "Category", "Service")
    return {key: kept_alike(item) for key, item in value.items() if key not in spoken}


def test_both_languages_publish_the_same_and_say_what_each_parameter_is(archive: Path) -> None:
    chinese, english = (published(archive, name) for name in ("publish.yaml", "publish_en.yaml"))
    assert kept_alike(chinese) == kept_alike(english)
    for content in (chinese, english):
        parameters = content["Parameters"]
        assert set(parameters["required"]) == set(parameters["properties"]) == set(ANSWERS)
        for name, parameter in parameters["properties"].items():
            assert parameter["title"], name
            assert parameter["description"], name
            assert re.fullmatch(parameter.get("pattern", ".*"), ANSWERS[name]), name
    assert all(re.search(r"[\u4e00-\u9fff]", one["title"]) for one in _properties(chinese))
    assert all(one["title"].isascii() for one in _properties(english))


def _properties(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(content["Parameters"]["properties"].values())


def test_its_version_is_the_projects(archive: Path) -> None:
    (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert published(archive, "publish.yaml")["Version"] == version


def test_every_parameter_is_used_and_nothing_else_is_asked_for(archive: Path) -> None:
    source = archive.with_suffix("") / "src"
    told = "".join((source / name).read_text("utf-8") for name in RENDERED)
    assert set(re.findall(r"\{\{ (\w+) \}\}", told)) == {*ANSWERS, "access"}


def test_a_project_is_this_checkout_without_what_checks_it(archive: Path) -> None:
    names = set(zipfile.ZipFile(archive).namelist())
    assert {"publish.yaml", "readme.md", "readme_en.md", "version.md", "hook/index.js"} <= names
    for path in (
        "s.yaml",
        "functions/tag_object.py",
        "deploy/use_built.js",
        "Makefile",
        "localcloud/cloud.py",
    ):
        assert f"src/{path}" in names
    folders = ("tests/", "proof/", "deploy/template/", "layers/build/", ".tools/", ".venv/")
    assert [name for name in names for folder in folders if name.startswith(f"src/{folder}")] == []


def test_make_lists_in_a_project_what_can_run_there(archive: Path) -> None:
    project = archive.with_suffix("") / "src"
    listed = targets(project)
    assert {"setup", "demo", "check-deploy"} < listed < targets(ROOT)
    for target in listed:
        commands = make(project, "--dry-run", target)
        scripts = re.findall(r"(?<= )\S+\.(?:py|sh)\b", commands)
        modules = [f"{name.replace('.', '/')}.py" for name in re.findall(r"-m (\S+)", commands)]
        assert [path for path in (*scripts, *modules) if not (project / path).is_file()] == []


def targets(directory: Path) -> set[str]:
    """The targets that ``make`` lists, each of which has a rule."""
    listed = set(re.findall(r"^make (\S+)", make(directory), re.MULTILINE))
    make(directory, "--dry-run", *listed)
    return listed


def make(directory: Path, *arguments: str) -> str:
    return subprocess.run(
        ["make", *arguments], cwd=directory, capture_output=True, text=True, check=True
    ).stdout


def test_equal_checkouts_give_equal_packages(archive: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == archive.read_bytes()


def test_the_answers_are_in_the_project(project: Path) -> None:
    assert with_dotenv({}, project) == {
        "FC_DEPLOY_REGION": "cn-shanghai",
        "ALIBABA_CLOUD_ACCOUNT_ID": "1433333333333333",
        "ALLOWED_OBJECTS": "media/videos/*",
        "FAILED_EVENTS": "oss://media/imm-label-tags/failed",
        "IMM_PROJECT": "immtest",
    }
    assert "setup --bucket media --prefix videos/ --project immtest" in (project / "START.md").read_text(
        "utf-8"
    )
    deployment = (project / "s.yaml").read_text("utf-8")
    assert deployment == (ROOT / "s.yaml").read_text("utf-8").replace(
        "access: default ", 'access: "default" '
    )
    assert not list(project.rglob("*.stpl"))


def test_the_project_passes_check_deploy_as_it_is(project: Path, tmp_path: Path) -> None:
    surroundings = Surroundings(Checkout(tmp_path).layers, deploying=True)
    report = check((project / "s.yaml", project / "s.eventbridge.yaml"), {"PATH": PATH}, surroundings)
    assert [finding for file in report.files for finding in file.findings] == []
    assert report.count(Severity.ERROR) == 0
    assert any("s.yaml against the rendering of Serverless Devs" in sentence for sentence in report.checked)


def test_the_project_deploys_to_the_local_cloud_and_tags_a_video(project: Path) -> None:
    # Given an empty local cloud in the region and the account of the answers
    variables = with_dotenv({}, project)
    config = CloudConfig(
        region=ANSWERS["region"], account_id=ANSWERS["account"], task_seconds=0.0, time_scale=0.001
    )
    with LocalCloud(config) as cloud:
        sample.prepare(cloud)

        # When the project's own s.yaml and code are deployed, and a task of a video has ended
        declared = deploy(cloud, project / "s.yaml", variables, layer())
        function = declared.resources[TAGGING]
        assert function.code == project / "functions"
        event = (project / sample.EVENT).read_bytes()
        answer = json.loads(cloud.run(cloud.functions.invoke(function.name, event)).body)

        # Then the video is tagged
        assert [outcome["status"] for outcome in answer["outcomes"]] == ["tagged"]
        video = cloud.objects.stat(sample.BUCKET, "videos/sample.mp4")
        assert video is not None
        assert "imm_yi-zi" in {tag.key for tag in video.tags}


def test_what_is_no_checkout_of_git_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.template.build.ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.fspath(tmp_path.parent))
    with pytest.raises(NotBuilt, match="no checkout of git"):
        build(tmp_path / "output")
