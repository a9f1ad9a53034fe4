"""What surrounds the file: the code root, the built layer and code package, ``.env``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.deployment_check import built_rules
from cli.deployment_check.findings import Finding, Severity
from tests.deployment_check.checkout import KEEPER_PROPS, PROPS, Checkout, both, drop, good, put, unchanged

# What a deployment needs that has no default.
DEPLOYABLE = {"ALIBABA_CLOUD_ACCOUNT_ID": "2" * 16, "FAILED_EVENTS": "oss://records/failed"}
HANDLER = "def handler(event, context): ..."
INITIALIZE = "def initialize(context): ..."


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def only(findings: list[Finding]) -> tuple[Severity, str, str]:
    (finding,) = findings
    return finding.severity, finding.where, f"{finding.what} {finding.remedy}"


# The code root


def with_code(checkout: Checkout, **sources: str) -> list[Finding]:
    """What is found with another code root, whose modules hold some sources."""
    root = checkout.directory / "code"
    for name, source in sources.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(source, encoding="utf-8")
    return checkout.findings(put("code", "./code"))


def test_a_code_root_with_both_entry_points(checkout: Checkout) -> None:
    assert with_code(checkout, tag_object=f"{HANDLER}\n{INITIALIZE}") == []


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        ("async def handler(event, context): ...", "defines no function handler"),
        ("def handle(event, context): ...", "handle is spelt like it"),
        ("def handler(event): ...", "does not take 2 arguments"),
        ("def handler(event, context, more): ...", "does not take 2 arguments"),
        ("def handler(event, context, *, more): ...", "does not take 2 arguments"),
        ("def handler(event context): ...", "is no Python for python3.12"),
        ("\0", "is no Python for python3.12"),
    ],
)
def test_handlers_that_cannot_be_called(checkout: Checkout, handler: str, words: str) -> None:
    findings = with_code(checkout, tag_object=f"{handler}\n{INITIALIZE}")
    severity, where, told = only([one for one in findings if one.where == f"{PROPS}.handler"])
    assert where == f"{PROPS}.handler"
    assert severity is Severity.ERROR or "is no Python" in told
    assert words in told


@pytest.mark.parametrize(
    "arguments",
    ["*arguments", "event, *rest", "event, context, more=None", "event, context, *, more=1", "a, /, b"],
)
def test_handlers_that_can_be_called(checkout: Checkout, arguments: str) -> None:
    assert with_code(checkout, tag_object=f"def handler({arguments}): ...\n{INITIALIZE}") == []


def test_a_handler_in_the_syntax_of_a_newer_python(checkout: Checkout) -> None:
    source = f"{HANDLER}\n{INITIALIZE}\ntype Name = str"
    newer = with_code(checkout, tag_object=source)
    # Python 3.10, where the tests run on it too, cannot tell.
    assert {finding.severity for finding in newer} <= {Severity.WARNING}
    older = checkout.findings(put("code", "./code"), IMM_LABEL_TAGS_RUNTIME="python3.10")
    assert {finding.severity for finding in older} == {Severity.ERROR}
    assert all("is no Python for python3.10" in finding.what for finding in older)


def test_an_entry_module_that_is_not_at_the_top(checkout: Checkout) -> None:
    with_code(checkout, jobs__tag_object=f"{HANDLER}\n{INITIALIZE}")
    checkout.build("code-python3.12.zip", "jobs/tag_object.py", "keep_failed.py")
    deeper = both(
        put("code", "./code"),
        put("handler", "jobs/tag_object.handler"),
        put("instanceLifecycleConfig.initializer.handler", "jobs.tag_object.initialize"),
    )
    findings = checkout.findings(deeper)
    assert {finding.severity for finding in findings} == {Severity.WARNING}
    assert all("is not at the top of the code root" in finding.what for finding in findings)


def test_a_code_root_that_holds_secrets(checkout: Checkout) -> None:
    with_code(checkout, tag_object=f"{HANDLER}\n{INITIALIZE}")
    (checkout.directory / "code" / ".env").write_text("ALIBABA_CLOUD_ACCESS_KEY_SECRET=x")
    severity, where, told = only(checkout.findings(put("code", "./code")))
    assert (severity, where) == (Severity.ERROR, f"{PROPS}.code")
    assert "would be deployed with the code" in told


# What was built


@pytest.mark.parametrize(
    ("name", "where"), [("python3.12.zip", "layers[0]"), ("code-python3.12.zip", "code")]
)
def test_what_is_not_built_may_be_built_later_unless_it_is_deployed_now(
    checkout: Checkout, name: str, where: str
) -> None:
    (checkout.layers / name).unlink()
    for deploying, severity in ((False, Severity.WARNING), (True, Severity.ERROR)):
        told = only(checkout.findings(unchanged, deploying=deploying, **DEPLOYABLE))
        assert told[:2] == (severity, f"{PROPS}.{where}")
        assert f"{name} is not there. Run `make layer`." in told[2]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (["oss2/__init__.py"], "holds oss2/__init__.py, but Python looks in python/ only"),
        ([], "holds nothing, but"),
        (["python/a.cpython-310-x86_64-linux-gnu.so"], "which python3.12 cannot load"),
    ],
)
def test_a_layer_that_would_not_work(checkout: Checkout, entries: list[str], words: str) -> None:
    checkout.build("python3.12.zip", *entries)
    severity, where, told = only(checkout.findings(unchanged))
    assert (severity, where) == (Severity.ERROR, f"{PROPS}.layers[0]")
    assert words in told


def test_an_archive_that_is_none(checkout: Checkout) -> None:
    (checkout.layers / "python3.12.zip").write_text("no archive")
    assert "python3.12.zip cannot be read" in only(checkout.findings(unchanged))[2]


def test_a_code_package_without_the_entry_module(checkout: Checkout) -> None:
    checkout.build("code-python3.12.zip", "other.py")
    findings = checkout.findings(unchanged)
    assert [(one.severity, one.where) for one in findings] == [
        (Severity.ERROR, f"{PROPS}.code"),
        (Severity.ERROR, f"{KEEPER_PROPS}.code"),
    ]
    assert "has no tag_object.py" in findings[0].what
    assert "has no keep_failed.py" in findings[1].what


def test_sizes_depend_on_the_region(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (checkout.layers / "python3.12.zip").stat().st_size
    monkeypatch.setattr(built_rules, "SMALL", size - 1)
    assert checkout.findings(unchanged) == []
    _, where, told = only(checkout.findings(unchanged, FC_DEPLOY_REGION="cn-chengdu"))
    assert where == f"{PROPS}.layers[0]"
    assert "cn-chengdu takes" in told


def test_the_layer_of_the_other_runtime_is_looked_at_with_the_other_runtime(checkout: Checkout) -> None:
    (checkout.layers / "python3.12.zip").unlink()
    (checkout.layers / "code-python3.12.zip").unlink()
    assert checkout.findings(unchanged, IMM_LABEL_TAGS_RUNTIME="python3.10") == []


# Before a deployment


def test_the_examples_account_cannot_be_deployed_to(checkout: Checkout) -> None:
    example = {**DEPLOYABLE, "ALIBABA_CLOUD_ACCOUNT_ID": ""}
    severity, where, told = only(checkout.findings(unchanged, deploying=True, **example))
    assert (severity, where) == (Severity.ERROR, f"{PROPS}.role")
    assert "Set ALIBABA_CLOUD_ACCOUNT_ID" in told
    assert checkout.findings(unchanged, deploying=True, **DEPLOYABLE) == []


@pytest.mark.parametrize("host", ["http://127.0.0.1:8970", "localhost", "http://localhost:80/"])
def test_the_local_clouds_endpoints_are_not_for_deployment(checkout: Checkout, host: str) -> None:
    where = f"{PROPS}.environmentVariables.OSS_ENDPOINT"
    for deploying, severity in ((False, Severity.WARNING), (True, Severity.ERROR)):
        told = only(checkout.findings(unchanged, deploying=deploying, OSS_ENDPOINT=host, **DEPLOYABLE))
        assert told[:2] == (severity, where)
        assert "Unset OSS_ENDPOINT" in told[2]
    assert checkout.findings(unchanged, OSS_ENDPOINT="oss-cn-hangzhou.aliyuncs.com") == []


def test_accounts_are_compared_without_a_role_too(checkout: Checkout) -> None:
    trigger = good()["resources"]["tag_object"]["props"]["triggers"][0]
    elsewhere = {**trigger, "triggerName": "b", "sourceArn": "acs:mns:cn-hangzhou:9:/topics/other"}

    def mutate(content: Any) -> None:
        content["resources"]["tag_object"]["props"]["triggers"].append(elsewhere)

    findings = checkout.findings(both(drop("role"), mutate))
    assert [one.where for one in findings if "account" in one.what] == [f"{PROPS}.triggers[1].sourceArn"]


def test_the_account_is_that_of_the_role(checkout: Checkout) -> None:
    findings = checkout.findings(put("role", "acs:ram::99:role/imm-label-tags"))
    told = [one for one in findings if "account" in one.what]
    assert f"{PROPS}.layers[0]" in {one.where for one in told}
    assert {one.what for one in told} == {"belongs to the account 1234567890123456, the function to 99."}


def test_a_file_without_any_account(checkout: Checkout) -> None:
    bare = both(drop("role"), drop("layers"), drop("triggers"), drop("asyncInvokeConfig"))
    assert not [one for one in checkout.findings(bare) if "account" in one.what]


# .env


def test_a_file_beside_it_may_set_variables(checkout: Checkout) -> None:
    (checkout.directory / ".env").write_text("LABEL_LIMIT=11\nFC_DEPLOY_REGION=cn-beijing # near\n")
    assert only(checkout.findings(unchanged))[1] == f"{PROPS}.environmentVariables.LABEL_LIMIT"
    # The environment comes first.
    assert checkout.findings(unchanged, LABEL_LIMIT="5") == []


def test_it_is_read_as_its_owner_reads_it(checkout: Checkout) -> None:
    text = "\ufeff# settings\nLIMIT=11\nLABEL_LIMIT=$LIMIT\nsome.other-name: x\nKEY='a\nb'\nno assignment\n"
    (checkout.directory / ".env").write_text(text, encoding="utf-8")
    assert only(checkout.findings(unchanged))[1] == f"{PROPS}.environmentVariables.LABEL_LIMIT"


# The file itself


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("a: [", "cannot be read"),
        ("- a", "no mapping"),
        ("extend: ./other.yaml", "other.yaml cannot be read: No such file"),
        ("extend: [x]", "must name another file"),
    ],
)
def test_files_that_cannot_be_read(checkout: Checkout, text: str | None, words: str) -> None:
    path = checkout.directory / "s.yaml"
    if text is not None:
        path.write_text(text)
    (file,) = checkout.check(path).files
    severity, where, told = only(list(file.findings))
    assert (severity, where) == (Severity.ERROR, "s.yaml")
    assert words in told


def test_what_a_file_extends_is_checked_with_it_and_told_once(checkout: Checkout) -> None:
    content = good()
    put("timeout", 3)(content)
    base = checkout.write(content)
    over = checkout.write({"extend": "./s.yaml", "name": "other", "edition": "3"}, "other.yaml")
    report = checkout.check(base, over)
    assert [[one.where for one in file.findings] for file in report.files] == [
        [f"{PROPS}.timeout"],
        ["edition"],
    ]
    assert report.count(Severity.ERROR) == 2


def test_properties_that_no_rule_knows_are_named(checkout: Checkout) -> None:
    content = good()
    put("nasConfig", {"groupId": 0, "userId": 0, "mountPoints": []})(content)
    report = checkout.check(checkout.write(content))
    assert report.files[0].findings == ()
    assert f"{PROPS}.nasConfig: no rule knows what may stand there." in report.unchecked
