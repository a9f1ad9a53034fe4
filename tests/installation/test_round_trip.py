"""The tag that ``doctor`` tries on an object: whatever happens, the object's own tags are as before."""

from __future__ import annotations

import json
import re
import signal

import pytest

from cli.installation import round_trip
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.oss import OssObjects
from localcloud.faults import Fault, FaultKind
from tests.command_process import environment, started
from tests.installation.account import KEY, OWN_TAGS, PROJECT, URI, Account
from tests.waiting import until

# A signal may come in the one moment in which Python has to ignore what a handler raises.
INTERRUPTIONS = 5


def finding(account: Account, *options: str) -> dict[str, str]:
    """The finding of the round trip."""
    checks = json.loads(account.doctor("--json", *options).output)["checks"]
    (found,) = [check for check in checks if check["name"] == "tag round trip"]
    assert isinstance(found, dict)
    return found


def writes(account: Account) -> int:
    account.run(account.calls.settled())
    return len(account.calls.list("oss", "PutObjectTagging"))


def chinese(account: Account, *options: str) -> dict[str, str]:
    """The finding about Chinese tags."""
    checks = json.loads(account.doctor("--json", *options).output)["checks"]
    (found,) = [check for check in checks if check["name"] == "Chinese tags"]
    assert isinstance(found, dict)
    return found


def test_chinese_tags_where_oss_refuses_them(fresh: Account) -> None:
    found = chinese(fresh)
    assert found["verdict"] == "ok"
    assert "OSS refuses them here" in found["found"]
    assert list(fresh.tags().items()) == list(OWN_TAGS.items())


def test_chinese_tags_where_oss_takes_them(fresh: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.oss.storage.tags._ALPHABET", re.compile(r"[^&%@]*"))
    found = chinese(fresh)
    assert found["verdict"] == "ok"
    assert "OSS takes them here: with LABEL_NAMES=raw" in found["found"]
    assert list(fresh.tags().items()) == list(OWN_TAGS.items())


def test_chinese_tags_are_not_tried_where_no_other_could_be(fresh: Account) -> None:
    fresh.break_call("PutObjectTagging", status=403, code="AccessDenied", times=None)
    assert chinese(fresh)["verdict"] == "not checked"


@pytest.mark.parametrize("tags", [{}, OWN_TAGS, {f"key-{number}": "" for number in range(9)}])
def test_the_tags_are_as_before(fresh: Account, tags: dict[str, str]) -> None:
    fresh.write_tags(tags)
    found = finding(fresh)
    assert found["verdict"] == "ok"
    assert f"{len(tags)} tags are as before" in found["found"]
    assert list(fresh.tags().items()) == list(tags.items())


def test_an_object_with_ten_tags_is_not_written(fresh: Account) -> None:
    tags = {f"key-{number}": "x" for number in range(10)}
    fresh.write_tags(tags)
    before = writes(fresh)
    found = finding(fresh)
    assert found["verdict"] == "failed"
    assert "has 10 tags" in found["found"]
    assert "Name an object with fewer" in found["advice"]
    assert writes(fresh) == before
    assert fresh.tags() == tags


def test_an_object_that_does_not_exist(fresh: Account) -> None:
    found = finding(fresh, "--object", "oss://media/videos/gone.mp4")
    assert (found["verdict"], found["found"]) == ("failed", "There is no object oss://media/videos/gone.mp4.")


def test_what_a_killed_doctor_left_behind_is_taken_away(fresh: Account) -> None:
    tags = {f"key-{number}": "x" for number in range(9)}
    fresh.write_tags({**tags, round_trip.TAG: "a-moment-only"})
    assert finding(fresh)["verdict"] == "ok"
    assert fresh.tags() == tags


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(403, "AccessDenied", "was denied"), (400, "InvalidTag", "A fault"), (400, "Other", "Other")],
)
def test_a_write_that_is_refused_changes_nothing(fresh: Account, status: int, code: str, said: str) -> None:
    fresh.break_call("PutObjectTagging", status=status, code=code, times=None)
    found = finding(fresh)
    assert found["verdict"] == "failed"
    assert said in found["found"]
    if code == "AccessDenied":
        assert f"oss:PutObjectTagging on acs:oss:*:1234567890123456:media/{KEY}" in found["advice"]
    fresh.call(fresh.faults.clear)
    assert fresh.tags() == OWN_TAGS


def test_a_read_that_fails_after_the_write_leaves_the_tags_as_before(fresh: Account) -> None:
    # The first read is before the write, the second after it, the third restores.
    fresh.break_call("GetObjectTagging", status=403, code="AccessDenied", skip=1)
    assert finding(fresh)["verdict"] == "failed"
    assert fresh.tags() == OWN_TAGS


def test_tags_that_cannot_be_restored_are_told(fresh: Account) -> None:
    fresh.break_call("PutObjectTagging", status=403, code="AccessDenied", skip=1, times=None)
    found = finding(fresh)
    assert found["verdict"] == "failed"
    assert "could not be removed" in found["found"]
    assert "'team': 'a'" in found["advice"]
    fresh.call(fresh.faults.clear)
    assert finding(fresh)["verdict"] == "ok"
    assert fresh.tags() == OWN_TAGS


def test_an_object_that_is_deleted_meanwhile_needs_nothing(fresh: Account) -> None:
    fresh.call(
        fresh.faults.order,
        Fault(FaultKind.ERROR, action="GetObjectTagging", status=404, code="NoSuchKey", skip=1, times=None),
    )
    assert finding(fresh)["found"] == f"There is no object {URI}."


def test_what_another_writes_meanwhile_stays(fresh: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    write = OssObjects.replace_tags

    def and_another(self: OssObjects, target: object, tags: dict[str, str], timeouts: Timeouts) -> None:
        write(self, target, tags, timeouts)  # type: ignore[arg-type]
        if round_trip.TAG in tags:
            fresh.write_tags({**tags, "another": "x"})

    monkeypatch.setattr(OssObjects, "replace_tags", and_another)
    assert finding(fresh)["verdict"] == "ok"
    assert fresh.tags() == {**OWN_TAGS, "another": "x"}


def test_a_tag_that_another_removes_at_once_is_told(fresh: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    write = OssObjects.replace_tags

    def and_back(self: OssObjects, target: object, tags: dict[str, str], timeouts: Timeouts) -> None:
        write(self, target, tags, timeouts)  # type: ignore[arg-type]
        fresh.write_tags(OWN_TAGS)

    monkeypatch.setattr(OssObjects, "replace_tags", and_back)
    found = finding(fresh)
    assert (found["verdict"], "was not there afterwards" in found["found"]) == ("failed", True)


@pytest.mark.parametrize(
    ("number", "ignored"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ()),
        (signal.SIGHUP, ()),
        # As a shell starts a command in the background
        (signal.SIGTERM, (signal.SIGINT, signal.SIGQUIT)),
        (signal.SIGHUP, (signal.SIGINT, signal.SIGQUIT)),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "SIGTERM in the background", "SIGHUP in the background"],
)
def test_an_interruption_restores_the_tags_first(
    fresh: Account, number: signal.Signals, ignored: tuple[signal.Signals, ...]
) -> None:
    for _ in range(INTERRUPTIONS):
        interrupted = interrupt_while_it_reads(fresh, number, ignored)
        # However it ended, the tags are as before.
        assert fresh.tags() == OWN_TAGS
        if interrupted:
            return
    pytest.fail(f"none of {INTERRUPTIONS} signals interrupted the round trip")


def interrupt_while_it_reads(
    account: Account, number: signal.Signals, ignored: tuple[signal.Signals, ...]
) -> bool:
    """Send a signal while the read after the write is held; whether that ended the command."""
    account.call(account.faults.clear)
    # The read after the write is answered once the read that restores has come.
    account.break_call("GetObjectTagging", FaultKind.MEET, skip=1, times=2)
    options = ("doctor", "--project", PROJECT, "--object", URI)
    with started(*options, env=environment(**account.environment()), ignored=ignored) as process:
        until(lambda: bool(account.faults._meetings))
        process.send_signal(number)
        output, errors = process.communicate()
    account.call(account.faults.clear)
    if "tag round trip" in output:
        return False
    assert process.returncode == 128 + number, output + errors
    assert errors.split() == (
        ["Interrupted."] if number is signal.SIGINT else ["Ended", "by", f"{number.name}."]
    )
    return True


def test_what_is_ignored_interrupts_nothing(fresh: Account) -> None:
    # Given a doctor in the background, whose shell ignores SIGINT, and which nohup keeps from SIGHUP
    fresh.break_call("GetObjectTagging", FaultKind.MEET, skip=1, times=2)
    options = ("doctor", "--project", PROJECT, "--object", URI)
    ignored = (signal.SIGINT, signal.SIGHUP)
    with started(*options, env=environment(**fresh.environment()), ignored=ignored) as process:
        until(lambda: bool(fresh.faults._meetings))
        # When the terminal goes away
        for number in ignored:
            process.send_signal(number)
        # and the read that is held is answered, since another one has come
        assert round_trip.TAG in fresh.tags()
        output, _ = process.communicate()
    # Then it goes on to its end
    assert "a tag was written, read back and removed" in output
    assert fresh.tags() == OWN_TAGS
