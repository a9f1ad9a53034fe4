"""What the layer leaves out, what it is given instead, and that the function is tried with what is left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import alibabacloud_oss_v2
import pytest
import trustme
from packaging.utils import canonicalize_name

from layers.lean import DISTRIBUTIONS, PORTIONS, Portion, left_out
from tests.layers.wheels import Files
from tests.layers.workshop import Workshop, files_in

INSTALLED = Path(alibabacloud_oss_v2.__file__).parent.parent
LOCK = Path(__file__).parent.parent.parent / "layers" / "requirements.txt"
BUILD = ("--runtime", "python3.12", "--part", "layer")
# As much of pypinyin as the table is made from.
PYPINYIN: Files = {
    "pypinyin/__init__.py": "class Style:\n    NORMAL = 0\n",
    "pypinyin/constants.py": (
        "import re\nRE_HANS = re.compile('^[一-七]+$')\n"
        "PHRASES_DICT = {'一七': [['yī'], ['qǐ']]}\nPINYIN_DICT = {0x4e00: 'yī,yí', 0x4e03: 'qī'}\n"
    ),
    "pypinyin/style.py": (
        "def convert(reading, style, strict):\n    return reading.replace('ī', 'i').replace('ǐ', 'ih')\n"
    ),
    "pypinyin-0.55.0.dist-info/licenses/LICENSE.txt": "Do as you please.",
}


@pytest.fixture(scope="module")
def stocked(new_workshop: Workshop) -> Workshop:
    """A workshop with something of each kind, of which the layer and the complete one are built."""
    workshop = new_workshop
    workshop.publish_and_require("aiohttp", "3.0", {"aiohttp/__init__.py": "", "aiohttp/web.py": ""})
    workshop.publish_and_require("pypinyin", "0.55.0", PYPINYIN, metadata="License-Expression: MIT\n")
    workshop.publish_and_require(
        "alibabacloud_credentials",
        "1.0",
        {
            "alibabacloud_credentials/__init__.py": "",
            "alibabacloud_credentials/models.py": "",
            "alibabacloud_credentials/provider/__init__.py": "",
        },
    )
    assert "Left out, as the function never imports them: aiohttp." in workshop.build(*BUILD)
    lean = (workshop.output / "python3.12.zip").read_bytes()
    assert "Left out" not in workshop.build(*BUILD, "--complete")
    assert (workshop.output / "python3.12.zip").read_bytes() == lean
    return workshop


DATA = {
    "imm_label_tags_data/NOTICE",
    "imm_label_tags_data/licenses/pypinyin/LICENSE.txt",
    "imm_label_tags_data/pronunciations.bin",
}
KEPT = {
    "alibabacloud_credentials-1.0.dist-info/METADATA",
    "alibabacloud_credentials/__init__.py",
    "alibabacloud_credentials/models.py",
}


def sources_in(directory: Path) -> set[str]:
    return {path for path in files_in(directory) if not path.endswith(".pyc")}


def test_the_layer_has_no_package_and_no_module_that_is_never_imported(stocked: Workshop) -> None:
    assert sources_in(stocked.output / "python3.12" / "python") == DATA | KEPT
    report = stocked.report("python3.12")
    assert [one["name"] for one in report["packages"]] == ["alibabacloud-credentials", "pypinyin"]
    assert report["left_out"] == ["aiohttp"]
    assert report["unpacked_bytes"] == sum(one["bytes"] for one in report["packages"])


def test_the_data_of_pypinyin_goes_with_its_licence(stocked: Workshop) -> None:
    data = stocked.output / "python3.12" / "python" / "imm_label_tags_data"
    assert (data / "pronunciations.bin").read_bytes().endswith("qi yi\n七 1qih\n".encode())
    assert (data / "licenses" / "pypinyin" / "LICENSE.txt").read_text() == "Do as you please."
    assert "made from the data of pypinyin 0.55.0 (licence: MIT" in (data / "NOTICE").read_text()
    (row,) = (one for one in stocked.report("python3.12")["packages"] if one["name"] == "pypinyin")
    assert (row["licence"], row["licence_text"]) == ("MIT", True)


def test_a_complete_layer_has_everything_under_a_name_of_its_own(stocked: Workshop) -> None:
    assert sources_in(stocked.output / "python3.12-complete" / "python") == {
        *DATA,
        *KEPT,
        *("aiohttp/__init__.py", "aiohttp/web.py", "aiohttp-3.0.dist-info/METADATA"),
        *("alibabacloud_credentials/provider/__init__.py", "pypinyin-0.55.0.dist-info/METADATA"),
        *PYPINYIN,
    }
    assert stocked.report("python3.12-complete")["left_out"] == []
    assert stocked.build(*BUILD, "--complete").endswith("python3.12-complete.zip is up to date.\n")


def test_variables_that_change_pypinyins_data_do_not_change_the_layer(
    stocked: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYPINYIN_NO_PHRASES", "1")
    monkeypatch.setenv("PYTHONPATH", str(INSTALLED))
    stocked.build(*BUILD, output=tmp_path / "again")
    for name in ("python3.12.zip", "python3.12.json"):
        assert (tmp_path / "again" / name).read_bytes() == (stocked.output / name).read_bytes()


def test_data_that_makes_no_table_fails_the_build(workshop: Workshop) -> None:
    workshop.publish_and_require("pypinyin", "0.55.0", {**PYPINYIN, "pypinyin/style.py": ""})
    said = workshop.fail(*BUILD)
    assert said.startswith("The table of pronunciations could not be made for the function:\n")
    assert "cannot import name 'convert'" in said
    assert workshop.built() == []


# The certificates.


def test_certificates_are_found_by_the_hash_of_their_names(workshop: Workshop) -> None:
    one, two = (trustme.CA().cert_pem.bytes() for _ in range(2))
    bundle = b"# with comments\n" + b"\n".join([one, two, one])
    workshop.publish_and_require("certifi", "1.0", {"certifi/__init__.py": "", "certifi/cacert.pem": bundle})
    workshop.build(*BUILD)
    place = workshop.output / "python3.12" / "python" / "certifi" / "cacert.d"
    files = {path.name: path.read_bytes() for path in place.iterdir()}
    assert sorted(files.values()) == sorted([one, two, one])
    # A second one of a name has the next number.
    assert sorted(name.partition(".")[2] for name in files) == ["0", "0", "1"]
    assert {name[:8] for name, content in files.items() if content == one} == {
        name[:8] for name in files if name.endswith(".1")
    }
    (row,) = workshop.report("python3.12")["packages"]
    assert row["bytes"] > 2 * len(one + two + one)


@pytest.mark.parametrize(
    "bundle", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"], ids=["none", "broken"]
)
def test_a_layer_that_would_trust_nobody_is_not_built(workshop: Workshop, bundle: str) -> None:
    workshop.publish_and_require("certifi", "1.0", {"certifi/cacert.pem": bundle})
    said = workshop.fail(*BUILD)
    assert said.startswith("The certificates of certifi could not be made for the function:\n")
    assert workshop.built() == []


# The trial.


def write_function(workshop: Workshop, source: str) -> None:
    package = workshop.code / "imm_label_tags"
    (package / "tagging").mkdir(parents=True, exist_ok=True)
    (package / "submission").mkdir(exist_ok=True)
    for name in ("__init__", "errors", "retries", "tagging/__init__", "submission/video_submission"):
        (package / f"{name}.py").write_text("TaggingError = RetryPolicy = VideoSubmission = None\n")
    (package / "tagging" / "instance.py").write_text(source)
    (workshop.code / "keep_failed.py").write_text("")


@pytest.fixture
def sdk(workshop: Workshop) -> Iterator[Workshop]:
    """A workshop with a package that is called as the SDK is."""
    workshop.publish_and_require("alibabacloud_oss_v2", "1.0", {"alibabacloud_oss_v2/__init__.py": ""})
    yield workshop
    assert not [name for name in workshop.built() if name.startswith(".")]


def test_a_layer_with_which_the_function_does_not_run_is_not_built(sdk: Workshop) -> None:
    write_function(sdk, "import a_package_that_is_left_out\n")
    said = sdk.fail(*BUILD)
    assert said.startswith("The function does not run with the layer for Function Compute's python3.12 ")
    assert "No module named 'a_package_that_is_left_out'" in said
    assert "take it from the list in layers/lean.py; `--complete` builds a layer with everything." in said
    assert sdk.built() == []


def test_code_that_does_not_run_with_the_layer_is_not_packed(sdk: Workshop) -> None:
    sdk.build(*BUILD)
    write_function(sdk, "import a_package_that_is_left_out\n")
    said = sdk.fail("--runtime", "python3.12", "--part", "code")
    assert said.startswith(f"The function does not run with the layer in {sdk.output}/python3.12/python:\n")
    assert "No module named 'a_package_that_is_left_out'" in said
    assert "code-python3.12" not in sdk.built()


def test_a_trial_that_does_not_end_is_ended(sdk: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    write_function(sdk, "while True:\n    pass\n")
    monkeypatch.setattr("layers.interpreters._REHEARSAL_SECONDS", 0.2)
    assert "It was not done after 0.2 seconds." in sdk.fail(*BUILD)


# The list.


def test_every_package_on_the_list_is_one_of_the_lock_file_and_has_a_reason() -> None:
    locked = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE)}
    assert set(DISTRIBUTIONS) <= locked
    assert all(DISTRIBUTIONS.values())


@pytest.mark.parametrize("portion", PORTIONS, ids=lambda portion: portion.path)
def test_every_portion_on_the_list_is_there_with_all_that_it_keeps(portion: Portion) -> None:
    place = INSTALLED / portion.path
    assert place.exists()
    assert portion.reason
    assert portion.but <= {path.stem for path in place.rglob("*.py")}


def test_the_models_that_stay_need_no_others() -> None:
    """The SDK names models in their package, where each is looked for when it is used."""
    models = INSTALLED / "alibabacloud_imm20200930" / "models"
    imports = re.findall(
        r"^from \.(_\w+) import (\w+)$", (models / "__init__.py").read_text("utf-8"), re.MULTILINE
    )
    modules = {name: module for module, name in imports}
    for path in models.glob("*.py"):
        if path.stem == "__init__" or left_out(PurePosixPath(path.relative_to(INSTALLED))):
            continue
        for name in re.findall(r"main_models\.(\w+)", path.read_text("utf-8")):
            assert not left_out(PurePosixPath(f"alibabacloud_imm20200930/models/{modules[name]}.py")), name
